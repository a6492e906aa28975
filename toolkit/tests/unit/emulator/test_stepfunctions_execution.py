"""Executions run the definition, and their Glue tasks wait for real job runs."""

from __future__ import annotations

import datetime
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from glue_jobs import FAST_START, GlueJobs, until

from meshtest.emulator import domain_region
from meshtest.spark.runtime import S3A_REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshtest.emulator import Endpoint

RUNNING = "RUNNING"
# As the pipelines of this repository retry, only sooner.
BUSY = {
    "ErrorEquals": ["Glue.ConcurrentRunsExceededException", "Glue.ThrottlingException"],
    "BackoffRate": 2,
    "IntervalSeconds": 1,
    "JitterStrategy": "FULL",
    "MaxAttempts": 8,
    "MaxDelaySeconds": 2,
}
CATCH = {"ErrorEquals": ["States.ALL"], "Next": "Failed", "ResultPath": "$.failure"}
SLEEP = "import time; print('started'); time.sleep(60)"


class Machines:
    """State machines and their executions, beside the jobs that they run."""

    def __init__(self, client: Callable[[str], Any], prefix: str) -> None:
        self.jobs = GlueJobs(client, prefix)
        self.states = client("stepfunctions")
        self._prefix = prefix

    def create(self, *tasks: dict[str, Any], **machine: Any) -> str:
        """Make a pipeline of ``tasks`` like those of the repository and return its ARN."""
        names = [f"Run_{number:02d}" for number in range(1, len(tasks) + 1)]
        following = dict(zip(names, [*names[1:], "Succeeded"], strict=True))
        states = {name: task | {"Next": following[name]} for name, task in zip(names, tasks, strict=True)}
        ends = {
            "Failed": {"Type": "Fail", "CausePath": "$.failure.Cause", "ErrorPath": "$.failure.Error"},
            "Succeeded": {"Type": "Succeed"},
        }
        if not any("Catch" in task for task in tasks):
            del ends["Failed"]
        definition = {"StartAt": names[0], "States": states | ends} | machine
        answer = self.states.create_state_machine(
            name=f"{self._prefix}-{time.monotonic_ns()}",
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::123456789012:role/pipelines",
        )
        arn: str = answer["stateMachineArn"]
        return arn

    def start(self, machine: str, **parameters: Any) -> str:
        """Start an execution and return its ARN."""
        arn: str = self.states.start_execution(stateMachineArn=machine, **parameters)["executionArn"]
        return arn

    def describe(self, execution: str) -> dict[str, Any]:
        """Describe an execution."""
        described: dict[str, Any] = self.states.describe_execution(executionArn=execution)
        return described

    def wait(self, execution: str) -> dict[str, Any]:
        """Describe an execution once it has ended."""
        return until(lambda: self.describe(execution), lambda seen: seen["status"] != RUNNING, 90)

    def run(self, *tasks: dict[str, Any], **machine: Any) -> dict[str, Any]:
        """Run a pipeline of ``tasks`` and describe the execution once it has ended."""
        return self.wait(self.start(self.create(*tasks, **machine)))

    def events(self, execution: str) -> list[dict[str, Any]]:
        """Return the history."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def kinds(self, execution: str) -> list[str]:
        """Return the kinds of events of the history."""
        return [event["type"] for event in self.events(execution)]

    def started_run(self, job: str) -> str:
        """Return the id of the newest run of a job once it has begun to work."""
        runs = until(lambda: self.jobs.glue.get_job_runs(JobName=job)["JobRuns"], bool)
        self.jobs.wait_for_line(runs[0]["Id"], "started")
        run_id: str = runs[0]["Id"]
        return run_id


def task(job: str, **fields: Any) -> dict[str, Any]:
    """A state that runs a Glue job and waits for it."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": job},
        "ResultPath": None,
    } | fields


@pytest.fixture
def machines(endpoint: Endpoint, name: str) -> Machines:
    return Machines(endpoint.client, name)


# ─── Success ───


