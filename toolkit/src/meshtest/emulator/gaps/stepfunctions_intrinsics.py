r"""Intrinsic functions are parsed whole, with the escapes that AWS documents, or refused.

moto 5.2.5 lacks: escapes (``\'``, ``\\``, ``\{``), double quotes within text, null and fractions. Where its
grammar does not fit, it says nothing and goes on with what it has understood. ``States.Format`` takes
``{0}`` or ``{name}`` for places, as Python does.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringIntrinsicFunction,
    StringVariableSample,
)
from moto.stepfunctions.parser.asl.component.intrinsic.argument.argument import (
    Argument,
    ArgumentContextPath,
    ArgumentFunction,
    ArgumentJsonPath,
    ArgumentList,
    ArgumentLiteral,
    ArgumentVar,
)
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.factory import (
    StatesFunctionFactory,
)
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic.string_format import (
    StringFormat,
)
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.state_function_name_types import (
    StatesFunctionNameType,
)
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.states_function_name import (
    StatesFunctionName,
)
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from meshtest.emulator.gaps.stepfunctions_execution import event_details

_FUNCTION = re.compile(r"\s*States\.(\w+)\s*\(\s*")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_LITERAL = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
# A path ends at a comma or a parenthesis that is neither within brackets nor within quotes.
_PATH_PART = re.compile(r"""[^\s,()\[\]'"]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_AFTER_ARGUMENT = re.compile(r"\s*([,)])\s*")
_ESCAPE = re.compile(r"\\(['\\{}])")
_PLACE = re.compile(r"\\(['\\{}])|\{\}")


def install() -> None:
    """Replace moto's parser of intrinsic functions, and its Format."""
    preprocessor: Any = Preprocessor
    preprocessor.visitString_intrinsic_function = _visit
    function: Any = StringFormat
    function._eval_body = _format


def _visit(self: Any, ctx: Any) -> StringIntrinsicFunction:
    text = json.loads(ctx.STRINGINTRINSICFUNC().getText())
    return StringIntrinsicFunction(intrinsic_function_derivation=text, function=_Parser(text).function())


# ─── Parser ───


class _Parser:
    """A reader of one intrinsic function and of those within it."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def function(self) -> Any:
        """Return the function that the text is.

        Raises:
            ValueError: it is none.
        """
        function = self._function()
        if self._text[self._at :].strip():
            raise self._error("nothing more")
        return function

    def _function(self) -> Any:
        found = self._take(_FUNCTION, "an intrinsic function (States.Name and parentheses)")
        kind = StatesFunctionNameType.__members__.get(found[1])
        if kind is None:
            raise ValueError(f"States.{found[1]} in {self._text!r} is not an intrinsic function")
        # A template tells an escaped brace from a place: Format reads its escapes itself.
        arguments = self._arguments(is_template_first=kind is StatesFunctionNameType.Format)
        return StatesFunctionFactory.from_name(StatesFunctionName(kind), ArgumentList(arguments))

    def _arguments(self, *, is_template_first: bool) -> list[Argument]:
        arguments: list[Argument] = []
        if self._text.startswith(")", self._at):
            self._at += 1
            return arguments
        while True:
            arguments.append(self._argument(is_template=is_template_first and not arguments))
            if self._take(_AFTER_ARGUMENT, "a comma or a closing parenthesis")[1] == ")":
                return arguments

    def _argument(self, *, is_template: bool) -> Argument:
        if self._text.startswith("'", self._at):
            text = self._take(_TEXT, "a closing quote")[1]
            return ArgumentLiteral(text if is_template else _ESCAPE.sub(r"\1", text))
        if self._text.startswith("$", self._at):
            return self._path()
        if _FUNCTION.match(self._text, self._at):
            return ArgumentFunction(self._function())
        return ArgumentLiteral(json.loads(self._take(_LITERAL, "an argument")[0]))

    def _path(self) -> Argument:
        start, depth = self._at, 0
        while self._at < len(self._text):
            if found := _PATH_PART.match(self._text, self._at):
                self._at = found.end()
                continue
            character = self._text[self._at]
            if depth == 0 and (character in ",)" or character.isspace()):
                break
            depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(character, 0)
            self._at += 1
        path = self._text[start : self._at]
        if path.startswith("$$"):
            return ArgumentContextPath(path)
        if path == "$" or path[1] in ".[":
            return ArgumentJsonPath(path)
        return ArgumentVar(StringVariableSample(QueryLanguageMode.JSONPath, path))

    def _take(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(expected)
        self._at = found.end()
        return found

    def _error(self, expected: str) -> ValueError:
        return ValueError(f"{self._text!r}: expected {expected} at character {self._at + 1}")


# ─── Format ───


def _format(self: Any, env: Any) -> None:
    """Put the values into the places of the template, each into one."""
    self.argument_list.eval(env=env)
    template, *values = env.stack.pop()
    places = [found for found in _PLACE.finditer(template) if found[0] == "{}"]
    if len(places) != len(values):
        raise _intrinsic_failure(
            env, f"States.Format: the template has {len(places)} places, there are {len(values)} values"
        )
    texts = map(self._to_str_repr, values)
    env.stack.append(_PLACE.sub(lambda found: next(texts) if found[0] == "{}" else found[1], template))


def _intrinsic_failure(env: Any, cause: str) -> FailureEventException:
    name = StatesErrorNameType.StatesIntrinsicFailure
    details = TaskFailedEventDetails(error=name.to_name(), cause=cause)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.TaskFailed,
            event_details=event_details(taskFailedEventDetails=details),
        )
    )
