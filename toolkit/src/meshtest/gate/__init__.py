"""The gate: hold the controls against any plan, and say which findings stop it.

A finding stops the gate if it is of the severity to fail on or above, and no exception that is still valid
covers it. A control that could not be decided (its value is known only after the apply, or is sensitive)
counts as a finding. An expired exception stops the gate, whatever the severities are::

    report = judge(json.loads(text), "dev", exceptions=(), fail_on="high", today=date.today())
    print(rendering.text(report)); sys.exit(not report.passed)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from meshtest import controls
from meshtest.controls import Control, Result, Severity
from meshtest.gate.exceptions import Excuse
from meshtest.gate.locations import Location, locate
from meshtest.gate.masking import masked
from meshtest.plan import Plan

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Item:
    """A finding, or a control that could not be decided: then `error` says why.

    ``address`` is empty where an error names no resource.
    """

    control: Control
    address: str
    location: Location
    found: Any = None
    expected: Any = None
    error: str = ""
    excuse: Excuse | None = None

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        return self.error or f"found {self.found!r}, expected {self.expected!r}"


@dataclass(frozen=True)
class Report:
    """What the gate made of a plan; ``items`` are the findings, the worst first."""

    name: str
    fail_on: str
    results: tuple[Result, ...]
    items: tuple[Item, ...]
    expired: tuple[Excuse, ...]

    @property
    def open(self) -> tuple[Item, ...]:
        """The findings that no valid exception covers."""
        return tuple(item for item in self.items if item.excuse is None)

    @property
    def excused(self) -> tuple[Item, ...]:
        """The findings that a valid exception covers."""
        return tuple(item for item in self.items if item.excuse is not None)

    @property
    def stopping(self) -> tuple[Item, ...]:
        """The open findings that are severe enough."""
        if self.fail_on == "none":
            return ()
        levels: tuple[str, ...] = SEVERITIES
        enough = levels[: levels.index(self.fail_on) + 1]
        return tuple(item for item in self.open if item.control.severity in enough)

    @property
    def passed(self) -> bool:
        """Whether nothing stops the plan."""
        return not self.stopping and not self.expired

    def count(self, status: str) -> int:
        """How many controls ended as "passed", "failed", "not applicable" or "error"."""
        return sum(result.status == status for result in self.results)


def judge(
    data: Mapping[str, Any],
    name: str,
    *,
    exceptions: Collection[Excuse] = (),
    fail_on: str = "low",
    ids: Collection[str] | None = None,
    root: Path = Path(),
    today: date | None = None,
) -> Report:
    """Hold the controls (or those with the ids) against the JSON of ``terraform show -json``.

    ``root`` is the folder that was planned: findings name files below it. Sensitive values are masked
    before any control sees them, so no report can hold one.

    Raises:
        PlanError: this is no plan.
    """
    today = today or date.today()
    valid = [each for each in exceptions if each.expires >= today]
    plan = Plan(masked(data))
    known = [each for each in controls.all_controls() if ids is None or each.id in ids]
    results = tuple(_evaluate(plan, each) for each in known)
    items = [_excuse(item, valid) for result in results for item in _items(result, plan, root)]
    items.sort(key=lambda item: (SEVERITIES.index(item.control.severity), item.control.id, item.address))
    return Report(name, fail_on, results, tuple(items), tuple(sorted(set(exceptions) - set(valid))))


def _evaluate(plan: Plan, control: Control) -> Result:
    try:
        return controls.evaluate(plan, [control.id])[0]
    except Exception as problem:
        # A control that trips over another repository's plan must not hide what the others found.
        return Result(control, "error", (), (), f"could not be decided: {type(problem).__name__}: {problem}")


def _items(result: Result, plan: Plan, root: Path) -> Iterator[Item]:
    for finding in result.findings:
        place = locate(plan, finding.address, root)
        yield Item(result.control, finding.address, place, finding.found, finding.expected)
    if result.error:
        address = result.error.partition(": ")[0]
        address = address if any(each.address == address for each in plan.resources()) else ""
        yield Item(result.control, address, locate(plan, address, root), error=result.error)


def _excuse(item: Item, valid: Collection[Excuse]) -> Item:
    excuse = next((each for each in valid if each.covers(item.control.id, item.address)), None)
    return replace(item, excuse=excuse)