def test_execution_comes_to_an_end(aws: Callable[[str], Any], name: str) -> None:
    machines = Machines(aws, name)
    execution = machines.start(machines.create({"Type": "Pass", "Result": {"rows": 3}}))
    described = until(lambda: machines.describe(execution), lambda seen: seen["status"] == "SUCCEEDED", 3)
    assert json.loads(described["output"]) == {"rows": 3}


def test_jobs_run_one_after_the_other(machines: Machines) -> None:
    """The execution ends after its last job, each job gets its input, the history tells it all."""
    script = "import sys; print(sys.argv[sys.argv.index('--day') + 1])"
    names = [machines.jobs.create(script, kind) for kind in ("ingest", "refine")]
    arguments = {"Arguments": {"--day.$": "$.day"}}
    tasks = [task(job, Parameters={"JobName": job} | arguments) for job in names]
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)
    execution = machines.start(machines.create(*tasks), name="first", input='{"day": "2026-11-23"}')
    described = machines.wait(execution)
    assert described["status"] == "SUCCEEDED", described
    assert described["name"] == "first"
    assert json.loads(described["output"]) == {"day": "2026-11-23"}
    runs = [machines.jobs.glue.get_job_runs(JobName=job)["JobRuns"][0] for job in names]
    assert [machines.jobs.log_lines(run["Id"]) for run in runs] == [["2026-11-23"], ["2026-11-23"]]
    moments = [moment for run in runs for moment in (run["StartedOn"], run["CompletedOn"])]
    slack = datetime.timedelta(seconds=1)  # some answers carry whole seconds
    assert [before, *moments] == sorted([before, *moments])
    assert described["startDate"] - slack <= moments[0]
    assert moments[-1] <= described["stopDate"] + slack
    one_task = [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]
    ends = ["SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]
    assert machines.kinds(execution) == ["ExecutionStarted", *one_task, *one_task, *ends]


def test_task_output_is_the_job_run(machines: Machines) -> None:
    """Timestamps are in milliseconds, and the name of the job is there as the integration adds it."""
    job = machines.jobs.create("pass")
    described = machines.run(task(job, ResultPath="$.run", OutputPath="$.run"))
    run = json.loads(described["output"])
    assert (run["JobName"], run["JobRunState"], run["Attempt"]) == (job, "SUCCEEDED", 0)
    assert 0 <= run["CompletedOn"] - run["StartedOn"] < 60_000
    assert abs(run["StartedOn"] / 1000 - time.time()) < 60


def test_history_of_a_running_execution_shows_its_state(machines: Machines) -> None:
    """A follower sees the entered state and the started task before the job has ended."""
    job = machines.jobs.create(SLEEP)
    execution = machines.start(machines.create(task(job)))
    machines.started_run(job)
    events = machines.events(execution)
    assert [event["type"] for event in events][1:] == [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
    ]
    assert events[1]["stateEnteredEventDetails"]["name"] == "Run_01"
    assert json.loads(events[2]["taskScheduledEventDetails"]["parameters"]) == {"JobName": job}
    assert all(event["timestamp"].tzinfo for event in events)
    reverse = machines.states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=2)
    assert [event["id"] for event in reverse["events"]] == [len(events), len(events) - 1]
    rest = machines.states.get_execution_history(
        executionArn=execution, reverseOrder=True, nextToken=reverse["nextToken"]
    )
    assert [event["id"] for event in rest["events"]] == list(range(len(events) - 2, 0, -1))
    machines.states.stop_execution(executionArn=execution)


def test_executions_without_a_name_do_not_meet(machines: Machines) -> None:
    machine = machines.create({"Type": "Pass"})
    executions = [machines.start(machine) for _ in range(3)]
    assert len(set(executions)) == 3
    assert [machines.wait(execution)["status"] for execution in executions] == ["SUCCEEDED"] * 3
    listed = machines.states.list_executions(stateMachineArn=machine)["executions"]
    assert {item["executionArn"] for item in listed} == set(executions)


# ─── Failure ───


