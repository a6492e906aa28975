"""iam_glue_job: a project's jobs reach their own prefixes and tables, and nothing else."""

from __future__ import annotations

import json

import pytest

from meshtest.check.controls import assert_hold
from meshtest.check.plan import Plan
from meshtest.testing.plans import REGION, resources, statements, the

GLUE = f"arn:aws:glue:{REGION}:123456789012"


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


def test_objects_are_read_and_written_below_the_given_prefixes(policy):
    own = ["raw/inventory", "refined/inventory"]
    assert set(policy["WriteObjects"]["Resource"]) == {
        f"arn:aws:s3:::{prefix}{end}" for prefix in own for end in ("", "/*")
    }
    assert set(policy["ReadObjects"]["Resource"]) == {
        f"arn:aws:s3:::{prefix}{end}" for prefix in [*own, "artifacts/wheels"] for end in ("", "/*")
    }
    assert policy["ReadObjects"]["Action"] == ["s3:GetObject"]


def test_buckets_are_listed_without_a_condition_that_would_turn_404_into_403(policy):
    assert set(policy["ListBuckets"]["Resource"]) == {
        f"arn:aws:s3:::{bucket}" for bucket in ("artifacts", "raw", "refined")
    }
    assert "Condition" not in policy["ListBuckets"]


def test_tables_are_named_one_by_one(policy):
    own = {f"{GLUE}:table/exa_raw_dev/records", f"{GLUE}:table/exa_refined_dev/records"}
    databases = {f"{GLUE}:catalog", f"{GLUE}:database/exa_raw_dev", f"{GLUE}:database/exa_refined_dev"}
    assert set(policy["WriteCatalog"]["Resource"]) == databases | own
    assert set(policy["ReadCatalog"]["Resource"]) == databases | own
    assert not {"glue:CreateTable", "glue:DeleteTable"} & set(policy["WriteCatalog"]["Action"])


def test_what_others_share_is_read_and_no_more(planned):
    plan = planned()
    given = the(plan, "aws_iam_policy")
    assert given["name"] == "exa-inventory-glue-job-shared-1-dev"
    shared = statements(given["policy"])
    assert set(shared["ReadSharedObjects"]["Resource"]) == {
        "arn:aws:s3:::refined/other/shared",
        "arn:aws:s3:::refined/other/shared/*",
        "arn:aws:s3:::refined/more/more_*",
    }
    assert shared["ReadSharedObjects"]["Action"] == ["s3:GetObject"]
    assert set(shared["ReadSharedCatalog"]["Resource"]) == {
        f"{GLUE}:catalog",
        f"{GLUE}:database/exa_refined_dev",
        f"{GLUE}:table/exa_refined_dev/shared",
        f"{GLUE}:table/exa_refined_dev/more_*",
    }
    assert {action.split(":Get")[0] for action in shared["ReadSharedCatalog"]["Action"]} == {
        "glue",
        "glue:BatchGetPartition",
    }
    attached = the(plan, "aws_iam_role_policy_attachment")
    assert attached["role"] == "exa-inventory-glue-job-dev"
    assert attached["policy_arn"] == f"arn:aws:iam::123456789012:policy/{given['name']}"


@pytest.mark.proves("iam-policy-quota")
def test_many_shared_tables_are_read_by_several_policies_each_within_its_quota(planned):
    many = [
        {
            "prefix": f"refined/a_project_of_24_letters_/table_{number}",
            "table": f"exa_refined_dev/table_{number}",
        }
        for number in range(100)
    ]
    plan = planned(shared_tables=many)
    policies = resources(plan, "aws_iam_policy")
    assert len(policies) > 1
    assert_hold(Plan(plan), "iam-policy-quota")
    tables = {
        arn.rpartition("/")[2]
        for each in policies.values()
        for arn in statements(each["policy"])["ReadSharedCatalog"]["Resource"]
        if ":table/" in arn
    }
    assert tables == {f"table_{number}" for number in range(100)}


@pytest.mark.proves("iam-key-use")
def test_the_key_is_used_and_no_other(policy, inputs):
    assert policy["DataLakeKey"]["Resource"] == [inputs["iam_glue_job"]["kms_key_arn"]]
    assert set(policy["DataLakeKey"]["Action"]) == {
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
    }


