"""The domain's roles do what they may and nothing else: asked live, of IAM on the backend."""

from __future__ import annotations

import json
import uuid

import pytest

from meshtest.backends import Ability
from meshtest.domain import LAYERS
from meshtest.emulator import decisions

pytestmark = [pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.TRUST_POLICIES)]

# What stands for a job: it reads one table of the catalog by Spark, as the domain's jobs do.
READER = """
import sys
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession

SparkSession.builder.getOrCreate().table(getResolvedOptions(sys.argv, ["table"])["table"]).count()
"""


@pytest.fixture(scope="module")
def projects(domain) -> tuple[str, str]:
    """Two projects of which the second shares nothing with the first: that one does not depend on it."""
    for first, about in domain.projects.items():
        for second in domain.projects:
            if second != first and second not in about.get("depends_on", []) and domain.pipelines(second):
                return first, second
    pytest.skip("every project depends on every other")


@pytest.fixture(scope="module")
def job_of(domain):
    """job_of(project) → the description of its first job."""
    glue = domain.endpoint.client("glue")
    return lambda project: glue.get_job(JobName=domain.name(project, domain.jobs(project)[0]))["Job"]


def test_a_job_cannot_read_a_table_of_a_project_that_it_does_not_depend_on(domain, report, projects, job_of):
    mine, others = projects
    assert not report.failures()
    tables = [each for each in domain.tables() if each.layer != "raw"]
    own, foreign = (next(each for each in tables if each.project == project) for project in (mine, others))
    described, glue = job_of(mine), domain.endpoint.client("glue")
    script = f"jobs/{mine}/probe-{uuid.uuid4().hex[:8]}.py"
    bucket = domain.bucket("artifacts")
    domain.endpoint.client("s3").put_object(Bucket=bucket, Key=script, Body=READER.encode())

    def read(table) -> dict:
        name = f"glue_catalog.{table.database}.{table.name}"
        arguments = {"--scriptLocation": f"s3://{bucket}/{script}", "--table": name}
        run = glue.start_job_run(JobName=described["Name"], Arguments=arguments)["JobRunId"]
        return domain.await_run(described["Name"], run)

    assert read(own).status == "SUCCEEDED"
    denied = read(foreign)
    role = described["Role"].rpartition("/")[2]
    at = f"arn:aws:glue:{domain.endpoint.region}:{domain.endpoint.account_id}"
    assert denied.status == "FAILED"
    assert (
        f"User: arn:aws:sts::{domain.endpoint.account_id}:assumed-role/{role}/GlueJobRunnerSession is not "
        f"authorized to perform: glue:GetTable on resource: {at}:table/{foreign.database}/{foreign.name} "
        "because no identity-based policy allows the glue:GetTable action"
    ) in denied.message
