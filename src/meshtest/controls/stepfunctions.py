"""State machines: sound by the States Language, patient with what is only busy, loud about what fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from meshtest.controls import Seen, control
from meshtest.plan import Plan, Resource
from meshtest.states_language import diagnose

_BUSY = {"Glue.ConcurrentRunsExceededException", "Glue.ThrottlingException"}


def _machines(plan: Plan) -> list[Resource]:
    return plan.resources("aws_sfn_state_machine")


def _states(machine: Resource) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(machine.get("definition")).get("States", {})
    return found


def _tasks(machine: Resource) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in _states(machine).items() if state.get("Type") == "Task"}


@control(
    "sfn-definition",
    "Every definition is sound: names unique and of at most 80 characters, all states reached, an end",
    "high",
    improvement="P3-03",
)
def definition(plan: Plan) -> Iterator[Seen]:
    """https://states-language.net/spec.html."""
    for machine in _machines(plan):
        yield Seen(machine, [str(each) for each in diagnose(machine.get("definition"))], [])
        states = _states(machine).values()
        yield Seen(machine, any(each.get("Type") == "Succeed" or each.get("End") for each in states), True)


@control("sfn-sync", "Every Glue job is waited for until it ends", "high")
def sync(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html."""
    for machine in _machines(plan):
        jobs = {
            name: each for name, each in _tasks(machine).items() if ":glue:startJobRun" in each["Resource"]
        }
        hasty = [name for name, each in jobs.items() if not each["Resource"].endswith(".sync")]
        yield Seen(machine, hasty, [])


@control("sfn-retry", "A task that finds its service busy is tried again, later and later", "medium")
def retry(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    for machine in _machines(plan):
        hasty = [name for name, task in _tasks(machine).items() if not _is_patient(task)]
        yield Seen(machine, hasty, [])


def _is_patient(task: dict[str, Any]) -> bool:
    retries = [
        each
        for each in task.get("Retry", [])
        if each.get("MaxAttempts", 3) > 0 and each.get("BackoffRate", 2) > 1
    ]
    return {error for each in retries for error in each["ErrorEquals"]} >= _BUSY


@control("sfn-catch", "Whatever fails in a task ends the execution as failed, with its cause", "high")
def catch(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    for machine in _machines(plan):
        states = _states(machine)
        silent = [name for name, task in _tasks(machine).items() if not _ends_as_failed(task, states)]
        yield Seen(machine, silent, [])


def _ends_as_failed(task: dict[str, Any], states: dict[str, Any]) -> bool:
    catches = [each for each in task.get("Catch", []) if "States.ALL" in each["ErrorEquals"]]
    if len(catches) != 1:
        return False
    goal, caught = states.get(catches[0]["Next"], {}), catches[0].get("ResultPath", "$")
    tells = "Cause" in goal or goal.get("CausePath") == f"{caught}.Cause"
    return goal.get("Type") == "Fail" and tells


@control("sfn-timeout", "Every execution, and every task, has a time limit", "medium")
def timeout(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/sfn-stuck-execution.html."""
    for machine in _machines(plan):
        yield Seen(machine, "TimeoutSeconds" in json.loads(machine.get("definition")), True)
        endless = [name for name, task in _tasks(machine).items() if not task.get("TimeoutSeconds")]
        yield Seen(machine, endless, [])


@control("sfn-outlasts-jobs", "A job's state and its execution wait longer than the job may run", "high")
def outlasts_jobs(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html."""
    limits = {job.get("name"): 60 * (job.get("timeout") or 0) for job in plan.resources("aws_glue_job")}
    for machine in _machines(plan):
        runs = {
            name: limits.get(str(task.get("Parameters", {}).get("JobName")), 0)
            for name, task in _tasks(machine).items()
        }
        hasty = [
            name for name, task in _tasks(machine).items() if task.get("TimeoutSeconds", 0) <= runs[name]
        ]
        yield Seen(machine, hasty, [])
        whole = json.loads(machine.get("definition")).get("TimeoutSeconds", 0)
        yield Seen(machine, "longer" if whole > sum(runs.values()) else f"{whole} seconds", "longer")


@control(
    "sfn-logging",
    "Every state machine logs all events to a log group",
    "medium",
    security_hub="StepFunctions.1",
    checkov="CKV_AWS_285",
)
def logging(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html."""
    for machine in _machines(plan):
        goal = str(machine.get("logging_configuration.0.log_destination") or "")
        found = (
            machine.get("logging_configuration.0.level"),
            goal.rpartition(":")[2],
            "/aws/vendedlogs/" in goal,
        )
        yield Seen(machine, found, ("ALL", "*", True))


@control("sfn-tracing", "Every state machine is traced by X-Ray", "low", checkov="CKV_AWS_284")
def tracing(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html."""
    for machine in _machines(plan):
        yield Seen(machine, bool(machine.get("tracing_configuration.0.enabled")), True)
