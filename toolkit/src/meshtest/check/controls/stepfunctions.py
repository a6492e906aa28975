"""State machines: sound by the States Language, patient with what is only busy, loud about what fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshtest.check.controls import Seen, control
from meshtest.check.plan import PlanError, Resource, Unknown
from meshtest.check.states_language import diagnose
from meshtest.check.states_scopes import inner_scopes

_MACHINES = ("aws_sfn_state_machine",)
_BUSY = ("Glue.ConcurrentRunsExceededException", "Glue.ThrottlingException")
# Which errors the names that stand for many of them match.
_OF_MANY = ("States.ALL", "States.TaskFailed")


@dataclass(frozen=True)
class _Task:
    """A task wherever it stands; ``around`` are the states that it runs in, each with those beside it."""

    name: str
    state: dict[str, Any]
    beside: dict[str, Any]
    around: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = ()

    @property
    def resource(self) -> str:
        return str(self.state.get("Resource") or "")


def _definition(machine: Resource) -> dict[str, Any]:
    try:
        found = json.loads(machine.get("definition"))
    except (ValueError, TypeError, RecursionError):
        raise PlanError("definition is no JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("States"), dict):
        raise PlanError("definition has no States")
    return found


def _tasks(machine: Resource) -> list[_Task]:
    """Every task of a machine, those within maps and branches, too."""
    return list(_tasks_in(_definition(machine), ()))


def _tasks_in(
    scope: dict[str, Any], around: tuple[tuple[dict[str, Any], dict[str, Any]], ...]
) -> Iterator[_Task]:
    states = scope.get("States")
    states = states if isinstance(states, dict) else {}
    for name, state in states.items():
        if not isinstance(state, dict):
            continue  # sfn-definition
        if state.get("Type") == "Task":
            yield _Task(name, state, states, around)
        for inner, _ in inner_scopes(state, name):
            yield from _tasks_in(inner, (*around, (state, states)))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _names(tasks: list[str]) -> str:
    return ", ".join(tasks)


@control(
    "sfn-definition",
    "Every definition is sound: names unique and of at most 80 characters, all states reached, an end",
    "high",
    of=_MACHINES,
    improvement="P3-03",
)
def definition(machine: Resource) -> Iterator[Seen]:
    """https://states-language.net/spec.html."""
    found = [str(each) for each in diagnose(machine.get("definition"))]
    yield Seen(machine, found, [], f"mend the definition: {'; '.join(found)}")
    states = [each for each in _definition(machine)["States"].values() if isinstance(each, dict)]
    ends = any(each.get("Type") == "Succeed" or each.get("End") for each in states)
    yield Seen(machine, ends, True, "add a state that ends well: Succeed, or End")


