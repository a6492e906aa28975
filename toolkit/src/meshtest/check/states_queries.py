"""Check what a state machine's states select and make, in the query language of each.

https://states-language.net/spec.html#query-language and
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from meshtest.check import states_expressions
from meshtest.check.states_expressions import ExpressionError
from meshtest.check.states_scopes import SCHEMA, Diagnostic, inner_scopes, objects

JSONPATH, JSONATA = "JSONPath", "JSONata"
# Fields of one query language alone; fields whose names end in "Path" are JSONPath's, too.
_OF_JSONPATH = frozenset({"Parameters", "Result", "ResultSelector", "Variable"})
_OF_JSONATA = frozenset({"Arguments", "Condition", "Items", "Output"})

_PATHS = frozenset({"InputPath", "OutputPath"})
_PATHS_OR_FUNCTIONS = frozenset({"CausePath", "ErrorPath"})
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials", "BatchInput")
# The fields of a state that hold others with queries of their own.
_PARTS = ("Catch", "Choices", "ItemReader", "ItemBatcher", "ResultWriter", "ReaderConfig")
# Fields whose values are no queries, in either language.
_PLAIN = frozenset({"Branches", "Comment", "ItemProcessor", "Iterator", "Next", "Resource", "Result", "Type"})


def check_queries(scope: dict[str, Any], language: Any, at: str) -> Iterator[Diagnostic]:
    """Find the states that have fields of the other query language, or no query where one should be.

    Under JSONata every state is in JSONata.
    """
    if language not in {JSONPATH, JSONATA}:
        message = f"QueryLanguage must be {JSONPATH} or {JSONATA}, not {language!r}"
        yield Diagnostic(SCHEMA, message, f"{at}/QueryLanguage")
        return
    states = scope.get("States")
    for name, state in states.items() if isinstance(states, dict) else ():
        if not isinstance(state, dict):
            continue
        place = f"{at}/States/{name}"
        own = state.get("QueryLanguage", language)
        if own not in {JSONPATH, JSONATA}:
            message = f"QueryLanguage must be {JSONPATH} or {JSONATA}, not {own!r}"
            yield Diagnostic(SCHEMA, message, f"{place}/QueryLanguage")
            continue
        if language == JSONATA and own == JSONPATH:
            message = f"A state of a machine in {JSONATA} cannot be in {JSONPATH}"
            yield Diagnostic(SCHEMA, message, f"{place}/QueryLanguage")
            continue
        yield from _check_part(state, own, place)
        for inner, inner_at in inner_scopes(state, place):
            yield from check_queries(inner, inner.get("QueryLanguage", own), inner_at)


def _check_part(part: dict[str, Any], language: str, at: str) -> Iterator[Diagnostic]:
    """Check a state, or a part of it with fields of its own, such as a catcher."""
    yield from _check_fields_of_language(part, language, at)
    if language == JSONPATH:
        yield from _check_paths(part, at)
    else:
        yield from _check_expressions(part, at)
    for field in _PARTS:
        value = part.get(field)
        if isinstance(value, dict):
            yield from _check_part(value, language, f"{at}/{field}")
        for index, each in enumerate(objects(value)):
            yield from _check_part(each, language, f"{at}/{field}[{index}]")


def _check_fields_of_language(part: dict[str, Any], language: str, at: str) -> Iterator[Diagnostic]:
    for field in part:
        is_jsonpath = field in _OF_JSONPATH or field.endswith("Path")
        if (is_jsonpath and language == JSONATA) or (field in _OF_JSONATA and language == JSONPATH):
            yield Diagnostic(SCHEMA, f"{field} is not supported in {language}", f"{at}/{field}")


# ─── JSONPath ───


def _check_paths(part: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    for field, value in part.items():
        if field == "Variable" or field.endswith("Path"):
            yield from _check_path(field, value, f"{at}/{field}")
    for field in _TEMPLATES:
        yield from _check_template(part.get(field), f"{at}/{field}")
    for operator in ("And", "Or", "Not"):
        rules = part.get(operator)
        for index, rule in enumerate(objects([rules] if operator == "Not" else rules)):
            place = f"{at}/{operator}" if operator == "Not" else f"{at}/{operator}[{index}]"
            yield from _check_paths(rule, place)


def _check_path(field: str, value: Any, at: str) -> Iterator[Diagnostic]:
    if value is None:
        return  # nothing is taken, or nothing is written
    if field in _PATHS:
        check: Callable[[str], None] = states_expressions.check_path
    elif field in _PATHS_OR_FUNCTIONS:
        check = states_expressions.check_path_or_function
    elif field == "ResultPath":
        check = states_expressions.check_place
    else:
        check = states_expressions.check_reference_path
    yield from _told(field, value, check, at)


def _check_template(template: Any, at: str) -> Iterator[Diagnostic]:
    """In a payload template, a member whose name ends in ``.$`` holds a path or an intrinsic function."""
    if isinstance(template, list):
        for index, each in enumerate(template):
            yield from _check_template(each, f"{at}[{index}]")
    for key, value in template.items() if isinstance(template, dict) else ():
        if key.endswith(".$"):
            yield from _told(key, value, states_expressions.check_path_or_function, f"{at}/{key}")
            if key.removesuffix(".$") in template:
                message = f"There are both {key} and {key.removesuffix('.$')}: only one can be in the result"
                yield Diagnostic(SCHEMA, message, f"{at}/{key}")
        else:
            yield from _check_template(value, f"{at}/{key}")


# ─── JSONata ───


def _check_expressions(part: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    condition = part.get("Condition")
    if isinstance(condition, str) and not states_expressions.is_jsonata(condition):
        message = f"Condition must be a JSONata expression, {{% … %}}, not {condition!r}"
        yield Diagnostic(SCHEMA, message, f"{at}/Condition")
        return
    for field, value in part.items():
        if field not in _PLAIN and field not in _PARTS:
            yield from _check_marks(value, f"{at}/{field}")


def _check_marks(value: Any, at: str) -> Iterator[Diagnostic]:
    """Check the marks of JSONata in a value and in all that it is made of."""
    if isinstance(value, str):
        yield from _told(at.rpartition("/")[2], value, states_expressions.check_marks, at)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _check_marks(each, f"{at}/{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _check_marks(each, f"{at}[{index}]")


def _told(field: str, value: Any, check: Callable[[str], None], at: str) -> Iterator[Diagnostic]:
    """Yield what a check says of a text, and that anything else is none."""
    if not isinstance(value, str):
        yield Diagnostic(SCHEMA, f"{field} must be a string, not {value!r}", at)
        return
    try:
        check(value)
    except ExpressionError as error:
        yield Diagnostic(SCHEMA, f"{field}: {error}", at)
