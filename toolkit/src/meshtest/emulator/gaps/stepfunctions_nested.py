"""Tasks start state machines, and with ``.sync`` wait for their executions.

moto 5.2.5 lacks: the names of parameters and results as the service has them (``stateMachineArn``, where a
task writes ``StateMachineArn``), and the end of ``.sync`` and ``.sync:2``.

As on AWS, ``.sync:2`` gives input and output as JSON, ``.sync`` as text; a child that does not succeed is
States.TaskFailed with the execution as its cause; a task that is given up stops its child.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)

from meshtest.emulator.gaps.stepfunctions_execution import (
    POLL_S,
    GivenUp,
    add_submitted_event,
    as_json,
    client_of,
    task_failed,
)

_RUNNING: Final = "RUNNING"
_AS_TEXT: Final = ("Input", "Output")


def install() -> None:
    """Name members as the service does, and wait for the executions of ``.sync`` tasks."""
    service: Any = StateTaskService
    service._normalise_parameters = _to_members
    service._normalise_response = _from_members
    nested: Any = StateTaskServiceSfn
    nested._after_eval_execution = _after_nested_task


def _to_members(self: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    """Write the parameters of a call to Step Functions as it has them; other services' fit as they are."""
    if self._get_boto_service_name() != "stepfunctions":
        return
    for name in list(parameters):
        parameters[name[:1].lower() + name[1:]] = parameters.pop(name)
    if "input" in parameters and not isinstance(parameters["input"], str):
        parameters["input"] = json.dumps(parameters["input"], separators=(",", ":"))


def _from_members(self: Any, response: Any, *_: Any, **__: Any) -> None:
    """Write the result of such a call as tasks have it, with times in milliseconds."""
    if self._get_boto_service_name() != "stepfunctions" or not isinstance(response, dict):
        return
    for name in list(response):
        value = response.pop(name)
        if isinstance(value, dict):  # outputDetails and the like
            _from_members(self, value)
        response[name[:1].upper() + name[1:]] = as_json(value)


def _after_nested_task(
    self: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    """Wait for the execution that StartExecution has left on the stack, if the task is ``.sync``."""
    after: Any = StateTaskServiceCallback._after_eval_execution
    if self.resource.condition in {ResourceCondition.Sync, ResourceCondition.Sync2}:
        submitted = env.stack.pop()
        add_submitted_event(self, env, submitted)
        client = client_of(resource_runtime_part.region, "stepfunctions", state_credentials)
        env.stack.append(_await_execution(self, env, client, submitted["ExecutionArn"]))
        after = StateTaskService._after_eval_execution
    after(self, env, resource_runtime_part, normalised_parameters, state_credentials)


def _await_execution(task: Any, env: Any, client: Any, execution: str) -> dict[str, Any]:
    """Return the execution once it has succeeded; stop it when the task is given up.

    Raises:
        FailureEventException: it has not succeeded.
        GivenUp: the task was aborted or timed out, of which the history tells already.

    """
    while True:
        described = client.describe_execution(executionArn=execution)
        if described["status"] != _RUNNING:
            break
        if not env.is_running():
            client.stop_execution(executionArn=execution)
            raise GivenUp
        time.sleep(POLL_S)
    described.pop("ResponseMetadata")
    _from_members(task, described)
    if task.resource.condition == ResourceCondition.Sync2:
        described |= {name: json.loads(described[name]) for name in _AS_TEXT if name in described}
    if described["Status"] != "SUCCEEDED":
        raise task_failed(task, env, described)
    result: dict[str, Any] = described
    return result
