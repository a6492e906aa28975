"""Services act with the role that they were given, and with nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from glue_jobs import GlueJobs
from state_machines import StateMachines, machine

from meshtest.emulator import ACCOUNT_ID as ACCOUNT
from meshtest.spark.runtime import S3A_REGION
from meshtest.testing.roles import make_role, trusting

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

LOGS = {"Action": "logs:*"}


@pytest.fixture
def jobs(endpoint: Endpoint, name: str) -> GlueJobs:
    return GlueJobs(endpoint.client, name)


def scripts_of(jobs: GlueJobs) -> dict[str, Any]:
    """Return the right to read the scripts."""
    return {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{jobs.bucket}/jobs/*"}


# ─── Glue ───


def test_a_run_has_its_roles_session_and_no_other_credentials(
    endpoint: Endpoint, jobs: GlueJobs, name: str
) -> None:
    role = make_role(endpoint, name, scripts_of(jobs), LOGS)
    script = """
        import json, os, boto3
        own = {key: value for key, value in os.environ.items() if "KEY" in key or "TOKEN" in key}
        print(json.dumps({"arn": boto3.client("sts").get_caller_identity()["Arn"], "environment": own}))
    """
    run = jobs.run(jobs.create(script, Role=role, Timeout=5))
    assert run["JobRunState"] == "SUCCEEDED"
    told = json.loads("".join(jobs.log_lines(run["Id"])))  # long lines are cut
    assert told["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/GlueJobRunnerSession"
    own = told["environment"]
    assert own["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert endpoint.access_key_id not in str(own)
    assert endpoint.secret_access_key not in str(own)
    keys = {
        "aws_access_key_id": own["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": own["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": own["AWS_SESSION_TOKEN"],
    }
    with pytest.raises(ClientError, match="ExpiredToken"):
        endpoint.client("sts", **keys).get_caller_identity()


def test_a_role_is_named_by_its_name_too(endpoint: Endpoint, jobs: GlueJobs, name: str) -> None:
    make_role(endpoint, name, scripts_of(jobs), LOGS)
    assert jobs.run(jobs.create("pass", Role=name))["JobRunState"] == "SUCCEEDED"


def test_a_script_that_the_role_may_not_read_fails_the_run(
    endpoint: Endpoint, jobs: GlueJobs, name: str
) -> None:
    run = jobs.run(jobs.create("pass", Role=make_role(endpoint, name, LOGS)))
    assert run["JobRunState"] == "FAILED"
    script = f"arn:aws:s3:::{jobs.bucket}/jobs/job.py"
    assert run["ErrorMessage"] == (
        f"ScriptLocation: cannot read s3://{jobs.bucket}/jobs/job.py: AccessDenied: "
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/GlueJobRunnerSession is not authorized to "
        f'perform: s3:GetObject on resource: "{script}" because no identity-based policy allows the '
        "s3:GetObject action"
    )


@pytest.mark.parametrize("trust", [{"AWS": ACCOUNT}, {"Service": "states.amazonaws.com"}])
def test_a_role_that_does_not_trust_glue_runs_no_job(
    endpoint: Endpoint, jobs: GlueJobs, name: str, trust: dict[str, str]
) -> None:
    role = make_role(endpoint, name, {"Action": "*"}, AssumeRolePolicyDocument=trusting(trust))
    run = jobs.run(jobs.create("pass", Role=role))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == f"Role {role} should be given assume role permissions for Glue Service."


def test_logs_that_the_role_may_not_write_are_missing_and_the_run_goes_on(
    endpoint: Endpoint, jobs: GlueJobs, name: str
) -> None:
    run = jobs.run(jobs.create("print('here')", Role=make_role(endpoint, name, scripts_of(jobs))))
    assert run["JobRunState"] == "SUCCEEDED"
    assert jobs.log_lines(run["Id"]) == []


def test_spark_reads_files_with_the_role_alone(endpoint: Endpoint, jobs: GlueJobs, name: str) -> None:
    """S3A has the session's credentials. It asks by HEAD, whose refusals have no sentence: nor on AWS."""
    jobs.upload("mine/a.csv", "1\n")
    jobs.upload("others/a.csv", "1\n")
    mine = [f"arn:aws:s3:::{jobs.bucket}/{place}" for place in ("jobs/*", "mine/*", "mine")]
    listing = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{jobs.bucket}"}
    role = make_role(endpoint, name, {"Action": "s3:GetObject", "Resource": mine}, listing, LOGS)
    script = f"""
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        print("rows", spark.read.csv("s3://{jobs.bucket}/mine/").count(), flush=True)
        spark.read.csv("s3://{jobs.bucket}/others/").count()
    """
    region = {"--conf": f"{S3A_REGION}={endpoint.region}"}
    run = jobs.run(jobs.create(script, Role=role, DefaultArguments=region))
    assert "rows 1" in jobs.log_lines(run["Id"])
    assert run["JobRunState"] == "FAILED"
    assert "AmazonS3Exception" in run["ErrorMessage"]
    assert "Status Code: 403" in run["ErrorMessage"]


# ─── Step Functions ───


def test_a_machine_starts_the_jobs_of_its_role_alone(endpoint: Endpoint, jobs: GlueJobs, name: str) -> None:
    mine, others = jobs.create("pass", "mine"), jobs.create("pass", "others")
    at = f"arn:aws:glue:{endpoint.region}:{ACCOUNT}:job"
    may = {"Action": ["glue:StartJobRun", "glue:GetJobRun"], "Resource": f"{at}/{mine}"}
    role = make_role(endpoint, name, may)
    machines = StateMachines(endpoint.client("stepfunctions"))

    def run(job: str) -> dict[str, Any]:
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": job},
        }
        return machines.wait(machines.start(machines.create(machine(task), roleArn=role)))

    assert run(mine)["status"] == "SUCCEEDED"
    denied = run(others)
    assert (denied["status"], denied["error"]) == ("FAILED", "Glue.AccessDeniedException")
    session = denied["cause"].partition(" is not authorized")[0]
    assert session.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/")
    assert denied["cause"].removeprefix(session) == (
        f" is not authorized to perform: glue:StartJobRun on resource: {at}/{others} "
        "because no identity-based policy allows the glue:StartJobRun action"
    )


def test_a_machine_whose_role_trusts_another_machine_alone_can_do_nothing(
    endpoint: Endpoint, jobs: GlueJobs, name: str
) -> None:
    job, at = jobs.create("pass"), f"arn:aws:states:{endpoint.region}:{ACCOUNT}:stateMachine"
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "states.amazonaws.com"},
        "Condition": {"ArnLike": {"aws:SourceArn": f"{at}:{name}-its-own"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = make_role(endpoint, name, {"Action": "*"}, AssumeRolePolicyDocument=trust)
    machines = StateMachines(endpoint.client("stepfunctions"))
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Parameters": {"JobName": job}}
    own = machines.create(machine(task), roleArn=role, name=f"{name}-its-own")
    other = machines.create(machine(task), roleArn=role, name=f"{name}-other")
    assert machines.wait(machines.start(own))["status"] == "SUCCEEDED"
    denied = machines.wait(machines.start(other))
    assert (denied["status"], denied["cause"]) == (
        "FAILED",
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
        "assume the provided role.",
    )


# ─── Their End ───


def test_credentials_end_when_they_say(endpoint: Endpoint, name: str) -> None:
    role = make_role(endpoint, name)
    keys = endpoint.client("sts").assume_role(RoleArn=role, RoleSessionName="run", DurationSeconds=900)
    left = keys["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
