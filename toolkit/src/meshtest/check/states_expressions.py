"""Read the expressions of the Amazon States Language: paths, intrinsic functions, and JSONata's marks.

Nothing is evaluated here. JSONata itself is not read: the gate needs nothing but Python, and the embedded AWS
refuses at creation what is no JSONata.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html,
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html and
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html (JSONata's marks)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_FUNCTION = re.compile(r"\s*States\.(\w+)\s*\(\s*")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_LITERAL = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_AFTER_ARGUMENT = re.compile(r"\s*([,)])\s*")
_ESCAPE = re.compile(r"\\(['\\{}])")

# The input, the context object, or a variable.
_ROOT = re.compile(r"\$(?:\$|[^\W\d]\w*)?")
_NAME = r"""[^\s.,*?()\[\]'"]+"""
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_INDEX = r"-?\d+"
_SINGLE_STEP = re.compile(rf"\.{_NAME}(?![\w(])|\[\s*(?:{_INDEX}|{_QUOTED})\s*\]")
_STEP = re.compile(
    rf"\.{{1,2}}(?:\*|{_NAME}(?:\(\))?)|(?:\.\.)?\[\s*(?:\*|{_INDEX}(?:\s*,\s*{_INDEX})*"
    rf"|(?:{_INDEX})?:(?:{_INDEX})?(?::\d+)?|(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*)\s*\]"
)
_FILTER = re.compile(r"(?:\.\.)?\[\s*\??\s*(?=\()")
_AFTER_FILTER = re.compile(r"\s*\]")
# What stands between the parentheses of a filter, or of a path in a function, apart from parentheses.
_PART = re.compile(rf"""{_QUOTED}|[^()\[\]'"]""")

# How many arguments a function takes, and which of them are numbers.
_ANY = 1000
_ARGUMENTS: dict[str, tuple[int, int, frozenset[int]]] = {
    "Array": (0, _ANY, frozenset()),
    "ArrayContains": (2, 2, frozenset()),
    "ArrayGetItem": (2, 2, frozenset({1})),
    "ArrayLength": (1, 1, frozenset()),
    "ArrayPartition": (2, 2, frozenset({1})),
    "ArrayRange": (3, 3, frozenset({0, 1, 2})),
    "ArrayUnique": (1, 1, frozenset()),
    "Base64Decode": (1, 1, frozenset()),
    "Base64Encode": (1, 1, frozenset()),
    "Format": (1, _ANY, frozenset()),
    "Hash": (2, 2, frozenset()),
    "JsonMerge": (3, 3, frozenset()),
    "JsonToString": (1, 1, frozenset()),
    "MathAdd": (2, 2, frozenset({0, 1})),
    "MathRandom": (2, 3, frozenset({0, 1, 2})),
    "StringSplit": (2, 2, frozenset()),
    "StringToJson": (1, 1, frozenset()),
    "UUID": (0, 0, frozenset()),
}


class ExpressionError(ValueError):
    """A text is not the expression that it should be; the message says what was expected where."""


@dataclass(frozen=True)
class Path:
    """A path into the input, the context object or a variable."""

    text: str


@dataclass(frozen=True)
class Text:
    """A text as it is written, with its escapes."""

    raw: str

    @property
    def value(self) -> str:
        """The text itself."""
        return _ESCAPE.sub(r"\1", self.raw)


@dataclass(frozen=True)
class Literal:
    """A number, true, false or null."""

    value: Any


@dataclass(frozen=True)
class Function:
    """An intrinsic function by its name, without "States.", and its arguments."""

    name: str
    arguments: tuple[Path | Text | Literal | Function, ...]


# ─── Paths ───


def check_path(text: str) -> None:
    """Check that a text is a path.

    Raises:
        ExpressionError: it is none.
    """
    _Reader(text).path_alone(_STEP, "a path")


def check_reference_path(text: str) -> None:
    """Check that a text is a path that can lead to one value alone.

    Raises:
        ExpressionError: it is none.
    """
    _Reader(text).path_alone(_SINGLE_STEP, "a reference path (names and indices alone)")


def check_place(text: str) -> None:
    """Check that a text is a reference path into a state's input: where a result can be written to.

    Raises:
        ExpressionError: it is none, or leads into a variable or the context object.
    """
    check_reference_path(text)
    if not re.match(r"\$(?:[.\[]|$)", text):
        raise ExpressionError(f"{text!r}: expected a reference path into the state's input, from $")


# ─── Intrinsic Functions ───


def read_function(text: str) -> Function:
    """Return the intrinsic function that a text is.

    Raises:
        ExpressionError: it is none, or one that Step Functions does not have.
    """
    return _Reader(text).function_alone()


def check_path_or_function(text: str) -> None:
    """Check that a text is a path or an intrinsic function.

    Raises:
        ExpressionError: it is neither.
    """
    if _FUNCTION.match(text):
        read_function(text)
    else:
        check_path(text)


# ─── JSONata ───


def check_marks(text: str) -> None:
    """Check that what begins as a JSONata expression ends as one, and the other way round.

    Raises:
        ExpressionError: one of the marks is missing, or spaces stand around them.
    """
    bare = text.strip()
    if bare.startswith("{%") != bare.endswith("%}"):
        raise ExpressionError(f"{text!r}: expected both {{% and %}}, or none of them")
    if bare.startswith("{%") and bare != text:
        raise ExpressionError(f"{text!r}: expected no spaces before {{% and after %}}")


def is_jsonata(value: Any) -> bool:
    """Return whether a value is a JSONata expression, by its marks."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


class _Reader:
    """A reader of one text, from its beginning."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def path_alone(self, step: re.Pattern[str], expected: str) -> None:
        if not self._skip(_ROOT):
            raise self._error(f"{expected}, which begins with $,")
        while self._skip(step) or (step is _STEP and self._skip_filter()):
            pass
        self._end(f"{expected} to go on or to end")

    def function_alone(self) -> Function:
        function = self._function()
        self._end("nothing more")
        return function

    def _function(self) -> Function:
        name = self._take(_FUNCTION, "an intrinsic function (States.Name and parentheses)")[1]
        if name not in _ARGUMENTS:
            raise ExpressionError(f"States.{name} in {self._text!r} is not an intrinsic function")
        function = Function(name, tuple(self._arguments()))
        least, most, numbers = _ARGUMENTS[name]
        if not least <= len(function.arguments) <= most:
            count = f"{least}" + ("" if most == least else " or more" if most == _ANY else f" to {most}")
            found = f"{len(function.arguments)} arguments"
            raise ExpressionError(f"States.{name} in {self._text!r} has {found}: expected {count}")
        for number in numbers & set(range(len(function.arguments))):
            if not _may_be_number(function.arguments[number]):
                place = f"argument {number + 1} of States.{name}"
                raise ExpressionError(f"{self._text!r}: expected {place} to be a number or a path")
        return function

    def _arguments(self) -> list[Path | Text | Literal | Function]:
        arguments: list[Path | Text | Literal | Function] = []
        if self._text.startswith(")", self._at):
            self._at += 1
            return arguments
        while True:
            arguments.append(self._argument())
            if self._take(_AFTER_ARGUMENT, "a comma or a closing parenthesis")[1] == ")":
                return arguments

    def _argument(self) -> Path | Text | Literal | Function:
        if self._text.startswith("'", self._at):
            return Text(self._take(_TEXT, "a closing quote")[1])
        if self._text.startswith("$", self._at):
            return self._path()
        if _FUNCTION.match(self._text, self._at):
            return self._function()
        return Literal(json.loads(self._take(_LITERAL, "an argument")[0]))

    def _path(self) -> Path:
        start = self._at
        self._take(_ROOT, "a path")
        while self._skip(_STEP) or self._skip_filter():
            pass
        return Path(self._text[start : self._at])

    def _skip_filter(self) -> bool:
        """Skip a filter, [?(…)], whose parentheses and brackets are balanced."""
        if not self._skip(_FILTER):
            return False
        depth = 0
        while True:
            if self._at >= len(self._text):
                raise self._error("a closing parenthesis of the filter")
            character = self._text[self._at]
            if character in "([":
                depth += 1
            elif character in ")]":
                depth -= 1
            if not self._skip(_PART):
                self._at += 1
            if depth == 0:
                self._take(_AFTER_FILTER, "a closing bracket of the filter")
                return True

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found is not None

    def _take(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(expected)
        self._at = found.end()
        return found

    def _end(self, expected: str) -> None:
        if self._text[self._at :].strip():
            raise self._error(expected)

    def _error(self, expected: str) -> ExpressionError:
        return ExpressionError(f"{self._text!r}: expected {expected} at character {self._at + 1}")


def _may_be_number(argument: Path | Text | Literal | Function) -> bool:
    if isinstance(argument, Literal):
        return isinstance(argument.value, int | float) and not isinstance(argument.value, bool)
    return not isinstance(argument, Text)
