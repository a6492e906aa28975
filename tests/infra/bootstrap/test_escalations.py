"""Ways out of an environment, tried by a role that a deployment made: the boundary denies each.

The role is what somebody gets who may deploy to dev and wants more. It has AdministratorAccess, any trust,
and the boundary, without which it could not have been made. Each attempt names the statement that denies
it: what a boundary merely does not allow the next change may allow.
"""

from __future__ import annotations

import pytest
from operations import Asked, arn, document, tagged

from meshtest.emulator import policy
from meshtest.testing.plans import REGION, as_list

ACCOUNT = "123456789012"
PROD = {"Domain": "example", "Environment": "prod"}
OTHER = {"Domain": "other", "Environment": "dev"}
BOUND = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/exa-boundary-dev"}
S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}


def iam(rest: str) -> str:
    return arn("iam", rest, region="")


def s3(rest: str) -> str:
    return f"arn:aws:s3:::{rest}"


OWN_ROLE = iam("role/exa-x-dev")
KEY, VPC, ENDPOINT = arn("kms", "key/1"), arn("ec2", "vpc/1"), arn("ec2", "vpc-endpoint/1")
STATES = f"exa-tfstate-{ACCOUNT}-dev"
# The statement that denies them, and the attempts.
ATTEMPTS: dict[str, list[Asked]] = {
    "OtherNames": [
        # another environment's and another domain's tables
        Asked("glue:GetTable", arn("glue", "table/exa_curated_prod/rates")),
        Asked("glue:UpdateTable", arn("glue", "table/exa_curated_prod/rates")),
        Asked("glue:DeleteTable", arn("glue", "table/exa_curated_prod/rates")),
        Asked("glue:GetTable", arn("glue", "table/g02_curated_dev/rates")),
        Asked("glue:BatchDeletePartition", arn("glue", "table/exa_raw_prod/rates")),
        Asked("glue:DeleteDatabase", arn("glue", "database/exa_raw_prod")),
        # jobs and connections
        Asked("glue:StartJobRun", arn("glue", "job/exa-project-refine-prod")),
        Asked("glue:UpdateJob", arn("glue", "job/exa-project-refine-prod")),
        Asked("glue:GetConnection", arn("glue", "connection/exa-project-erp-prod")),
        # state machines
        Asked("states:StartExecution", arn("states", "stateMachine:exa-project-daily-prod")),
        Asked("states:UpdateStateMachine", arn("states", "stateMachine:exa-project-daily-prod")),
        Asked("states:StopExecution", arn("states", "execution:exa-project-daily-prod:1")),
        # rules and topics
        Asked("events:PutTargets", arn("events", "rule/exa-project-failed-prod")),
        Asked("events:DisableRule", arn("events", "rule/another")),
        Asked("events:PutEvents", arn("events", "event-bus/default")),
        Asked("sns:Subscribe", arn("sns", "exa-alarms-prod")),
        Asked("sns:Publish", arn("sns", "another")),
        Asked("scheduler:CreateSchedule", arn("scheduler", "schedule/default/every-minute")),
        Asked(
            "scheduler:DeleteSchedule", arn("scheduler", "schedule/exa-project-prod/exa-project-daily-prod")
        ),
        # log groups
        Asked("logs:PutLogEvents", arn("logs", "log-group:/aws/vendedlogs/states/exa-project-daily-prod:*")),
        Asked("logs:DeleteLogGroup", arn("logs", "log-group:/aws/vpc/exa-vpc-prod/flow-logs")),
        Asked("logs:DeleteLogGroup", arn("logs", "log-group:/aws/cloudtrail")),
        Asked("logs:CreateLogStream", arn("logs", "log-group:/aws/lambda/another:*")),
        # objects and buckets
        Asked("s3:GetObject", s3(f"exa-raw-{ACCOUNT}-prod/key")),
        Asked("s3:PutObject", s3(f"exa-curated-{ACCOUNT}-prod/key")),
        Asked("s3:DeleteObject", s3(f"exa-refined-{ACCOUNT}-prod/key")),
        Asked("s3:ListBucket", s3(f"exa-raw-{ACCOUNT}-prod")),
        Asked("s3:PutObject", s3("somebody-elses/exfiltrated")),
        Asked("s3:GetObject", s3(f"exa-tfstate-{ACCOUNT}-prod/foundation/terraform.tfstate")),
        # roles and policies
        Asked("iam:CreateRole", iam("role/another"), BOUND),
        Asked("iam:CreateRole", iam("role/exa-project-glue-job-prod"), BOUND),
        Asked("iam:UpdateAssumeRolePolicy", iam("role/exa-deploy-prod"), BOUND),
        Asked("iam:PassRole", iam("role/exa-project-glue-job-prod")),
        Asked("iam:PassRole", iam("role/Admin")),
        Asked("iam:CreateUser", iam("user/exa-x")),
        Asked("iam:CreateAccessKey", iam("user/somebody")),
        Asked("iam:CreateOpenIDConnectProvider", iam("oidc-provider/evil.example.com")),
        Asked("iam:CreateSAMLProvider", iam("saml-provider/evil")),
        Asked("sts:AssumeRole", iam("role/exa-deploy-prod")),
        Asked("sts:AssumeRole", "arn:aws:iam::210987654321:role/theirs"),
        Asked("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:payroll-abcdef")),
        # services that the domain has nothing to do with
        Asked("lambda:CreateFunction", arn("lambda", "function:exa-x-dev")),
        Asked("organizations:LeaveOrganization", "*"),
    ],
    "DeploymentsAlone": [
        Asked("iam:CreateRole", iam("role/exa-y-dev"), BOUND),
        Asked(
            "iam:PassRole",
            iam("role/exa-project-glue-job-dev"),
            {"iam:PassedToService": "glue.amazonaws.com"},
        ),
        Asked("iam:UpdateAssumeRolePolicy", OWN_ROLE, BOUND),
        Asked("iam:CreatePolicyVersion", iam("policy/exa-sfn-observability-dev")),
        Asked("sts:AssumeRole", iam("role/exa-deploy-dev")),
        Asked("glue:CreateJob", arn("glue", "job/exa-y-dev")),
        Asked("glue:UpdateJob", arn("glue", "job/exa-project-refine-dev")),
        Asked("glue:DeleteTable", arn("glue", "table/exa_curated_dev/rates")),
        Asked("glue:DeleteSecurityConfiguration", "*"),
        Asked("states:UpdateStateMachine", arn("states", "stateMachine:exa-project-daily-dev")),
        Asked("events:PutRule", arn("events", "rule/exa-project-failed-dev")),
        Asked("events:PutTargets", arn("events", "rule/exa-project-failed-dev")),
        Asked("events:RemoveTargets", arn("events", "rule/exa-project-failed-dev")),
        Asked("scheduler:CreateSchedule", arn("scheduler", "schedule/exa-project-dev/exa-project-daily-dev")),
        Asked("sns:Subscribe", arn("sns", "exa-alarms-dev")),
        Asked("sns:SetTopicAttributes", arn("sns", "exa-alarms-dev")),
        Asked("sns:Publish", arn("sns", "exa-alarms-dev")),
        Asked("logs:DeleteLogGroup", arn("logs", "log-group:/aws-glue/jobs/error")),
        Asked("logs:PutSubscriptionFilter", arn("logs", "log-group:/aws-glue/jobs/error")),
        Asked("s3:PutBucketPolicy", s3(f"exa-raw-{ACCOUNT}-dev")),
        Asked("s3:DeleteObjectVersion", s3(f"exa-raw-{ACCOUNT}-dev/key")),
        Asked("ec2:DeleteVpcEndpoints", ENDPOINT, tagged("Resource")),
        Asked("ec2:CreateInternetGateway", arn("ec2", "internet-gateway/1"), tagged("Request")),
        Asked("ec2:RunInstances", arn("ec2", "instance/1"), tagged("Request")),
        Asked("ec2:AuthorizeSecurityGroupEgress", arn("ec2", "security-group/1"), tagged("Resource")),
        Asked("kms:PutKeyPolicy", KEY, tagged("Resource")),
        Asked("kms:ScheduleKeyDeletion", KEY, tagged("Resource")),
        Asked("kms:CreateGrant", KEY, tagged("Resource")),
        Asked("kms:CreateAlias", KEY),
        Asked("kms:ScheduleKeyDeletion", KEY),
        Asked("kms:PutKeyPolicy", KEY),
        Asked("kms:UpdateAlias", KEY),
        Asked("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/Z1"),
    ],
    "OtherEnvironment": [
        Asked("ec2:DeleteVpcEndpoints", ENDPOINT, tagged("Resource", PROD)),
        Asked("ec2:DeleteVpc", VPC, tagged("Resource", PROD)),
        Asked("ec2:CreateNetworkInterface", arn("ec2", "subnet/1"), tagged("Resource", PROD)),
        Asked("ec2:DeleteTags", VPC, tagged("Resource", PROD)),
        Asked("kms:ScheduleKeyDeletion", KEY, tagged("Resource", PROD)),
        Asked("kms:PutKeyPolicy", KEY, tagged("Resource", PROD)),
        Asked("kms:EnableKeyRotation", KEY, tagged("Resource", PROD)),
    ],
    "OtherDomain": [
        Asked("ec2:DeleteVpcEndpoints", ENDPOINT, tagged("Resource", OTHER)),
        Asked("ec2:CreateNetworkInterface", arn("ec2", "subnet/1"), tagged("Resource", OTHER)),
        Asked("kms:DisableKey", KEY, tagged("Resource", OTHER)),
    ],
    "UseEnvironment": [
        Asked("kms:Decrypt", KEY, tagged("Resource", PROD)),
        Asked("kms:GenerateDataKey", KEY, tagged("Resource", PROD)),
    ],
    "UseDomain": [Asked("kms:Decrypt", KEY, tagged("Resource", OTHER)), Asked("kms:Decrypt", KEY)],
    "EncryptByOwnKeys": [
        Asked("kms:GenerateDataKey", KEY, S3),
        Asked("kms:GenerateDataKey", KEY, S3 | tagged("Resource", PROD)),
    ],
    "ReadStates": [
        Asked("s3:GetObject", s3(f"{STATES}/foundation/terraform.tfstate")),
        Asked("s3:PutObject", s3(f"{STATES}/foundation/terraform.tfstate")),
        Asked("s3:ListBucket", s3(STATES)),
    ],
    "StatesAndCode": [
        Asked("s3:PutObject", s3(f"exa-artifacts-{ACCOUNT}-dev/wheels/core-latest-py3-none-any.whl")),
        Asked("s3:PutObject", s3(f"exa-artifacts-{ACCOUNT}-dev/jobs/another/refine.py")),
        Asked("s3:DeleteObject", s3(f"exa-logs-{ACCOUNT}-dev/raw/log")),
        Asked("ec2:CreateTags", VPC, tagged("Request")),
    ],
    "NoRoleWithoutIt": [
        Asked("iam:CreateRole", iam("role/exa-y-dev")),
        Asked("iam:AttachRolePolicy", OWN_ROLE),
        Asked("iam:PutRolePermissionsBoundary", OWN_ROLE, {"iam:PermissionsBoundary": iam("policy/Admin")}),
    ],
    "NoTakingOff": [Asked("iam:DeleteRolePermissionsBoundary", OWN_ROLE, BOUND)],
    "NoChangeOfBootstrap": [
        Asked("iam:CreatePolicyVersion", iam("policy/exa-boundary-dev")),
        Asked("iam:SetDefaultPolicyVersion", iam("policy/exa-deploy-data-dev")),
        Asked("iam:AttachRolePolicy", iam("role/exa-deploy-dev"), BOUND),
        Asked("iam:UpdateAssumeRolePolicy", iam("role/exa-plan-dev"), BOUND),
        Asked("iam:PassRole", iam("role/exa-deploy-dev"), {"iam:PassedToService": "glue.amazonaws.com"}),
    ],
    "KeepStates": [
        Asked("s3:PutBucketPolicy", s3(STATES)),
        Asked("s3:DeleteObjectVersion", s3(f"{STATES}/k")),
    ],
    "KeepStateKey": [
        Asked(
            "kms:PutKeyPolicy", KEY, tagged("Resource") | {"kms:ResourceAliases": ["alias/exa-tfstate-dev"]}
        )
    ],
}


