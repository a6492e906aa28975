"""core.arguments and core.job: what a job is started with, and one clear message when it is wrong."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
import sys
import time
from typing import Literal

import pytest

from core import arguments, job
from core.arguments import LakeArguments
from core.errors import ArgumentError, InputError
from core.log import JobLog


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithChoice(LakeArguments):
    mode: Literal["whole", "new"] = "new"


GIVEN = {
    "JOB_NAME": "exa-inventory-ingest-rates-dev",
    "env": "dev",
    "project": "inventory",
    "raw_bucket": "exa-raw-123456789012-dev",
    "refined_bucket": "exa-refined-123456789012-dev",
    "curated_bucket": "exa-curated-123456789012-dev",
    "raw_database": "exa_raw_dev",
    "refined_database": "exa_refined_dev",
    "curated_database": "exa_curated_dev",
}
# What Glue adds to a job's own arguments, as it is given to the script.
GLUE = {
    "enable-metrics": "true",
    "job-bookmark-option": "job-bookmark-disable",
    "TempDir": "s3://exa-artifacts-123456789012-dev/temp/",
    "conf": "spark.sql.extensions=a.B --conf spark.sql.catalog.glue_catalog=c.D",
    "JOB_ID": "j_1",
}


def argv(**changes):
    """A command line; an argument set to None is left out."""
    given = {name: value for name, value in {**GLUE, **GIVEN, **changes}.items() if value is not None}
    return ["job.py", *(word for name, value in given.items() for word in (f"--{name}", value))]


def test_arguments_are_typed_and_glues_own_left_alone():
    resolved = arguments.resolve(argv(JOB_RUN_ID="jr_1", ingestion_date="2026-11-02"), LakeArguments)
    assert resolved == LakeArguments(
        job_name=GIVEN["JOB_NAME"],
        job_run_id="jr_1",
        ingestion_date=datetime.date(2026, 11, 2),
        **{name: value for name, value in GIVEN.items() if name != "JOB_NAME"},
    )
    assert resolved.landing == "s3://exa-raw-123456789012-dev/landing/inventory"
    assert resolved.refined("ecb_rates") == "glue_catalog.exa_refined_dev.ecb_rates"
    assert resolved.curated("ecb_rates_monthly") == "glue_catalog.exa_curated_dev.ecb_rates_monthly"


def test_the_day_of_ingestion_is_today_in_utc_by_default():
    before = datetime.datetime.now(datetime.UTC).date()
    assert before <= arguments.resolve(argv(), LakeArguments).ingestion_date <= arguments.today_utc()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_machines_time_zone_decides_no_day(zone, monkeypatch):
    """At any time one of the two has another day than UTC: they are 26 hours apart."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert arguments.today_utc() == datetime.datetime.now(datetime.UTC).date()
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("given", "expected"), [(None, False), ("true", True), ("False", False)])
def test_a_flag_is_true_or_false(given, expected):
    assert arguments.resolve(argv(full_rebuild=given), LakeArguments).full_rebuild is expected


def test_an_argument_may_be_the_first_word():
    words = ["job.py", "--env", "int", *argv(env=None)[1:]]
    assert arguments.resolve(words, LakeArguments).env == "int"


def test_a_number_is_one():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class WithNumber(LakeArguments):
        days: int = 1

    assert arguments.resolve(argv(days="30"), WithNumber).days == 30
    with pytest.raises(ArgumentError, match=r"^--days 'many': expected a value of int$"):
        arguments.resolve(argv(days="many"), WithNumber)


def test_a_choice_is_one_of_its_own():
    resolved = arguments.resolve(argv(mode="whole"), WithChoice)
    assert resolved.mode == "whole"
    with pytest.raises(ArgumentError, match=r"^--mode 'old': expected one of whole, new$"):
        arguments.resolve(argv(mode="old"), WithChoice)


def test_an_argument_may_be_written_with_an_equals_sign():
    words = ["job.py", "--raw_bucket=a=b=c", *argv(env=None, raw_bucket=None)[1:], "--env=int"]
    resolved = arguments.resolve(words, LakeArguments)
    assert (resolved.env, resolved.raw_bucket) == ("int", "a=b=c")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"raw_bucket": None}, "missing job argument: --raw_bucket"),
        ({"JOB_NAME": None, "env": None}, "missing job argument: --JOB_NAME, --env"),
        ({"full_rebuild": "yes"}, "--full_rebuild 'yes': expected true or false"),
        ({"raw_database": ""}, "--raw_database: expected a value, it is empty"),
        ({"ingestion_date": "02/11/2026"}, "--ingestion_date '02/11/2026': expected a date (YYYY-MM-DD)"),
    ],
)
def test_a_wrong_argument_gives_one_line_that_names_it(changes, message):
    with pytest.raises(ArgumentError) as error:
        arguments.resolve(argv(**changes), LakeArguments)
    assert str(error.value) == message


def test_an_argument_without_a_value_is_named():
    with pytest.raises(
        ArgumentError, match=r"^job arguments: argument --curated_database: expected one argument$"
    ):
        arguments.resolve([*argv()[:-2], "--curated_database"], LakeArguments)


# ─── The frame of a job ───


@pytest.fixture
def no_spark(monkeypatch):
    """The frame without a session: what is looked at here is what it does with errors."""
    monkeypatch.setattr(job, "_run", lambda work, resolved, log: work(job.Job(resolved, log, None, None)))


def test_a_wrong_argument_ends_the_process_before_spark_starts():
    with pytest.raises(SystemExit) as exit_:
        job.run(lambda _: pytest.fail("must not run"), argv(full_rebuild="test"))
    assert exit_.value.code == "--full_rebuild 'test': expected true or false"


def test_what_the_operator_can_put_right_is_one_line(no_spark, capsys):
    def work(run):
        with run.log.stage("read"):
            raise InputError("no input file s3://bucket/landing")

    with pytest.raises(SystemExit) as exit_:
        job.run(work, argv())
    assert exit_.value.code == "no input file s3://bucket/landing"
    log = capsys.readouterr().out
    assert '"level": "ERROR"' in log
    assert "Traceback" not in log


def test_an_unexpected_error_has_its_type_and_its_stack_in_the_log(no_spark, capsys):
    def work(_):
        raise ValueError("first line\nsecond line")

    with pytest.raises(SystemExit) as exit_:
        job.run(work, argv())
    assert exit_.value.code == "ValueError: first line"
    assert "Traceback" in capsys.readouterr().out


def test_the_message_is_on_standard_error_and_the_status_is_one():
    """SystemExit with a text is what makes Glue show the text as the run's error message."""
    script = f"import sys; sys.path[:] = {sys.path!r}; from core import job; job.run(lambda run: None)"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("missing job argument: --JOB_NAME, --env, --project, ")
    assert len(ended.stderr.splitlines()) == 1


# ─── The log ───


def test_a_line_has_job_run_stage_and_counts(capsys):
    log = JobLog("job", "jr_1")
    with log.stage("write"), log.stage("merge"):
        log.write("merged", rows=3, day=datetime.date(2026, 11, 2))
    merged, ended, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    del merged["time"]
    assert merged == {
        "level": "INFO",
        "job": "job",
        "run": "jr_1",
        "stage": "write/merge",
        "message": "merged",
        "rows": 3,
        "day": "2026-11-02",
    }
    assert ended["message"] == "stage ended"
    assert ended["seconds"] >= 0