@pytest.mark.parametrize("fields", [{}, {"Catch": [CATCH]}], ids=["uncaught", "caught"])
def test_failed_job_fails_the_execution_with_the_job_run(machines: Machines, fields: dict[str, Any]) -> None:
    """Error and cause are the task's, also by way of a Fail state; the next job is not started."""
    bad = machines.jobs.create("raise ValueError('bad row')", "bad")
    later = machines.jobs.create("pass", "later")
    described = machines.run(task(bad, **fields), task(later, **fields))
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(described["cause"])
    assert (cause["JobName"], cause["JobRunState"]) == (bad, "FAILED")
    assert cause["ErrorMessage"] == "ValueError: bad row"
    assert described["stopDate"] >= described["startDate"]
    assert "TaskFailed" in machines.kinds(described["executionArn"])
    assert machines.jobs.glue.get_job_runs(JobName=later)["JobRuns"] == []


def test_unknown_job_is_named_by_glue(machines: Machines) -> None:
    described = machines.run(task("no-such-job", Retry=[BUSY]))
    assert (described["status"], described["error"]) == ("FAILED", "Glue.EntityNotFoundException")
    assert "no-such-job" in described["cause"]


def test_busy_job_is_tried_again_until_it_is_free(machines: Machines) -> None:
    """ConcurrentRunsExceededException is retried with growing, jittered, bounded waits."""
    job = machines.jobs.create("import time; print('started'); time.sleep(4)")
    machines.jobs.start(job)
    described = machines.run(task(job, Retry=[BUSY]))
    assert described["status"] == "SUCCEEDED", described
    failures = [
        event for event in machines.events(described["executionArn"]) if event["type"] == "TaskFailed"
    ]
    errors = {event["taskFailedEventDetails"]["error"] for event in failures}
    assert errors == {"Glue.ConcurrentRunsExceededException"}
    assert len(machines.jobs.glue.get_job_runs(JobName=job)["JobRuns"]) == 2


def test_retries_come_to_an_end(machines: Machines) -> None:
    """MaxAttempts counts the retries; the last error is the execution's."""
    job = machines.jobs.create("raise OSError('disk')")
    retry = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1.0}
    described = machines.run(task(job, Retry=[retry]))
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    first, second = reversed(machines.jobs.glue.get_job_runs(JobName=job)["JobRuns"])
    assert second["StartedOn"] - first["CompletedOn"] >= datetime.timedelta(seconds=0.9)
    assert second["Attempt"] == 0


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
@pytest.mark.parametrize("errors", ["States.TaskFailed", "States.ALL"])
def test_job_that_fails_within_is_caught_there_and_outside(
    machines: Machines, kind: str, errors: str
) -> None:
    """The state around a failed job has the job's error, which its own Retry and Catch name."""
    bad = machines.jobs.create("raise ValueError('bad row')", "bad")
    inner = {"StartAt": "I", "States": {"I": task(bad) | {"End": True}}}
    around: dict[str, Any] = {"Type": kind, "ResultPath": None}
    around |= {"Branches": [inner]} if kind == "Parallel" else {"ItemsPath": "$.l", "ItemProcessor": inner}
    retry = {"ErrorEquals": [errors], "IntervalSeconds": 1, "MaxAttempts": 1}
    other = CATCH | {"ErrorEquals": ["Other"]}
    catch = {"ErrorEquals": [errors], "Next": "Succeeded", "ResultPath": "$.failure"}
    machine = machines.create(around | {"Retry": [retry], "Catch": [other, catch]})
    described = machines.wait(machines.start(machine, input='{"l": [1]}'))
    assert described["status"] == "SUCCEEDED", described
    failure = json.loads(described["output"])["failure"]
    assert failure["Error"] == "States.TaskFailed"
    assert json.loads(failure["Cause"])["ErrorMessage"] == "ValueError: bad row"
    assert len(machines.jobs.glue.get_job_runs(JobName=bad)["JobRuns"]) == 2
    # Within, too; and uncaught it is the execution's error.
    inner["States"]["I"] |= {"Catch": [{"ErrorEquals": [errors], "Next": "J"}]}
    inner["States"]["J"] = {"Type": "Pass", "Result": "caught", "End": True}
    described = machines.wait(
        machines.start(machines.create(around | {"ResultPath": "$"}), input='{"l": [1]}')
    )
    assert json.loads(described["output"]) == ["caught"]
    del inner["States"]["J"], inner["States"]["I"]["Catch"]
    described = machines.wait(machines.start(machines.create(around), input='{"l": [1]}'))
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")


