"""The Context object of executions (``$$``, ``$states.context``) is what AWS documents.

moto 5.2.5 lacks: times as text. Its ``Execution.StartTime`` is a datetime, with which an execution cannot be
described any more; ``State.EnteredTime`` has microseconds and an offset; ``State.RetryCount`` comes late.
Comparisons of timestamps know whole seconds alone.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.is_operator import (  # noqa: E501
    IsTimestamp,
)
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

_get_evaluation_environment = ExecutionWorker._get_evaluation_environment


def install() -> None:
    """Write and read times as AWS does."""
    worker: Any = ExecutionWorker
    worker._get_evaluation_environment = _environment
    state.__dict__["StateData"] = _state_data
    timestamp: Any = IsTimestamp
    timestamp.string_to_timestamp = staticmethod(_moment)


def _environment(self: Any) -> Any:
    environment: Any = _get_evaluation_environment(self)
    execution = environment.states.context_object.context_object_data["Execution"]
    execution["StartTime"] = _text(execution["StartTime"])
    return environment


def _state_data(EnteredTime: str, Name: str) -> dict[str, Any]:  # noqa: N803  (moto's call)
    return {"EnteredTime": _text(datetime.fromisoformat(EnteredTime)), "Name": Name, "RetryCount": 0}


def _moment(text: str) -> datetime | None:
    """Read a time by RFC 3339 as Step Functions does, with an upper-case T and a zone."""
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _text(moment: datetime) -> str:
    """Write a time as Step Functions does: 2026-11-27T16:45:19.598Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
