"""The euro reference rates: what becomes of the ECB's file, of one that is wrong, and of a run that dies."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from meshtest.domain.backends import Ability
from meshtest.domain.domain import SAMPLES, Domain

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS, Ability.LOCAL_SPARK)


@pytest.fixture
def landing(report, emptied):
    """put(name, content) into the landing zone, which is empty."""
    with emptied("project01") as put:
        yield put


def ecb_lines() -> list[list[str]]:
    """The ECB file's rows, header first, each without the empty column behind its last comma."""
    with zipfile.ZipFile(SAMPLES / "project01" / "eurofxref-hist.zip") as archive:
        text = archive.read("eurofxref-hist.csv").decode()
    return [line[:-1] for line in csv.reader(io.StringIO(text))]


def rows(report, label: str) -> int:
    return report.tables[label]["rows"]


# ─── The result agrees with the input ───


def test_every_cell_of_the_ecb_file_is_a_rate_a_gap_or_a_reject(report):
    cells = Counter(cell == "N/A" for line in ecb_lines()[1:] for cell in line[1:])
    assert rows(report, "raw.ecb_rates") == len(ecb_lines()) - 1
    assert rows(report, "refined.ecb_rates") + rows(report, "refined.ecb_rates_rejected") == cells[False]
    assert rows(report, "refined.ecb_rates_gaps") == cells[True]


def test_the_newest_month_is_that_of_the_file(report):
    month = ecb_lines()[1][0][:7]
    assert report.tables["curated.ecb_rates_monthly"]["sample"][0]["month"] == f"{month}-01"


# ─── Input that is not there, or not as agreed ───


def failure(domain: Domain) -> str:
    """Run project01's pipeline, which must fail, and return the error message of its job run."""
    execution = domain.run_pipeline("project01", "rates")
    assert execution.status == "FAILED"
    runs = domain.endpoint.client("glue").get_job_runs(
        JobName=f"{domain.abbreviation}-project01-ingest-rates-{domain.env}"
    )["JobRuns"]
    message = runs[0]["ErrorMessage"]
    assert message in json.loads(execution.cause)["ErrorMessage"]
    return message


def test_a_missing_input_file_is_named(domain, landing):
    assert f"s3://{domain.bucket('raw')}/landing/project01/" in failure(domain)


def test_a_wrong_column_is_named(domain, landing):
    landing("rates.csv", b"Datum,USD\n2026-10-30,1.1\n")
    message = failure(domain)
    assert "rates.csv" in message
    assert "Date" in message
    assert "\n" not in message


def test_a_failed_run_leaves_the_tables_as_they_were(domain, report, landing):
    """And the next run with good input completes, as the fixtures of the other tests show."""
    failure(domain)
    tables = domain.read_tables(project="project01")
    for label in ("refined.ecb_rates", "curated.ecb_rates_monthly"):
        assert tables[label]["digest"] == report.tables[label]["digest"]


# ─── A Run That Dies ───


def one_more_day() -> bytes:
    """The ECB file with a day more than it has, a Monday, at the rates of its last one."""
    header, newest, *older = ecb_lines()
    day = (date.fromisoformat(newest[0]) + timedelta(days=3)).isoformat()
    lines = [header, [day, *newest[1:]], newest, *older]
    return "".join(",".join(line) + ",\n" for line in lines).encode()


def wait_for_line(domain: Domain, job: str, words: Sequence[str], since: datetime) -> str:
    """The id of the job's run once a line of its log has the words."""
    glue, logs = domain.endpoint.client("glue"), domain.endpoint.client("logs")
    for _ in range(600):
        newest = next(iter(glue.get_job_runs(JobName=job)["JobRuns"]), None)
        if newest and newest["StartedOn"] > since:
            with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
                found = logs.get_log_events(
                    logGroupName=f"{newest['LogGroupName']}/output",
                    logStreamName=newest["Id"],
                    startFromHead=True,
                )["events"]
                if any(all(word in event["message"] for word in words) for event in found):
                    return newest["Id"]
            assert newest["JobRunState"] not in ("SUCCEEDED", "FAILED"), newest
        time.sleep(0.1)
    raise AssertionError(f"{job} never said {words}")


def kill_spark(run_id: str) -> None:
    """kill -9 of the JVM of a job run: a child of the driver, whose arguments name the run."""
    listed = subprocess.run(["ps", "-Aww", "-o", "pid=,ppid=,args="], capture_output=True, text=True).stdout
    processes = [line.split(maxsplit=2) for line in listed.splitlines()]
    drivers = {pid for pid, _, arguments in processes if run_id in arguments and "java" not in arguments}
    (jvm,) = [int(pid) for pid, parent, arguments in processes if parent in drivers and "java" in arguments]
    os.kill(jvm, signal.SIGKILL)


def test_a_job_killed_half_way_leaves_the_table_as_it_was_and_is_repeated(domain, report, landing):
    """Run and execution fail and say why; the next execution completes what this one did not."""
    landing("eurofxref-hist.csv", one_more_day())
    before = domain.read_tables(project="project01")
    client, since = domain.endpoint.client("stepfunctions"), datetime.now(UTC)
    execution = client.start_execution(stateMachineArn=domain.state_machine("project01", "rates"))[
        "executionArn"
    ]
    job = f"{domain.abbreviation}-project01-refine-rates-{domain.env}"
    run_id = wait_for_line(domain, job, ('"stage ended"', '"check"'), since)

    kill_spark(run_id)

    while (described := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.2)
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    assert "Spark's JVM was killed by SIGKILL" in json.loads(described["cause"])["ErrorMessage"]
    run = domain.endpoint.client("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
    assert run["JobRunState"] == "FAILED"
    tables = ("refined.ecb_rates", "curated.ecb_rates_monthly")
    after = domain.read_tables(project="project01")
    assert [after[label]["digest"] for label in tables] == [before[label]["digest"] for label in tables]

    assert domain.run_pipeline("project01", "rates").status == "SUCCEEDED"
    completed = domain.read_tables(project="project01")
    new = sum(cell != "N/A" for cell in ecb_lines()[1][1:])
    assert completed["refined.ecb_rates"]["rows"] == before["refined.ecb_rates"]["rows"] + new
