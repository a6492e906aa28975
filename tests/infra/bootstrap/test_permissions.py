"""The roles of GitHub Actions can do what deploying and planning take, and nothing beyond."""

from __future__ import annotations

import json
import re

import pytest
from operations import ACCOUNT, LOCAL, OPERATIONS, Asked, arn, asked, document, tagged

from meshtest.emulator import policy
from meshtest.testing.plans import REGION

KINDS = ("read", "create", "change", "delete")
READS = re.compile(
    r"(ec2:Describe|events:(Describe|List)|glue:Get|iam:(Get|List)|kms:(Decrypt$|Describe|Get|List)|logs:(Describe|List)"
    r"|s3:(Get|List)|(scheduler|sns):(Get|List)|states:(Describe|List|Validate))\w*"
)
STATE = "arn:aws:s3:::exa-tfstate-123456789012-dev"
BOUNDARY = arn("iam", "policy/exa-boundary-dev", region="")
ROLE = arn("iam", "role/exa-orders-glue-job-dev", region="")
THROUGH_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}


def refused(stacks, allows, role: str, kind: str) -> list[str]:
    """What the role may not do of all that the planned resources take, each named."""
    return sorted(
        {
            f"{resource.type}: {each.action} on {each.resource}"
            for plan in stacks.values()
            for resource in plan.resources(*OPERATIONS)
            for each in asked(resource, kind)
            if not allows(role, each)
        }
    )


# ─── What they have to do ───


