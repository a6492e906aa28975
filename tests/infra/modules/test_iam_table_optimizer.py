"""iam_table_optimizer: what the optimizers need on the named tables."""

from __future__ import annotations

import json

import pytest

from meshtest.testing.plans import REGION, statements, the

GLUE = f"arn:aws:glue:{REGION}:123456789012"
LOGS = f"arn:aws:logs:{REGION}:123456789012:log-group:/aws-glue"


@pytest.fixture(scope="module")
def policy(planned):
    return statements(the(planned(), "aws_iam_role_policy")["policy"])


@pytest.mark.proves("iam-trust")
def test_only_glue_of_this_account_assumes_the_role(planned):
    (trust,) = json.loads(the(planned(), "aws_iam_role")["assume_role_policy"])["Statement"]
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
    assert trust["Principal"] == {"Service": "glue.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": f"{GLUE}:*"},
    }


def test_the_optimizers_reach_the_named_tables_alone(policy):
    assert policy["TableFiles"]["Resource"] == ["arn:aws:s3:::refined/inventory/records/*"]
    assert set(policy["TableFiles"]["Action"]) == {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}
    assert policy["ListBuckets"]["Resource"] == ["arn:aws:s3:::refined"]
    assert set(policy["TableMetadata"]["Resource"]) == {
        f"{GLUE}:catalog",
        f"{GLUE}:database/exa_refined_dev",
        f"{GLUE}:table/exa_refined_dev/records",
    }
    assert set(policy["TableMetadata"]["Action"]) == {"glue:GetTable", "glue:UpdateTable"}


def test_tables_may_be_named_together(planned):
    plan = planned(table_prefixes=["refined/orders/orders_*"], tables=["exa_refined_dev/orders_*"])
    policy = statements(the(plan, "aws_iam_role_policy")["policy"])
    assert policy["TableFiles"]["Resource"] == ["arn:aws:s3:::refined/orders/orders_*"]
    assert f"{GLUE}:table/exa_refined_dev/orders_*" in policy["TableMetadata"]["Resource"]


@pytest.mark.proves("iam-key-use")
def test_the_key_is_used_and_no_other(policy, inputs):
    assert policy["DataLakeKey"]["Resource"] == [inputs["iam_table_optimizer"]["kms_key_arn"]]
    assert set(policy["DataLakeKey"]["Action"]) == {
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
    }


def test_each_optimizer_writes_its_log(policy):
    assert set(policy["OptimizerLogs"]["Resource"]) == {
        f"{LOGS}/iceberg-compaction/logs:*",
        f"{LOGS}/iceberg-orphan-file-deletion/logs:*",
        f"{LOGS}/iceberg-retention/logs:*",
    }


@pytest.mark.proves("iam-no-wildcard-resource")
def test_every_statement_names_its_resources(policy):
    assert [sid for sid, statement in policy.items() if "*" in statement["Resource"]] == []


def test_every_statement_allows_exactly_its_actions(policy):
    assert {statement["Effect"] for statement in policy.values()} == {"Allow"}
    assert {sid: " ".join(sorted(statement["Action"])) for sid, statement in policy.items()} == {
        "DataLakeKey": "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey*",
        "ListBuckets": "s3:ListBucket",
        "OptimizerLogs": "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
        "TableFiles": "s3:DeleteObject s3:GetObject s3:PutObject",
        "TableMetadata": "glue:GetTable glue:UpdateTable",
    }


def test_the_role_is_bound_and_known_by_its_name(planned, inputs):
    given = inputs["iam_table_optimizer"]
    assert the(planned(), "aws_iam_role")["permissions_boundary"] == given["permissions_boundary_arn"]
    assert the(planned(permissions_boundary_arn=""), "aws_iam_role")["permissions_boundary"] is None
    assert planned().outputs["role_arn"] == f"arn:aws:iam::123456789012:role/{given['name']}"
    assert planned().outputs["role_name"] == given["name"]
