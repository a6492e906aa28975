"""What a change does to the readers of the data contracts, and whether each says so by its version.

    python -m meshtest.deploy.github.contracts --base HEAD^1 --out build/plan/contracts

Compares each project's contract with the one of a commit by `datacontract breaking`, and its service levels
by a rule of our own, for which that tool has none. A breaking change needs a new major version. Writes
section.md for the pull request's comment. Exit status: 0 no breaking change without one; 1 there is one, or
git or the tool failed; 2 bad arguments.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import yaml_file
from core.contract import FILE
from core.errors import ContractError
from meshtest.check.gate.rendering import code
from meshtest.tools import folders, toolchain

PYTHON = toolchain.ROOT / ".tools" / "datacontract" / "bin" / "python"
# References are not followed: nothing is fetched.
_BREAKING = """
import sys
from datacontract.data_contract import DataContract
old, new = (DataContract(data_contract_file=file, inline_references=False) for file in sys.argv[1:])
print(old.breaking(new).model_dump_json())
"""
# https://bitol-io.github.io/open-data-contract-standard/v3.1.0/service-level-agreement/
_MORE_IS_LOOSER = {"frequency", "latency", "timeToDetect", "timeToNotify", "timeToRepair", "errorRate"}
_LESS_IS_LOOSER = {
    "availability",
    "retention",
    "throughput",
    "endOfSupport",
    "endOfLife",
    "generalAvailability",
}
_MINUTES = {"minute": 1, "h": 60, "hour": 60, "d": 1440, "day": 1440, "y": 525_600, "year": 525_600}
_MAJOR = re.compile(r"v?(\d+)\.")


class ContractsError(Exception):
    """The contracts cannot be compared; the message is one line."""


@dataclass(frozen=True)
class Change:
    """One difference: where, what was and is there, and whether a reader of the data may notice."""

    path: str
    was: str
    now: str
    is_breaking: bool


@dataclass(frozen=True)
class Comparison:
    """What has changed in one project's contract, and the projects of this domain that read it."""

    project: str
    old: str
    new: str
    changes: tuple[Change, ...]
    readers: tuple[str, ...]

    @property
    def is_breaking(self) -> bool:
        """Whether a reader may notice."""
        return any(change.is_breaking for change in self.changes)

    @property
    def is_allowed(self) -> bool:
        """Whether nothing breaks, or the version says so."""
        return not self.is_breaking or _major(self.new) > _major(self.old)


# ─── Compare ───


def compare(top: Path, base: str) -> list[Comparison]:
    """Return what has changed in each project's contract since a commit; a new contract breaks nothing.

    Raises:
        ContractsError: git does not know the commit, a contract is no YAML, or the tool fails.
    """
    _git(top, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    changed = _git(top, "diff", "--name-only", "-z", base, "--", "infrastructure/projects").split("\0")
    found = []
    for name in changed:
        file = top / name
        if file.name == FILE and file.is_file() and _git(top, "ls-tree", base, "--", name):
            found.append(
                _compared(top, file.parent.name, _git(top, "show", f"{base}:{name}"), file.read_text())
            )
    return found


def _compared(top: Path, project: str, old: str, new: str) -> Comparison:
    try:
        before, after = (yaml_file.parsed(text, f"{project}/{FILE}") for text in (old, new))
    except ContractError as error:
        raise ContractsError(str(error)) from None
    changes = (*_changes(old, new), *_service_levels(before, after))
    was, now = (str(content.get("version", "")) for content in (before, after))
    return Comparison(project, was, now, changes, tuple(_readers(top, project)))


def _changes(old: str, new: str) -> Iterator[Change]:
    """Yield what datacontract-cli finds, but for service levels: it does not tell better from worse."""
    if not PYTHON.exists():
        raise ContractsError("datacontract-cli is missing: run `make .tools/datacontract/.installed`")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("old.yaml", "new.yaml")]
        for file, text in zip(files, (old, new), strict=True):
            file.write_text(text, encoding="utf-8")
        command = [str(PYTHON), "-c", _BREAKING, *map(str, files)]
        answer = subprocess.run(command, capture_output=True, cwd=folder, text=True)
    if answer.returncode:
        raise ContractsError(f"datacontract-cli: {answer.stderr.strip().splitlines()[-1]}")
    for entry in json.loads(answer.stdout)["entries"]:
        if not entry["path"].startswith("slaProperties."):
            is_breaking = entry["level"] == "error"
            yield Change(entry["path"], entry["old_value"] or "", entry["new_value"] or "", is_breaking)


