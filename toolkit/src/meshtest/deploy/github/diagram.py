"""State machines as Mermaid flowcharts, which GitHub draws in comments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from meshtest.check.plan import Plan

_SHAPES = {"Choice": ("{", "}"), "Succeed": ("([", "])"), "Fail": ("([", "])")}


def diagrams(plan: Plan) -> dict[str, str]:
    """The flowchart of each planned state machine whose definition is known, by its name."""
    return {
        str(machine.values.get("name") or machine.address): flowchart(json.loads(machine.get("definition")))
        for machine in plan.resources("aws_sfn_state_machine")
        if machine.is_known("definition") and _is_definition(machine.get("definition"))
    }


def _is_definition(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def flowchart(definition: Mapping[str, Any]) -> str:
    """Mermaid's text for a definition in the States Language: errors are dotted, names are all it shows.

    Syntax: https://mermaid.js.org/syntax/flowchart.html
    """
    return "\n".join(["flowchart TD", *_machine(definition, "s", "  ")])


def _machine(definition: Mapping[str, Any], prefix: str, indent: str) -> Iterator[str]:
    states: Mapping[str, Any] = definition.get("States", {})
    ids = {name: f"{prefix}{position}" for position, name in enumerate(states)}
    start = definition.get("StartAt")
    if start in ids:
        yield f"{indent}{prefix}start((start)) --> {ids[start]}"
    for name, state in states.items():
        opened, closed = _SHAPES.get(state.get("Type"), ("[", "]"))
        yield f"{indent}{ids[name]}{opened}{_label(name)}{closed}"
        for position, inner in enumerate(_inner(state)):
            yield f"{indent}subgraph {ids[name]}b{position}[{_label(f'{name} {position + 1}')}]"
            yield from _machine(inner, f"{ids[name]}b{position}s", indent + "  ")
            yield f"{indent}end"
        for target, arrow in _ways(state):
            if target in ids:
                yield f"{indent}{ids[name]} {arrow} {ids[target]}"


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    processor = state.get("ItemProcessor", state.get("Iterator"))
    return [*state.get("Branches", []), *([processor] if processor else [])]


def _ways(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(target, arrow) of every transition."""
    if "Next" in state:
        yield state["Next"], "-->"
    for choice in state.get("Choices", []):
        yield choice.get("Next", ""), "-->"
    if "Default" in state:
        yield state["Default"], "-->|otherwise|"
    for catch in state.get("Catch", []):
        yield catch["Next"], f"-.->|{_label(', '.join(catch['ErrorEquals']))}|"


def _label(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace('"', "#quot;").replace("<", "&lt;").replace(">", "&gt;")
    return f'"{" ".join(escaped.split())}"'
