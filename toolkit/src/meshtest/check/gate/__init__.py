"""The gate: hold the controls against any plan, and say which findings stop it.

A finding stops the gate if it is of the severity to fail on or above, and no exception that is still valid
covers it. What a control could not decide of a resource (a value is known only after the apply, is sensitive,
or is not understood) is a finding, too. An expired exception stops the gate, whatever the severities are::

    report = judge(json.loads(text), "dev", exceptions=(), fail_on="high", today=date.today())
    print(rendering.text(report)); sys.exit(not report.passed)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from meshtest.check import controls
from meshtest.check.controls import Control, Finding, Result, Severity
from meshtest.check.gate.exceptions import Excuse
from meshtest.check.gate.locations import Location, locate
from meshtest.check.gate.masking import masked
from meshtest.check.plan import Plan

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Item:
    """A finding of a control, with the place of its block and the exception that covers it."""

    control: Control
    finding: Finding
    location: Location
    excuse: Excuse | None = None

    @property
    def address(self) -> str:
        """The resource to look at; empty if it is the plan."""
        return self.finding.address

    @property
    def message(self) -> str:
        """What to do, or why it cannot be decided, in one line."""
        return self.finding.message


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
    known = [each.id for each in controls.all_controls() if ids is None or each.id in ids]
    results = tuple(controls.evaluate(plan, known))
    items = [
        _excuse(Item(result.control, each, locate(plan, each.address, root)), valid)
        for result in results
        for each in result.findings
    ]
    items.sort(key=lambda item: (SEVERITIES.index(item.control.severity), item.control.id, item.address))
    return Report(name, fail_on, results, tuple(items), tuple(sorted(set(exceptions) - set(valid))))


def _excuse(item: Item, valid: Collection[Excuse]) -> Item:
    """The finding with the exception that covers its resource, or the one that it says nothing of."""
    places = {item.finding.address, item.finding.subject}
    excuse = next(
        (each for each in valid if any(each.covers(item.control.id, place) for place in places)), None
    )
    return replace(item, excuse=excuse)