@pytest.mark.proves("iam-no-wildcard-resource")
def test_only_the_known_exceptions_have_no_resource(policy):
    assert {sid for sid, statement in policy.items() if "*" in statement["Resource"]} == {
        "EC2NetworkAccess",  # P0-03, left as it is
        "JobMetrics",  # held to a namespace instead
        "ReadJobBookmarks",  # no resource type
    }
    assert policy["JobMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Glue"}}


def test_the_network_statement_is_left_as_it_was(policy):
    actions = set(policy["EC2NetworkAccess"]["Action"])
    assert {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"} <= actions
    assert policy["EC2NetworkAccess"]["Resource"] == ["*"]


def test_every_statement_allows_exactly_its_actions(policy):
    assert {statement["Effect"] for statement in policy.values()} == {"Allow"}
    assert {sid: " ".join(sorted(statement["Action"])) for sid, statement in policy.items()} == {
        "DataLakeKey": "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey*",
        "EC2NetworkAccess": "ec2:CreateNetworkInterface ec2:DeleteNetworkInterface"
        " ec2:DescribeNetworkInterfaces ec2:DescribeRouteTables ec2:DescribeSecurityGroups"
        " ec2:DescribeSubnets ec2:DescribeVpcAttribute ec2:DescribeVpcEndpoints",
        "JobBookmarks": "glue:UpdateJobBookmark",
        "ReadJobBookmarks": "glue:GetJobBookmark glue:ResetJobBookmark",
        "JobLogs": "logs:AssociateKmsKey logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
        "JobMetrics": "cloudwatch:PutMetricData",
        "ListBuckets": "s3:GetBucketLocation s3:ListBucket",
        "NetworkConnections": "glue:GetConnection",
        "ReadCatalog": "glue:BatchGetPartition glue:GetDatabase glue:GetDatabases glue:GetPartition"
        " glue:GetPartitions glue:GetTable glue:GetTables",
        "ReadObjects": "s3:GetObject",
        "TagNetworkInterfaces": "ec2:CreateTags ec2:DeleteTags",
        "WriteCatalog": "glue:BatchCreatePartition glue:CreatePartition glue:UpdatePartition"
        " glue:UpdateTable",
        "WriteObjects": "s3:AbortMultipartUpload s3:DeleteObject s3:ListMultipartUploadParts s3:PutObject",
    }


def test_jobs_connections_interfaces_and_logs_are_named(policy):
    assert policy["JobBookmarks"]["Resource"] == [f"{GLUE}:job/exa-inventory-refine-dev"]
    assert policy["ReadJobBookmarks"]["Resource"] == ["*"]  # they have no resource type
    assert set(policy["NetworkConnections"]["Resource"]) == {
        f"{GLUE}:catalog",
        f"{GLUE}:connection/exa-network-a-dev",
    }
    assert policy["TagNetworkInterfaces"]["Resource"] == [
        f"arn:aws:ec2:{REGION}:123456789012:network-interface/*"
    ]
    assert policy["TagNetworkInterfaces"]["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": "aws-glue-service-resource"}
    }
    assert policy["JobLogs"]["Resource"] == [f"arn:aws:logs:{REGION}:123456789012:log-group:/aws-glue/jobs*"]


def test_without_jobs_connections_and_tables_of_their_own_there_are_no_statements_on_them(planned):
    role = planned(connection_names=[], job_names=[], write_tables=[])
    document = statements(the(role, "aws_iam_role_policy")["policy"])
    assert not {"JobBookmarks", "NetworkConnections", "ReadJobBookmarks", "WriteCatalog"} & set(document)


def test_one_job_one_connection_and_one_table_are_enough_for_statements_on_them(planned):
    document = statements(the(planned(write_tables=["exa_raw_dev/records"]), "aws_iam_role_policy")["policy"])
    assert {"JobBookmarks", "NetworkConnections", "WriteCatalog"} <= set(document)


def test_the_role_is_bound_and_known_by_its_name(planned, inputs):
    given = inputs["iam_glue_job"]
    assert the(planned(), "aws_iam_role")["permissions_boundary"] == given["permissions_boundary_arn"]
    assert the(planned(permissions_boundary_arn=""), "aws_iam_role")["permissions_boundary"] is None
    assert planned().outputs["role_arn"] == f"arn:aws:iam::123456789012:role/{given['name']}"
    assert planned().outputs["role_name"] == given["name"]
