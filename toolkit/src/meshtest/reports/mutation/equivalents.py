"""The mutants that do what the code does: listed by hand, each with its reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from meshtest.reports.mutation.mutants import Mutant

FILE = Path(__file__).with_name("equivalents.toml")


class EquivalentsError(Exception):
    """An entry is incomplete or matches nothing; the message names it."""


@dataclass(frozen=True)
class SparkEquivalent:
    """Mutants of `make mutate-spark` that do what the code does: the lines that change, and the reason."""

    change: re.Pattern[str]
    reason: str

    def covers(self, diff: str) -> bool:
        """Whether the lines that a diff takes away and adds are those."""
        lines = [
            line for line in diff.splitlines() if line[:1] in "+-" and not line.startswith(("---", "+++"))
        ]
        return self.change.fullmatch("\n".join(lines)) is not None


def for_spark(file: Path = FILE) -> list[SparkEquivalent]:
    """The entries about Python, which have an expression for the change: mutmut's ids are mere numbers.

    Raises:
        EquivalentsError: an entry lacks its change or reason, or the change is no regular expression.
    """
    found = []
    for position, entry in enumerate(tomllib.loads(file.read_text()).get("spark", []), start=1):
        _require(file, position, entry, "change")
        try:
            found.append(SparkEquivalent(re.compile(entry["change"]), entry["reason"]))
        except re.error as error:
            raise EquivalentsError(
                f"{file.name}: entry {position} of spark has the change {entry['change']!r}; "
                f"expected a regular expression: {error}"
            ) from None
    return found


def load(mutants: Iterable[Mutant], file: Path = FILE) -> dict[str, str]:
    """The reason by a mutant's id.

    Raises:
        EquivalentsError: an entry lacks its id or reason, or matches no mutant.
    """
    ids = [mutant.id for mutant in mutants]
    found: dict[str, str] = {}
    for position, entry in enumerate(tomllib.loads(file.read_text()).get("equivalent", []), start=1):
        _require(file, position, entry, "id")
        # Ids have brackets, which fnmatch would take for a set of characters.
        pattern = entry["id"].replace("[", "[[]")
        matched = [each for each in ids if fnmatchcase(each, pattern)]
        if not matched:
            raise EquivalentsError(f"{file.name}: {entry['id']} matches no mutant; expected an id of --list")
        found.update(dict.fromkeys(matched, entry["reason"]))
    return found


def _require(file: Path, position: int, entry: Mapping[str, str], what: str) -> None:
    if set(entry) != {what, "reason"} or not all(map(str.strip, entry.values())):
        raise EquivalentsError(
            f"{file.name}: entry {position} has {', '.join(sorted(entry)) or 'nothing'}; "
            f"expected {what} and reason, neither of them empty"
        )