def test_timeout_within_is_no_failed_task(machines: Machines) -> None:
    """States.TaskFailed stands for every error but States.Timeout, also of a branch."""
    job = machines.jobs.create(SLEEP)
    inner = {"StartAt": "I", "States": {"I": task(job, TimeoutSeconds=1) | {"End": True}}}
    catches = [
        {"ErrorEquals": ["States.TaskFailed"], "Next": "Failed", "ResultPath": "$.failure"},
        {"ErrorEquals": ["States.Timeout"], "Next": "Succeeded"},
    ]
    described = machines.run({"Type": "Parallel", "Branches": [inner], "Catch": catches})
    assert described["status"] == "SUCCEEDED", described


# ─── Ends from Outside ───


def test_job_stopped_by_hand_fails_the_task(machines: Machines) -> None:
    job = machines.jobs.create(SLEEP)
    execution = machines.start(machines.create(task(job)))
    machines.jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[machines.started_run(job)])
    described = machines.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(described["cause"])["JobRunState"] == "STOPPED"


def test_stopped_execution_is_aborted_and_its_job_too(machines: Machines) -> None:
    """ABORTED at once, with error, cause and stop date; the job run follows."""
    job = machines.jobs.create(SLEEP)
    execution = machines.start(machines.create(task(job, Retry=[BUSY], Catch=[CATCH])))
    run_id = machines.started_run(job)
    answer = machines.states.stop_execution(executionArn=execution, error="Operator", cause="wrong input")
    described = machines.describe(execution)
    assert (described["status"], described["error"], described["cause"]) == (
        "ABORTED",
        "Operator",
        "wrong input",
    )
    assert described["stopDate"] == answer["stopDate"]
    assert machines.jobs.wait(job, run_id)["JobRunState"] == "STOPPED"
    kinds = until(lambda: machines.kinds(execution), lambda seen: seen[-1] == "ExecutionAborted", 5)
    assert not {"TaskSucceeded", "TaskFailed"} & set(kinds)
    again = machines.states.stop_execution(executionArn=execution, error="Late")
    assert again["stopDate"] == answer["stopDate"]
    assert machines.describe(execution)["error"] == "Operator"


def test_stop_ends_a_wait_before_a_retry_and_an_execution_that_has_just_started(machines: Machines) -> None:
    job = machines.jobs.create("raise OSError('disk')")
    long = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "MaxAttempts": 3}
    machine = machines.create(task(job, Retry=[long]))
    executions = [machines.start(machine) for _ in range(5)]
    for new in executions[1:]:
        machines.states.stop_execution(executionArn=new)
    until(lambda: machines.kinds(executions[0]), lambda seen: seen[-1] == "TaskFailed")
    machines.states.stop_execution(executionArn=executions[0])
    for execution in executions:
        seen = until(lambda e=execution: machines.kinds(e), lambda seen: seen[-1].startswith("Execution"), 5)
        assert seen[-1] == "ExecutionAborted"
        assert machines.describe(execution)["status"] == "ABORTED"


def test_task_over_its_timeout_fails_with_states_timeout(machines: Machines) -> None:
    """The job run of a task that is given up is stopped, so that a retry would find the job free."""
    job = machines.jobs.create(SLEEP)
    described = machines.run(task(job, TimeoutSeconds=3, Catch=[CATCH]))
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
    (run,) = machines.jobs.glue.get_job_runs(JobName=job)["JobRuns"]
    assert machines.jobs.wait(job, run["Id"])["JobRunState"] == "STOPPED"
    kinds = machines.kinds(described["executionArn"])
    assert "TaskTimedOut" in kinds
    assert "TaskSucceeded" not in kinds


