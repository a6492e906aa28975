"""The state machines: the order of their jobs, what is retried, and how a failure ends."""

from __future__ import annotations

import json

import pytest

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.testing.plans import PROJECTS, depends_on, pipelines

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS)
# The first pipeline of each project, and one that needs no other project's.
PIPELINES = {project: next(iter(pipelines(project))) for project in PROJECTS}
ALONE = next(project for project in PROJECTS if not depends_on(project))


def job_names(domain: Domain, project: str) -> list[str]:
    return [domain.name(project, job) for job in pipelines(project)[PIPELINES[project]]]


def history(domain: Domain, execution: str) -> list[dict]:
    states = domain.endpoint.client("stepfunctions")
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


def of(events: list[dict], kind: str, details: str, field: str) -> list[str]:
    return [event[details][field] for event in events if event["type"] == kind]


def of_jobs(texts: list[str]) -> list[dict]:
    return [found for text in texts if "JobName" in (found := json.loads(text))]


def newest_run(domain: Domain, job: str) -> dict:
    return domain.endpoint.client("glue").get_job_runs(JobName=job)["JobRuns"][0]


# ─── Order ───


@pytest.fixture(scope="module")
def executions(domain: Domain, request: pytest.FixtureRequest, backend) -> dict[str, str]:
    """ARN of a finished execution of each project: those of the session's report, where there is one."""
    if Ability.LOCAL_SPARK in backend.abilities:
        report = request.getfixturevalue("report")
        return {project: execution.arn for project, execution in report.executions.items()}
    return {project: domain.run_pipeline(project, name).arn for project, name in PIPELINES.items()}


@pytest.mark.proves("sfn-sync")
@pytest.mark.parametrize("project", PROJECTS)
def test_jobs_run_in_the_order_of_glue_job_names(domain, executions, project):
    """By the history, and by the clock of the runs: none starts before the one before it has ended."""
    events = history(domain, executions[project])
    # Before them it asks whether it is its turn, and for the version in use.
    scheduled = of_jobs(of(events, "TaskScheduled", "taskScheduledEventDetails", "parameters"))
    assert [each["JobName"] for each in scheduled] == job_names(domain, project)
    runs = of_jobs(of(events, "TaskSucceeded", "taskSucceededEventDetails", "output"))
    moments = [moment for run in runs for moment in (run["StartedOn"], run["CompletedOn"])]
    assert moments == sorted(moments)
    assert events[-1]["type"] == "ExecutionSucceeded"


# ─── Retry and Failure ───


@pytest.fixture(scope="module")
def without_input(domain: Domain, executions, emptied) -> str:
    """ARN of an execution that found its first job busy, and then no input.

    The job is held by a run of its own, as someone else would; both runs fail for want of the file.
    """
    with emptied(ALONE):
        domain.endpoint.client("glue").start_job_run(JobName=job_names(domain, ALONE)[0])
        return domain.run_pipeline(ALONE, PIPELINES[ALONE]).arn


@pytest.mark.proves("sfn-retry")
def test_a_busy_job_is_tried_again(domain, without_input):
    """The first try meets Glue's limit of one run; a later one gets its run."""
    events = history(domain, without_input)
    failed = of(events, "TaskFailed", "taskFailedEventDetails", "error")
    assert failed[0] == "Glue.ConcurrentRunsExceededException"
    assert [event["type"] for event in events].count("TaskSubmitted") == 1
    assert set(failed[:-1]) == {"Glue.ConcurrentRunsExceededException"}


@pytest.mark.proves("sfn-catch")
def test_a_failing_job_ends_in_the_fail_state_with_its_cause(domain, without_input):
    states = domain.endpoint.client("stepfunctions")
    described = states.describe_execution(executionArn=without_input)
    entered = of(history(domain, without_input), "FailStateEntered", "stateEnteredEventDetails", "name")
    run = newest_run(domain, job_names(domain, ALONE)[0])
    assert entered == ["PipelineFailed"]
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(described["cause"])
    assert (cause["JobName"], cause["Id"]) == (run["JobName"], run["Id"])
    assert f"s3://{domain.bucket('raw')}/landing/{ALONE}/" in cause["ErrorMessage"]


@pytest.mark.proves("sfn-catch")
def test_no_job_runs_after_one_that_failed(domain, executions, without_input):
    first, *later = job_names(domain, ALONE)
    failed = newest_run(domain, first)
    assert failed["JobRunState"] == "FAILED"
    assert all(newest_run(domain, job)["StartedOn"] < failed["StartedOn"] for job in later)
