"""What lies outside the domain (setup/external.json) is read by the project that names it alone."""

from __future__ import annotations

import json

import pytest

from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.deploy.bootstrap_inputs import INPUTS
from meshtest.testing.plans import PROJECTS, REGION, resources, statements

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1111-2222"
SECRET_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/3333-4444"
URL = "jdbc:postgresql://erp.example.com:5432/erp"
EXTERNAL = {
    "buckets": {
        "open_data": {"bucket": "open-data-set"},
        "partner": {
            "bucket": "partner-exports-prod",
            "environments": {"dev": {"bucket": "partner-exports-dev", "kms_key_arn": KEY}},
            "prefix": "rates/daily",
        },
    },
    "databases": {
        "erp": {"cidr": "10.0.0.128/27", "kms_key_arn": SECRET_KEY, "secret": "erp/reader", "url": URL},
        "other": {"cidr": "10.0.1.0/28", "secret": "other", "url": "jdbc:mysql://other.example.com:3306/o"},
    },
}
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:erp/reader-??????"


@pytest.fixture(scope="module")
def external(terraform, infrastructure, example_project, foundation):
    """external(stack) → its plan, in a checkout in which the example reads a bucket and a database."""
    files = {
        infrastructure.parent / "setup" / "external.json": EXTERNAL,
        example_project / "project.json": {
            **json.loads((example_project / "project.json").read_text()),
            "connections": ["erp"],
            "external_reads": ["partner"],
        },
    }
    good = {file: file.read_text() for file in files}
    for file, content in files.items():
        file.write_text(json.dumps(content))

    def external(stack: str):
        given = {name: json.dumps(value) for name, value in INPUTS.items()} if stack == "bootstrap" else {}
        given = {"env": "dev"} if stack.startswith("projects/") else given
        return terraform(infrastructure / stack).plan(output=True, tf_vars=given, lock=False)

    yield external
    for file, text in good.items():
        file.write_text(text)


def granted(plan) -> dict:
    policies = resources(plan, "aws_iam_role_policy")
    return statements(policies["module.project.module.iam_glue_job.aws_iam_role_policy.this"]["policy"])


def test_nothing_of_it_is_there_unless_somebody_asks(plan, infrastructure, foundation):
    policies = resources(plan(infrastructure / "bootstrap", INPUTS), "aws_iam_policy")
    boundary = statements(policies['module.environment["dev"].aws_iam_policy.boundary']["policy"])
    assert not [arn for arn in boundary["OtherNames"]["NotResource"] if "secretsmanager" in arn]
    dev = plan(infrastructure / "environments" / "dev")
    policy = resources(dev, "aws_vpc_endpoint")["module.foundation.aws_vpc_endpoint.s3"]["policy"]
    assert set(statements(policy)) == {"DomainBuckets"}
    assert "database" not in str(list(resources(dev, "aws_vpc_security_group_egress_rule")))


# ─── The project ───


@pytest.mark.proves("iam-key-use")
def test_its_jobs_read_what_it_names_and_nothing_beside(external):
    found = granted(external("projects/example"))
    bucket = "arn:aws:s3:::partner-exports-dev"
    assert found["ReadExternalObjects"]["Action"] == ["s3:GetObject"]
    objects = set(found["ReadExternalObjects"]["Resource"])
    assert objects == {f"{bucket}/rates/daily", f"{bucket}/rates/daily/*"}
    listed = found["ListExternalBucket0"]
    assert (listed["Action"], listed["Resource"]) == (["s3:ListBucket"], [bucket])
    assert listed["Condition"] == {
        "StringLikeIfExists": {"s3:prefix": ["rates/daily", "rates/daily/*"]},
    }
    assert found["ReadSecrets"]["Action"] == ["secretsmanager:GetSecretValue"]
    assert found["ReadSecrets"]["Resource"] == [SECRET]
    keys = {
        statement["Resource"][0]: (statement["Action"], statement["Condition"])
        for sid, statement in found.items()
        if sid.startswith("ExternalKey")
    }
    assert keys == {
        key: (["kms:Decrypt"], {"StringEquals": {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}})
        for key, service in ((KEY, "s3"), (SECRET_KEY, "secretsmanager"))
    }


