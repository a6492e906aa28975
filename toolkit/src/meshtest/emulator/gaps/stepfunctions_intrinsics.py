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

from meshtest.check.states_expressions import Function, Literal, Path, Text, read_function
from meshtest.emulator.gaps.stepfunctions_execution import event_details

_PLACE = re.compile(r"\\(['\\{}])|\{\}")


def install() -> None:
    """Replace moto's parser of intrinsic functions, and its Format."""
    preprocessor: Any = Preprocessor
    preprocessor.visitString_intrinsic_function = _visit
    function: Any = StringFormat
    function._eval_body = _format


def _visit(self: Any, ctx: Any) -> StringIntrinsicFunction:
    text = json.loads(ctx.STRINGINTRINSICFUNC().getText())
    return StringIntrinsicFunction(
        intrinsic_function_derivation=text, function=_function(read_function(text))
    )


# ─── Parser ───


def _function(read: Function) -> Any:
    """Return moto's function for one that was read."""
    # A template tells an escaped brace from a place: Format reads its escapes itself.
    arguments = [
        _argument(each, is_template=read.name == "Format" and number == 0)
        for number, each in enumerate(read.arguments)
    ]
    kind = StatesFunctionNameType[read.name]
    return StatesFunctionFactory.from_name(StatesFunctionName(kind), ArgumentList(arguments))


def _argument(read: Path | Text | Literal | Function, *, is_template: bool) -> Argument:
    if isinstance(read, Function):
        return ArgumentFunction(_function(read))
    if isinstance(read, Text):
        return ArgumentLiteral(read.raw if is_template else read.value)
    if isinstance(read, Literal):
        return ArgumentLiteral(read.value)
    if read.text.startswith("$$"):
        return ArgumentContextPath(read.text)
    if read.text == "$" or read.text[1] in ".[":
        return ArgumentJsonPath(read.text)
    return ArgumentVar(StringVariableSample(QueryLanguageMode.JSONPath, read.text))


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
