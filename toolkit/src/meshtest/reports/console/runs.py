"""What ran: Glue jobs with their logs, executions of state machines with each state's progress."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meshtest.reports.console.storage import Missing

LOG_LINES = 1000
ENDED_BADLY = {"FAILED": "failed", "TIMED_OUT": "failed", "ABORTED": "aborted"}
_FAILURES = ("Failed", "TimedOut", "Aborted")


@dataclass
class Step:
    """What became of a state: "running", "succeeded", "caught" (its error was handled), "failed", "aborted".

    `job` and `run` name the Glue run that it started, `attempts` counts those.
    """

    state: str
    status: str
    entered: datetime
    left: datetime | None = None
    job: str = ""
    run: str = ""
    attempts: int = 0
    error: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.left - self.entered).total_seconds() if self.left else None


@dataclass(frozen=True)
class Machine:
    """A state machine with its executions, the newest first, as the API describes them."""

    name: str
    definition: Mapping[str, Any]
    executions: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Execution:
    """An execution: as the API describes it, and its steps in order."""

    described: Mapping[str, Any]
    steps: Sequence[Step]

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return bool(self.described["status"] == "RUNNING")


# ─── Jobs ───


def jobs(glue: Any) -> list[dict[str, Any]]:
    """Every Glue job, with its newest run as "LastRun" (None if it never ran)."""
    pages = glue.get_paginator("get_jobs").paginate()
    found = sorted((job for page in pages for job in page["Jobs"]), key=lambda job: str(job["Name"]))
    return [job | {"LastRun": next(iter(job_runs(glue, job["Name"])), None)} for job in found]


def job_runs(glue: Any, job: str) -> list[dict[str, Any]]:
    """The runs of a job, the newest first.

    Raises:
        Missing: there is no such job.
    """
    try:
        glue.get_job(JobName=job)
    except glue.exceptions.EntityNotFoundException:
        raise Missing(f"There is no job {job}") from None
    return [
        run for page in glue.get_paginator("get_job_runs").paginate(JobName=job) for run in page["JobRuns"]
    ]


def job_run(glue: Any, job: str, run: str) -> dict[str, Any]:
    """One run of a job.

    Raises:
        Missing: there is no such job, or it has no such run.
    """
    found = next((each for each in job_runs(glue, job) if each["Id"] == run), None)
    if found is None:
        raise Missing(f"The job {job} has no run {run}")
    return found


def log(logs: Any, group: str, stream: str) -> list[str]:
    """The last lines of a log stream; none if nothing has been delivered yet."""
    try:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=LOG_LINES)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in events]


# ─── State Machines ───


def machines(stepfunctions: Any) -> list[Machine]:
    """Every state machine, by name."""
    pages = stepfunctions.get_paginator("list_state_machines").paginate()
    arns = sorted(machine["stateMachineArn"] for page in pages for machine in page["stateMachines"])
    return [_machine(stepfunctions, arn) for arn in arns]


def machine(stepfunctions: Any, name: str) -> Machine:
    """A state machine by its name.

    Raises:
        Missing: there is none.
    """
    found = next((each for each in machines(stepfunctions) if each.name == name), None)
    if found is None:
        raise Missing(f"There is no state machine {name}")
    return found


def _machine(stepfunctions: Any, arn: str) -> Machine:
    described = stepfunctions.describe_state_machine(stateMachineArn=arn)
    pages = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=arn)
    executions = [execution for page in pages for execution in page["executions"]]
    executions.sort(key=lambda execution: execution["startDate"], reverse=True)
    return Machine(described["name"], json.loads(described["definition"]), executions)


def execution(stepfunctions: Any, of: Machine, name: str) -> Execution:
    """An execution of a state machine by its name.

    Raises:
        Missing: there is none.
    """
    arn = next((each["executionArn"] for each in of.executions if each["name"] == name), None)
    if arn is None:
        raise Missing(f"The state machine {of.name} has no execution {name}")
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    described = stepfunctions.describe_execution(executionArn=arn)
    return Execution(described, steps(events, described["status"]))


def steps(events: Sequence[Mapping[str, Any]], status: str) -> list[Step]:
    """The states that a history entered, in order; `status` is the whole execution's.

    Events: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    """
    by_event: dict[int, Step] = {}
    found: list[Step] = []
    for event in events:
        step = _entered(event) or by_event.get(event["previousEventId"])
        if step is None:
            continue
        by_event[event["id"]] = step
        if "stateEnteredEventDetails" in event:
            found.append(step)
        _follow(step, event)
    for step in found:
        if step.status == "running" and status in ENDED_BADLY:
            step.status = ENDED_BADLY[status]
            step.left = events[-1]["timestamp"]
    return found


def _entered(event: Mapping[str, Any]) -> Step | None:
    details = event.get("stateEnteredEventDetails")
    return Step(details["name"], "running", event["timestamp"]) if details else None


def _follow(step: Step, event: Mapping[str, Any]) -> None:
    kind, details = event["type"], _details(event)
    if kind == "TaskSubmitted":
        started = json.loads(details.get("output", "{}"))
        step.job, step.run = started.get("JobName", ""), started.get("JobRunId", "")
    elif kind == "TaskScheduled":
        step.attempts += 1
        step.error = ""  # the error of an attempt that is tried again
    elif kind.endswith(_FAILURES) and not kind.startswith("Execution"):
        step.error = " ".join(filter(None, (details.get("error"), details.get("cause"))))
    elif kind.endswith("StateExited"):
        step.status = "caught" if step.error else "succeeded"
        step.left = event["timestamp"]


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})
