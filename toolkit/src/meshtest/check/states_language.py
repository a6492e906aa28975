"""Check a state machine's definition against the Amazon States Language (https://states-language.net).

A definition is JSON text; what is wrong with it comes back as diagnostics with the place of each.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from meshtest.check.states_expressions import is_jsonata
from meshtest.check.states_queries import JSONPATH, check_queries
from meshtest.check.states_scopes import (
    DUPLICATE,
    INVALID_JSON,
    SCHEMA,
    TARGET,
    TERMINAL,
    Diagnostic,
    inner_scopes,
    objects,
    transitions,
)

NAME_LENGTH = 80

_COMMON = frozenset({"Type", "Comment", "QueryLanguage", "Assign", "Output", "InputPath", "OutputPath"})
_FLOW = frozenset({"Next", "End"})
_RESULT = frozenset({"Parameters", "ResultPath", "ResultSelector", "Arguments"})
_ERRORS = frozenset({"Retry", "Catch"})
_FIELDS: dict[str, frozenset[str]] = {
    "Task": _FLOW
    | _RESULT
    | _ERRORS
    | {
        "Resource",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
        "Credentials",
    },
    "Pass": _FLOW | {"Parameters", "Result", "ResultPath"},
    "Wait": _FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Choice": frozenset({"Choices", "Default"}),
    "Succeed": frozenset(),
    "Fail": frozenset({"Error", "ErrorPath", "Cause", "CausePath"}),
    "Parallel": _FLOW | _RESULT | _ERRORS | {"Branches"},
    "Map": _FLOW
    | _RESULT
    | _ERRORS
    | {
        "ItemProcessor",
        "Iterator",
        "Items",
        "ItemsPath",
        "ItemSelector",
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "Label",
        "MaxConcurrency",
        "MaxConcurrencyPath",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    },
}
# Fields that exclude each other; those of a reader and a batcher are looked for there.
_ONE_OF = (
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ("Items", "ItemsPath"),
    ("ItemSelector", "Parameters"),
    ("MaxItems", "MaxItemsPath"),
    ("MaxItemsPerBatch", "MaxItemsPerBatchPath"),
    ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"),
)
_TERMINAL_TYPES = frozenset({"Succeed", "Fail"})
_MACHINE = frozenset({"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"})
_PROCESSOR = frozenset({"Comment", "StartAt", "States", "ProcessorConfig", "QueryLanguage"})
_RETRIER = frozenset({"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"}) | {
    "JitterStrategy",
    "Comment",
}
_ARN = re.compile(r"arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:.*[^:]")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_CATCHER = frozenset({"ErrorEquals", "Next", "ResultPath", "Output", "Assign", "Comment"})


def diagnose(definition: str) -> list[Diagnostic]:
    """Every fault of a definition; empty if it is valid."""
    try:
        machine = json.loads(definition, object_pairs_hook=unique_members)
    except ValueError as error:
        return [Diagnostic(INVALID_JSON, f"The definition is not valid JSON: {error}", "/")]
    if not isinstance(machine, dict):
        return [Diagnostic(INVALID_JSON, "The definition must be a JSON object", "/")]
    found = list(_unknown_fields(machine, _MACHINE, ""))
    found += _positive_integer(machine, "TimeoutSeconds", "")
    found += _check_scope(machine, "")
    found += check_queries(machine, machine.get("QueryLanguage", JSONPATH), "")
    found += _check_unique_names(machine)
    return found


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, for ``object_pairs_hook``.

    Raises:
        ValueError: one of them appears twice.
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"member {repeated!r} appears twice in one object")
    return members


# ─── Scopes: the machine, each branch, each item processor ───


def _check_scope(scope: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    states = scope.get("States")
    if not isinstance(states, dict) or not states:
        yield Diagnostic(SCHEMA, "States must be an object with at least one state", f"{at}/States")
        return
    start = scope.get("StartAt")
    if not isinstance(start, str):
        yield Diagnostic(SCHEMA, "StartAt is required and must be a string", f"{at}/StartAt")
    elif start not in states:
        yield Diagnostic(TARGET, f'Missing "StartAt" target: "{start}"', f"{at}/StartAt")
    for name, state in states.items():
        yield from _check_state(name, state, states, f"{at}/States/{name}")
    if isinstance(start, str) and start in states:
        yield from _check_reachability(start, states, at)


def _check_reachability(start: str, states: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    reached: set[str] = set()
    to_visit = [start]
    while to_visit:
        name = to_visit.pop()
        if name in reached or not isinstance(states.get(name), dict):
            continue
        reached.add(name)
        to_visit += [target for _, target in transitions(states[name]) if isinstance(target, str)]
    for name in states:
        if name not in reached:
            yield Diagnostic(TARGET, f'State "{name}" is not reachable.', f"{at}/States/{name}")
    if not any(_is_terminal(states[name]) for name in reached):
        yield Diagnostic(TERMINAL, "No terminal state can be reached.", f"{at}/States")


def _is_terminal(state: dict[str, Any]) -> bool:
    return state.get("End") is True or state.get("Type") in _TERMINAL_TYPES


def _check_unique_names(machine: dict[str, Any]) -> Iterator[Diagnostic]:
    """State names are unique in the whole machine, whatever scope they are in."""
    seen: set[str] = set()
    for name, at in _all_states(machine, ""):
        if name in seen:
            yield Diagnostic(DUPLICATE, f'State name "{name}" is used more than once.', at)
        seen.add(name)


def _all_states(scope: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    states = scope.get("States")
    for name, state in states.items() if isinstance(states, dict) else ():
        place = f"{at}/States/{name}"
        yield name, place
        for inner, inner_at in inner_scopes(state, place):
            yield from _all_states(inner, inner_at)


# ─── States ───


def _check_state(name: str, state: Any, states: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    if not isinstance(state, dict):
        yield Diagnostic(SCHEMA, "A state must be an object", at)
        return
    if not name or len(name) > NAME_LENGTH:
        yield Diagnostic(
            SCHEMA, f"A state's name has 1 to {NAME_LENGTH} characters, this one {len(name)}", at
        )
    kind = state.get("Type")
    if kind not in _FIELDS:
        yield Diagnostic(SCHEMA, f"Type must be one of {', '.join(_FIELDS)}, not {kind!r}", f"{at}/Type")
        return
    yield from _unknown_fields(state, _COMMON | _FIELDS[kind], at)
    yield from _check_flow(state, kind, at)
    for field, target in transitions(state):
        if not isinstance(target, str):
            yield Diagnostic(SCHEMA, f"{field} must be a string", f"{at}/{field}")
        elif target not in states:
            yield Diagnostic(TARGET, f"Missing '{field.split('/')[-1]}' target: {target}", f"{at}/{field}")
    yield from _check_exclusions(state, at)
    yield from _check_error_handling(state, at)
    if check := _CHECKS.get(kind):
        yield from check(state, at)


def _check_flow(state: dict[str, Any], kind: str, at: str) -> Iterator[Diagnostic]:
    """A state that may go on says how: exactly one of Next and End."""
    if "Next" not in _FIELDS[kind]:
        return
    if "End" in state and not isinstance(state["End"], bool):
        yield Diagnostic(SCHEMA, "End must be true or false", f"{at}/End")
    if ("Next" in state) == (state.get("End") is True):
        yield Diagnostic(SCHEMA, "Exactly one of Next and End: true is required", at)


def _check_exclusions(part: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    for first, second in _ONE_OF:
        if first in part and second in part:
            yield Diagnostic(SCHEMA, f"Only one of {first} and {second} can be there", f"{at}/{second}")
    for field in ("ItemReader", "ItemBatcher", "ReaderConfig"):
        if isinstance(part.get(field), dict):
            yield from _check_exclusions(part[field], f"{at}/{field}")


def _check_task(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    if not isinstance(state.get("Credentials", {}), dict):
        yield Diagnostic(SCHEMA, "Credentials must be an object", f"{at}/Credentials")
    resource = state.get("Resource")
    if not isinstance(resource, str) or not _ARN.fullmatch(resource):
        yield Diagnostic(SCHEMA, f"Resource must be an ARN, not {resource!r}", f"{at}/Resource")
    yield from _positive_integer(state, "TimeoutSeconds", at)
    yield from _positive_integer(state, "HeartbeatSeconds", at)
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield Diagnostic(
            SCHEMA, "HeartbeatSeconds must be less than TimeoutSeconds", f"{at}/HeartbeatSeconds"
        )


def _check_wait(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    ways = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
    if sum(way in state for way in ways) != 1:
        yield Diagnostic(SCHEMA, f"Exactly one of {', '.join(ways)} is required", at)
    yield from _number(state, "Seconds", at, whole=True)
    timestamp = state.get("Timestamp")
    if timestamp is not None and not is_jsonata(timestamp) and not _is_timestamp(timestamp):
        message = f"Timestamp must be one of RFC 3339, such as 2026-01-01T00:00:00Z, not {timestamp!r}"
        yield Diagnostic(SCHEMA, message, f"{at}/Timestamp")


def _check_choice(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    choices = state.get("Choices")
    if not isinstance(choices, list) or not choices:
        yield Diagnostic(SCHEMA, "Choices must be a list with at least one rule", f"{at}/Choices")
        return
    for index, choice in enumerate(choices):
        place = f"{at}/Choices[{index}]"
        if not isinstance(choice, dict) or "Next" not in choice:
            yield Diagnostic(SCHEMA, "A choice must be an object with Next", place)
        else:
            yield from _check_rule(choice, place)


def _check_rule(rule: Any, at: str) -> Iterator[Diagnostic]:
    """A rule is a JSONata condition, or a comparison of a variable, or And, Or, Not of rules."""
    if not isinstance(rule, dict):
        yield Diagnostic(SCHEMA, "A rule must be an object", at)
        return
    operators = set(rule) - {"Next", "Variable", "Comment", "Assign", "Output"}
    if len(operators) != 1:
        yield Diagnostic(SCHEMA, "A rule has exactly one operator", at)
        return
    operator: str = operators.pop()
    if operator in {"And", "Or"}:
        inner = rule[operator] if isinstance(rule[operator], list) else []
        if not inner:
            yield Diagnostic(SCHEMA, f"{operator} must be a list with at least one rule", f"{at}/{operator}")
        for index, one in enumerate(inner):
            yield from _check_rule(one, f"{at}/{operator}[{index}]")
    elif operator == "Not":
        yield from _check_rule(rule["Not"], f"{at}/Not")
    elif operator != "Condition":
        yield from _check_comparison(rule, operator, at)


def _check_comparison(rule: dict[str, Any], operator: str, at: str) -> Iterator[Diagnostic]:
    if operator.removesuffix("Path") not in _OPERANDS or operator in _WITHOUT_PATH:
        yield Diagnostic(SCHEMA, f"{operator} is not an operator", f"{at}/{operator}")
    elif "Variable" not in rule:
        yield Diagnostic(SCHEMA, "A comparison names its Variable", at)
    elif not operator.endswith("Path"):
        what, is_right = _OPERANDS[operator]
        if not is_right(rule[operator]):
            message = f"{operator} must be {what}, not {rule[operator]!r}"
            yield Diagnostic(SCHEMA, message, f"{at}/{operator}")


def _check_parallel(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    if not objects(state.get("Branches")):
        yield Diagnostic(SCHEMA, "Branches must be a list with at least one branch", f"{at}/Branches")
    for branch, place in inner_scopes(state, at):
        yield from _unknown_fields(branch, _PROCESSOR, place)
        yield from _check_scope(branch, place)


def _check_map(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    yield from _number(state, "MaxConcurrency", at, whole=True)
    yield from _number(state, "ToleratedFailureCount", at, whole=True)
    yield from _number(state, "ToleratedFailurePercentage", at, most=100)
    processors = list(inner_scopes(state, at))
    if len(processors) != 1:
        yield Diagnostic(SCHEMA, "A Map has exactly one ItemProcessor", at)
    for processor, place in processors:
        yield from _unknown_fields(processor, _PROCESSOR, place)
        yield from _check_scope(processor, place)


_CHECKS = {
    "Task": _check_task,
    "Wait": _check_wait,
    "Choice": _check_choice,
    "Parallel": _check_parallel,
    "Map": _check_map,
}


# ─── Retry and Catch ───


def _check_error_handling(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    for field, allowed in (("Retry", _RETRIER), ("Catch", _CATCHER)):
        handlers = state.get(field, [])
        if not isinstance(handlers, list):
            yield Diagnostic(SCHEMA, f"{field} must be a list", f"{at}/{field}")
            continue
        for index, handler in enumerate(handlers):
            place = f"{at}/{field}[{index}]"
            if not isinstance(handler, dict):
                yield Diagnostic(SCHEMA, f"An entry of {field} must be an object", place)
                continue
            yield from _unknown_fields(handler, allowed, place)
            yield from _check_errors(handler, index == len(handlers) - 1, place)
            yield from _check_retrier(handler, place) if field == "Retry" else _check_catcher(handler, place)


def _check_errors(handler: dict[str, Any], is_last: bool, at: str) -> Iterator[Diagnostic]:
    errors = handler.get("ErrorEquals")
    if not isinstance(errors, list) or not errors or not all(isinstance(error, str) for error in errors):
        yield Diagnostic(SCHEMA, "ErrorEquals must be a list of at least one error name", f"{at}/ErrorEquals")
    elif "States.ALL" in errors and (len(errors) > 1 or not is_last):
        yield Diagnostic(SCHEMA, "States.ALL must stand alone, in the last entry", f"{at}/ErrorEquals")


def _check_retrier(retrier: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    yield from _positive_integer(retrier, "IntervalSeconds", at)
    yield from _positive_integer(retrier, "MaxDelaySeconds", at)
    attempts = retrier.get("MaxAttempts", 0)
    if not _is_integer(attempts) or attempts < 0:
        yield Diagnostic(SCHEMA, "MaxAttempts must be 0 or a positive integer", f"{at}/MaxAttempts")
    rate = retrier.get("BackoffRate", 1.0)
    if not isinstance(rate, (int, float)) or isinstance(rate, bool) or rate < 1:
        yield Diagnostic(SCHEMA, "BackoffRate must be 1.0 or more", f"{at}/BackoffRate")
    if retrier.get("JitterStrategy", "NONE") not in {"FULL", "NONE"}:
        yield Diagnostic(SCHEMA, "JitterStrategy must be FULL or NONE", f"{at}/JitterStrategy")


def _check_catcher(catcher: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    if "Next" not in catcher:
        yield Diagnostic(SCHEMA, "A catcher must have Next", at)


# ─── Fields ───


def _unknown_fields(owner: dict[str, Any], known: frozenset[str], at: str) -> Iterator[Diagnostic]:
    for field in owner:
        if field not in known:
            yield Diagnostic(SCHEMA, f"Field '{field}' is not supported here", f"{at}/{field}")


def _positive_integer(owner: dict[str, Any], field: str, at: str) -> Iterator[Diagnostic]:
    value = owner.get(field)
    if value is not None and not is_jsonata(value) and (not _is_integer(value) or value < 1):
        yield Diagnostic(SCHEMA, f"{field} must be a positive integer, not {value!r}", f"{at}/{field}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(
    owner: dict[str, Any], field: str, at: str, *, whole: bool = False, most: float = float("inf")
) -> Iterator[Diagnostic]:
    """Check a field whose value is 0 or more, or JSONata, which is known only at run time."""
    value = owner.get(field)
    if value is None or is_jsonata(value):
        return
    if not (_is_integer(value) if whole else _is_number(value)) or not 0 <= value <= most:
        kind = "an integer" if whole else "a number"
        limits = f"from 0 to {most:g}" if most < float("inf") else "of 0 or more"
        yield Diagnostic(SCHEMA, f"{field} must be {kind} {limits}, not {value!r}", f"{at}/{field}")


def _is_timestamp(value: Any) -> bool:
    """Return whether a value is a time of RFC 3339, with capital T and Z as the States Language asks."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return False
    with contextlib.suppress(ValueError):
        return bool(datetime.fromisoformat(value))
    return False


# ─── Operators of Choices ───

_RELATIONS = ("Equals", "GreaterThan", "GreaterThanEquals", "LessThan", "LessThanEquals")
_BOOLEAN = ("true or false", lambda value: isinstance(value, bool))
_STRING = ("a string", lambda value: isinstance(value, str))
# What an operator compares with: what it must be, and whether a value is it.
_OPERANDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **{f"String{relation}": _STRING for relation in _RELATIONS},
    **{f"Numeric{relation}": ("a number", _is_number) for relation in _RELATIONS},
    **{f"Timestamp{relation}": ("a timestamp of RFC 3339", _is_timestamp) for relation in _RELATIONS},
    **{f"Is{kind}": _BOOLEAN for kind in ("Boolean", "Null", "Numeric", "Present", "String", "Timestamp")},
    "BooleanEquals": _BOOLEAN,
    "StringMatches": _STRING,
}
_WITHOUT_PATH = frozenset(
    f"{name}Path" for name in _OPERANDS if name.startswith("Is") or name == "StringMatches"
)
