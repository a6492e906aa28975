"""Roles and policies: who may assume a role, and no more rights than are named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import NAMING, Plan, Resource, Statement, names_account, statements

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
        "DescribeAll",
        frozenset(
            (
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeFlowLogs",
                "ec2:DescribeNetworkAcls",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribePrefixLists",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroupRules",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcAttribute",
                "ec2:DescribeVpcEndpoints",
                "ec2:DescribeVpcs",
                "glue:GetSecurityConfiguration",
                "kms:ListAliases",
                "logs:DescribeLogGroups",
                "states:ValidateStateMachineDefinition",
            )
        ),
        "what Terraform reads without a name; these actions have no resource type, or are asked without one",
    ),
    (
        "SecurityConfigurations",
        frozenset({"glue:CreateSecurityConfiguration", "glue:DeleteSecurityConfiguration"}),
        "these actions have no resource type",
    ),
    (
        "CreateKeys",
        frozenset({"kms:CreateKey", "kms:TagResource"}),
        "a key that is being made has no ARN; the condition names the tags that it must have",
    ),
    (
        "ReadJobBookmarks",
        frozenset({"glue:GetJobBookmark", "glue:ResetJobBookmark"}),
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
# Actions that work with data, whatever their end.
_WORK = re.compile(r"kms:(Decrypt|Encrypt|GenerateDataKey|ReEncrypt|\*)")
_ALIAS = re.compile(r"alias/[\w/-]+")
# What changes network or keys, and what tags them.
_CHANGE = re.compile(
    r"ec2:(?!Describe|Get)|kms:(?!Decrypt|Describe|Encrypt|GenerateDataKey|Get|List|ReEncrypt)"
)
_TAGGING = {"ec2:CreateTags", "kms:TagResource"}
_TAGS = ("domain", "environment")
# Tags that come with what a request makes, and those that Glue gives its own interfaces.
_OWN_WAYS_TO_TAG = (("StringEquals", "ec2:createaction"), ("ForAllValues:StringEquals", "aws:tagkeys"))
# What a statement on all resources needs besides, by its Sid.
_CONDITIONS = {
    "CreateKeys": ("StringEquals", "aws:requesttag/domain"),
    "JobMetrics": ("StringEquals", "cloudwatch:namespace"),
}
# Which source a service works for, and the operators that demand it.
_SOURCE = {
    "aws:sourceaccount": ("StringEquals",),
    "aws:sourcearn": NAMING,
}
_POLICY = re.compile(r"arn:[\w-]+:iam::\d{12}:policy/([\w+=,.@/-]+)")
_ISSUER = "token.actions.githubusercontent.com"
_GITHUB = re.compile(rf"arn:[\w-]+:iam::\d{{12}}:oidc-provider/{re.escape(_ISSUER)}")
_SUBJECT = re.compile(
    r"repo:[\w-]+(@\d+)?/[\w.-]+(@\d+)?:(environment:[\w.-]+|pull_request|ref:refs/heads/[\w./-]+)"
)
_AUDIENCE = ("sts.amazonaws.com",)
_ADMINISTRATORS = re.compile(r":policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$")


def policies(plan: Plan) -> Iterator[tuple[Resource, list[Statement]]]:
    """Every policy that grants rights to an identity, with its statements; a boundary grants none."""
    bounds = boundaries(plan)
    for policy in plan.resources("aws_iam_policy", "aws_iam_role_policy"):
        if policy not in bounds:
            yield policy, statements(policy.get("policy"))


def boundaries(plan: Plan) -> list[Resource]:
    """The policies that bound a role of this plan, and that none has attached."""
    roles = [role.get("permissions_boundary") or "" for role in plan.resources("aws_iam_role")]
    given = [each.get("policy_arn") for each in plan.resources("aws_iam_role_policy_attachment")]
    names = {match[1] for arn in roles if arn not in given and (match := _POLICY.fullmatch(arn))}
    return [policy for policy in plan.resources("aws_iam_policy") if policy.get("name") in names]


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
            if kinds == ["Federated"]:
                continue  # iam-oidc-trust
            if kinds != ["Service"]:
                yield Seen(role, statement.principals, "one service")
                continue
            yield Seen(role, (statement.effect, statement.actions), ("Allow", ("sts:AssumeRole",)))
            yield Seen(role, sorted(_SOURCE.keys() - set(_narrowed(statement))), [])
            yield Seen(role, list(_wide(statement)), [])


def _narrowed(statement: Statement) -> Iterator[str]:
    """The keys of the source that a condition demands, by no operator that lets others or none pass."""
    for operator, key in statement.conditions:
        if operator in _SOURCE.get(key, ()):
            yield key


def _wide(statement: Statement) -> Iterator[str]:
    """What of a condition on the source names no account."""
    for (_, key), values in statement.conditions.items():
        if key in _SOURCE:
            yield from (value for value in values if not names_account(value))


@control(
    "iam-oidc-trust",
    "GitHub's tokens are exchanged for a role by exact audience and subjects, without a wildcard",
    "critical",
    checkov="CKV_AWS_358",
)
def oidc_trust(plan: Plan) -> Iterator[Seen]:
    """https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws."""
    for provider in plan.resources("aws_iam_openid_connect_provider"):
        yield Seen(provider, tuple(provider.get("client_id_list") or ()), _AUDIENCE)
    for role in plan.resources("aws_iam_role"):
        for statement in statements(role.get("assume_role_policy")):
            if any(kind == "Federated" for kind, _ in statement.principals):
                issuers = [bool(_GITHUB.fullmatch(each)) for _, each in statement.principals]
                yield Seen(role, (issuers, statement.negated), ([True], ()))
                way = ("Allow", ("sts:AssumeRoleWithWebIdentity",))
                yield Seen(role, (statement.effect, statement.actions), way)
                keys = {(operator, key.partition(":")[2]) for operator, key in statement.conditions}
                yield Seen(role, keys, {("StringEquals", "aud"), ("StringEquals", "sub")})
                yield Seen(role, statement.conditions.get(("StringEquals", f"{_ISSUER}:aud")), _AUDIENCE)
                subjects = statement.conditions.get(("StringEquals", f"{_ISSUER}:sub"), ())
                wide = [each for each in subjects if not _SUBJECT.fullmatch(each)]
                yield Seen(role, (bool(subjects), wide), (True, []))


@control(
    "iam-identity-providers",
    "Identity providers, and roles that their users assume, are made where the boundary is made alone",
    "critical",
)
def identity_providers(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers.html."""
    is_bootstrap = bool(boundaries(plan))
    for provider in plan.resources("aws_iam_openid_connect_provider", "aws_iam_saml_provider"):
        yield Seen(provider, is_bootstrap, True)
    for role in plan.resources("aws_iam_role"):
        kinds = {kind for each in statements(role.get("assume_role_policy")) for kind, _ in each.principals}
        yield Seen(role, sorted(kinds - {"Service"}) if not is_bootstrap else [], [])


