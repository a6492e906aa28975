"""StartJobRun runs the job's script as Glue would: states, arguments, files, logs, errors, ends."""

from __future__ import annotations

import datetime
import io
import os
import signal
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from glue_jobs import FAST_START, GlueJobs, is_alive, until

from meshtest import emulator
from meshtest.emulator import domain_region
from meshtest.emulator.glue_runner import GlueRunner, Job
from meshtest.emulator.glue_runner.driver import describe
from meshtest.emulator.glue_runner.preparation import spark_conf
from meshtest.spark.runtime import S3A_REGION
from meshtest.testing.roles import make_role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from meshtest.emulator import Endpoint

KILLED = "Command failed with exit code 137: the driver was killed by SIGKILL"
SLEEP = """
    import os, time
    print("pid", os.getpid())
    time.sleep(60)
"""


@pytest.fixture
def jobs(endpoint: Endpoint, name: str) -> GlueJobs:
    return GlueJobs(endpoint.client, name)


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        for path, text in files.items():
            content.writestr(path, text)
    return buffer.getvalue()


# ─── Success ───


def test_script_gets_the_arguments_of_job_and_run_as_on_glue(jobs: GlueJobs) -> None:
    """getResolvedOptions sees defaults, the run's own arguments over them, and --JOB_NAME."""
    script = """
        import json, sys
        from awsglue.utils import getResolvedOptions
        options = getResolvedOptions(sys.argv, ["JOB_NAME", "env", "limit", "fixed"])
        shown = ("JOB_NAME", "env", "limit", "fixed", "JOB_RUN_ID", "TempDir")
        print(json.dumps({name: options[name] for name in shown}))
    """
    job = jobs.create(
        script,
        DefaultArguments={
            "--env": "dev",
            "--limit": "10",
            "--fixed": "default",
            "--job-bookmark-option": "job-bookmark-disable",
            "--enable-metrics": "",
            "--TempDir": "s3://temp/x",
            "--conf": "spark.a=1 --conf spark.b=2",
        },
        NonOverridableArguments={"--fixed": "yes"},
    )
    run = jobs.run(job, Arguments={"--limit": "20 rows", "--fixed": "no"})
    assert run["JobRunState"] == "SUCCEEDED", run
    (line,) = jobs.log_lines(run["Id"])
    assert line == (
        f'{{"JOB_NAME": "{job}", "env": "dev", "limit": "20 rows", "fixed": "yes", '
        f'"JOB_RUN_ID": "{run["Id"]}", "TempDir": "s3://temp/x"}}'
    )
    assert run["Arguments"]["--limit"] == "20 rows"


def test_run_is_described_as_by_aws(jobs: GlueJobs) -> None:
    """A run's fields come from the job, and its times from the clock."""
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)
    job = jobs.create("import time; time.sleep(1.2)", Timeout=30, MaxRetries=1)
    run = jobs.run(job)
    expected = {
        "JobName": job,
        "JobRunState": "SUCCEEDED",
        "Attempt": 0,
        "GlueVersion": "5.1",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "MaxCapacity": 2.0,
        "Timeout": 30,
        "LogGroupName": "/aws-glue/jobs",
    }
    assert {field: run[field] for field in expected} == expected
    assert run["Id"].startswith("jr_")
    assert 1 <= run["ExecutionTime"] <= 10
    assert before <= run["StartedOn"] <= run["CompletedOn"] <= datetime.datetime.now(datetime.UTC)
    assert run["LastModifiedOn"] >= run["CompletedOn"]
    assert "ErrorMessage" not in run
    assert jobs.run(job, Timeout=5, NumberOfWorkers=4, WorkerType="G.2X")["MaxCapacity"] == 8.0


def test_output_arrives_in_cloudwatch_while_the_job_runs(jobs: GlueJobs) -> None:
    """Output and errors go to Glue's two log groups line by line, the last unfinished line included."""
    script = """
        import sys, time
        print("first")
        print("warning", file=sys.stderr)
        time.sleep(3)
        print("x" * 2500)
        print("last", end="")
    """
    job = jobs.create(script)
    run_id = jobs.start(job)
    jobs.wait_for_line(run_id, "first")
    assert jobs.run_of(job, run_id)["JobRunState"] == "RUNNING"
    assert "CompletedOn" not in jobs.run_of(job, run_id)
    jobs.wait(job, run_id)
    output = jobs.log_lines(run_id)
    assert (output[0], "".join(output[1:-1]), output[-1]) == ("first", "x" * 2500, "last")
    assert jobs.log_lines(run_id, "error") == ["warning"]