def test_execution_over_its_timeout_is_timed_out(machines: Machines) -> None:
    job = machines.jobs.create(SLEEP)
    described = machines.run(task(job), TimeoutSeconds=3)
    assert described["status"] == "TIMED_OUT"
    assert described["stopDate"] - described["startDate"] >= datetime.timedelta(seconds=2)
    assert machines.kinds(described["executionArn"])[-1] == "ExecutionTimedOut"
    listed = machines.states.list_executions(stateMachineArn=described["stateMachineArn"])["executions"]
    assert listed[0]["stopDate"] == described["stopDate"]
    (run,) = machines.jobs.glue.get_job_runs(JobName=job)["JobRuns"]
    assert machines.jobs.wait(job, run["Id"])["JobRunState"] == "STOPPED"


# ─── Spark ───


def test_spark_killed_half_way_leaves_the_table_as_it_was(machines: Machines) -> None:
    """kill -9 of Spark's JVM: run and execution fail, the table is as it was, running again completes."""
    jobs = machines.jobs
    database = f"{jobs.prefix}_refined"
    jobs.glue.create_database(DatabaseInput={"Name": database})
    script = """
        import sys, time
        from pyspark import SparkContext
        from pyspark.sql import SparkSession, functions as f
        table, marker = (sys.argv[sys.argv.index(name) + 1] for name in ("--table", "--marker"))
        spark = SparkSession.builder.getOrCreate()
        if not spark.catalog.tableExists(table):
            spark.range(5).writeTo(table).using("iceberg").create()

        def wait(number):
            if is_first and number > 105:
                print("working", file=sys.stderr, flush=True)
                time.sleep(120)
            return number

        path = spark._jvm.org.apache.hadoop.fs.Path(marker)
        is_first = path.getFileSystem(spark._jsc.hadoopConfiguration()).createNewFile(path)
        print("rows before", spark.table(table).count())
        print("started", SparkContext._gateway.proc.pid)
        spark.range(100, 110).select(f.udf(wait, "long")("id").alias("id")).writeTo(table).append()
        print("rows after", spark.table(table).count())
    """
    conf = (
        f"spark.driver.extraJavaOptions={FAST_START} --conf {S3A_REGION}={domain_region()}"
        " --conf spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        " --conf spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog"
        f" --conf spark.sql.catalog.glue_catalog.warehouse=s3://{jobs.bucket}/warehouse"
        " --conf spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog"
        " --conf spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO"
    )
    arguments = {
        "--conf": conf,
        "--datalake-formats": "iceberg",
        "--table": f"glue_catalog.{database}.rates",
        "--marker": f"s3://{jobs.bucket}/marker",
    }
    job = jobs.create(script, DefaultArguments=arguments)
    machine = machines.create(task(job, Retry=[BUSY], Catch=[CATCH]))

    execution = machines.start(machine)
    run_id = until(lambda: jobs.glue.get_job_runs(JobName=job)["JobRuns"], bool)[0]["Id"]
    jvm = int(jobs.wait_for_line(run_id, "started "))
    until(lambda: jobs.log_lines(run_id, "error"), lambda lines: "working" in lines)
    before = jobs.glue.get_table(DatabaseName=database, Name="rates")["Table"]["Parameters"]
    os.kill(jvm, signal.SIGKILL)

    described = machines.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    message = json.loads(described["cause"])["ErrorMessage"]
    assert message.endswith("(Spark's JVM was killed by SIGKILL)"), message
    assert jobs.run_of(job, run_id)["JobRunState"] == "FAILED"
    assert jobs.glue.get_table(DatabaseName=database, Name="rates")["Table"]["Parameters"] == before

    assert machines.wait(machines.start(machine))["status"] == "SUCCEEDED"
    newest = jobs.glue.get_job_runs(JobName=job)["JobRuns"][0]
    lines = jobs.log_lines(newest["Id"])
    assert [line for line in lines if line.startswith("rows")] == ["rows before 5", "rows after 15"]
