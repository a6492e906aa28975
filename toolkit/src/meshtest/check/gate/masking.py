"""A plan without its sensitive values: its JSON holds them in the clear, with marks beside them.

Format: https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshtest.check.references import mapping

MASK = "(sensitive)"


def masked(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a plan's JSON with `MASK` for every sensitive value of a resource or an output.

    Only the parts that the controls and the reports read are kept.
    """
    names = ("format_version", "configuration", "relevant_attributes")
    kept = {name: plan[name] for name in names if name in plan}
    if "resource_changes" in plan:
        changes = plan["resource_changes"]
        kept["resource_changes"] = (
            [_entry(each) for each in changes] if isinstance(changes, list) else changes
        )
    kept["output_changes"] = {
        name: _change(each) for name, each in mapping(plan.get("output_changes")).items()
    }
    kept["variables"] = _plain_variables(plan)
    return kept


def _plain_variables(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The root's variables that are declared, and not as sensitive."""
    declared = mapping(mapping(mapping(plan.get("configuration")).get("root_module")).get("variables"))
    plain = {name for name, each in declared.items() if isinstance(each, dict) and not each.get("sensitive")}
    return {name: each for name, each in mapping(plan.get("variables")).items() if name in plain}


def _entry(resource: Any) -> Any:
    if not isinstance(resource, dict):
        return resource
    return {**resource, "change": _change(resource.get("change"))}


def _change(change: Any) -> Any:
    if not isinstance(change, dict):
        return change
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