def test_extra_py_files_are_importable_and_nothing_of_the_repository_is(jobs: GlueJobs) -> None:
    """A zip and a module are found; ``core``, which the job was not given, is not."""
    project = archive({"project/__init__.py": "", "project/transforms.py": "VALUE = 2"})
    files = [jobs.upload("jobs/project.zip", project), jobs.upload("jobs/single.py", "VALUE = 3")]
    script = """
        import project.transforms, single
        print(project.transforms.VALUE, single.VALUE)
        import core
    """
    run = jobs.run(jobs.create(script, DefaultArguments={"--extra-py-files": ",".join(files)}))
    assert jobs.log_lines(run["Id"]) == ["2 3"]
    assert run["ErrorMessage"] == "ModuleNotFoundError: No module named 'core'"


def wheel(name: str, version: str) -> bytes:
    """Make a wheel of one package that knows its version."""
    info = f"{name}-{version}.dist-info"
    form = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return archive(
        {
            f"{name}/__init__.py": f"VERSION = {version!r}",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": form,
            f"{info}/RECORD": f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        }
    )


@pytest.mark.parametrize(
    ("mode", "arguments", "group"),
    [
        ("SSE-KMS", {}, "/aws-glue/jobs-glue-CONFIGURATION"),
        ("DISABLED", {}, "/aws-glue/jobs"),
        (None, {}, "/aws-glue/jobs"),
        ("SSE-KMS", {"--custom-logGroup-prefix": "/domain/jobs"}, "/domain/jobs"),
    ],
)
def test_logs_go_where_glue_writes_them(
    jobs: GlueJobs, mode: str | None, arguments: dict[str, str], group: str
) -> None:
    """Encrypted ones into groups of the role and the security configuration."""
    fields = {}
    if mode:
        key = f"arn:aws:kms:{domain_region()}:123456789012:key/1"
        rule = {"CloudWatchEncryptionMode": mode} | ({"KmsKeyArn": key} if mode == "SSE-KMS" else {})
        configuration = {"CloudWatchEncryption": rule}
        jobs.glue.create_security_configuration(Name=jobs.prefix, EncryptionConfiguration=configuration)
        fields = {"SecurityConfiguration": jobs.prefix}
    run = jobs.run(jobs.create("print('here')", DefaultArguments=arguments, **fields))
    wanted = group.replace("CONFIGURATION", jobs.prefix)
    assert run["LogGroupName"] == wanted
    events = jobs.logs.get_log_events(logGroupName=f"{wanted}/output", logStreamName=run["Id"])["events"]
    assert [event["message"] for event in events] == ["here"]


NO_INDEX = {"--python-modules-installer-option": "--no-index --no-deps"}


def test_additional_modules_are_installed_from_a_zip_of_wheels(jobs: GlueJobs) -> None:
    """With what tells their version; a run may take another archive than its job, and another script."""
    script = "from importlib import metadata; import lib; print(lib.VERSION, metadata.version('lib'))"
    uris = [
        jobs.upload(f"wheels/lib-{n}.gluewheels.zip", archive({f"lib-{n}-py3-none-any.whl": wheel("lib", n)}))
        for n in ("1.0", "2.0+g1a2b3c4")
    ]
    job = jobs.create(script, DefaultArguments=NO_INDEX | {"--additional-python-modules": uris[0]})
    assert jobs.log_lines(jobs.run(job)["Id"]) == ["1.0 1.0"]
    other = {
        "--additional-python-modules": uris[1],
        "--scriptLocation": jobs.upload("jobs/other.py", "import lib; print('other', lib.VERSION)"),
    }
    assert jobs.log_lines(jobs.run(job, Arguments=other)["Id"]) == ["other 2.0+g1a2b3c4"]