def _service_levels(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = _levels(before), _levels(after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            is_looser = name in old and _is_looser(name[0], old[name], new.get(name))
            path = f"slaProperties.{'.'.join(filter(None, name))}"
            yield Change(path, _said(old.get(name)), _said(new.get(name)), is_looser)


def _levels(content: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Any, str]]:
    """The values and units of the service levels, by property and element."""
    return {
        (str(each.get("property", "")), str(each.get("element", ""))): (
            each.get("value"),
            str(each.get("unit", "")),
        )
        for each in content.get("slaProperties") or []
    }


def _said(level: tuple[Any, str] | None) -> str:
    return " ".join(map(str, filter(lambda part: part not in (None, ""), level))) if level else ""


def _is_looser(name: str, old: tuple[Any, str], new: tuple[Any, str] | None) -> bool:
    """Whether less is promised; so it is taken where nobody can tell."""
    if new is None:
        return True
    before, after = _amount(old, new)
    if name in _MORE_IS_LOOSER and before is not None:
        return bool(after > before)
    if name in _LESS_IS_LOOSER and before is not None:
        return bool(after < before)
    return True


def _amount(old: tuple[Any, str], new: tuple[Any, str]) -> tuple[Any, Any]:
    """Two values that can be compared: numbers in one unit, or texts such as dates; else None twice."""
    if all(isinstance(value, str) for value, _ in (old, new)) and old[1] == new[1]:
        return old[0], new[0]
    units = [unit if unit in _MINUTES else unit.removesuffix("s") for _, unit in (old, new)]
    if not all(isinstance(value, int | float) for value, _ in (old, new)):
        return None, None
    if units[0] == units[1]:
        return old[0], new[0]
    if all(unit in _MINUTES for unit in units):
        return old[0] * _MINUTES[units[0]], new[0] * _MINUTES[units[1]]
    return None, None


def _readers(top: Path, project: str) -> Iterator[str]:
    for name in folders.projects(top):
        said = json.loads((top / folders.PROJECTS / name / "project.json").read_text(encoding="utf-8"))
        if project in said.get("depends_on", []):
            yield name


def _major(version: str) -> int:
    """The first number of a version; without one no version is newer than another."""
    match = _MAJOR.match(version)
    return int(match[1]) if match else -1


def _git(top: Path, *arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], capture_output=True, cwd=top, text=True)
    if answer.returncode:
        said = " ".join(answer.stderr.split()) or "no such commit"
        raise ContractsError(f"git {' '.join(arguments)}: {said}")
    return answer.stdout


# ─── Tell ───


def section(found: Sequence[Comparison]) -> str:
    """Return the contracts' part of the comment: a verdict and the changes of each."""
    return "\n\n".join(part for each in found for part in _told(each)) + "\n"


def _told(found: Comparison) -> Iterator[str]:
    yield f"### Contract {code(found.project)}: {code(found.old)} → {code(found.new)}"
    yield verdict(found)
    if found.changes:
        rows = [_row(each) for each in sorted(found.changes, key=lambda each: not each.is_breaking)]
        table = "\n".join(["| | field | was | is |", "| --- | --- | --- | --- |", *rows])
        yield f"<details><summary>Changes</summary>\n\n{table}\n\n</details>"


def _row(change: Change) -> str:
    mark = "🔴 breaking" if change.is_breaking else "🟢"
    return f"| {mark} | {code(change.path)} | {_cell(change.was)} | {_cell(change.now)} |"


def verdict(found: Comparison) -> str:
    """Say in one line whether the change is allowed, and who reads the data."""
    readers = (
        f"read by {', '.join(map(code, found.readers))}"
        if found.readers
        else "no project of this domain reads it"
    )
    if not found.is_breaking:
        return f"✅ **No reader is broken** ({readers})"
    if found.is_allowed:
        return f"✅ **A breaking change, as its new major version says** ({readers})"
    needed = f"{_major(found.old) + 1}.0.0"
    return f"❌ **A breaking change needs version {needed}; it is {code(found.new)}** ({readers})"


def _cell(text: str) -> str:
    return code(text) if text else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write the section, say the verdicts; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.contracts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", required=True, help="the commit to compare with, such as HEAD^1 or main")
    parser.add_argument(
        "--out", type=Path, help="the folder that section.md goes to, if a contract has changed"
    )
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        found = compare(options.top, options.base)
    except (ContractsError, OSError, ValueError) as error:
        print(f"contracts: {error}", file=sys.stderr)
        return 1
    if options.out and found:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "section.md").write_text(section(found), encoding="utf-8")
    for each in found:
        print(f"{each.project}: {verdict(each)}")
        for change in each.changes:
            mark = "breaking" if change.is_breaking else " " * len("breaking")
            print(f"  {mark}  {change.path}: {change.was} → {change.now}")
    if not found:
        print(f"no contract differs from that of {options.base}")
    return int(not all(each.is_allowed for each in found))


if __name__ == "__main__":
    sys.exit(main())
