"""What the gate makes of a mutant's plan, compared with the plan as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshtest.check.gate import Report
from meshtest.check.plan import Plan

Changed = tuple[str, str]


@dataclass(frozen=True)
class Compared:
    """The controls that notice a mutant, and whether a rule is stated on what it changed."""

    controls: list[str]
    is_stated: bool


class Gated:
    """The gate's report on a stack as it is, and the values that were planned."""

    def __init__(self, report: Report, plan: Mapping[str, Any]) -> None:
        self._applied = {
            result.control.id: {item.resource.address for item in result.seen} for result in report.results
        }
        self._known = _values(plan)

    def compare(self, report: Report, plan: Mapping[str, Any]) -> Compared:
        """Hold a mutant's report and plan against those of the stack as it is.

        A rule is stated on a mutant if the plan changed in a resource that a control looks at, or if such a
        resource is missing: the gate could have noticed. A control that looked at something before and has
        nothing to look at any more, says so as well.
        """
        noticed = {item.control.id for item in report.open}
        changed = {address for address, _ in _differences(self._known, _values(plan))}
        looked_at = set().union(*self._applied.values())
        return Compared(sorted(noticed), bool(changed & looked_at) or bool(noticed))


def _values(plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {
        resource.address: {**resource.values, "unknown": resource.unknown}
        for resource in Plan(plan).resources()
    }


def _differences(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Changed]:
    for address in before.keys() | after.keys():
        old, new = before.get(address, {}), after.get(address, {})
        for argument in old.keys() | new.keys():
            if old.get(argument) != new.get(argument):
                yield address, argument