FAILED_TO_INSTALL = "LAUNCH ERROR | Python Module Installer indicates modules that failed to install"


@pytest.mark.parametrize(
    ("argument", "key", "content", "message"),
    [
        (
            "--extra-py-files",
            "wheels/lib-1-py3-none-any.whl",
            wheel("lib", "1"),
            "is a wheel, which is installed",
        ),
        ("--additional-python-modules", "lib.zip", archive({}), "is no module: expected ….gluewheels.zip"),
        ("--additional-python-modules", "lib.gluewheels.zip", b"x", "is no zip archive"),
        ("--additional-python-modules", "lib.gluewheels.zip", archive({"a.txt": ""}), "holds no wheel"),
        (
            "--additional-python-modules",
            "lib.gluewheels.zip",
            archive({"lib-1-cp27-none-any.whl": wheel("lib", "1")}),
            FAILED_TO_INSTALL,
        ),
        ("--additional-python-modules", "absent/lib.gluewheels.zip", None, "NoSuchKey"),
    ],
)
def test_what_glue_does_not_import_fails_the_run(
    jobs: GlueJobs, argument: str, key: str, content: bytes | None, message: str
) -> None:
    uri = jobs.upload(key, content) if content is not None else f"s3://{jobs.bucket}/{key}"
    run = jobs.run(jobs.create("print('ran')", DefaultArguments=NO_INDEX | {argument: uri}))
    assert (run["JobRunState"], message in run["ErrorMessage"]) == ("FAILED", True), run["ErrorMessage"]


def test_what_has_no_effect_here_is_told_and_the_run_goes_on(jobs: GlueJobs) -> None:
    """No index of packages, no jars of the job's own, and no network: its connections are not looked at."""
    arguments = {"--additional-python-modules": "humanize==4.9.0", "--extra-jars": "s3://bucket/a.jar"}
    job = jobs.create(
        "print('ran')", DefaultArguments=arguments, Connections={"Connections": [f"{jobs.prefix}-none"]}
    )
    run = jobs.run(job)
    assert (run["JobRunState"], jobs.log_lines(run["Id"])) == ("SUCCEEDED", ["ran"])
    assert jobs.log_lines(run["Id"], "error") == [
        "--extra-jars has no effect on the emulator",
        "--additional-python-modules: humanize==4.9.0 has no effect on the emulator, which has no index",
    ]


@pytest.mark.parametrize("ending", ["import sys; sys.exit(0)", "raise SystemExit"])
def test_exit_without_a_status_is_success(jobs: GlueJobs, ending: str) -> None:
    assert jobs.run(jobs.create(ending))["JobRunState"] == "SUCCEEDED"


# ─── Failure ───


def test_failed_script_fails_the_run_with_its_exception(aws: Callable[[str], Any], name: str) -> None:
    """The message is the exception's; the traceback in the error log starts in the script."""
    jobs = GlueJobs(aws, name)
    run = jobs.run(jobs.create("def work():\n    raise ValueError('amount is negative')\nwork()\n"))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: amount is negative")
    lines = jobs.log_lines(run["Id"], "error")
    assert lines[0] == "Traceback (most recent call last):"
    assert 'job.py", line 3' in lines[1]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import sys; sys.exit('no input file')", "SystemExit: no input file"),
        ("import os; os._exit(4)", "Command failed with exit code 4"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "Command failed with exit code 137: the driver was killed by SIGKILL",
        ),
        ("def f(:", "SyntaxError: invalid syntax (job.py, line 1)"),
    ],
)
def test_every_other_end_is_named(jobs: GlueJobs, script: str, message: str) -> None:
    run = jobs.run(jobs.create(script))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            {"Command": {"Name": "glueetl", "ScriptLocation": "s3://BUCKET/jobs/gone.py"}},
            "ScriptLocation: cannot read s3://BUCKET/jobs/gone.py: "
            "NoSuchKey: The specified key does not exist.",
        ),
        (
            {"Command": {"Name": "glueetl", "ScriptLocation": "jobs/local.py"}},
            "ScriptLocation: jobs/local.py is not a file in S3: expected s3://bucket/key",
        ),
        (
            {"DefaultArguments": {"--extra-py-files": "s3://no-such-bucket-here/core.zip"}},
            "--extra-py-files: cannot read s3://no-such-bucket-here/core.zip: "
            "NoSuchBucket: The specified bucket does not exist",
        ),
        (
            {"DefaultArguments": {"--conf": "spark.a=1 --conf spark.b"}},
            "job JOB: --conf: 'spark.b' is not a property: expected name=value",
        ),
        (
            {"DefaultArguments": {"--datalake-formats": "iceberg,hudi"}},
            "job JOB: datalake_formats=hudi: expected iceberg, the only one with local jars",
        ),
        ({"GlueVersion": "4.0"}, "job JOB: GlueVersion 4.0 does not run here: expected 5.1"),
    ],
)
def test_job_that_cannot_run_says_what_is_wrong(
    jobs: GlueJobs, definition: dict[str, Any], message: str
) -> None:
    """One line that names the setting, the value and what was expected."""
    definition = {
        key: {name: text.replace("BUCKET", jobs.bucket) for name, text in value.items()}
        if isinstance(value, dict)
        else value
        for key, value in definition.items()
    }
    job = jobs.create("print('not reached')", **definition)
    run = jobs.run(job)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == message.replace("JOB", job).replace("BUCKET", jobs.bucket)


