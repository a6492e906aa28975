"""Each change of an execution's status is an event on the account's default bus.

moto 5.2.5 lacks: that. As on AWS, events are of standard machines alone; they have error and cause, and
input and output up to 248 KB together.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import datetime
import json
from typing import Any, Final

from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

DETAIL_TYPE: Final = "Step Functions Execution Status Change"
_LIMIT: Final = 248 * 1024
_replaced: dict[str, Any] = {}


def install() -> None:
    """Tell of starts, of aborts and of all other ends."""
    execution: Any = Execution
    communication: Any = BaseExecutionWorkerCommunication
    _replaced.update(
        start=execution.start, stop=execution.stop, terminated=communication._reflect_execution_status
    )
    execution.start = _start
    execution.stop = _stop
    communication._reflect_execution_status = _terminated


def _start(self: Any) -> None:
    if str(self.sm_type) != "EXPRESS":
        _put(self, "RUNNING")  # before it can end
    _replaced["start"](self)


def _stop(self: Any, *arguments: Any, **named: Any) -> None:
    _tell_about(self, _replaced["stop"], self, *arguments, **named)


def _terminated(self: Any) -> None:
    _tell_about(self.execution, _replaced["terminated"], self)


def _tell_about(execution: Any, change: Any, *arguments: Any, **named: Any) -> None:
    """Do what may change an execution's status, and put an event if it did."""
    before = execution.exec_status
    change(*arguments, **named)
    if execution.exec_status != before and str(execution.sm_type) != "EXPRESS":
        _put(execution, execution.exec_status.value)


def _put(execution: Any, status: str) -> None:
    # Not by HTTP: the caller holds the lock of its service.
    from moto.events.models import events_backends

    from meshtest.emulator import gaps

    gaps.install("events")
    events_backends[execution.account_id][execution.region_name].put_events(
        [
            {
                "Source": "aws.states",
                "DetailType": DETAIL_TYPE,
                "Resources": [execution.exec_arn],
                "Detail": json.dumps(detail(execution, status)),
            }
        ]
    )


def detail(execution: Any, status: str) -> dict[str, Any]:
    """Return what an event says of an execution."""
    given = execution.execution_input
    output = None
    if status == "SUCCEEDED":
        output = to_json_str(execution.output, separators=(",", ":"))
    fits = len(json.dumps(given)) + len(json.dumps(output)) <= _LIMIT
    output_fits = len(json.dumps(output)) <= _LIMIT
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": given if fits else None,
        "inputDetails": {"included": fits},
        "output": output if output_fits else None,
        "outputDetails": {"included": output_fits} if output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": None,
    }


def _milliseconds(moment: datetime.datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
