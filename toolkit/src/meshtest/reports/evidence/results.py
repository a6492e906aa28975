"""What the suite's runs left behind: which tests prove which controls, their outcomes, the mutants.

Everything is read from files, so that evidence can be made of what CI ran. A file that is not there is no
result: the tests in it have not run.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LIVE = "tests/infra/live/"
# What decides a result: one that is older than any file in these is old.
SOURCES = ("infrastructure", "src/core", "src/jobs", "toolkit/src/meshtest", "tests/infra")
Kind = Literal["assertion", "fault", "probe", "counter-probe"]


class ResultsError(Exception):
    """A file of results is not what it should be; the message names it, in one line."""


@dataclass(frozen=True)
class Proof:
    """A test that speaks for a control; ``outcome`` is "passed", "failed", "not run" or why it skipped."""

    control: str
    kind: Kind
    test: str
    outcome: str

    @property
    def ran(self) -> bool:
        """Whether it passed or failed."""
        return self.outcome in ("passed", "failed")

    @property
    def name(self) -> str:
        """The test without its case: ``tests/…/test_x.py::test_y``."""
        return self.test.partition("[")[0]

    @property
    def case(self) -> str:
        """The case of a test that has some, else empty."""
        return self.test.partition("[")[2].removesuffix("]")


@dataclass(frozen=True)
class Mutant:
    """A fault in the Terraform code, and the controls that noticed it in the plan."""

    id: str
    file: str
    line: int
    operator: str
    status: str
    controls: tuple[str, ...]


@dataclass(frozen=True)
class Mutation:
    """A mutation run: the share killed by tests and controls, that by controls alone, and the mutants."""

    score: float
    gate_score: float
    mutants: tuple[Mutant, ...]


# ─── Files ───


def proofs(
    declared: Mapping[str, Mapping[str, list[str]]], outcomes: Mapping[str, str]
) -> dict[str, list[Proof]]:
    """What speaks for each control: the tests by ``pytest --proofs``, with their outcomes."""
    found: dict[str, list[Proof]] = defaultdict(list)
    for test, marks in declared.items():
        is_live = test.startswith(LIVE)
        kinds: tuple[tuple[str, Kind], ...] = (
            ("proves", "probe" if is_live else "assertion"),
            ("notices", "counter-probe" if is_live else "fault"),
        )
        for marker, kind in kinds:
            for control in marks[marker]:
                found[control].append(Proof(control, kind, test, outcomes.get(test, "not run")))
    return dict(found)


def read_json(file: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ResultsError: it is no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultsError(f"{file}: no JSON: {error}") from None


def junit(file: Path) -> dict[str, str]:
    """Outcomes by test id, of a JUnit report by pytest.

    Raises:
        ResultsError: it is no JUnit report.
    """
    try:
        cases = ET.parse(file).iter("testcase")  # noqa: S314  (written by our own run)
    except ET.ParseError as error:
        raise ResultsError(f"{file}: no JUnit report: {error}") from None
    return {_test(each): _outcome(each) for each in cases}


def _test(case: ET.Element) -> str:
    return f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"


def _outcome(case: ET.Element) -> str:
    skipped = case.find("skipped")
    if skipped is not None:
        return skipped.get("message", "skipped")
    return "passed" if case.find("failure") is None and case.find("error") is None else "failed"


def probes(file: Path) -> tuple[str, dict[str, str]]:
    """The backend and the outcomes by test id, of build/live/probes.json.

    Raises:
        ResultsError: it is another file.
    """
    content = read_json(file)
    try:
        return content["backend"], {f"{LIVE}{name}": result for name, result in content["probes"].items()}
    except (KeyError, TypeError, AttributeError):
        raise ResultsError(f"{file}: expected backend and probes, as the live probes write it") from None


def mutation(file: Path) -> Mutation:
    """The mutation run of build/mutation/report.json.

    Raises:
        ResultsError: it is another file.
    """
    content = read_json(file)
    try:
        mutants = tuple(_mutant(each) for each in content["mutants"])
        return Mutation(content["score"], content["gate_score"], mutants)
    except (KeyError, TypeError):
        raise ResultsError(
            f"{file}: expected mutants, score and gate_score, as `make mutate` writes"
        ) from None


def _mutant(raw: Mapping[str, Any]) -> Mutant:
    noticed = tuple(raw["controls"] or ())
    return Mutant(raw["id"], raw["file"], raw["line"], raw["operator"], raw["status"], noticed)


def changed(root: Path) -> float:
    """When the newest source of the results below `root` was changed, in seconds since 1970."""
    files = (file for name in SOURCES for file in (root / name).rglob("*") if file.is_file())
    return max((file.stat().st_mtime for file in files if _decides(file.relative_to(root))), default=0.0)


def _decides(file: Path) -> bool:
    """Not what programs leave behind (``.terraform``, ``__pycache__``), nor what only makes the page."""
    made = {".terraform", "__pycache__"} & set(file.parts)
    return not made and not file.is_relative_to("toolkit/src/meshtest/reports/evidence")