def test_unknown_job_and_run_are_refused(jobs: GlueJobs) -> None:
    missing = jobs.glue.exceptions.EntityNotFoundException
    with pytest.raises(missing):
        jobs.start(f"{jobs.prefix}-none")
    with pytest.raises(missing):
        jobs.run_of(jobs.create("pass"), "jr_none")


def test_failed_run_is_tried_again(jobs: GlueJobs) -> None:
    """MaxRetries: each attempt is a run of its own that names the one before; the newest comes first."""
    script = f"""
        import boto3
        s3 = boto3.client("s3")
        tried = s3.list_objects_v2(Bucket="{jobs.bucket}", Prefix="tried").get("KeyCount", 0)
        s3.put_object(Bucket="{jobs.bucket}", Key="tried/%d" % tried, Body=b"")
        if tried < 1:
            raise OSError("not yet")
    """
    job = jobs.create(script, MaxRetries=2)
    first = jobs.run(job)
    runs = until(
        lambda: jobs.glue.get_job_runs(JobName=job)["JobRuns"],
        lambda seen: seen[0]["JobRunState"] == "SUCCEEDED",
    )
    assert [(run["JobRunState"], run["Attempt"]) for run in runs] == [("SUCCEEDED", 1), ("FAILED", 0)]
    assert runs[0]["PreviousRunId"] == runs[1]["Id"] == first["Id"]
    assert runs[0]["Id"] == f"{first['Id']}_attempt_1"
    page = jobs.glue.get_job_runs(JobName=job, MaxResults=1)
    rest = jobs.glue.get_job_runs(JobName=job, MaxResults=1, NextToken=page["NextToken"])
    assert [run["Attempt"] for run in page["JobRuns"] + rest["JobRuns"]] == [1, 0]


# ─── Ends from Outside ───


def test_concurrent_runs_are_limited_and_a_stopped_run_ends(jobs: GlueJobs) -> None:
    """MaxConcurrentRuns is 1; BatchStopJobRun ends the driver and makes room."""
    job = jobs.create(SLEEP)
    run_id = jobs.start(job)
    pid = int(jobs.wait_for_line(run_id, "pid "))
    with pytest.raises(
        jobs.glue.exceptions.ConcurrentRunsExceededException, match=f"Concurrent runs exceeded for {job}"
    ):
        jobs.start(job)
    answer = jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id, "jr_none"])
    assert [item["JobRunId"] for item in answer["SuccessfulSubmissions"]] == [run_id]
    assert [item["ErrorDetail"]["ErrorCode"] for item in answer["Errors"]] == ["EntityNotFoundException"]
    assert jobs.run_of(job, run_id)["JobRunState"] in {"STOPPING", "STOPPED"}
    run = jobs.wait(job, run_id)
    assert (run["JobRunState"], run.get("ErrorMessage")) == ("STOPPED", None)
    assert not is_alive(pid)
    answer = jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    assert [item["JobRunId"] for item in answer["Errors"]] == [run_id]
    jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[jobs.start(job)])