def test_its_connection_names_the_secret_and_holds_none(external, foundation):
    planned = external("projects/example")
    (connection,) = resources(planned, "aws_glue_connection").values()
    assert (connection["name"], connection["connection_type"]) == ("exa-example-erp-dev", "JDBC")
    assert connection["connection_properties"] == {
        "JDBC_CONNECTION_URL": URL,
        "JDBC_ENFORCE_SSL": "true",
        "SECRET_ID": "erp/reader",
    }
    (place,) = connection["physical_connection_requirements"]
    zone = min(foundation["private_subnet_ids"])
    assert (place["availability_zone"], place["subnet_id"], place["security_group_id_list"]) == (
        zone,
        foundation["private_subnet_ids"][zone],
        [foundation["glue_job_security_group_id"]],
    )
    jobs = resources(planned, "aws_glue_job").values()
    assert {tuple(job["connections"]) for job in jobs} == {
        (*foundation["glue_connection_names"], "exa-example-erp-dev")
    }
    connections = granted(planned)["NetworkConnections"]["Resource"]
    assert f"arn:aws:glue:{REGION}:{ACCOUNT}:connection/exa-example-erp-dev" in connections


@pytest.mark.parametrize("project", PROJECTS)
def test_another_project_reads_none_of_it(project, external):
    planned = external(f"projects/{project}")
    assert [sid for sid in granted(planned) if "External" in sid or "Secret" in sid] == []
    assert resources(planned, "aws_glue_connection") == {}


# ─── What the domain lets through ───


def test_the_endpoint_to_s3_leads_to_the_named_buckets(external):
    planned = external("environments/dev")
    policy = resources(planned, "aws_vpc_endpoint")["module.foundation.aws_vpc_endpoint.s3"]["policy"]
    found = statements(policy)["ExternalBuckets"]
    assert set(found["Action"]) == {"s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"}
    assert set(found["Resource"]) == {
        "arn:aws:s3:::open-data-set",
        "arn:aws:s3:::open-data-set/*",
        "arn:aws:s3:::partner-exports-dev",
        "arn:aws:s3:::partner-exports-dev/rates/daily",
        "arn:aws:s3:::partner-exports-dev/rates/daily/*",
    }
    assert found["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


def test_secrets_are_reached_where_there_are_databases(external):
    endpoints = resources(external("environments/dev"), "aws_vpc_endpoint").values()
    assert f"com.amazonaws.{REGION}.secretsmanager" in {each["service_name"] for each in endpoints}


@pytest.mark.proves("sg-glue-jobs", "sg-ports")
def test_the_jobs_reach_each_database_at_its_port(external):
    rules = resources(external("environments/dev"), "aws_vpc_security_group_egress_rule")
    made = {
        (rule["cidr_ipv4"], rule["from_port"], rule["to_port"])
        for address, rule in rules.items()
        if ".job_to_database[" in address
    }
    assert made == {("10.0.0.128/27", 5432, 5432), ("10.0.1.0/28", 3306, 3306)}


def test_the_boundary_lets_them_be_read(external):
    policies = resources(external("bootstrap"), "aws_iam_policy")
    boundary = statements(policies['module.environment["dev"].aws_iam_policy.boundary']["policy"])
    allowed = set(boundary["OneRegion"]["Action"])
    assert "secretsmanager:GetSecretValue" in allowed
    let_in = {"arn:aws:s3:::partner-exports-dev/rates/daily/*", SECRET}
    assert let_in <= set(boundary["OtherNames"]["NotResource"])
    prod = statements(policies['module.environment["prod"].aws_iam_policy.boundary']["policy"])
    assert "arn:aws:s3:::partner-exports-prod/rates/daily/*" in prod["OtherNames"]["NotResource"]


@pytest.mark.parametrize("stack", ["bootstrap", "environments/dev", "projects/example"])
def test_no_control_minds(stack, external):
    results = controls.evaluate(Plan(external(stack)))
    assert [controls.describe(each) for each in results if each.status in ("failed", "error")] == []