def denying(limits: dict, whom: str, asked: Asked) -> set[str]:
    """The statements that deny an attempt, each asked by itself."""
    context = {"aws:PrincipalArn": whom, "aws:RequestedRegion": REGION, **asked.context}
    request = policy.Request(policy.Principal(), asked.action, asked.resource, context)
    return {
        each["Sid"]
        for each in as_list(limits["Statement"])
        if policy.evaluate({**limits, "Statement": [each]}, request) is policy.Decision.DENY
    }


def test_there_are_at_least_sixty():
    assert sum(map(len, ATTEMPTS.values())) >= 60


@pytest.mark.proves("iam-boundary-holds")
@pytest.mark.parametrize(
    ("statement", "attempt"),
    [
        pytest.param(statement, attempt, id=f"{attempt.action} on {attempt.resource.rpartition(':')[2]}")
        for statement, attempts in ATTEMPTS.items()
        for attempt in attempts
    ],
)
def test_a_role_that_dev_made_does_not_get_out_of_dev(planned, statement, attempt):
    assert statement in denying(document(planned, "exa-boundary-dev"), OWN_ROLE, attempt)


def test_every_denial_of_the_boundary_is_tried(planned):
    limits = document(planned, "exa-boundary-dev")
    denials = {each["Sid"] for each in limits["Statement"] if each["Effect"] == "Deny"}
    assert denials == set(ATTEMPTS)