@control("sfn-sync", "Every Glue job is waited for until it ends", "high", of=_MACHINES)
def sync(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html."""
    jobs = [
        each
        for each in _tasks(machine)
        if each.resource.lower().partition(".")[0].endswith(":glue:startjobrun")
    ]
    hasty = [each.name for each in jobs if not each.resource.endswith(":states:::glue:startJobRun.sync")]
    yield Seen(machine, hasty, [], f"use arn:aws:states:::glue:startJobRun.sync in {_names(hasty)}")


@control(
    "sfn-retry", "A task that finds its service busy is tried again, later and later", "medium", of=_MACHINES
)
def retry(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    hasty = [each.name for each in _tasks(machine) if not _is_patient(each)]
    advice = f"retry {' and '.join(_BUSY)} with a BackoffRate above 1 in {_names(hasty)}"
    yield Seen(machine, hasty, [], advice)


def _is_patient(task: _Task) -> bool:
    retries = _objects(task.state.get("Retry"))
    if ":glue:" not in task.resource:
        return any(map(_tries_again, retries))
    # The first retrier that matches an error decides on it.
    deciding = [
        next((each for each in retries if _matches(each, error)), {"MaxAttempts": 0}) for error in _BUSY
    ]
    return all(map(_tries_again, deciding))


def _matches(handler: dict[str, Any], error: str) -> bool:
    errors = handler.get("ErrorEquals")
    return isinstance(errors, list) and any(each in (error, *_OF_MANY) for each in errors)


def _tries_again(retrier: dict[str, Any]) -> bool:
    return bool(retrier.get("MaxAttempts", 3) > 0 and retrier.get("BackoffRate", 2) > 1)


@control(
    "sfn-catch", "Whatever fails in a task ends the execution as failed, with its cause", "high", of=_MACHINES
)
def catch(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    silent = [each.name for each in _tasks(machine) if not _is_heard(each)]
    yield Seen(machine, silent, [], f"catch States.ALL in {_names(silent)}, and go to a Fail with its Cause")


def _is_heard(task: _Task) -> bool:
    """Whether a failure is caught by the task or, if it has no catcher, by a state that it runs in."""
    for state, beside in ((task.state, task.beside), *reversed(task.around)):
        if catches := [each for each in _objects(state.get("Catch")) if _is_of_all(each)]:
            return len(catches) == 1 and _ends_as_failed(catches[0], beside)
    return False


def _is_of_all(handler: dict[str, Any]) -> bool:
    errors = handler.get("ErrorEquals")
    return isinstance(errors, list) and "States.ALL" in errors


def _ends_as_failed(catcher: dict[str, Any], beside: dict[str, Any]) -> bool:
    goal, caught = beside.get(str(catcher.get("Next"))), catcher.get("ResultPath", "$")
    for _ in beside:  # what tells somebody of it may come first
        if not isinstance(goal, dict) or goal.get("Type") == "Fail":
            break
        goal = beside.get(str(goal.get("Next")))
    if not isinstance(goal, dict) or goal.get("Type") != "Fail":
        return False
    return "Cause" in goal or goal.get("CausePath") == f"{caught}.Cause"


@control("sfn-timeout", "Every execution, and every task, has a time limit", "medium", of=_MACHINES)
def timeout(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/sfn-stuck-execution.html."""
    limited = bool(_definition(machine).get("TimeoutSeconds"))
    yield Seen(machine, limited, True, "set TimeoutSeconds of the state machine")
    names = ("TimeoutSeconds", "TimeoutSecondsPath")
    endless = [each.name for each in _tasks(machine) if not any(map(each.state.get, names))]
    yield Seen(machine, endless, [], f"set TimeoutSeconds in {_names(endless)}")


@control(
    "sfn-outlasts-jobs",
    "A job's state, and the execution, wait longer than the job may run",
    "high",
    of=_MACHINES,
)
def outlasts_jobs(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html."""
    jobs = {job.values.get("name"): job for job in machine.plan.resources("aws_glue_job")}
    runs: dict[str, tuple[int, int]] = {}
    for task in _tasks(machine):
        parameters = task.state.get("Parameters")
        name = parameters.get("JobName") if isinstance(parameters, dict) else None
        limit = task.state.get("TimeoutSeconds")
        if isinstance(name, str) and name in jobs and isinstance(limit, int):
            runs[task.name] = 60 * (jobs[name].get("timeout") or 0), limit
    hasty = [task for task, (job, limit) in runs.items() if limit <= job]
    yield Seen(machine, hasty, [], f"set TimeoutSeconds beyond the job's own limit in {_names(hasty)}")
    whole, least = (
        _definition(machine).get("TimeoutSeconds"),
        max((job for job, _ in runs.values()), default=0),
    )
    if isinstance(whole, int):
        found = "longer" if whole > least else f"{whole} seconds"
        yield Seen(machine, found, "longer", f"set TimeoutSeconds of the state machine beyond {least}")


@control(
    "sfn-logging",
    "Every state machine logs all events to a log group",
    "medium",
    of=_MACHINES,
    security_hub="StepFunctions.1",
    checkov="CKV_AWS_285",
)
def logging(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html."""
    level = machine.get("logging_configuration.0.level")
    advice = "log level ALL to a group under /aws/vendedlogs/ in logging_configuration: its ARN, then :*"
    yield Seen(machine, (level, _is_to_vended_logs(machine)), ("ALL", True), advice)


def _is_to_vended_logs(machine: Resource) -> bool:
    path = "logging_configuration.0.log_destination"
    if machine.is_known(path):
        goal = str(machine.get(path) or "")
        return goal.endswith(":*") and "/aws/vendedlogs/" in goal
    named = [machine.plan.resource(each.address) for each in machine.origins(path) or ()]
    groups = [each for each in named if each and each.type == "aws_cloudwatch_log_group"]
    if len(groups) != 1:
        raise Unknown(
            machine.address, f"{path} is known only after the apply, and names no group of this plan"
        )
    return str(groups[0].get("name")).startswith("/aws/vendedlogs/")


@control("sfn-tracing", "Every state machine is traced by X-Ray", "low", of=_MACHINES, checkov="CKV_AWS_284")
def tracing(machine: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html."""
    enabled = bool(machine.get("tracing_configuration.0.enabled"))
    yield Seen(machine, enabled, True, "set enabled to true in tracing_configuration")
