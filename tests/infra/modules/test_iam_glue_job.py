"""iam_glue_job: a project's jobs reach their own prefixes and tables, and nothing else."""

from __future__ import annotations

import json

import pytest
from plans import statements, the

GLUE = "arn:aws:glue:eu-west-1:123456789012"


@pytest.fixture(scope="module")
def policy(planned):
    return statements(the(planned(), "aws_iam_role_policy")["policy"])


def test_only_glue_of_this_account_assumes_the_role(planned):
    (trust,) = json.loads(the(planned(), "aws_iam_role")["assume_role_policy"])["Statement"]
    assert trust["Principal"] == {"Service": "glue.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": f"{GLUE}:*"},
    }


def test_objects_are_read_and_written_below_the_given_prefixes(policy):
    own = ["raw/project01", "refined/project01"]
    assert set(policy["WriteObjects"]["Resource"]) == {
        f"arn:aws:s3:::{prefix}{end}" for prefix in own for end in ("", "/*")
    }
    assert set(policy["ReadObjects"]["Resource"]) == {
        f"arn:aws:s3:::{prefix}{end}"
        for prefix in [*own, "artifacts/wheels", "refined/other/shared"]
        for end in ("", "/*")
    }
    assert policy["ReadObjects"]["Action"] == ["s3:GetObject"]


def test_buckets_are_listed_without_a_condition_that_would_turn_404_into_403(policy):
    assert set(policy["ListBuckets"]["Resource"]) == {
        f"arn:aws:s3:::{bucket}" for bucket in ("artifacts", "raw", "refined")
    }
    assert "Condition" not in policy["ListBuckets"]


def test_tables_are_named_one_by_one(policy):
    own = {f"{GLUE}:table/f01_raw_dev/records", f"{GLUE}:table/f01_refined_dev/records"}
    databases = {f"{GLUE}:catalog", f"{GLUE}:database/f01_raw_dev", f"{GLUE}:database/f01_refined_dev"}
    assert set(policy["WriteCatalog"]["Resource"]) == databases | own
    assert set(policy["ReadCatalog"]["Resource"]) == (
        databases | own | {f"{GLUE}:table/f01_refined_dev/shared"}
    )
    assert not {"glue:CreateTable", "glue:DeleteTable"} & set(policy["WriteCatalog"]["Action"])


def test_the_key_is_used_and_no_other(policy, inputs):
    assert policy["DataLakeKey"]["Resource"] == [inputs["iam_glue_job"]["kms_key_arn"]]
    assert set(policy["DataLakeKey"]["Action"]) == {
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
    }


def test_only_the_known_exceptions_have_no_resource(policy):
    assert {sid for sid, statement in policy.items() if "*" in statement["Resource"]} == {
        "EC2NetworkAccess",  # P0-03, left as it is
        "JobMetrics",  # held to a namespace instead
    }
    assert policy["JobMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Glue"}}


def test_the_network_statement_is_left_as_it_was(policy):
    actions = set(policy["EC2NetworkAccess"]["Action"])
    assert {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"} <= actions
    assert policy["EC2NetworkAccess"]["Resource"] == ["*"]