@pytest.mark.parametrize("role", ["exa-deploy-dev", "exa-plan-dev"])
def test_the_roles_of_github_actions_get_none_of_it_either(allows, role):
    """But for what deploying is."""
    deploying = {"DeploymentsAlone", "ReadStates", "StatesAndCode", "EncryptByOwnKeys"}
    allowed = {
        f"{attempt.action} on {attempt.resource}"
        for statement, attempts in ATTEMPTS.items()
        if statement not in deploying
        for attempt in attempts
        if allows(role, attempt)
    }
    assert allowed == set()


def test_without_the_boundarys_denials_the_role_would_get_out(planned):
    """The attempts are real: what the boundary allows in all services would let most of them pass."""
    limits = document(planned, "exa-boundary-dev")
    open_ones = {**limits, "Statement": [each for each in limits["Statement"] if each["Effect"] == "Allow"]}
    context = {"aws:PrincipalArn": OWN_ROLE, "aws:RequestedRegion": REGION}
    passed = [
        attempt
        for attempts in ATTEMPTS.values()
        for attempt in attempts
        if policy.evaluate(
            open_ones,
            policy.Request(
                policy.Principal(), attempt.action, attempt.resource, {**context, **attempt.context}
            ),
        )
        is policy.Decision.ALLOW
    ]
    assert len(passed) >= 50
