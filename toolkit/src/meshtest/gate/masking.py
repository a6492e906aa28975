"""A plan without its sensitive values: its JSON holds them in the clear, with marks beside them.

Format: https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASK = "(sensitive)"


def masked(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a plan's JSON with `MASK` for every sensitive value of a resource or an output.

    Only the parts that the controls and the reports read are kept.
    """
    kept = {name: plan[name] for name in ("format_version", "configuration") if name in plan}
    if "resource_changes" in plan:
        kept["resource_changes"] = [_entry(each) for each in plan["resource_changes"]]
    changes = plan.get("output_changes", {})
    kept["output_changes"] = {name: _change(change) for name, change in changes.items()}
    return kept


def _entry(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {**resource, "change": _change(resource["change"])}


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    sides = {side: _mask(change.get(side), change.get(f"{side}_sensitive")) for side in ("before", "after")}
    return {**change, **sides}


def _mask(value: Any, marks: Any) -> Any:
    if marks is True:
        return None if value is None else MASK
    if isinstance(marks, dict) and isinstance(value, dict):
        return {name: _mask(inner, marks.get(name)) for name, inner in value.items()}
    if isinstance(marks, list) and isinstance(value, list):
        padded = [*marks, *[None] * (len(value) - len(marks))]
        return [_mask(inner, mark) for inner, mark in zip(value, padded, strict=False)]
    return value