def test_every_type_of_the_stacks_has_its_operations(stacks):
    planned = {resource.type for plan in stacks.values() for resource in plan.resources()}
    assert planned - LOCAL == set(OPERATIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_deploy_role_can_make_change_and_remove_every_resource(stacks, allows, kind):
    assert refused(stacks, allows, "exa-deploy-dev", kind) == []


def test_the_plan_role_can_read_every_resource(stacks, allows):
    assert refused(stacks, allows, "exa-plan-dev", "read") == []


@pytest.mark.parametrize("role", ["exa-deploy-dev", "exa-plan-dev"])
@pytest.mark.parametrize("key", ["foundation/terraform.tfstate", "projects/invoices/terraform.tfstate"])
def test_both_read_the_states(allows, role, key):
    assert allows(role, Asked("s3:ListBucket", STATE))
    assert allows(role, Asked("s3:GetObject", f"{STATE}/{key}"))
    known = {"kms:ResourceAliases": ["alias/exa-tfstate-dev"], **THROUGH_S3}
    assert allows(role, Asked("kms:Decrypt", arn("kms", "key/1"), known))


def test_the_deploy_role_locks_and_writes_states(allows):
    for key in ("foundation/terraform.tfstate", "projects/invoices/terraform.tfstate"):
        assert allows("exa-deploy-dev", Asked("s3:PutObject", f"{STATE}/{key}"))
        for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
            assert allows("exa-deploy-dev", Asked(action, f"{STATE}/{key}.tflock"))
    known = {"kms:ResourceAliases": ["alias/exa-tfstate-dev"], **THROUGH_S3}
    assert allows("exa-deploy-dev", Asked("kms:GenerateDataKey", arn("kms", "key/1"), known))


def test_the_deploy_role_uploads_artifacts_and_goes_back(allows):
    bucket = "arn:aws:s3:::exa-artifacts-123456789012-dev"
    assert allows("exa-deploy-dev", Asked("s3:ListBucket", bucket))
    for key in (
        "wheels/core-latest-py3-none-any.whl",
        "jobs/invoices/invoices.zip",
        "releases/1/release.json",
    ):
        for action in ("s3:GetObject", "s3:PutObject"):
            assert allows("exa-deploy-dev", Asked(action, f"{bucket}/{key}"))
    known = {"kms:ResourceAliases": ["alias/exa-data-lake-dev"], **THROUGH_S3}
    assert allows("exa-deploy-dev", Asked("kms:GenerateDataKey", arn("kms", "key/1"), known))


def test_an_iceberg_tables_first_metadata_can_be_written(allows):
    table = "arn:aws:s3:::exa-refined-123456789012-dev/orders/orders_records"
    assert allows("exa-deploy-dev", Asked("s3:PutObject", f"{table}/metadata/00000.metadata.json"))
    assert not allows("exa-deploy-dev", Asked("s3:PutObject", f"{table}/data/00000.parquet"))


RECORD = "arn:aws:s3:::exa-artifacts-123456789012-dev/releases/deployed.json"


def decrypting(bucket: str) -> Asked:
    context = {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::exa-{bucket}-123456789012-dev"}
    known = {"kms:ResourceAliases": ["alias/exa-data-lake-dev"], **THROUGH_S3, **context}
    return Asked("kms:Decrypt", arn("kms", "key/1"), known)


def test_the_plan_role_reads_which_commit_is_deployed_and_nothing_beside_it(allows):
    assert allows("exa-plan-dev", Asked("s3:GetObject", RECORD))
    assert allows("exa-plan-dev", decrypting("artifacts"))
    assert not allows("exa-plan-dev", Asked("s3:PutObject", RECORD))
    assert not allows("exa-plan-dev", Asked("s3:GetObject", RECORD.replace("deployed", "1/release")))
    for bucket in ("raw", "refined", "curated"):
        assert not allows("exa-plan-dev", decrypting(bucket))


# ─── What the plan role cannot do ───


def test_the_plan_role_has_reading_actions_alone(planned):
    actions = [
        action
        for statement in document(planned, "exa-read-dev")["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert actions
    assert [action for action in actions if not READS.fullmatch(action)] == []
    attached = {
        each.get("policy_arn").rpartition("/")[2]
        for each in planned.resources("aws_iam_role_policy_attachment")
        if each.get("role") == "exa-plan-dev"
    }
    assert attached == {"exa-read-dev"}
    assert not planned.resources("aws_iam_role_policy")


@pytest.mark.parametrize("kind", ["create", "change", "delete"])
def test_the_plan_role_can_make_change_and_remove_nothing(stacks, allows, kind):
    allowed = {
        each.action
        for plan in stacks.values()
        for resource in plan.resources(*OPERATIONS)
        for each in asked(resource, kind)
        if allows("exa-plan-dev", each)
    }
    assert {action for action in allowed if not READS.fullmatch(action)} == set()


def test_the_plan_role_reads_no_data_and_locks_no_state(allows):
    for bucket in ("raw", "refined", "curated", "artifacts", "logs"):
        assert not allows(
            "exa-plan-dev", Asked("s3:GetObject", f"arn:aws:s3:::exa-{bucket}-123456789012-dev/k")
        )
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not allows("exa-plan-dev", Asked(action, f"{STATE}/foundation/terraform.tfstate.tflock"))
    data = {"kms:ResourceAliases": ["alias/exa-data-lake-dev"]}
    assert not allows("exa-plan-dev", Asked("kms:Decrypt", arn("kms", "key/1"), data))


# ─── What neither can do ───


def bound(name: str = "exa-boundary-dev") -> dict[str, str]:
    return {"iam:PermissionsBoundary": arn("iam", f"policy/{name}", region="")}


@pytest.mark.proves("iam-boundary-holds")
@pytest.mark.parametrize(
    "attempt",
    [
        Asked("iam:CreateRole", ROLE),
        Asked("iam:CreateRole", ROLE, bound("exa-boundary-int")),
        Asked("iam:CreateRole", ROLE, bound("AdministratorAccess")),
        Asked("iam:PutRolePolicy", ROLE),
        Asked("iam:AttachRolePolicy", ROLE),
        Asked("iam:DeleteRolePermissionsBoundary", ROLE, bound()),
        Asked("iam:PutRolePermissionsBoundary", ROLE, bound("exa-other-dev")),
        Asked("iam:CreatePolicyVersion", BOUNDARY),
        Asked("iam:SetDefaultPolicyVersion", BOUNDARY),
        Asked("iam:DeletePolicy", BOUNDARY),
        Asked("iam:CreatePolicyVersion", arn("iam", "policy/exa-deploy-data-dev", region="")),
        Asked("iam:AttachRolePolicy", arn("iam", "role/exa-deploy-dev", region=""), bound()),
        Asked("iam:PutRolePolicy", arn("iam", "role/exa-plan-dev", region=""), bound()),
        Asked("iam:UpdateAssumeRolePolicy", arn("iam", "role/exa-deploy-dev", region=""), bound()),
        Asked(
            "iam:PassRole",
            arn("iam", "role/exa-deploy-dev", region=""),
            {"iam:PassedToService": "glue.amazonaws.com"},
        ),
        Asked("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
        Asked("iam:PassRole", ROLE),
        Asked("iam:CreateRole", arn("iam", "role/exa-orders-glue-job-prod", region=""), bound()),
        Asked("iam:CreateRole", arn("iam", "role/other", region=""), bound()),
        Asked("iam:CreateUser", arn("iam", "user/exa-x-dev", region="")),
        Asked("iam:CreateOpenIDConnectProvider", arn("iam", "oidc-provider/evil.example.com", region="")),
        Asked("sts:AssumeRole", arn("iam", "role/exa-deploy-prod", region="")),
        Asked("s3:DeleteBucket", STATE),
        Asked("s3:PutBucketPolicy", STATE),
        Asked("s3:PutLifecycleConfiguration", STATE),
        Asked("s3:PutObject", f"{STATE}/bootstrap/terraform.tfstate"),
        Asked("s3:GetObject", f"{STATE}/bootstrap/terraform.tfstate"),
        Asked("s3:DeleteObject", f"{STATE}/foundation/terraform.tfstate"),
        Asked("s3:DeleteObjectVersion", f"{STATE}/foundation/terraform.tfstate"),
        Asked("s3:PutBucketPolicy", "arn:aws:s3:::exa-raw-123456789012-prod"),
        Asked("s3:GetObject", "arn:aws:s3:::exa-raw-123456789012-dev/landing/orders/rates.zip"),
        Asked("s3:CreateBucket", "arn:aws:s3:::another"),
        Asked(
            "kms:ScheduleKeyDeletion",
            arn("kms", "key/1"),
            tagged("Resource") | {"kms:ResourceAliases": ["alias/exa-tfstate-dev"]},
        ),
        Asked(
            "kms:PutKeyPolicy",
            arn("kms", "key/1"),
            tagged("Resource", {"Domain": "other", "Environment": "dev"}),
        ),
        Asked(
            "kms:TagResource",
            arn("kms", "key/1"),
            tagged("Request") | tagged("Resource", {"Domain": "other"}),
        ),
        Asked("kms:CreateKey", arn("kms", "key/1")),
        Asked("kms:Decrypt", arn("kms", "key/1"), {"kms:ResourceAliases": ["alias/other"]}),
        Asked("ec2:CreateVpc", arn("ec2", "vpc/new")),
        Asked("ec2:CreateSubnet", arn("ec2", "vpc/another"), tagged("Request")),
        Asked("ec2:AuthorizeSecurityGroupIngress", arn("ec2", "security-group/another"), tagged("Request")),
        Asked("ec2:CreateTags", arn("ec2", "vpc/another"), tagged("Request")),
        Asked(
            "ec2:CreateTags",
            arn("ec2", "security-group/another"),
            tagged("Request") | tagged("Resource", {"Domain": "other", "Environment": "dev"}),
        ),
        Asked("ec2:DeleteVpc", arn("ec2", "vpc/another")),
        Asked("ec2:RunInstances", arn("ec2", "instance/new"), tagged("Request")),
        Asked("ec2:CreateInternetGateway", arn("ec2", "internet-gateway/new"), tagged("Request")),
        Asked("glue:UpdateJob", arn("glue", "job/exa-orders-refine-prod")),
        Asked("glue:DeleteDatabase", arn("glue", "database/exa_raw_prod")),
        Asked("states:StartExecution", arn("states", "stateMachine:exa-orders-daily-dev")),
        Asked("glue:StartJobRun", arn("glue", "job/exa-orders-refine-dev")),
        Asked("logs:DeleteLogGroup", arn("logs", "log-group:/aws/cloudtrail")),
        Asked("events:PutRule", arn("events", "rule/another")),
        Asked("events:PutTargets", arn("events", "rule/exa-orders-failed-prod")),
        Asked("events:PutEvents", arn("events", "event-bus/default")),
        Asked("scheduler:UpdateSchedule", arn("scheduler", "schedule/exa-orders-prod/exa-orders-daily-prod")),
        Asked("scheduler:CreateSchedule", arn("scheduler", "schedule/default/exa-orders-daily-dev")),
        Asked("sns:Subscribe", arn("sns", "exa-alarms-prod")),
        Asked("sns:SetTopicAttributes", arn("sns", "another")),
        Asked("sns:Publish", arn("sns", "exa-alarms-dev")),
    ],
    ids=lambda attempt: f"{attempt.action} on {attempt.resource.rpartition(':')[2]}",
)
def test_neither_role_gets_around_its_limits(allows, attempt):
    assert not allows("exa-deploy-dev", attempt)
    assert not allows("exa-plan-dev", attempt)


def test_another_region_is_out_of_bounds(allows):
    elsewhere = {"aws:RequestedRegion": "us-east-1"}
    asked = Asked("glue:UpdateJob", arn("glue", "job/exa-orders-refine-dev"))
    assert allows("exa-deploy-dev", asked)
    assert not allows("exa-deploy-dev", Asked(asked.action, asked.resource, elsewhere))


def test_an_environment_cannot_touch_another(allows):
    job = Asked("glue:UpdateJob", arn("glue", "job/exa-orders-refine-dev"))
    assert allows("exa-deploy-dev", job)
    assert not allows("exa-deploy-prod", job)


@pytest.mark.proves("iam-by-tags")
@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({"Domain": "other", "Environment": "dev"}, id="another domain"),
        pytest.param({"Domain": "example", "Environment": "prod"}, id="another environment"),
        pytest.param({"Environment": "dev"}, id="no domain"),
        pytest.param({"Domain": "example"}, id="no environment"),
    ],
)
@pytest.mark.parametrize(
    ("action", "resource", "which"),
    [
        ("ec2:CreateVpc", arn("ec2", "vpc/new"), "Request"),
        ("ec2:CreateTags", arn("ec2", "security-group/default"), "Request"),
        ("ec2:DeleteVpc", arn("ec2", "vpc/there"), "Resource"),
        ("kms:CreateKey", arn("kms", "key/new"), "Request"),
        ("kms:PutKeyPolicy", arn("kms", "key/there"), "Resource"),
    ],
)
def test_what_has_no_name_is_known_by_both_of_its_tags(allows, action, resource, which, tags):
    assert allows("exa-deploy-dev", Asked(action, resource, tagged(which)))
    assert not allows("exa-deploy-dev", Asked(action, resource, tagged(which, tags)))


@pytest.mark.parametrize(
    "action",
    [
        "CreateAlias",
        "DeleteAlias",
        "DisableKeyRotation",
        "PutKeyPolicy",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
    ],
)
def test_the_states_key_stays_as_it_is(allows, action):
    key, tags = arn("kms", "key/1"), tagged("Resource")
    assert allows("exa-deploy-dev", Asked(f"kms:{action}", key, tags))
    state = {"kms:ResourceAliases": ["alias/exa-tfstate-dev"]}
    assert not allows("exa-deploy-dev", Asked(f"kms:{action}", key, tags | state))


# ─── What jobs may do at most ───


def test_what_comes_from_no_region_is_beyond_the_boundary(planned):
    limits = document(planned, "exa-boundary-dev")
    asked = "glue:GetJob", arn("glue", "job/exa-orders-refine-dev")
    whom = {"aws:PrincipalArn": ROLE}
    within = policy.Request(policy.Principal(), *asked, {"aws:RequestedRegion": REGION, **whom})
    assert policy.evaluate(limits, within) is policy.Decision.ALLOW
    assert (
        policy.evaluate(limits, policy.Request(policy.Principal(), *asked, whom)) is not policy.Decision.ALLOW
    )


def test_the_boundary_leaves_the_roles_of_jobs_and_pipelines_what_they_were_given(stacks, planned):
    """Every action that the stacks' own roles are allowed is within the boundary that they carry."""
    limits = document(planned, "exa-boundary-dev")
    roles = {
        each.get("policy_arn").rpartition("/")[2]: each.get("role")
        for plan in stacks.values()
        for each in plan.resources("aws_iam_role_policy_attachment")
    }
    cut, looked_at = set(), 0
    for plan in stacks.values():
        for given in plan.resources("aws_iam_role_policy", "aws_iam_policy"):
            role = given.get("role") if given.type == "aws_iam_role_policy" else roles[given.get("name")]
            for statement in json.loads(given.get("policy"))["Statement"]:
                actions, resources = (
                    [value] if isinstance(value, str) else value
                    for value in (statement["Action"], statement["Resource"])
                )
                for action in actions:
                    for resource in resources:
                        if action in ("ec2:CreateTags", "ec2:DeleteTags"):
                            assert ":network-interface/" in resource
                        one = (action.replace("*", "x"), resource.replace("*", "x"))
                        context = {
                            "aws:PrincipalArn": arn("iam", f"role/{role}", region=""),
                            "aws:RequestedRegion": REGION,
                            **(tagged("Resource") if action.startswith("kms:") else {}),
                        }
                        request = policy.Request(policy.Principal(), *one, context)
                        looked_at += 1
                        if policy.evaluate(limits, request) is not policy.Decision.ALLOW:
                            cut.add(f"{given.address}: {one}")
    assert cut == set()
    assert looked_at > 100


@pytest.mark.proves("iam-role-boundary")
def test_every_role_of_the_stacks_carries_the_boundary(stacks):
    found = {
        role.get("permissions_boundary")
        for plan in stacks.values()
        for role in plan.resources("aws_iam_role")
    }
    assert found == {BOUNDARY}


# ─── A new key ───


@pytest.mark.proves("kms-policy")
@pytest.mark.parametrize(
    "action",
    [
        "kms:CreateAlias",
        "kms:DescribeKey",
        "kms:EnableKeyRotation",
        "kms:GenerateDataKey",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListResourceTags",
    ],
)
def test_a_new_key_is_finished_and_used_before_its_tags_and_alias_count(action, stacks, planned):
    """By the key's policy, which counts at once; the boundary does not deny it."""
    (key,) = stacks["foundation"].resources("aws_kms_key")
    of_key, limits = json.loads(key.get("policy")), document(planned, "exa-boundary-dev")
    # Without the one that refers to IAM, which would have to know the tags.
    of_key["Statement"] = [each for each in of_key["Statement"] if each["Sid"] != "AccountThroughIAM"]
    decisions = {}
    for role in ("exa-deploy-dev", "exa-x-dev"):
        whom = arn("iam", f"role/{role}", region="")
        context = {"aws:PrincipalArn": whom, "aws:RequestedRegion": REGION, **THROUGH_S3}
        request = policy.Request(policy.Principal(whom, ACCOUNT), action, arn("kms", "key/new"), context)
        decisions[role] = [policy.evaluate(each, request) for each in (of_key, limits)]
    assert decisions["exa-deploy-dev"] == [policy.Decision.ALLOW] * 2
    assert policy.Decision.ALLOW not in decisions["exa-x-dev"][:1]
