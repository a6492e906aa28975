"""JSONata is evaluated, by jsonata-python, with the functions that Step Functions adds.

moto 5.2.5 lacks: an evaluator. It has the fields (Arguments, Output, Assign, Condition, Items …), and calls a
function that is None. It assigns variables before a state's Output, which should see the old ones.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from jsonata import Jsonata
from jsonata.utils import Utils
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison import (
    ConditionStringJSONata,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.states import States
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore

from meshtest.emulator.gaps.stepfunctions_execution import event_details

LONGEST_RANGE = 1000
_ALGORITHMS = ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")

_get_state_exited_event_details = CommonStateField._get_state_exited_event_details
_init = StringJSONata.__init__
_reset = States.reset


class QueryError(Exception):
    """An expression has no value; the message says why."""


def install() -> None:
    """Give moto's expressions the evaluator."""
    expression: Any = StringJSONata
    expression.__init__ = _checked_init
    expression._eval_body = _push_value
    states: Any = States
    states.reset = _reset_without_result
    condition: Any = ConditionStringJSONata
    condition._eval_body = _push_condition
    assign: Any = AssignDecl
    assign._eval_body = _prepare_assignment
    state: Any = CommonStateField
    state._get_state_exited_event_details = _with_assignment
    store: Any = VariableStore
    store.get_assigned_variables = _assigned_variables


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """Return the JSON value of an expression.

    Raises:
        QueryError: it fails, or gives nothing, or what JSON has no word for.

    """
    try:
        program = Jsonata(expression)
        program.set_output_convert_nulls(False)
        for name, function in _FUNCTIONS.items():
            program.register_lambda(name, function)
        value = program.evaluate(None, {name: _null(value) for name, value in variables.items()})
    except Exception as error:
        code = f"{error.error}: " if hasattr(error, "error") else ""
        raise QueryError(f"threw an error during evaluation. {code}{error}") from error
    if value is None:
        raise QueryError("returned nothing (undefined).")
    return _as_json(value)


def _null(value: Any) -> Any:
    return Utils.NULL_VALUE if value is None else value


def _as_json(value: Any) -> Any:
    """Return the value of plain types, a copy.

    Raises:
        QueryError: it has a function, a pattern or a number that JSON has not.
    """
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_json(value[index]) for index in range(len(value))]
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise QueryError("returned an unsupported result type.")


# ─── In the Interpreter ───


def _checked_init(self: Any, expression: str) -> None:
    """Refuse what is no JSONata when the machine is made, not when it runs."""
    try:
        Jsonata(expression)
    except Exception as error:
        raise ValueError(f"{expression!r} is not a valid JSONata expression: {error}") from error
    _init(self, expression)


def _push_value(self: Any, env: Any) -> None:
    store = env.variable_store
    variables = store._outer_scope | store._inner_scope | {"states": env.states._states_data}
    try:
        env.stack.append(evaluate(self.expression, variables))
    except QueryError as error:
        raise _failure(env, f"The JSONata expression '{self.expression}' {error}") from error


def _push_condition(self: Any, env: Any) -> None:
    """Evaluate the condition of a choice, which is true or false and nothing else."""
    self.string_jsonata.eval(env=env)
    value = env.stack[-1]
    if not isinstance(value, bool):
        raise _failure(
            env,
            f"The JSONata expression '{self.string_jsonata.expression}' specified for the field 'Condition' "
            f"returned an unexpected result type. Expected 'boolean', but was: {json.dumps(value)}",
        )


def _failure(env: Any, cause: str) -> FailureEventException:
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = EvaluationFailedEventDetails(error=name.error_name or "", cause=cause)
    failure = FailureEventException(
        FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.EvaluationFailed,
            event_details=event_details(evaluationFailedEventDetails=details),
        )
    )
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=event_details(
            evaluationFailedEventDetails=failure.get_evaluation_failed_event_details()
        ),
    )
    return failure


def _reset_without_result(self: Any, input_value: Any) -> None:
    """Begin a state: what it has not got yet is absent from ``$states``, and not null."""
    _reset(self, input_value)
    for name in ("result", "errorOutput"):
        self._states_data.pop(name, None)


# ─── Assignments ───


def _prepare_assignment(self: Any, env: Any) -> None:
    """Evaluate the values of an Assign, which are for the states that follow."""
    prepared: dict[str, Any] = env.variable_store.__dict__.setdefault("_prepared", {})
    for binding in self.declaration_bindings:
        binding.eval(env=env)
        prepared |= env.stack.pop()


def _with_assignment(self: Any, env: Any) -> Any:
    """Assign at the end of a state, where its history tells what has been assigned."""
    for name, value in env.variable_store.__dict__.pop("_prepared", {}).items():
        env.variable_store.set(variable_identifier=name, variable_value=value)
    return _get_state_exited_event_details(self, env)


def _assigned_variables(self: Any) -> dict[str, str]:
    """Return what a state has assigned, each value as JSON."""
    names = sorted(self._declaration_tracing)
    return {name: json.dumps(self.get(name), separators=(",", ":")) for name in names}


# ─── Functions of Step Functions ───


def _unless_undefined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of undefined make undefined, as JSONata's own functions do."""
    return lambda first=None, *others: None if first is None else function(first, *others)


def _partition(array: Any, size: Any) -> list[Any]:
    items = array if isinstance(array, list) else [array]
    if not _is_whole(size) or size < 1:
        raise ValueError("$partition: the second argument must be a positive whole number")
    return [items[start : start + size] for start in range(0, len(items), size)]


def _range(first: Any, last: Any, step: Any) -> list[int]:
    if not all(map(_is_whole, (first, last, step))) or step == 0:
        raise ValueError("$range: the arguments must be whole numbers, and the step not 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > LONGEST_RANGE:
        raise ValueError(f"$range: more than {LONGEST_RANGE} numbers")
    return list(numbers)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _hash(data: Any, algorithm: Any) -> str:
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"$hash: the algorithm must be one of {', '.join(_ALGORITHMS)}, not {algorithm!r}")
    text = data if isinstance(data, str) else json.dumps(_as_json(data), separators=(",", ":"))
    name = re.sub(r"^(MD5|SHA-1)$|-", lambda found: (found[1] or "").replace("-", ""), algorithm)
    return hashlib.new(name.lower(), text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None) -> float:
    return random.Random(seed).random()  # noqa: S311  (no secret; a seed makes it repeatable)


def _no_eval(*_: Any) -> NoReturn:
    raise ValueError("Step Functions has no $eval: $parse reads JSON")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "eval": _no_eval,
    "hash": _unless_undefined(_hash),
    "parse": _unless_undefined(lambda text: _null(json.loads(text))),
    "partition": _unless_undefined(_partition),
    "random": _random,
    "range": _unless_undefined(_range),
    "uuid": lambda: str(uuid.uuid4()),
}