def test_killed_driver_takes_its_group_along(jobs: GlueJobs) -> None:
    """kill -9 of the driver: the run fails, and what the driver had started is gone."""
    script = """
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("pids", os.getpid(), child.pid)
        time.sleep(60)
    """
    job = jobs.create(script)
    run_id = jobs.start(job)
    driver, child = map(int, jobs.wait_for_line(run_id, "pids ").split())
    os.kill(driver, signal.SIGKILL)
    run = jobs.wait(job, run_id)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == KILLED
    until(lambda: is_alive(child), lambda alive: not alive, 5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_driver_outlives_the_emulator(tmp_path: Path, number: signal.Signals) -> None:
    with emulator.running(tmp_path) as own:
        make_role(own, "glue", {"Action": "*"})
        jobs = GlueJobs(own.client, "orphans")
        pid = int(jobs.wait_for_line(jobs.start(jobs.create(SLEEP)), "pid "))
        os.kill(own.pid, number)
        until(lambda: is_alive(pid), lambda alive: not alive, 10)


def test_run_over_its_timeout_is_ended(endpoint: Endpoint, jobs: GlueJobs) -> None:
    """The timeout counts in minutes, of one second here."""
    job_name = jobs.create(SLEEP)
    location = f"s3://{jobs.bucket}/jobs/job.py"
    runner = GlueRunner(endpoint, minute_s=1)
    run = runner.start(Job(job_name, location, {}, timeout_min=2))
    assert run.ended.wait(30)
    described = run.as_dict()
    assert described["JobRunState"] == "TIMEOUT"
    assert described["ErrorMessage"] == "the run took longer than its timeout of 2 min"
    assert described["ExecutionTime"] in (2, 3)
    assert not is_alive(int(jobs.wait_for_line(run.id, "pid ")))


def test_runs_beyond_the_slots_wait_in_starting(endpoint: Endpoint, jobs: GlueJobs) -> None:
    """A run that waits can be stopped, and one that gets the slot runs."""
    jobs.create("import time; time.sleep(2)")
    job = Job("any", f"s3://{jobs.bucket}/jobs/job.py", {})
    runner = GlueRunner(endpoint, parallel=1)
    first = runner.start(job)
    until(lambda: first.state, lambda state: state == "RUNNING")
    second, third = runner.start(job), runner.start(job)
    time.sleep(0.5)
    assert (second.state, third.state) == ("STARTING", "STARTING")
    third.request_stop()
    for run in (first, second, third):
        assert run.ended.wait(30)
    assert [run.state for run in (first, second, third)] == ["SUCCEEDED", "SUCCEEDED", "STOPPED"]
    assert third.as_dict()["ExecutionTime"] == 0


# ─── Text ───


@pytest.mark.parametrize(
    ("text", "conf"),
    [
        ("", {}),
        ("spark.a=1", {"spark.a": "1"}),
        (
            "spark.a=1 --conf spark.b=x=y --conf spark.c=-Da=1 -Db=2",
            {"spark.a": "1", "spark.b": "x=y", "spark.c": "-Da=1 -Db=2"},
        ),
        ("--conf spark.a=1\n  --conf spark.b=2", {"spark.a": "1", "spark.b": "2"}),
    ],
)
def test_conf_holds_several_properties(text: str, conf: dict[str, str]) -> None:
    assert spark_conf(text) == conf


@pytest.mark.parametrize("text", ["spark.a", "=1", "spark.a=1 --conf spark b=2"])
def test_conf_that_is_no_property_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected name=value"):
        spark_conf(text)


PY4J = """An error occurred while calling o97.save.
: org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.sql.X(X.scala:1)
Caused by: java.io.IOException: first
\tat a.b(C.java:1)
Caused by: java.nio.file.AccessDeniedException: s3://bucket/key
\t... 12 more
"""
UDF = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "job.py", line 3, in convert
ValueError: not a number: N/A

"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PY4J,
            "RuntimeError: An error occurred while calling o97.save. "
            "Caused by: java.nio.file.AccessDeniedException: s3://bucket/key",
        ),
        (
            UDF,
            "RuntimeError: An exception was thrown from the Python worker. Please see the stack trace below. "
            "ValueError: not a number: N/A",
        ),
        ("", "RuntimeError: "),
        ("x" * 9000, "RuntimeError: " + "x" * 3986),
    ],
)
def test_message_names_the_cause_behind_a_stack_trace(text: str, message: str) -> None:
    assert describe(RuntimeError(text)) == message


