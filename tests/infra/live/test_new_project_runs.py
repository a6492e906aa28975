"""A new project with triggers and a backfill: deployed, it runs when due, on files and for days, and goes."""

from __future__ import annotations

import json
import shutil
import threading
import time
from datetime import timedelta

import pytest

from meshtest.domain import backfill, projects
from meshtest.domain import domain as domains
from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.tools import toolchain

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS, Ability.LOCAL_SPARK)
NAME = "newcomer"
MINUTES = 10  # of three jobs on a busy machine
SKIPPED = '{"skipped":true}'
NO_TRIGGERS = "pipeline_triggers = {}"
TRIGGERS = """pipeline_triggers = {
    daily = {
      files          = ["late"]
      schedules      = { early = { expression = "cron(30 4 * * ? *)", time_zone = "Europe/Berlin" } }
      settle_seconds = 5
    }
    freshness = { schedules = { noon = { expression = "cron(0 12 * * ? *)" } } }
  }"""

# A source that delivers a folder a day, which is received for the day that an execution is for.
JOBS = """
    by_day    = { description = "A folder a day → raw" }
    freshness = { description = "Tables against what the contract promises" }
    ingest    ="""
PIPELINES = """
    by_day    = ["by_day"]
    freshness = ["freshness"]
    daily     ="""
FRESHNESS = """
from core import freshness, job

if __name__ == "__main__":
    job.run(freshness.work, declared=freshness.FreshnessArguments)
"""
DAILY_FOLDER = ("formats.csv())", "formats.csv(), run.arguments.ingestion_date.isoformat())")
DAYS = ("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02")


def change(file, *changes: tuple[str, str], copy=None) -> None:
    """Change a text, in place or into a copy; what is to be replaced is there."""
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (copy or file).write_text(text)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """This checkout with the new project, in the place of this checkout."""
    top = tmp_path_factory.mktemp("checkout")
    for folder in ("setup", "infrastructure", "src", "samples", "tests/spark"):
        shutil.copytree(toolchain.ROOT / folder, top / folder, symlinks=True, ignore=projects.LOCAL)
    shutil.copy(toolchain.ROOT / "pyproject.toml", top)
    (top / ".tools").symlink_to(toolchain.ROOT / ".tools")
    assert projects.main(["new", NAME, "--top", str(top)]) == 0
    folder, jobs = top / "infrastructure" / "projects" / NAME, top / "src" / "jobs" / NAME
    change(folder / "pipelines.tf", (NO_TRIGGERS, TRIGGERS), ("\n    daily =", PIPELINES))
    change(folder / "jobs.tf", ("\n    ingest =", JOBS))
    change(jobs / "ingest.py", DAILY_FOLDER, copy=jobs / "by_day.py")
    (jobs / "freshness.py").write_text(FRESHNESS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "ROOT", top)
        patch.setattr(domains, "SAMPLES", top / "samples")
        yield top


@pytest.fixture(scope="module")
def grown(domain: Domain, checkout, tmp_path_factory):
    """The session's domain with the new project's stack, job files and sample in it."""
    grown = Domain(domain.endpoint, tmp_path_factory.mktemp("grown"), domain.env, domain.unique)
    grown.prepare()
    stack = grown.stack(NAME)
    stack.init()
    stack.apply()
    grown.build_artifacts()
    grown.upload_artifacts()
    grown.drop_inputs()
    return grown


def executions(grown, pipeline: str = "daily") -> list[str]:
    """The states of the executions that have begun, the latest first; of one that was skipped, that."""
    states = grown.endpoint.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=grown.state_machine(NAME, pipeline))["executions"]
    described = [states.describe_execution(executionArn=each["executionArn"]) for each in listed]
    return ["skipped" if each.get("output") == SKIPPED else each["status"] for each in described]


def ended(grown, number: int, pipeline: str = "daily") -> list[str]:
    """The states of the executions, once there are so many and none runs any more."""
    deadline = time.monotonic() + MINUTES * 60
    while (
        len(found := executions(grown, pipeline)) < number or "RUNNING" in found
    ) and time.monotonic() < deadline:
        time.sleep(1)
    return found


def test_its_pipeline_runs_on_its_sample_when_it_is_due(grown):
    assert executions(grown) == []
    switch(grown, "freshness_noon", "DISABLED")
    grown.endpoint.move_clock(timedelta(days=1))
    try:
        assert ended(grown, 1) == ["SUCCEEDED"]
    finally:
        grown.endpoint.move_clock(timedelta(0))
    found = grown.read_tables(project=NAME)
    assert {label: table["rows"] for label, table in found.items()} == {
        f"raw.{NAME}_records": 7,
        f"refined.{NAME}_records": 4,
        f"refined.{NAME}_records_rejected": 3,
        f"curated.{NAME}_daily": 3,
    }


