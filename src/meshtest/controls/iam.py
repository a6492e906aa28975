"""Roles and policies: who may assume a role, and no more rights than are named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import Plan, Resource, Statement, statements

# Statements that may name every resource: the actions they may hold, and why.
_ALL_RESOURCES: tuple[tuple[str, frozenset[str], str], ...] = (
    (
        "EC2NetworkAccess",
        frozenset(
            "ec2:" + name
            for name in (
                "CreateNetworkInterface",
                "DeleteNetworkInterface",
                "DescribeNetworkInterfaces",
                "DescribeRouteTables",
                "DescribeSecurityGroups",
                "DescribeSubnets",
                "DescribeVpcAttribute",
                "DescribeVpcEndpoints",
            )
        ),
        "P0-03: to be limited to the VPC's subnets later; the Describe actions have no resource type",
    ),
    (
        "CloudWatchLogs",
        frozenset(
            "logs:" + name
            for name in (
                "CreateLogDelivery",
                "DeleteLogDelivery",
                "DescribeLogGroups",
                "DescribeResourcePolicies",
                "GetLogDelivery",
                "ListLogDeliveries",
                "PutResourcePolicy",
                "UpdateLogDelivery",
            )
        ),
        "P0-03: Step Functions' log delivery; AWS documents it with all resources",
    ),
    (
        "XRayTracing",
        frozenset(
            "xray:" + name
            for name in (
                "GetSamplingRules",
                "GetSamplingTargets",
                "PutTelemetryRecords",
                "PutTraceSegments",
            )
        ),
        "these actions have no resource type",
    ),
    (
        "JobMetrics",
        frozenset({"cloudwatch:PutMetricData"}),
        "the action has no resource type; its condition names the namespace",
    ),
)
_KEY = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d{12}:key/[\w-]+")
_USE_OF_A_KEY = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*")
_ADMINISTRATORS = re.compile(r":policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$")


def policies(plan: Plan) -> Iterator[tuple[Resource, list[Statement]]]:
    """Every policy that grants rights to an identity, with its statements."""
    for policy in plan.resources("aws_iam_policy", "aws_iam_role_policy"):
        yield policy, statements(policy.get("policy"))


# ─── Trust ───


@control(
    "iam-trust",
    "A role is assumed by one service, on behalf of this account's own resources",
    "high",
    improvement="P1-01",
)
def trust(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html."""
    for role in plan.resources("aws_iam_role"):
        for statement in statements(role.get("assume_role_policy")):
            kinds = [kind for kind, _ in statement.principals]
            if kinds != ["Service"]:
                yield Seen(role, statement.principals, "one service")
                continue
            keys = {key for _, key in statement.conditions}
            yield Seen(role, sorted({"aws:sourceaccount", "aws:sourcearn"} - keys), [])
            yield Seen(role, list(_wide(statement)), [])


def _wide(statement: Statement) -> Iterator[str]:
    """What of a condition on the source names no account."""
    for (_, key), values in statement.conditions.items():
        if key in ("aws:sourceaccount", "aws:sourcearn"):
            yield from (value for value in values if not re.search(r"(^|:)\d{12}(:|$)", value))


# ─── Rights ───


@control("iam-no-wildcard-action", "No policy allows all actions of a service", "high", security_hub="IAM.21")
def no_wildcard_action(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege."""
    for policy, found in policies(plan):
        wide = [
            action
            for statement in found
            if statement.effect == "Allow"
            for action in (*statement.actions, *statement.negated)
            if action in ("*", *statement.negated) or action.endswith(":*")
        ]
        yield Seen(policy, wide, [])


@control(
    "iam-no-wildcard-resource", "Rights are given on named resources, but for documented exceptions", "high"
)
def no_wildcard_resource(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html."""
    for policy, found in policies(plan):
        wide = [
            each.sid or str(each.actions)
            for each in found
            if "*" in each.resources and not _is_excepted(each)
        ]
        yield Seen(policy, wide, [])


def _is_excepted(statement: Statement) -> bool:
    if statement.effect != "Allow":
        return True
    if statement.actions == ("cloudwatch:PutMetricData",):
        return ("StringEquals", "cloudwatch:namespace") in statement.conditions
    return any(
        statement.sid == sid and set(statement.actions) <= actions for sid, actions, _ in _ALL_RESOURCES
    )


@control(
    "iam-key-use",
    "Who works with the domain's key may use it and no more: four actions, on that key alone",
    "high",
    improvement="P1-03",
)
def key_use(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/iam-policies-best-practices.html."""
    for policy, found in policies(plan):
        for statement in found:
            if any(action.startswith("kms:") for action in statement.actions):
                yield Seen(policy, statement.actions, _USE_OF_A_KEY)
                keys = [bool(_KEY.fullmatch(resource)) for resource in statement.resources]
                yield Seen(policy, (statement.resources, keys), (statement.resources[:1], [True]))


@control(
    "iam-no-administrator",
    "No role has an administrator's policy attached",
    "critical",
    security_hub="IAM.1",
    cis="1.16",
    checkov="CKV_AWS_274",
)
def no_administrator(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html."""
    for attachment in plan.resources("aws_iam_role_policy_attachment"):
        yield Seen(attachment, _ADMINISTRATORS.findall(attachment.get("policy_arn")), [])