# ─── Boundaries ───


@control("iam-role-boundary", "Every role has a permissions boundary", "high")
def role_boundary(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html."""
    for role in plan.resources("aws_iam_role"):
        arn = role.get("permissions_boundary") or ""
        yield Seen(role, "bounded" if _POLICY.fullmatch(arn) else f"boundary {arn!r}", "bounded")


@control(
    "iam-boundary-holds",
    "A boundary names services and Region, denies other names and roles without it, and cannot be taken off",
    "high",
)
def boundary_holds(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html."""
    for policy in boundaries(plan):
        found = statements(policy.get("policy"))
        allowed = [action for each in found if each.effect == "Allow" for action in each.actions]
        wide = [action for action in allowed if action in ("*", "iam:*", "organizations:*", "sts:*")]
        yield Seen(policy, wide, [])
        anywhere = [each.sid for each in found if each.effect == "Allow" and not _is_in_a_region(each)]
        yield Seen(policy, anywhere, [])
        refused = {action for each in found if _refuses_without(each, policy) for action in each.actions}
        yield Seen(
            policy, sorted({"iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy"} - refused), []
        )
        kept = {action for each in found if _is_plain_denial(each) for action in each.actions}
        yield Seen(policy, "iam:DeleteRolePermissionsBoundary" in kept, True)
        # What an allowed "*" within the Region would reach beyond the domain and its environment.
        yield Seen(policy, any(map(_denies_other_names, found)), True)


def _is_in_a_region(statement: Statement) -> bool:
    """Whether it is held to named Regions; what names resources by their ARNs is."""
    regions = statement.conditions.get(("StringEquals", "aws:requestedregion"), ())
    return "*" not in statement.resources or _is_exact(regions)


def _refuses_without(statement: Statement, boundary: Resource) -> bool:
    """Whether it denies, everywhere, what is done to a role that has another boundary or none."""
    arns = statement.conditions.get(("StringNotEquals", "iam:permissionsboundary"), ())
    names = [match[1] for arn in arns if (match := _POLICY.fullmatch(arn))]
    everywhere = statement.effect == "Deny" and statement.resources == ("*",)
    return everywhere and len(statement.conditions) == 1 and names == [boundary.get("name")]


def _denies_other_names(statement: Statement) -> bool:
    is_plain = statement.effect == "Deny" and not statement.conditions
    return is_plain and {"NotAction", "NotResource"} == set(statement.negated)


def _is_plain_denial(statement: Statement) -> bool:
    return statement.effect == "Deny" and statement.resources == ("*",) and not statement.conditions


# ─── Rights ───


@control(
    "iam-no-wildcard-action",
    "No policy allows all actions of a service",
    "high",
    security_hub="IAM.1, IAM.21",
    cis="1.16",
)
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
    needed = _CONDITIONS.get(statement.sid)
    if needed and needed not in statement.conditions:
        return False
    return any(
        statement.sid == sid and set(statement.actions) <= actions for sid, actions, _ in _ALL_RESOURCES
    )


@control(
    "iam-key-use",
    "Who works with a key may use it and no more, on named keys; who administers keys, on the domain's",
    "high",
    improvement="P1-03",
)
def key_use(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/iam-policies-best-practices.html."""
    for policy, found in policies(plan):
        for statement in found:
            actions = [each for each in statement.actions if each.startswith("kms:")]
            if any(map(_WORK.match, actions)):
                yield Seen(policy, [each for each in actions if each not in _USE_OF_A_KEY], [])
                yield Seen(policy, _keys(statement), "named keys")
            elif set(actions) - {"kms:ListAliases"}:
                yield Seen(policy, _administered(statement), "keys of the domain")


def _keys(statement: Statement) -> str:
    """Whether it names its keys: one by its ARN, or some by their aliases."""
    aliases = statement.conditions.get(("ForAnyValue:StringEquals", "kms:resourcealiases"), ())
    by_alias = bool(aliases) and all(map(_ALIAS.fullmatch, aliases))
    by_arn = len(statement.resources) == 1 and bool(_KEY.fullmatch(statement.resources[0]))
    return "named keys" if by_alias or by_arn else f"keys {statement.resources}"


def _administered(statement: Statement) -> str:
    tags = {"aws:requesttag/domain", "aws:resourcetag/domain"}
    tagged = any(operator == "StringEquals" and key in tags for operator, key in statement.conditions)
    aliases = all(re.search(r":alias/[\w-]+$", each) for each in statement.resources)
    return "keys of the domain" if tagged or aliases else f"keys {statement.resources}"


@control(
    "iam-by-tags",
    "What has no name of its own (network, keys) is made and changed by the tags of domain and environment",
    "high",
)
def by_tags(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html."""
    for policy, found in policies(plan):
        nameless = [each for each in found if each.effect == "Allow" and _is_of_nameless(each)]
        if nameless:
            yield Seen(policy, [each.sid for each in nameless if not _is_held_by_tags(each)], [])


def _is_of_nameless(statement: Statement) -> bool:
    """Whether it changes the network or a key; not what is excepted, nor what names a key by its alias."""
    is_named = bool(statement.resources) and all(":alias/" in each for each in statement.resources)
    is_excepted = statement.sid not in _CONDITIONS and "*" in statement.resources and _is_excepted(statement)
    return any(map(_CHANGE.match, statement.actions)) and not is_named and not is_excepted


def _is_held_by_tags(statement: Statement) -> bool:
    """Whether both tags are demanded, of what is there or of a request that makes what is not there yet.

    A request that sets the tags itself could otherwise make another's key or group the domain's.
    """
    conditions = statement.conditions
    if any(conditions.get(each) for each in _OWN_WAYS_TO_TAG):
        return True
    demanded = {
        which
        for which in ("request", "resource")
        if all(_is_exact(conditions.get(("StringEquals", f"aws:{which}tag/{tag}"), ())) for tag in _TAGS)
    }
    adopts = "resource" not in demanded and bool(_TAGGING & set(statement.actions))
    return bool(demanded) and (not adopts or conditions.get(("Null", "aws:resourcetag/domain")) == ("true",))


def _is_exact(values: tuple[str, ...]) -> bool:
    return bool(values) and not any(set("*?") & set(each) for each in values)


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


# ─── Quotas ───
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html

_MANAGED_CHARACTERS = 6144
_INLINE_CHARACTERS = 10240
_MANAGED_OF_A_ROLE = 10


@control(
    "iam-policy-quota",
    "Managed policies, and what a role has of inline and of managed ones, are within IAM's quotas",
    "high",
)
def policy_quota(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
    for policy in plan.resources("aws_iam_policy"):
        yield _left(policy, _MANAGED_CHARACTERS - _characters(policy), "characters")
    inline: dict[str, list[Resource]] = {}
    for policy in plan.resources("aws_iam_role_policy"):
        inline.setdefault(policy.get("role"), []).append(policy)
    for policies_of_role in inline.values():
        left = _INLINE_CHARACTERS - sum(map(_characters, policies_of_role))
        yield _left(policies_of_role[0], left, "characters inline")
    attached: dict[str, list[Resource]] = {}
    for attachment in plan.resources("aws_iam_role_policy_attachment"):
        attached.setdefault(attachment.get("role"), []).append(attachment)
    for attachments in attached.values():
        yield _left(attachments[0], _MANAGED_OF_A_ROLE - len(attachments), "managed policies")


def _characters(policy: Resource) -> int:
    """Count as IAM does: white space is free."""
    return len(re.sub(r"\s", "", policy.get("policy")))


def _left(resource: Resource, left: int, unit: str) -> Seen:
    return Seen(resource, f"{left} {unit} left", f"{max(left, 0)} {unit} left")
