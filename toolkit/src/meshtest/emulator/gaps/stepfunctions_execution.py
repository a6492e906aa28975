"""Step Functions executions really run, and a Glue task with ``.sync`` waits for its job run.

moto 5.2.5 has an interpreter of the Amazon States Language, off by default. It lacks:

- Glue ``.sync`` tasks: they end in ``'NoneType' object has no attribute 'interrupt_all'``, datetimes in
  their output do not serialise, a STOPPED job run counts as success, and a task that is aborted or timed
  out reports success and leaves its job run going;
- clients of the tasks that find a server on another port than 5000, and by HTTPS;
- the role of a state machine: tasks call with anybody's credentials;
- a name for executions that were started without one;
- StopExecution: error, cause and stopDate are lost, the status changes only when the task has noticed, an
  execution that has just started ignores it, and a Retry sleeps on;
- errors of the service's own (States.TaskFailed) that a Fail state reports again, or that end an item of a
  Map or a branch of a Parallel;
- States.NoChoiceMatched, of a Choice whose rules do not fit;
- stopDate of executions that timed out;
- output that is JSON also if it is a text or null;
- reverseOrder and pages of GetExecutionHistory.
"""

from __future__ import annotations

import datetime
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import (
    ExecutionFailedEventDetails,
    ExecutionStatus,
    HistoryEventExecutionDataDetails,
    HistoryEventType,
    TaskFailedEventDetails,
    TaskSubmittedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_glue import (
    StateTaskServiceGlue,
)
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from meshtest.emulator import sessions
from meshtest.emulator.glue_runner.job_run import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S: Final = 0.25
_HISTORY_PAGE: Final = 1000  # the most that AWS gives at once
_NO_BRANCH: Final = "No branching option reached in state %s"
SERVICE: Final = "states.amazonaws.com"
NOT_TRUSTED: Final = (
    f"Neither the global service principal {SERVICE}, nor the regional one is authorized to assume the "
    "provided role."
)
_START_GRACE_S: Final = 5.0
_LAST_EVENT_GRACE_S: Final = 2.0
_EXECUTION_ENDED: Final = frozenset(
    {
        HistoryEventType.ExecutionAborted,
        HistoryEventType.ExecutionFailed,
        HistoryEventType.ExecutionSucceeded,
        HistoryEventType.ExecutionTimedOut,
    }
)


def install() -> None:
    """Turn moto's interpreter on and patch it."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    _replace_clients()
    _replace_error_names()
    _patch(StateTaskServiceGlue, _after_eval_execution=_after_glue_task)
    _patch(StateChoice, _eval_state=_choose)
    _patch(ExecutionState, _evaluate_with_timeout=_evaluate_unless_stopped)
    _patch(RetrierDecl, _eval_body=_retry)
    _patch(Execution, stop=_stop, _get_start_aws_execution_details=_details_with_machine)
    _patch(ExecutionWorker, stop=_stop_worker)
    _patch(BaseExecutionWorkerCommunication, _reflect_execution_status=_unless_ended)
    _patch(StepFunctionsParserBackend, start_execution=_with_name)
    _patch(
        StepFunctionResponse,
        describe_execution=_with_output_and_stop_date,
        get_execution_history=_history_page,
        list_executions=_with_stop_date_of_each,
        stop_execution=_stop_execution,
    )


def _patch(owner: Any, **functions: Callable[..., Any]) -> None:
    """Replace methods; the original stays reachable as ``replaced[function]``."""
    for name, function in functions.items():
        _replaced.setdefault(function, getattr(owner, name))
        setattr(owner, name, function)


_replaced: dict[Callable[..., Any], Callable[..., Any]] = {}


# ─── Clients ───


def _replace_clients() -> None:
    """Give all kinds of tasks clients of this emulator: moto's modules hold the function by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.parser") and hasattr(module, "boto_client_for"):
            module.__dict__["boto_client_for"] = client_of


class MachineRole(str):
    """The ARN of a state machine's role, with the machine: the role may trust it for this one alone."""

    machine = ""


def _details_with_machine(self: Any) -> AWSExecutionDetails:
    role = MachineRole(self.role_arn)
    role.machine = ":".join(self.state_machine.arn.split(":")[:7])  # without a version
    return AWSExecutionDetails(self.account_id, self.region_name, role)


def client_of(region: str, service: str, state_credentials: Any) -> Any:
    """Return a client of this emulator for a task, with a session of the state machine's role.

    Raises:
        ClientError: the role does not let Step Functions assume it for this machine.

    """
    from meshtest.emulator import server

    role, endpoint = state_credentials.role_arn, server.current_endpoint()
    machine = getattr(role, "machine", "")
    try:
        acting = sessions.kept(endpoint, role, SERVICE, machine.rpartition(":")[2], machine)
    except sessions.NotTrusted as error:
        told = {"Error": {"Code": "AccessDeniedException", "Message": NOT_TRUSTED}}
        raise ClientError(told, "AssumeRole") from error  # type: ignore[arg-type]
    # The service itself has to name what is wrong with a request, as it does on AWS.
    config = Config(parameter_validation=False, retries={"max_attempts": 0})
    return acting.client(service, region_name=region, config=config)


# ─── Names of Errors ───


def _replace_error_names() -> None:
    """Let a state pass on any error, also one of the service's own that no definition may invent.

    A Fail state reports a caught error again; Map and Parallel report that of an item or a branch.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.parser.asl.component.state") and hasattr(
            module, "CustomErrorName"
        ):
            module.__dict__["CustomErrorName"] = _error_name


def _error_name(error_name: str | None) -> ErrorName:
    try:
        return StatesErrorName.from_name(error_name or "")
    except ValueError:
        return ErrorName(error_name)


def _choose(self: Any, env: Any) -> None:
    """Evaluate a choice; that no rule fits has an error of its own, where moto fails by itself."""
    try:
        _replaced[_choose](self, env)
    except RuntimeError as error:
        if error.args[:1] != (_NO_BRANCH,):
            raise
        name = StatesErrorNameType.StatesNoChoiceMatched
        details = ExecutionFailedEventDetails(
            error=name.to_name(), cause=f"No rule of the state '{self.name}' fits, and it has no Default."
        )
        raise FailureEventException(
            FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=name),
                event_type=HistoryEventType.ExecutionFailed,
                event_details=event_details(executionFailedEventDetails=details),
            )
        ) from error


# ─── Glue Tasks ───


class GivenUp(Exception):
    """Ends the thread of a task that nobody waits for any more."""


def _after_glue_task(
    self: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    """Wait for the job run that StartJobRun has left on the stack, if the task is ``.sync``."""
    if self._is_integration_pattern():
        submitted = env.stack.pop()
        add_submitted_event(self, env, submitted)
        client = client_of(resource_runtime_part.region, "glue", state_credentials)
        env.stack.append(_await_job_run(self, env, client, submitted))
    StateTaskService._after_eval_execution(
        self, env, resource_runtime_part, normalised_parameters, state_credentials
    )


def add_submitted_event(task: Any, env: Any, submitted: dict[str, Any]) -> None:
    """Tell in the history what a ``.sync`` task has started."""
    details = TaskSubmittedEventDetails(
        resource=task._get_sfn_resource(),
        resourceType=task._get_sfn_resource_type(),
        output=to_json_str(submitted),
        outputDetails=HistoryEventExecutionDataDetails(truncated=False),
    )
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.TaskSubmitted,
        event_details=event_details(taskSubmittedEventDetails=details),
    )


def _await_job_run(task: Any, env: Any, client: Any, submitted: dict[str, Any]) -> dict[str, Any]:
    """Return the job run once it has succeeded; stop it when the task is given up.

    Raises:
        FailureEventException: it has not succeeded.
        GivenUp: the task was aborted or timed out, of which the history tells already.

    """
    job_name, run_id = submitted["JobName"], submitted["JobRunId"]
    while True:
        run: dict[str, Any] = as_json(client.get_job_run(JobName=job_name, RunId=run_id)["JobRun"]) | {
            "JobName": job_name
        }
        if run["JobRunState"] == "SUCCEEDED":
            return run
        if run["JobRunState"] in ENDED:
            raise task_failed(task, env, run)
        if not env.is_running():
            client.batch_stop_job_run(JobName=job_name, JobRunIds=[run_id])
            raise GivenUp
        time.sleep(POLL_S)


def as_json(value: Any) -> Any:
    """Write timestamps as Step Functions does in the output of its integrations: in milliseconds."""
    if isinstance(value, dict):
        return {key: as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_json(part) for part in value]
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    return value


def task_failed(task: Any, env: Any, run: dict[str, Any]) -> FailureEventException:
    """Return the failure of a ``.sync`` task, with what it has started as the cause."""
    name = StatesErrorNameType.StatesTaskFailed
    details = TaskFailedEventDetails(
        resource=task._get_sfn_resource(),
        resourceType=task._get_sfn_resource_type(),
        error=name.to_name(),
        cause=to_json_str(run, separators=(",", ":")),
    )
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.TaskFailed,
            event_details=event_details(taskFailedEventDetails=details),
        )
    )


def event_details(**details: Any) -> Any:
    """Return the details of one event; moto's type of them wants all kinds at once."""
    return details


def _retry(self: Any, env: Any) -> None:
    """Evaluate one retrier, as moto does, with a wait that ends when the execution does."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
        part.eval(env=env)
    deadline = time.monotonic() + env.stack.pop()
    while env.is_running() and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, POLL_S))
    env.stack.append(RetrierOutcome.Executed)


# ─── Start, Stop and End ───


def _with_name(
    self: Any, state_machine_arn: str, name: str | None = None, *arguments: Any, **named: Any
) -> Any:
    return _replaced[_with_name](self, state_machine_arn, name or str(uuid.uuid4()), *arguments, **named)


def _stop(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
    """Abort a running execution at once; one that has ended stays as it is."""
    if self.exec_status != ExecutionStatus.RUNNING:
        return
    self.stop_date, self.error, self.cause = stop_date, error, cause
    self.exec_status = ExecutionStatus.ABORTED
    self.exec_worker.stop(stop_date=stop_date, error=error, cause=cause)


def _evaluate_unless_stopped(self: Any, env: Any) -> None:
    """Evaluate a state; what fails because the execution has ended is no failure of the state."""
    try:
        _replaced[_evaluate_unless_stopped](self, env)
    except Exception:
        if env.is_running():
            raise


def _stop_worker(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
    """Stop the interpreter, also if its thread has not come to the first state yet."""
    deadline = time.monotonic() + _START_GRACE_S
    while (self.env is None or self.env.program_state() is None) and time.monotonic() < deadline:
        time.sleep(0.01)
    if self.env is not None:
        self.env.set_stop(stop_date=stop_date, cause=cause, error=error)


def _unless_ended(self: Any) -> None:
    """Take over the interpreter's final state when the history is complete, but not over an abort."""
    manager = self.execution.exec_worker.env.event_manager
    deadline = time.monotonic() + _LAST_EVENT_GRACE_S
    while time.monotonic() < deadline and not _has_ended(manager.get_event_history()):
        time.sleep(0.02)
    if self.execution.exec_status == ExecutionStatus.RUNNING:
        _replaced[_unless_ended](self)


def _has_ended(history: list[Any]) -> bool:
    return bool(history) and history[-1]["type"] in _EXECUTION_ENDED


# ─── Answers ───


def _stop_execution(self: Any) -> ActionResult:
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    now = datetime.datetime.now(datetime.UTC)
    execution.stop(stop_date=now, error=self._get_param("error"), cause=self._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def _with_output_and_stop_date(self: Any) -> ActionResult:
    answer: Any = _replaced[_with_output_and_stop_date](self).result
    if answer["status"] == ExecutionStatus.SUCCEEDED:
        execution = self.stepfunction_backend.describe_execution(answer["executionArn"])
        answer |= {"output": to_json_str(execution.output, separators=(",", ":"))}
    return ActionResult(_with_stop_date(self, answer))


def _with_stop_date_of_each(self: Any) -> ActionResult:
    answer: Any = _replaced[_with_stop_date_of_each](self).result
    return ActionResult(
        answer | {"executions": [_with_stop_date(self, item) for item in answer["executions"]]}
    )


def _with_stop_date(response: Any, described: dict[str, Any]) -> dict[str, Any]:
    execution = response.stepfunction_backend.describe_execution(described["executionArn"])
    return described | ({"stopDate": execution.stop_date} if execution.stop_date else {})


def _history_page(self: Any) -> ActionResult:
    answer: Any = _replaced[_history_page](self).result
    events = list(reversed(answer["events"])) if self._get_param("reverseOrder") else answer["events"]
    start = int(self._get_param("nextToken") or 0)
    end = start + (self._get_param("maxResults") or _HISTORY_PAGE)
    page = {"events": events[start:end]}
    return ActionResult(page | ({"nextToken": str(end)} if end < len(events) else {}))
