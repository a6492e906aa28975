"""The domain's roles do what they may, and nothing else: what they try beyond it is denied in AWS's words."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from meshtest.domain.backends import Ability
from meshtest.testing import roles

pytestmark = [pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS, Ability.TRUST_POLICIES)]

# It reads one table of the catalog by Spark, as the domain's jobs do.
READER = b"""
import sys
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession

SparkSession.builder.getOrCreate().table(getResolvedOptions(sys.argv, ["table"])["table"]).count()
"""


@pytest.fixture(scope="module")
def projects(domain) -> tuple[str, str]:
    """A project, and another one that it does not depend on."""
    for first, about in domain.projects.items():
        for second in domain.projects:
            if second != first and second not in about.get("depends_on", []):
                return first, second
    pytest.skip("every project depends on every other")


def denial(domain, session: str, action: str, resource: str) -> str:
    """AWS's sentence, of a role that no policy gives the right."""
    return (
        f"User: arn:aws:sts::{domain.endpoint.account_id}:assumed-role/{session} is not authorized to "
        f"perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )


def glue_arn(domain, rest: str) -> str:
    return f"arn:aws:glue:{domain.endpoint.region}:{domain.endpoint.account_id}:{rest}"


def test_a_job_cannot_read_a_table_of_a_project_that_it_does_not_depend_on(domain, report, projects):
    assert not report.failures()
    mine, others = projects
    key, bucket = domain.jobs(mine)[0], domain.bucket("artifacts")
    script = f"jobs/{mine}/probe-{uuid.uuid4().hex[:8]}.py"
    s3, glue = domain.endpoint.client("s3"), domain.endpoint.client("glue")
    s3.put_object(Bucket=bucket, Key=script, Body=READER)
    own, foreign = (
        next(each for each in domain.tables() if each.project == project and each.layer == "curated")
        for project in (mine, others)
    )

    def read(table):
        named = {
            "--scriptLocation": f"s3://{bucket}/{script}",
            "--table": f"glue_catalog.{table.database}.{table.name}",
        }
        return domain.run_job(mine, key, named, lambda state: None)

    try:
        assert read(own).status == "SUCCEEDED"
        denied = read(foreign)
    finally:
        s3.delete_object(Bucket=bucket, Key=script)
    role = glue.get_job(JobName=domain.name(mine, key))["Job"]["Role"].rpartition("/")[2]
    table = glue_arn(domain, f"table/{foreign.database}/{foreign.name}")
    assert denied.status == "FAILED"
    assert denial(domain, f"{role}/GlueJobRunnerSession", "glue:GetTable", table) in denied.message


def test_a_pipeline_cannot_start_a_job_of_another(domain, projects):
    mine, others = projects
    states, pipeline = domain.endpoint.client("stepfunctions"), domain.pipelines(mine)[0]
    machine = domain.state_machine(mine, pipeline)
    kept = states.describe_state_machine(stateMachineArn=machine)
    job = domain.name(others, domain.jobs(others)[0])
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": job},
        "End": True,
    }
    states.update_state_machine(
        stateMachineArn=machine, definition=json.dumps({"StartAt": "Try", "States": {"Try": task}})
    )
    try:
        tried = domain.run_pipeline(mine, pipeline)
    finally:
        states.update_state_machine(stateMachineArn=machine, definition=kept["definition"])
    role = kept["roleArn"].rpartition("/")[2]
    session = tried.cause.partition(f"{role}/")[2].partition(" ")[0]
    assert tried.status == "FAILED"
    target = glue_arn(domain, f"job/{job}")
    assert tried.cause == denial(domain, f"{role}/{session}", "glue:StartJobRun", target)


@pytest.mark.needs(Ability.SEVERAL_DOMAINS)
def test_no_role_of_an_environment_touches_another(domain):
    """Whatever its policies allow: the boundary, which no role is made without, denies it."""
    iam, abbreviation = domain.endpoint.client("iam"), domain.abbreviation
    name = f"{abbreviation}-probe-{domain.env}"
    boundary = f"arn:aws:iam::{domain.endpoint.account_id}:policy/{abbreviation}-boundary-{domain.env}"
    role = roles.make_role(domain.endpoint, name, {"Action": "*"}, PermissionsBoundary=boundary)
    client = roles.session_of(domain.endpoint, role)
    try:
        for call, own, prod in (
            (
                lambda each: client("glue").get_database(Name=each),
                f"{abbreviation}_curated_dev",
                f"{abbreviation}_curated_prod",
            ),
            (
                lambda each: client("glue").get_job_runs(JobName=each),
                f"{abbreviation}-x-dev",
                f"{abbreviation}-x-prod",
            ),
        ):
            assert code_of(call, own) in ("OK", "EntityNotFoundException")
            assert code_of(call, prod) == "AccessDeniedException"
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="own")
        iam.delete_role(RoleName=name)


def code_of(call, name: str) -> str:
    try:
        call(name)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"
