"""What Terraform asks of AWS for each type of resource, as IAM names it, and of which resource.

Measured: the provider's own log (``TF_LOG=JSON``, "HTTP Request Sent") of an apply, a second plan and a
destroy of the foundation and a project on the embedded AWS. Added: what changes a resource in place, and what
a service does with its caller's rights (passing a role, delivering logs). S3 names some operations otherwise
in policies: GetBucketEncryption is s3:GetEncryptionConfiguration, HeadBucket s3:ListBucket, and there is no
s3:DeleteBucketEncryption.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshtest.check.plan import Plan
from meshtest.testing.plans import REGION

ACCOUNT = "123456789012"
TAGS = {"Domain": "example", "Environment": "dev"}
Context = dict[str, str | list[str]]


@dataclass(frozen=True)
class Operations:
    """IAM actions without their service's prefix, in one text each."""

    service: str
    read: str
    create: str
    change: str
    delete: str

    def actions(self, kind: str) -> list[str]:
        names = getattr(self, kind).split()
        return [name if ":" in name else f"{self.service}:{name}" for name in names]


@dataclass(frozen=True)
class Asked:
    """One request for authorisation."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


OPERATIONS: dict[str, Operations] = {
    "aws_cloudwatch_event_rule": Operations(
        "events",
        read="DescribeRule ListTagsForResource",
        create="PutRule TagResource",
        change="PutRule TagResource UntagResource",
        delete="DeleteRule",
    ),
    "aws_cloudwatch_event_target": Operations(
        "events", read="ListTargetsByRule", create="PutTargets", change="PutTargets", delete="RemoveTargets"
    ),
    "aws_cloudwatch_log_group": Operations(
        "logs",
        read="DescribeLogGroups ListTagsForResource",
        create="CreateLogGroup AssociateKmsKey PutRetentionPolicy TagResource",
        change="PutRetentionPolicy TagResource UntagResource AssociateKmsKey DisassociateKmsKey",
        delete="DeleteLogGroup",
    ),
    "aws_default_security_group": Operations(
        "ec2",
        read="DescribeSecurityGroups DescribeSecurityGroupRules",
        create="CreateTags RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
        change="CreateTags DeleteTags",
        delete="",
    ),
    "aws_flow_log": Operations(
        "ec2",
        read="DescribeFlowLogs",
        create="CreateFlowLogs CreateTags iam:PassRole logs:CreateLogDelivery",
        change="CreateTags DeleteTags",
        delete="DeleteFlowLogs logs:DeleteLogDelivery",
    ),
    "aws_glue_catalog_database": Operations(
        "glue",
        read="GetDatabase GetTags",
        create="CreateDatabase TagResource",
        change="UpdateDatabase TagResource UntagResource",
        delete="DeleteDatabase",
    ),
    "aws_glue_catalog_table": Operations(
        "glue",
        read="GetTable GetPartitionIndexes",
        create="CreateTable",
        change="UpdateTable",
        delete="DeleteTable",
    ),
    "aws_glue_catalog_table_optimizer": Operations(
        "glue",
        read="GetTableOptimizer",
        create="CreateTableOptimizer iam:PassRole",
        change="UpdateTableOptimizer iam:PassRole",
        delete="DeleteTableOptimizer",
    ),
    "aws_glue_connection": Operations(
        "glue",
        read="GetConnection GetTags",
        create="CreateConnection TagResource",
        change="UpdateConnection TagResource UntagResource",
        delete="DeleteConnection",
    ),
    "aws_glue_job": Operations(
        "glue",
        read="GetJob GetTags",
        create="CreateJob TagResource iam:PassRole",
        change="UpdateJob TagResource UntagResource iam:PassRole",
        delete="DeleteJob",
    ),
    "aws_glue_security_configuration": Operations(
        "glue",
        read="GetSecurityConfiguration",
        create="CreateSecurityConfiguration",
        change="",
        delete="DeleteSecurityConfiguration",
    ),
    "aws_iam_policy": Operations(
        "iam",
        read="GetPolicy GetPolicyVersion ListPolicyVersions",
        create="CreatePolicy TagPolicy",
        change="CreatePolicyVersion DeletePolicyVersion TagPolicy UntagPolicy",
        delete="DeletePolicy",
    ),
    "aws_iam_role": Operations(
        "iam",
        read="GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies",
        create="CreateRole TagRole",
        change="PutRolePermissionsBoundary TagRole UntagRole UpdateAssumeRolePolicy UpdateRole "
        "UpdateRoleDescription",
        delete="DeleteRole",
    ),
    "aws_iam_role_policy": Operations(
        "iam", read="GetRolePolicy", create="PutRolePolicy", change="PutRolePolicy", delete="DeleteRolePolicy"
    ),
    "aws_iam_role_policy_attachment": Operations(
        "iam",
        read="ListAttachedRolePolicies",
        create="AttachRolePolicy",
        change="",
        delete="DetachRolePolicy",
    ),
    "aws_kms_alias": Operations(
        "kms", read="ListAliases", create="CreateAlias", change="UpdateAlias", delete="DeleteAlias"
    ),
    "aws_kms_key": Operations(
        "kms",
        read="DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
        create="CreateKey EnableKeyRotation",
        change="PutKeyPolicy TagResource UntagResource UpdateKeyDescription DisableKeyRotation",
        delete="ScheduleKeyDeletion",
    ),
    "aws_route_table": Operations(
        "ec2",
        read="DescribeRouteTables",
        create="CreateRouteTable CreateTags",
        change="CreateTags DeleteTags",
        delete="DeleteRouteTable",
    ),
    "aws_route_table_association": Operations(
        "ec2",
        read="DescribeRouteTables",
        create="AssociateRouteTable",
        change="ReplaceRouteTableAssociation",
        delete="DisassociateRouteTable",
    ),
    "aws_s3_bucket": Operations(
        "s3",
        read="GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLogging "
        "GetBucketObjectLockConfiguration GetBucketPolicy GetBucketRequestPayment GetBucketTagging "
        "GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration "
        "GetReplicationConfiguration ListBucket",
        create="CreateBucket PutBucketTagging",
        change="PutBucketTagging",
        delete="DeleteBucket",
    ),
    **{
        f"aws_s3_bucket_{kind}": Operations("s3", read, change, change, delete)
        for kind, read, change, delete in (
            (
                "lifecycle_configuration",
                "GetLifecycleConfiguration",
                "PutLifecycleConfiguration",
                "PutLifecycleConfiguration",
            ),
            ("logging", "GetBucketLogging", "PutBucketLogging", "PutBucketLogging"),
            ("notification", "GetBucketNotification", "PutBucketNotification", "PutBucketNotification"),
            (
                "ownership_controls",
                "GetBucketOwnershipControls",
                "PutBucketOwnershipControls",
                "PutBucketOwnershipControls",
            ),
            ("policy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
            (
                "public_access_block",
                "GetBucketPublicAccessBlock",
                "PutBucketPublicAccessBlock",
                "PutBucketPublicAccessBlock",
            ),
            (
                "server_side_encryption_configuration",
                "GetEncryptionConfiguration",
                "PutEncryptionConfiguration",
                "PutEncryptionConfiguration",
            ),
            ("versioning", "GetBucketVersioning", "PutBucketVersioning", "PutBucketVersioning"),
        )
    },
    "aws_security_group": Operations(
        "ec2",
        read="DescribeSecurityGroups DescribeNetworkInterfaces",
        create="CreateSecurityGroup CreateTags RevokeSecurityGroupEgress",
        change="CreateTags DeleteTags",
        delete="DeleteSecurityGroup",
    ),
    "aws_scheduler_schedule": Operations(
        "scheduler",
        read="GetSchedule",
        create="CreateSchedule iam:PassRole",
        change="UpdateSchedule iam:PassRole",
        delete="DeleteSchedule",
    ),
    "aws_scheduler_schedule_group": Operations(
        "scheduler",
        read="GetScheduleGroup ListTagsForResource",
        create="CreateScheduleGroup TagResource",
        change="TagResource UntagResource",
        delete="DeleteScheduleGroup",
    ),
    "aws_sfn_state_machine": Operations(
        "states",
        read="DescribeStateMachine ListStateMachineVersions ListTagsForResource "
        "ValidateStateMachineDefinition",
        create="CreateStateMachine TagResource iam:PassRole logs:CreateLogDelivery logs:PutResourcePolicy "
        "logs:DescribeResourcePolicies logs:DescribeLogGroups",
        change="UpdateStateMachine TagResource UntagResource iam:PassRole logs:UpdateLogDelivery",
        delete="DeleteStateMachine",
    ),
    "aws_sns_topic": Operations(
        "sns",
        read="GetTopicAttributes ListTagsForResource",
        create="CreateTopic SetTopicAttributes TagResource",
        change="SetTopicAttributes TagResource UntagResource",
        delete="DeleteTopic",
    ),
    "aws_sns_topic_policy": Operations(
        "sns",
        read="GetTopicAttributes",
        create="SetTopicAttributes",
        change="SetTopicAttributes",
        delete="SetTopicAttributes",
    ),
    "aws_subnet": Operations(
        "ec2",
        read="DescribeSubnets DescribeNetworkInterfaces",
        create="CreateSubnet CreateTags",
        change="CreateTags DeleteTags ModifySubnetAttribute",
        delete="DeleteSubnet",
    ),
    "aws_vpc": Operations(
        "ec2",
        read="DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups DescribeVpcAttribute "
        "DescribeVpcs",
        create="CreateVpc CreateTags ModifyVpcAttribute",
        change="CreateTags DeleteTags ModifyVpcAttribute",
        delete="DeleteVpc",
    ),
    "aws_vpc_endpoint": Operations(
        "ec2",
        read="DescribeNetworkInterfaces DescribePrefixLists DescribeVpcEndpoints",
        # With private DNS; a dependent action of CreateVpcEndpoint.
        create="CreateVpcEndpoint CreateTags route53:AssociateVPCWithHostedZone",
        change="CreateTags DeleteTags ModifyVpcEndpoint",
        delete="DeleteVpcEndpoints",
    ),
    "aws_vpc_security_group_egress_rule": Operations(
        "ec2",
        read="DescribeSecurityGroupRules",
        create="AuthorizeSecurityGroupEgress CreateTags",
        change="CreateTags DeleteTags ModifySecurityGroupRules",
        delete="RevokeSecurityGroupEgress",
    ),
    "aws_vpc_security_group_ingress_rule": Operations(
        "ec2",
        read="DescribeSecurityGroupRules",
        create="AuthorizeSecurityGroupIngress CreateTags",
        change="CreateTags DeleteTags ModifySecurityGroupRules",
        delete="RevokeSecurityGroupIngress",
    ),
}
# Not of AWS.
LOCAL = {"terraform_data"}
# Actions that are asked of no resource in particular.
_OF_NOTHING = (
    "ec2:Describe",
    "glue:CreateSecurityConfiguration",
    "glue:DeleteSecurityConfiguration",
    "glue:GetSecurityConfiguration",
    "kms:CreateKey",
    "kms:ListAliases",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "states:ValidateStateMachineDefinition",
)
# What a request that makes something asks of: its own type, which comes with tags, and those it is made in.
_EC2_MADE = {
    "AuthorizeSecurityGroupEgress": ("security-group-rule", ["security-group"]),
    "AuthorizeSecurityGroupIngress": ("security-group-rule", ["security-group"]),
    "CreateFlowLogs": ("vpc-flow-log", ["vpc"]),
    "CreateRouteTable": ("route-table", ["vpc"]),
    "CreateSecurityGroup": ("security-group", ["vpc"]),
    "CreateSubnet": ("subnet", ["vpc"]),
    "CreateVpc": ("vpc", []),
    "CreateVpcEndpoint": ("vpc-endpoint", ["vpc", "subnet", "security-group", "route-table"]),
}
_EC2_TYPES = {
    "aws_default_security_group": "security-group",
    "aws_flow_log": "vpc-flow-log",
    "aws_route_table": "route-table",
    "aws_route_table_association": "route-table",
    "aws_security_group": "security-group",
    "aws_subnet": "subnet",
    "aws_vpc": "vpc",
    "aws_vpc_endpoint": "vpc-endpoint",
    "aws_vpc_security_group_egress_rule": "security-group",
    "aws_vpc_security_group_ingress_rule": "security-group",
}
_PASSED_TO = {
    "aws_flow_log": ("iam_role_arn", "vpc-flow-logs.amazonaws.com"),
    "aws_glue_catalog_table_optimizer": ("configuration.0.role_arn", "glue.amazonaws.com"),
    "aws_glue_job": ("role_arn", "glue.amazonaws.com"),
    "aws_cloudwatch_event_target": ("role_arn", "events.amazonaws.com"),
    "aws_scheduler_schedule": ("target.0.role_arn", "scheduler.amazonaws.com"),
    "aws_sfn_state_machine": ("role_arn", "states.amazonaws.com"),
}


def tagged(which: str, tags: Mapping[str, str] = TAGS) -> Context:
    return {f"aws:{which}Tag/{name}": value for name, value in tags.items()}


def arn(service: str, rest: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def asked(resource: Any, kind: str) -> Iterator[Asked]:
    """Every authorisation that reading, making, changing or deleting a planned resource needs."""
    for action in OPERATIONS[resource.type].actions(kind):
        service, _, name = action.partition(":")
        if action == "iam:PassRole":
            path, whom = _PASSED_TO[resource.type]
            yield Asked(action, resource.get(path), {"iam:PassedToService": whom})
        elif action == "kms:CreateKey":
            # With tags in it, which are a right of their own.
            for needed in (action, "kms:TagResource"):
                yield Asked(needed, arn("kms", "key/new"), tagged("Request"))
        elif action.startswith(_OF_NOTHING):
            yield Asked(action, "*")
        else:
            yield from _FINDERS[service](action, name, resource, kind)


def _s3(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    yield Asked(action, f"arn:aws:s3:::{resource.get('bucket')}")


def _logs(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    yield Asked(action, arn("logs", f"log-group:{resource.get('name')}"))


def _events(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    rule = resource.get("rule" if resource.type == "aws_cloudwatch_event_target" else "name")
    yield Asked(action, arn("events", f"rule/{rule}"))


def _scheduler(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    if resource.type == "aws_scheduler_schedule_group":
        yield Asked(action, arn("scheduler", f"schedule-group/{resource.get('name')}"))
    else:
        yield Asked(action, arn("scheduler", f"schedule/exa-project-dev/{resource.get('name')}"))


def _sns(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    yield Asked(action, arn("sns", "exa-alarms-dev"))


def _states(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    yield Asked(action, arn("states", f"stateMachine:{resource.get('name')}"))


def _glue(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    own = resource.get("name") if resource.is_known("name") else None
    if resource.type in ("aws_glue_job", "aws_glue_connection"):
        yield Asked(action, arn("glue", f"{resource.type.removeprefix('aws_glue_')}/{own}"))
        if resource.type == "aws_glue_connection" and "Tag" not in name:
            yield Asked(action, arn("glue", "catalog"))
        return
    database = own if resource.type == "aws_glue_catalog_database" else resource.get("database_name")
    yield Asked(action, arn("glue", f"database/{database}"))
    if name == "DeleteDatabase":  # and whatever is in it
        for kind_within in ("table", "userDefinedFunction"):
            yield Asked(action, arn("glue", f"{kind_within}/{database}/any"))
    if "Tag" not in name:
        yield Asked(action, arn("glue", "catalog"))
    if resource.type != "aws_glue_catalog_database":
        table = own if resource.type == "aws_glue_catalog_table" else resource.get("table_name")
        yield Asked(action, arn("glue", f"table/{database}/{table}"))


def _iam(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    if resource.type == "aws_iam_policy":
        yield Asked(action, arn("iam", f"policy/{resource.get('name')}", region=""))
        return
    role = resource.get("name" if resource.type == "aws_iam_role" else "role")
    bound = {"iam:PermissionsBoundary": arn("iam", "policy/exa-boundary-dev", region="")}
    yield Asked(action, arn("iam", f"role/{role}", region=""), bound)


def _kms(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    aliases: Context = {"kms:ResourceAliases": ["alias/exa-data-lake-dev"]}
    yield Asked(action, arn("kms", "key/1111-2222"), tagged("Resource") | aliases)
    if "Alias" in name:
        yield Asked(action, arn("kms", resource.get("name")))


def _ec2(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    own = _EC2_TYPES[resource.type]
    if name in _EC2_MADE:
        made, within = _EC2_MADE[name]
        yield Asked(action, arn("ec2", f"{made}/new"), tagged("Request"))
        for each in within:
            yield Asked(action, arn("ec2", f"{each}/there"), tagged("Request") | tagged("Resource"))
    elif name == "CreateTags" and kind == "create" and resource.type != "aws_default_security_group":
        creator = next(each for each in OPERATIONS[resource.type].create.split() if each in _EC2_MADE)
        made = _EC2_MADE[creator][0]
        yield Asked(action, arn("ec2", f"{made}/new"), tagged("Request") | {"ec2:CreateAction": creator})
    elif name == "CreateTags" and kind == "create":
        yield Asked(action, arn("ec2", "security-group/default"), tagged("Request"))
    else:
        yield Asked(action, arn("ec2", f"{own}/there"), tagged("Resource"))


def _route53(action: str, name: str, resource: Any, kind: str) -> Iterator[Asked]:
    # A global service: it says no Region, or its own.
    yield Asked(action, "arn:aws:route53:::hostedzone/Z1", {"aws:RequestedRegion": "us-east-1"})


_FINDERS = {
    "route53": _route53,
    "ec2": _ec2,
    "events": _events,
    "glue": _glue,
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "s3": _s3,
    "scheduler": _scheduler,
    "sns": _sns,
    "states": _states,
}


def document(planned: Plan, name: str) -> dict[str, Any]:
    """A managed policy of the plan, for any principal: an identity's policy is that of its own."""
    (found,) = (each for each in planned.resources("aws_iam_policy") if each.get("name") == name)
    content = json.loads(found.get("policy"))
    return {**content, "Statement": [{**each, "Principal": "*"} for each in content["Statement"]]}
