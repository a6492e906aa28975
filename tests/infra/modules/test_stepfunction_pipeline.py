"""stepfunction_pipeline: the definition that comes out of a list of jobs (P3-03)."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from inputs import INPUTS

from meshtest.terraform import workspace
from meshtest.testing import roles
from meshtest.testing.plans import REGION, the

GLUE_IS_BUSY = {
    "Glue.AWSGlueException",
    "Glue.ConcurrentRunsExceededException",
    "Glue.InternalServiceException",
    "Glue.OperationTimeoutException",
    "Glue.ResourceNumberLimitExceededException",
    "Glue.ThrottlingException",
}


def release_of(jobs: list[str]) -> dict:
    """Where the code of jobs of any names is."""
    scripts = {job: f"jobs/p/{job}.py" for job in jobs}
    return {"bucket": "artifacts", "package": "jobs/p/p.zip", "scripts": scripts}


def definition(plan) -> dict:
    return json.loads(the(plan, "aws_sfn_state_machine")["definition"])


def run_order(definition: dict) -> list[str]:
    """The jobs in the order in which the states follow each other."""
    jobs, name = [], definition["StartAt"]
    if name == "Settle":
        name = first_job(definition)
    while definition["States"][name]["Type"] == "Task":
        jobs.append(definition["States"][name]["Parameters"]["JobName"])
        name = definition["States"][name]["Next"]
    assert definition["States"][name] == {"Type": "Succeed"}
    return jobs


def first_job(definition: dict) -> str:
    """The state that both ways of the input lead to: with arguments at once, else by way of empty ones."""
    states = definition["States"]
    choice = states[states["ResolveVersion"]["Next"]]
    (given,) = choice["Choices"]
    assert given == {"Variable": "$.arguments", "IsPresent": True, "Next": "HasDates"}
    assert states[choice["Default"]] == {
        "Type": "Pass",
        "Result": {},
        "ResultPath": "$.arguments",
        "Next": "HasDates",
    }
    (without,) = states["HasDates"]["Choices"]
    assert without == {"Variable": "$.dates", "IsPresent": False, "Next": without["Next"]}
    return without["Next"]


@pytest.fixture(scope="module")
def pipeline(planned):
    return planned()


@pytest.fixture(scope="module")
def tasks(pipeline):
    states = definition(pipeline)["States"]
    return [state for name, state in states.items() if name.startswith("Run_")]


# ─── Order ───


@pytest.mark.proves("sfn-definition", "sfn-sync")
def test_the_jobs_run_in_their_order_and_are_waited_for(pipeline, tasks, inputs):
    assert run_order(definition(pipeline)) == inputs["stepfunction_pipeline"]["glue_job_names"]
    assert {task["Resource"] for task in tasks} == {"arn:aws:states:::glue:startJobRun.sync"}


def test_each_job_is_given_the_executions_own_input(tasks):
    assert [task["ResultPath"] for task in tasks] == [None, None]


def test_each_job_is_given_the_arguments_of_the_input_and_the_version(pipeline, tasks, inputs):
    jobs = inputs["stepfunction_pipeline"]["glue_job_names"]
    names = ["Run_01_exa_inventory_ingest_dev", "Run_02_exa_inventory_refine_dev"]
    assert [task["Parameters"] for task in tasks] == [
        {"JobName": job, "Arguments.$": f"States.JsonMerge($.arguments, $.release.{name}, false)"}
        for job, name in zip(jobs, names, strict=True)
    ]
    first_job(definition(pipeline))


def test_the_version_is_looked_up_once_at_the_start(pipeline):
    made = definition(pipeline)
    state = made["States"]["ResolveVersion"]
    assert state["Resource"] == "arn:aws:states:::aws-sdk:s3:headObject"
    assert state["Parameters"] == {"Bucket": "artifacts", "Key": "wheels/core-latest.gluewheels.zip"}
    resources = [each.get("Resource") for each in made["States"].values()]
    assert resources.count(state["Resource"]) == 1


@pytest.fixture(scope="module")
def artifacts(endpoint):
    """The version in use, as an upload leaves it."""
    s3 = endpoint.client("s3")
    workspace.make_bucket(endpoint, "artifacts")

    def use(version: str) -> None:
        s3.put_object(
            Bucket="artifacts", Key="wheels/core-latest.gluewheels.zip", Metadata={"version": version}
        )

    use("1.0.0+g1234567")
    return use


OF_VERSION = {
    "--additional-python-modules": "s3://artifacts/wheels/core-1.0.0+g1234567.gluewheels.zip",
    "--extra-py-files": "s3://artifacts/releases/1.0.0+g1234567/jobs/p/p.zip",
    "--scriptLocation": "s3://artifacts/releases/1.0.0+g1234567/jobs/p/ingest.py",
}


def executed(endpoint, machine: dict, given: dict) -> list[dict]:
    """The history of an execution that has ended."""
    client = endpoint.client("stepfunctions")
    name = f"t{uuid.uuid4().hex}"
    may = ["glue:StartJobRun", "s3:GetObject", "s3:ListBucket", "states:ListExecutions"]
    role = roles.make_role(endpoint, name, {"Action": may})
    arn = client.create_state_machine(name=name, definition=json.dumps(machine), roleArn=role)[
        "stateMachineArn"
    ]
    run = client.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    while client.describe_execution(executionArn=run)["status"] == "RUNNING":
        time.sleep(0.1)
    events: list[dict] = client.get_execution_history(executionArn=run)["events"]
    return events


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({}, {}),
        ({"arguments": {}}, {}),
        ({"arguments": {"--full_rebuild": "true"}}, {"--full_rebuild": "true"}),
        ({"source": "aws.events", "detail": {}}, {}),
    ],
    ids=["no input", "no arguments", "arguments", "an event"],
)
@pytest.mark.usefixtures("artifacts")
def test_an_execution_starts_each_job_with_them(pipeline, endpoint, given, arguments):
    """By the embedded Step Functions, up to StartJobRun: that there is no such job ends the execution."""
    events = executed(endpoint, definition(pipeline), given)
    *_, scheduled = [e["taskScheduledEventDetails"] for e in events if e["type"] == "TaskScheduled"]
    assert json.loads(scheduled["parameters"])["Arguments"] == arguments | OF_VERSION
    assert events[-1]["executionFailedEventDetails"]["error"] == "Glue.EntityNotFoundException"


# ─── Backfill ───


def test_all_jobs_run_for_one_date_after_the_other(pipeline, tasks):
    states = definition(pipeline)["States"]
    dates = states["EachDate"]
    assert (dates["MaxConcurrency"], dates["ItemsPath"]) == (1, "$.dates")
    inner = dates["ItemProcessor"]["States"]
    name, found = dates["ItemProcessor"]["StartAt"], []
    while inner[name]["Type"] == "Task":
        found.append(inner[name])
        name = inner[name]["Next"]
    assert [each["Parameters"]["JobName"] for each in found] == [
        each["Parameters"]["JobName"] for each in tasks
    ]
    # As patient as the usual ones; what fails is caught around them.
    own = ("Catch", "Next", "Parameters")
    usual = [{field: value for field, value in each.items() if field not in own} for each in tasks]
    assert [{k: v for k, v in each.items() if k not in own[1:]} for each in found] == usual
    assert dates["Catch"] == tasks[0]["Catch"]


@pytest.mark.usefixtures("artifacts")
def test_each_date_is_the_jobs_day_of_ingestion(pipeline, endpoint):
    given = {"arguments": {"--full_rebuild": "true"}, "dates": ["2026-11-01", "2026-11-02"]}
    events = executed(endpoint, definition(pipeline), given)
    *_, scheduled = [e["taskScheduledEventDetails"] for e in events if e["type"] == "TaskScheduled"]
    assert json.loads(scheduled["parameters"])["Arguments"] == OF_VERSION | {
        "--full_rebuild": "true",
        "--ingestion_date": "2026-11-01",
    }
    assert events[-1]["executionFailedEventDetails"]["error"] == "Glue.EntityNotFoundException"


def test_names_that_meet_or_repeat_or_are_long_stay_apart(planned):
    long = "exa-inventory-" + "a-very-long-name-" * 6
    jobs = ["a-b", "a_b", "a-b", f"{long}1", f"{long}2"]
    made = definition(planned(glue_job_names=jobs, release=release_of(jobs)))
    assert run_order(made) == jobs
    assert max(map(len, made["States"])) <= 80


def test_a_state_is_named_by_its_position_and_its_job(pipeline):
    assert set(definition(pipeline)["States"]) == {
        "Settle",
        "ListRunning",
        "MayRun",
        "AwaitTurn",
        "PipelineSkipped",
        "HasDates",
        "EachDate",
        "ResolveVersion",
        "HasArguments",
        "NoArguments",
        "Run_01_exa_inventory_ingest_dev",
        "Run_02_exa_inventory_refine_dev",
        "PipelineFailed",
        "PipelineSucceeded",
    }


def test_a_single_job_is_run_and_its_failure_caught(planned):
    made = definition(planned(glue_job_names=["only"], description="One job", release=release_of(["only"])))
    assert run_order(made) == ["only"]
    assert made["States"][first_job(made)]["Catch"][0]["Next"] in made["States"]
    assert made["Comment"] == "One job"


def test_an_empty_list_succeeds_at_once(planned):
    made = definition(planned(glue_job_names=[]))
    assert made["States"][made["StartAt"]] == {"Type": "Succeed"}
    assert len(made["States"]) == 1  # AWS refuses states that nothing leads to


# ─── Overlap ───
# By the embedded Step Functions, with jobs that do nothing for a while.

HELD_S = 4


@pytest.fixture(scope="module")
def start(planned, endpoint):
    """start(**inputs) → begin(input) → an execution of a pipeline of one job, which takes HELD_S seconds."""

    def machine(**inputs):
        made = definition(planned(glue_job_names=["only"], release=release_of(["only"]), **inputs))
        states = made["States"]
        states["Run_01_only"] = {"Type": "Wait", "Seconds": HELD_S, "Next": "PipelineSucceeded"}
        before = ("ResolveVersion", "HasArguments", "NoArguments", "HasDates", "EachDate")
        for name in (*before, "PipelineFailed"):
            del states[name]
        states["ListRunning"].pop("Catch")
        states["MayRun"]["Choices"][0]["Next"] = "Run_01_only"
        states["AwaitTurn"]["Seconds"] = 1
        name = f"t{uuid.uuid4().hex}"
        role = roles.make_role(endpoint, name, {"Action": ["states:ListExecutions"]})
        client = endpoint.client("stepfunctions")
        arn = client.create_state_machine(name=name, definition=json.dumps(made), roleArn=role)[
            "stateMachineArn"
        ]

        def begin(given=None) -> str:
            return client.start_execution(stateMachineArn=arn, input=json.dumps(given or {}))["executionArn"]

        return begin

    return machine


@pytest.fixture(scope="module")
def ended(endpoint):
    """ended(executions) → of each the seconds from when to when its job ran, None if it was skipped."""
    client = endpoint.client("stepfunctions")

    def of(arn: str) -> tuple[float, float] | None:
        while (described := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            time.sleep(0.2)
        assert described["status"] == "SUCCEEDED", described
        if json.loads(described["output"]) == {"skipped": True}:
            return None
        events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        times = [
            event["timestamp"].timestamp()
            for event in events
            for kind in ("stateEnteredEventDetails", "stateExitedEventDetails")
            if event.get(kind, {}).get("name") == "Run_01_only"
        ]
        first, last = times
        return first, last

    return lambda arns: [of(arn) for arn in arns]


def in_parallel(begin, inputs) -> list[str]:
    """Start executions in one moment; they come back in the order of their starts."""
    with ThreadPoolExecutor(len(inputs)) as pool:
        return list(pool.map(begin, inputs))


def require_apart(runs) -> None:
    """No run begins before the one before it has ended."""
    ordered = sorted(run for run in runs if run)
    assert [a for a, b in pairwise(ordered) if b[0] < a[1]] == []


def test_of_executions_of_one_moment_exactly_one_runs(start, ended):
    runs = ended(in_parallel(start(overlap="skip"), [{}] * 6))
    assert len([run for run in runs if run]) == 1


def test_one_is_skipped_while_another_runs_and_the_next_is_not(start, ended):
    begin = start(overlap="skip")
    first = begin()
    time.sleep(3)
    assert [bool(run) for run in ended([first, begin(), begin()])] == [True, False, False]
    assert all(ended([begin()]))


def test_executions_that_wait_run_one_after_the_other(start, ended):
    runs = ended(in_parallel(start(), [{}] * 3))
    assert all(runs)
    require_apart(runs)


FILE = {"file": {"bucket": "raw", "key": "landing/orders/a.csv"}}


def test_of_a_burst_of_files_one_execution_runs(start, ended):
    runs = ended(in_parallel(start(settle_seconds=3), [FILE] * 8))
    assert len([run for run in runs if run]) == 1


def test_files_that_land_while_one_runs_are_one_execution_more(start, ended):
    begin = start(settle_seconds=2)
    first = begin(FILE)
    time.sleep(3.5)
    runs = ended([first, *in_parallel(begin, [FILE] * 5)])
    assert len([run for run in runs if run]) == 2
    require_apart(runs)


def test_an_execution_that_no_file_started_is_not_skipped_with_them(start, ended):
    begin = start(settle_seconds=2)
    runs = ended([begin(FILE), begin({"arguments": {}})])
    assert all(runs)
    require_apart(runs)


# ─── Failure ───


@pytest.mark.proves("sfn-retry")
def test_a_busy_glue_is_tried_again_with_growing_pauses(tasks):
    for task in tasks:
        (retry,) = task["Retry"]
        assert set(retry["ErrorEquals"]) == GLUE_IS_BUSY
        assert (retry["BackoffRate"], retry["JitterStrategy"], retry["MaxAttempts"]) == (2, "FULL", 6)
        assert (retry["IntervalSeconds"], retry["MaxDelaySeconds"]) == (10, 300)


@pytest.mark.proves("sfn-catch")
def test_any_other_failure_ends_the_execution_with_the_jobs_own_error(pipeline, tasks):
    for task in tasks:
        (catch,) = task["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"]
        failed = definition(pipeline)["States"][catch["Next"]]
        assert failed == {
            "Type": "Fail",
            "CausePath": f"{catch['ResultPath']}.Cause",
            "ErrorPath": f"{catch['ResultPath']}.Error",
        }


@pytest.mark.proves("sfn-timeout")
def test_no_state_and_no_execution_waits_for_ever(pipeline, tasks):
    assert [task["TimeoutSeconds"] for task in tasks] == [7200, 7200]
    assert definition(pipeline)["TimeoutSeconds"] == 2 * 28800  # half of it for the one before


def test_one_that_waits_for_no_other_ends_earlier(planned):
    assert definition(planned(overlap="skip"))["TimeoutSeconds"] == 28800


@pytest.mark.proves("sfn-outlasts-jobs")
def test_a_job_with_a_longer_limit_is_waited_for(planned):
    """The state for an hour more than the job; the execution for all of its jobs."""
    ingest, refine = INPUTS["stepfunction_pipeline"]["glue_job_names"]
    found = definition(planned(job_timeout_minutes={ingest: 30, refine: 480}))
    tasks = [state for state in found["States"].values() if state["Type"] == "Task"]
    limits = {
        task["Parameters"]["JobName"]: task["TimeoutSeconds"]
        for task in tasks
        if "JobName" in task["Parameters"]
    }
    assert limits == {ingest: 90 * 60, refine: 540 * 60}
    assert found["TimeoutSeconds"] == 2 * 630 * 60


# ─── Observation ───


@pytest.mark.proves("sfn-logging", "sfn-tracing")
def test_executions_are_logged_whole_and_traced(pipeline):
    machine = the(pipeline, "aws_sfn_state_machine")
    (logging,) = machine["logging_configuration"]
    assert (logging["level"], logging["include_execution_data"]) == ("ALL", True)
    assert logging["log_destination"] == (
        f"arn:aws:logs:{REGION}:123456789012:log-group:/aws/vendedlogs/states/exa-inventory-daily-dev:*"
    )
    assert machine["tracing_configuration"] == [{"enabled": True}]


@pytest.mark.proves("logs-encrypted", "logs-retention")
def test_the_log_is_encrypted_and_expires(pipeline, inputs):
    group = the(pipeline, "aws_cloudwatch_log_group")
    assert group["name"] == "/aws/vendedlogs/states/exa-inventory-daily-dev"
    assert group["kms_key_id"] == inputs["stepfunction_pipeline"]["kms_key_arn"]
    assert group["retention_in_days"] == 90
