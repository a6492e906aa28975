"""The mutants that do what the code does: listed by hand, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from meshtest.mutation.mutants import Mutant

FILE = Path(__file__).with_name("equivalents.toml")


class EquivalentsError(Exception):
    """An entry is incomplete or matches nothing; the message names it."""


def load(mutants: Iterable[Mutant], file: Path = FILE) -> dict[str, str]:
    """The reason by a mutant's id.

    Raises:
        EquivalentsError: an entry lacks its id or reason, or matches no mutant.
    """
    ids = [mutant.id for mutant in mutants]
    found: dict[str, str] = {}
    for position, entry in enumerate(tomllib.loads(file.read_text()).get("equivalent", []), start=1):
        if set(entry) != {"id", "reason"} or not all(map(str.strip, entry.values())):
            raise EquivalentsError(
                f"{file.name}: entry {position} has {', '.join(sorted(entry)) or 'nothing'}; "
                "expected id and reason, neither of them empty"
            )
        # Ids have brackets, which fnmatch would take for a set of characters.
        pattern = entry["id"].replace("[", "[[]")
        matched = [each for each in ids if fnmatchcase(each, pattern)]
        if not matched:
            raise EquivalentsError(f"{file.name}: {entry['id']} matches no mutant; expected an id of --list")
        found.update(dict.fromkeys(matched, entry["reason"]))
    return found