# ─── Spark ───


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_job_that_does_not_tell_s3a_its_region_fails(jobs: GlueJobs, scheme: str) -> None:
    """S3A of Glue 5.1 then signs for us-east-2, which is not where the bucket is."""
    jobs.upload("input/rows.csv", "1")
    script = f"""
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        print(spark.read.csv("{scheme}://{jobs.bucket}/input/rows.csv").count())
    """
    fast = f"spark.driver.extraJavaOptions={FAST_START}"
    run = jobs.run(jobs.create(script, DefaultArguments={"--conf": fast}))
    assert run["JobRunState"] == "FAILED", jobs.log_lines(run["Id"])
    assert "com.amazonaws.services.s3.model.AmazonS3Exception" in run["ErrorMessage"]
    known = f"{fast} --conf {S3A_REGION}={domain_region()}"
    run = jobs.run(jobs.create(script, "known", DefaultArguments={"--conf": known}))
    assert jobs.log_lines(run["Id"]) == ["1"], run


def test_spark_job_writes_iceberg_through_the_glue_catalog(jobs: GlueJobs) -> None:
    """--conf and --datalake-formats make the catalog, both S3 schemes work, a bad query is named."""
    bucket, database = jobs.bucket, f"{jobs.prefix}_refined"
    jobs.glue.create_database(DatabaseInput={"Name": database})
    script = """
        import sys
        from pyspark.sql import SparkSession
        bucket, table = sys.argv[sys.argv.index("--bucket") + 1], sys.argv[sys.argv.index("--table") + 1]
        spark = SparkSession.builder.getOrCreate()
        spark.range(3).write.parquet(f"s3://{bucket}/plain")
        print("parquet", spark.read.parquet(f"s3a://{bucket}/plain").count())
        spark.sql(f"CREATE TABLE {table} (id bigint, rate decimal(18, 8)) USING iceberg")
        spark.sql(f"INSERT INTO {table} VALUES (1, 1.1), (2, 2.2)")
        spark.sql("SELECT * FROM VALUES (2, 2.5), (3, 3.3) AS v(id, rate)").createOrReplaceTempView("changes")
        spark.sql(f"MERGE INTO {table} t USING changes s ON t.id = s.id "
                  "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
        print("rows", [(row.id, float(row.rate)) for row in spark.table(table).orderBy("id").collect()])
        print("zone", spark.conf.get("spark.sql.session.timeZone"), spark.version)
        spark.table(table + "_missing")
    """
    conf = (
        f"spark.driver.extraJavaOptions={FAST_START}"
        f" --conf {S3A_REGION}={domain_region()}"
        " --conf spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        " --conf spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog"
        f" --conf spark.sql.catalog.glue_catalog.warehouse=s3://{bucket}/warehouse"
        " --conf spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog"
        " --conf spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO"
    )
    arguments = {"--bucket": bucket, "--table": f"glue_catalog.{database}.rates"}
    glue_arguments = {"--conf": conf, "--datalake-formats": "iceberg"}
    run = jobs.run(jobs.create(script, DefaultArguments=arguments | glue_arguments))
    assert jobs.log_lines(run["Id"]) == [
        "parquet 3",
        "rows [(1, 1.1), (2, 2.5), (3, 3.3)]",
        "zone UTC 3.5.6",
    ], jobs.log_lines(run["Id"], "error")
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view ")
    parameters = jobs.glue.get_table(DatabaseName=database, Name="rates")["Table"]["Parameters"]
    assert parameters["table_type"] == "ICEBERG"
    assert parameters["metadata_location"].startswith(f"s3://{bucket}/warehouse/")
    assert parameters["previous_metadata_location"]