def switch(grown, schedule: str, state: str) -> None:
    """Enable or disable one of the project's schedules."""
    scheduler = grown.endpoint.client("scheduler")
    group = f"{grown.abbreviation}-{NAME}-{grown.env}"
    found = scheduler.get_schedule(Name=grown.name(NAME, schedule), GroupName=group)
    kept = (
        "Name",
        "GroupName",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "FlexibleTimeWindow",
        "Target",
    )
    scheduler.update_schedule(**{field: found[field] for field in kept}, State=state)


def test_a_table_that_grows_stale_raises_its_alarm_when_the_clock_is_moved(grown, told):
    """The daily pipeline stands still for three days; the check goes on."""
    switch(grown, "daily_early", "DISABLED")
    switch(grown, "freshness_noon", "ENABLED")
    grown.endpoint.move_clock(timedelta(days=3))
    try:
        assert "FAILED" in ended(grown, 3, "freshness")
    finally:
        grown.endpoint.move_clock(timedelta(0))
        switch(grown, "freshness_noon", "DISABLED")
    message = told()
    assert (message["pipeline"].rpartition(":")[2], message["status"]) == (
        grown.name(NAME, "freshness"),
        "FAILED",
    )
    cause = json.loads(message["cause"])["ErrorMessage"]
    assert f"curated.{NAME}_daily was brought up to date last at " in cause
    assert "; expected within 1 day" in cause
    rows = grown.read_tables(project=NAME)
    assert rows[f"curated.{NAME}_daily"]["rows"] == 3  # it only looked


def test_a_burst_of_files_is_one_execution(grown):
    """Three that land together, and one that is none of them."""
    s3, bucket = grown.endpoint.client("s3"), grown.bucket("raw")
    for name in ("late1", "late2", "early", "late3"):
        content = f"item_id,day,value\n{name},2026-11-03,10.00\n"
        s3.put_object(Bucket=bucket, Key=f"landing/{NAME}/{name}.csv", Body=content)
    assert sorted(ended(grown, 4)) == ["SUCCEEDED", "SUCCEEDED", "skipped", "skipped"]
    assert grown.read_tables(project=NAME)[f"raw.{NAME}_records"]["rows"] == 11


def test_a_backfill_that_is_stopped_goes_on_with_the_days_that_are_left(grown):
    s3, bucket = grown.endpoint.client("s3"), grown.bucket("raw")
    for day in DAYS:
        content = f"item_id,day,value\n{day},{day},10.00\n"
        s3.put_object(Bucket=bucket, Key=f"landing/{NAME}/{day}/day.csv", Body=content)
    fill = backfill.of(grown, NAME, "by_day", DAYS[0], DAYS[-1])
    shown: list[str] = []
    runner = threading.Thread(target=fill.run, args=(shown.append,))
    runner.start()
    while runner.is_alive() and not any(" 0 of" not in each for each in shown):
        time.sleep(0.2)
    states = grown.endpoint.client("stepfunctions")
    (begun,) = states.list_executions(stateMachineArn=fill.machine)["executions"]
    states.stop_execution(executionArn=begun["executionArn"])
    runner.join()
    execution = fill.run(shown.append)
    assert (execution.status, shown[-1]) == ("SUCCEEDED", f"{DAYS[-1]}, 4 of 4 done")
    runs = grown.endpoint.client("glue").get_job_runs(JobName=grown.name(NAME, "by_day"))["JobRuns"]
    succeeded = [each["Arguments"]["--ingestion_date"] for each in runs if each["JobRunState"] == "SUCCEEDED"]
    assert sorted(succeeded) == list(DAYS)
    assert grown.read_tables(project=NAME)[f"raw.{NAME}_records"]["rows"] == 11 + len(DAYS)


def test_it_is_taken_down_with_everything_it_has(grown, checkout):
    projects.take_down(NAME, grown)
    assert grown.stack(NAME).resources() == []
    s3 = grown.endpoint.client("s3")
    for purpose in ("raw", "refined", "curated", "artifacts"):
        listed = s3.list_object_versions(Bucket=grown.bucket(purpose))
        kept = [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, [])]
        assert [key for key in kept if NAME in key] == []
    projects.remove(NAME, checkout)
    assert [part for part in projects.parts(NAME) if (checkout / part).exists()] == []
