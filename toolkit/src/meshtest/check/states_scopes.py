"""What the checks of the Amazon States Language share: their findings, and the machines within a state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

INVALID_JSON = "INVALID_JSON_DESCRIPTION"
SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"
TERMINAL = "MISSING_END_STATE"
DUPLICATE = "DUPLICATE_STATE_NAME"


@dataclass(frozen=True)
class Diagnostic:
    """One fault: a code, a sentence, and the place as a JSON pointer."""

    code: str
    message: str
    location: str


def transitions(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where a state can go: the field that says so (as a path below the state), and the target."""
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Catch", "Choices"):
        for index, branch in enumerate(objects(state.get(field))):
            if "Next" in branch:
                yield f"{field}[{index}]/Next", branch["Next"]


def objects(value: Any) -> list[dict[str, Any]]:
    """Return those members of a list that are objects."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def inner_scopes(state: Any, at: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The machines within a state (branches, an item processor), each with its path."""
    if not isinstance(state, dict):
        return
    for index, branch in enumerate(objects(state.get("Branches"))):
        yield branch, f"{at}/Branches[{index}]"
    for field in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(field), dict):
            yield state[field], f"{at}/{field}"
