"""Roles and policies: who may assume a role, and no more rights than are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Block, Plan, Resource, Unknown, companions
from meshtest.check.policies import (
    HIDDEN,
    NAMING,
    Statement,
    covers,
    covers_action,
    is_everything,
    names_account,
    planned,
)

_ROLES = ("aws_iam_role",)
_POLICIES = ("aws_iam_group_policy", "aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy")
# Actions that may be given on every resource: by their nature, or because AWS documents them so.
_ON_ALL_RESOURCES = frozenset(
    each.lower()
    for each in (
        # no resource type
        "cloudwatch:PutMetricData",
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
        "glue:CreateSecurityConfiguration",
        "glue:DeleteSecurityConfiguration",
        "glue:GetSecurityConfiguration",
        "kms:ListAliases",
        "states:ValidateStateMachineDefinition",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        # Glue's interfaces in a VPC; to be limited to its subnets later (P0-03)
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        # a state machine's log delivery, which AWS documents with all resources (P0-03)
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        # no resource type
        "glue:GetJobBookmark",
        "glue:ResetJobBookmark",
        # a key that is being made has no ARN
        "kms:CreateKey",
        "kms:TagResource",
    )
)
# Those that need a condition besides: of one of its operators, on a key that matches.
_CONDITIONED = {
    "cloudwatch:putmetricdata": "cloudwatch:namespace",
    "kms:createkey": "aws:requesttag/*",
    "kms:tagresource": "aws:requesttag/*",
}
_KEY = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d{12}:key/[\w-]+")
_USE_OF_A_KEY = ("kms:decrypt", "kms:describekey", "kms:encrypt", "kms:generatedatakey*")
# Actions that work with data, whatever their end.
_WORK = re.compile(r"kms:(decrypt|encrypt|generatedatakey|reencrypt|\*)")
_ALIAS = re.compile(r"alias/[\w/-]+")
# What changes network or keys, and what tags them.
_CHANGE = re.compile(
    r"ec2:(?!describe|get)|kms:(?!decrypt|describe|encrypt|generatedatakey|get|list|reencrypt)"
)
_TAGGING = {"ec2:createtags", "kms:tagresource"}
_TAGS = ("domain", "environment")
# Tags that come with what a request makes, and those that Glue gives its own interfaces.
_OWN_WAYS_TO_TAG = (("StringEquals", "ec2:createaction"), ("ForAllValues:StringEquals", "aws:tagkeys"))
# Which source a service works for, as AWS writes it, and the operators that demand it.
_SOURCE = {
    "aws:SourceAccount": ("StringEquals", "StringLike"),
    "aws:SourceArn": NAMING,
}
_POLICY = re.compile(r"arn:[\w-]+:iam::\d{12}:policy/([\w+=,.@/-]+)")
_ISSUER = "token.actions.githubusercontent.com"
_GITHUB = re.compile(rf"arn:[\w-]+:iam::\d{{12}}:oidc-provider/{re.escape(_ISSUER)}")
_SUBJECT = re.compile(
    r"repo:[\w-]+(@\d+)?/[\w.-]+(@\d+)?:(environment:[\w.-]+|pull_request|ref:refs/heads/[\w./-]+)"
)
_AUDIENCE = ("sts.amazonaws.com",)
_ADMINISTRATORS = re.compile(r":policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$")
# The arguments that attach policies, by the type that has them.
_ATTACHMENTS = {
    "aws_iam_group_policy_attachment": "policy_arn",
    "aws_iam_group_policy_attachments_exclusive": "policy_arns",
    "aws_iam_policy_attachment": "policy_arn",
    "aws_iam_role": "managed_policy_arns",
    "aws_iam_role_policy_attachment": "policy_arn",
    "aws_iam_role_policy_attachments_exclusive": "policy_arns",
    "aws_iam_user_policy_attachment": "policy_arn",
    "aws_iam_user_policy_attachments_exclusive": "policy_arns",
    "aws_ssoadmin_managed_policy_attachment": "managed_policy_arn",
}


@dataclass(frozen=True)
class _Policy:
    """A policy that grants rights to an identity, however it is declared."""

    place: Resource | Block
    argument: str = "policy"

    @property
    def address(self) -> str:
        return self.place.address

    def statements(self) -> list[Statement]:
        return planned(self.place, self.argument, partly=True)

    def allowed(self) -> list[Statement]:
        return [each for each in self.statements() if each.allows]


def policies(plan: Plan) -> Iterator[_Policy | Unknown]:
    """Every policy that grants rights to an identity; a boundary grants none."""
    bounds = boundaries(plan)
    for policy in plan.resources(*_POLICIES):
        if policy not in bounds:
            yield _Policy(policy)
    for policy in plan.resources("aws_ssoadmin_permission_set_inline_policy"):
        yield _Policy(policy, "inline_policy")
    for role in plan.resources(*_ROLES):
        try:
            yield from map(_Policy, _inline_policies(role))
        except Unknown as problem:
            yield problem


def _inline_policies(role: Resource) -> list[Block]:
    """The policies in a role's own block, without those that are only computed: resources of their own."""
    if not role.declares("inline_policy") and not role.values.get("inline_policy"):
        return []
    plan = role.plan
    separate = {each.get("name") for each in plan.before("aws_iam_role_policy")}
    separate |= {each.values.get("name") for each in plan.resources("aws_iam_role_policy")}
    found = role.blocks("inline_policy")
    return [each for each in found if role.declares("inline_policy") or each.get("name") not in separate]


def boundaries(plan: Plan) -> list[Resource]:
    """The policies that are used as permissions boundaries alone: nothing attaches them."""
    roles = plan.resources("aws_iam_role", "aws_iam_user")
    attachments = [
        (each, argument) for kind, argument in _ATTACHMENTS.items() for each in plan.resources(kind)
    ]
    return [
        policy
        for policy in plan.resources("aws_iam_policy")
        if any(_names(role, "permissions_boundary", policy) for role in roles)
        and not any(_names(each, argument, policy) is not False for each, argument in attachments)
    ]


def _names(owner: Resource, argument: str, policy: Resource) -> bool | None:
    """Whether an argument, one ARN or several, names a policy of this plan."""
    if not owner.is_known(argument):
        if not owner.declares(argument):
            return False
        return owner.leads_to(argument, policy, "arn", "id") if owner.origins(argument) != [] else False
    value = owner.get(argument)
    matches = [_POLICY.fullmatch(str(each)) for each in (value if isinstance(value, list) else [value])]
    return any(match and match[1].rpartition("/")[2] == policy.values.get("name") for match in matches)


# ─── Trust ───


def _trust(role: Resource) -> list[Statement]:
    return [each for each in planned(role, "assume_role_policy") if each.allows]


@control(
    "iam-trust",
    "A role is assumed by one service, on behalf of this account's own resources",
    "high",
    of=_ROLES,
    improvement="P1-01",
)
def trust(role: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html."""
    found = _trust(role)
    if not found:
        yield Seen(role, "nobody", "one service", "allow one service to assume it")
    for statement in found:
        kinds = [kind for kind, _ in statement.principals]
        if kinds == ["Federated"] and not statement.negated:
            continue  # iam-oidc-trust
        if kinds != ["Service"] or statement.negated:
            principals = statement.negated or statement.principals
            yield Seen(role, principals, "one service", f"allow one service alone, not {_shown(principals)}")
            continue
        actions = tuple(each.lower() for each in statement.actions)
        yield Seen(role, actions, ("sts:assumerole",), "allow sts:AssumeRole and nothing else")
        missing = sorted(_SOURCE.keys() - set(_narrowed(statement)))
        yield Seen(role, missing, [], f"missing conditions: {', '.join(missing)}")
        wide = list(_wide(statement))
        yield Seen(role, wide, [], f"name an account in the conditions on the source, not {', '.join(wide)}")


def _shown(principals: tuple[object, ...]) -> str:
    parts = [each if isinstance(each, str) else " ".join(map(str, each)) for each in principals]  # type: ignore[call-overload]
    return ", ".join(parts) or "no principal"


def _narrowed(statement: Statement) -> Iterator[str]:
    """The keys of the source that a condition demands, by no operator that lets others or none pass."""
    for operator, key in statement.conditions:
        for name, operators in _SOURCE.items():
            if key == name.lower() and operator in operators:
                yield name


def _wide(statement: Statement) -> Iterator[str]:
    """Values of conditions on the source that name no account."""
    sources = {name.lower() for name in _SOURCE}
    for (_, key), values in statement.conditions.items():
        if key in sources:
            yield from (value for value in values if not names_account(value))


@control(
    "iam-oidc-trust",
    "GitHub's tokens are exchanged for a role by exact audience and subjects, without a wildcard",
    "critical",
    of=("aws_iam_openid_connect_provider", *_ROLES),
    checkov="CKV_AWS_358",
)
def oidc_trust(resource: Resource) -> Iterator[Seen]:
    """https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws."""
    if resource.type == "aws_iam_openid_connect_provider":
        found = tuple(resource.get("client_id_list") or ())
        yield Seen(resource, found, _AUDIENCE, f"set client_id_list to {_AUDIENCE[0]} alone")
        return
    federated = [each for each in planned(resource, "assume_role_policy") if _is_federated(each)]
    if federated and not any(each.allows for each in federated):
        yield Seen(resource, "nobody", "GitHub", "allow GitHub's tokens to assume it")
    for statement in federated:
        if statement.allows:
            yield from _federated(resource, statement)


def _is_federated(statement: Statement) -> bool:
    return any(kind == "Federated" for kind, _ in statement.principals)


def _federated(role: Resource, statement: Statement) -> Iterator[Seen]:
    issuers = [bool(_GITHUB.fullmatch(each)) for _, each in statement.principals]
    yield Seen(role, (issuers, statement.negated), ([True], ()), "trust GitHub's OIDC provider alone")
    actions = tuple(each.lower() for each in statement.actions)
    advice = "allow sts:AssumeRoleWithWebIdentity and nothing else"
    yield Seen(role, actions, ("sts:assumerolewithwebidentity",), advice)
    keys = {(operator, key.partition(":")[2]) for operator, key in statement.conditions}
    wanted = {("StringEquals", "aud"), ("StringEquals", "sub")}
    yield Seen(role, keys, wanted, f"demand {_ISSUER}:aud and :sub with StringEquals, and nothing else")
    audience = statement.conditions.get(("StringEquals", f"{_ISSUER}:aud"))
    yield Seen(role, audience, _AUDIENCE, f"demand the audience {_AUDIENCE[0]}")
    subjects = statement.conditions.get(("StringEquals", f"{_ISSUER}:sub"), ())
    wide = [each for each in subjects if not _SUBJECT.fullmatch(each)]
    advice = f"name subjects such as repo:ORG/REPO:environment:NAME, not {', '.join(wide) or 'none'}"
    yield Seen(role, (bool(subjects), wide), (True, []), advice)


@control(
    "iam-identity-providers",
    "Identity providers, and roles that others than services assume, are made with the boundary alone",
    "critical",
    of=("aws_iam_openid_connect_provider", "aws_iam_saml_provider", *_ROLES),
)
def identity_providers(resource: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers.html."""
    others = ["users of their own"]
    if resource.type in _ROLES:
        others = sorted({kind for each in _trust(resource) for kind, _ in each.principals} - {"Service"})
    is_bootstrap = bool(boundaries(resource.plan))
    yield Seen(resource, [] if is_bootstrap else others, [], "make it in bootstrap, with the boundary")


# ─── Boundaries ───


@control("iam-role-boundary", "Every role has a permissions boundary", "high", of=_ROLES)
def role_boundary(role: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html."""
    if role.is_known("permissions_boundary") or not role.origins("permissions_boundary"):
        arn = role.get("permissions_boundary") or ""
        found = "bounded" if _POLICY.fullmatch(arn) else f"boundary {arn!r}"
    else:
        types = {each.type for each in role.origins("permissions_boundary") or ()}
        if "aws_iam_policy" not in types:
            role.get("permissions_boundary")
        found = "bounded"
    yield Seen(role, found, "bounded", "name a policy of the account in permissions_boundary")


@control(
    "iam-boundary-holds",
    "A boundary names services and Region, denies other names and roles without it, and cannot be taken off",
    "high",
    of=boundaries,
)
def boundary_holds(policy: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html."""
    found = planned(policy)
    allowed = [each for each in found if each.allows]
    wide = [action for each in allowed for action in (*each.actions, *each.negated) if _is_too_wide(action)]
    yield Seen(policy, wide, [], f"name actions instead of {', '.join(wide)}")
    anywhere = [each.name for each in allowed if not _is_in_a_region(each)]
    yield Seen(policy, anywhere, [], f"demand aws:RequestedRegion with StringEquals in {', '.join(anywhere)}")
    guards = [each for each in found if _refuses_without(each, policy)]
    needed = ("iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy")
    open_to = [each for each in needed if not any(covers_action(guard, each) for guard in guards)]
    yield Seen(policy, open_to, [], f"deny {', '.join(open_to)} for roles without this boundary")
    kept = any(
        covers_action(each, "iam:DeleteRolePermissionsBoundary") for each in found if _is_plain_denial(each)
    )
    yield Seen(policy, kept, True, "deny iam:DeleteRolePermissionsBoundary")
    # What an allowed "*" within the Region would reach beyond the domain and its environment.
    names = any(map(_denies_other_names, found))
    yield Seen(policy, names, True, "deny, by NotAction and NotResource, what is not named after the domain")


def _is_too_wide(action: str) -> bool:
    """Whether it is all of IAM, Organizations or STS, or of every service, or all but something."""
    services = ("iam:*", "organizations:*", "sts:*")
    return action.startswith("Not") or any(covers(action.lower(), each) for each in services)


def _is_in_a_region(statement: Statement) -> bool:
    """Whether it is held to named Regions; a statement that names resources by their ARNs is."""
    regions = statement.conditions.get(("StringEquals", "aws:requestedregion"), ())
    is_named = bool(statement.resources) and not any(map(is_everything, statement.resources))
    return is_named or _is_exact(regions)


def _refuses_without(statement: Statement, boundary: Resource) -> bool:
    """Whether it denies, everywhere, what is done to a role that has another boundary or none."""
    arns = statement.conditions.get(("StringNotEquals", "iam:permissionsboundary"), ())
    names = [match[1].rpartition("/")[2] for arn in arns if (match := _POLICY.fullmatch(arn))]
    everywhere = not statement.allows and "*" in statement.resources and not statement.negated
    return everywhere and len(statement.conditions) == 1 and names == [boundary.get("name")]


def _denies_other_names(statement: Statement) -> bool:
    is_plain = not statement.allows and not statement.conditions
    return is_plain and {"NotAction", "NotResource"} == set(statement.negated)


def _is_plain_denial(statement: Statement) -> bool:
    everywhere = "*" in statement.resources and not statement.negated
    return not statement.allows and everywhere and not statement.conditions


# ─── Rights ───


@control(
    "iam-no-wildcard-action",
    "No policy allows all actions of a service",
    "high",
    of=policies,
    security_hub="IAM.1, IAM.21",
    cis="1.16",
)
def no_wildcard_action(policy: _Policy) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege."""
    allowed = policy.allowed()
    wide = [action for each in allowed for action in each.actions if _is_of_a_service(action)]
    wide += ["NotAction" for each in allowed if "NotAction" in each.negated]
    yield Seen(policy.place, wide, [], f"name actions instead of {', '.join(wide)}")


def _is_of_a_service(action: str) -> bool:
    """Whether a pattern is of all actions of a service, or of all services."""
    name = action.rpartition(":")[2]
    return "*" in name and not name.strip("*?")


@control(
    "iam-no-wildcard-resource",
    "Rights are given on named resources, but for documented exceptions",
    "high",
    of=policies,
)
def no_wildcard_resource(policy: _Policy) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html."""
    wide = [each for each in policy.allowed() if _is_on_everything(each) and not _is_excepted(each)]
    names = [each.name for each in wide]
    yield Seen(policy.place, names, [], f"name resources in {', '.join(names)}")


def _is_on_everything(statement: Statement) -> bool:
    return "NotResource" in statement.negated or any(map(is_everything, statement.resources))


def _is_excepted(statement: Statement) -> bool:
    """Whether it may name every resource: by what its actions are, and by the conditions that these need."""
    actions = {each.lower() for each in statement.actions}
    needed = {_CONDITIONED[each] for each in actions if each in _CONDITIONED}
    demanded = [key for operator, key in statement.conditions if operator in NAMING]
    return (
        not statement.negated
        and actions <= _ON_ALL_RESOURCES
        and all(any(covers(pattern, key) for key in demanded) for pattern in needed)
    )


@control(
    "iam-key-use",
    "Who works with a key may use it and no more, on named keys; who administers keys, on the domain's",
    "high",
    of=policies,
    improvement="P1-03",
)
def key_use(policy: _Policy) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/iam-policies-best-practices.html."""
    for statement in policy.allowed():
        actions = [each.lower() for each in statement.actions if each.lower().startswith("kms:")]
        if any(map(_WORK.match, actions)):
            more = [each for each in actions if each not in _USE_OF_A_KEY]
            yield Seen(policy.place, more, [], f"take {', '.join(more)} out of {statement.name}")
            advice = f"name a key's ARN in {statement.name}, or aliases in kms:ResourceAliases"
            yield Seen(policy.place, _keys(statement), "named keys", advice)
        elif set(actions) - {"kms:listaliases"}:
            advice = f"demand the tag Domain of the keys in {statement.name}"
            yield Seen(policy.place, _administered(statement), "keys of the domain", advice)


def _keys(statement: Statement) -> str:
    """Whether it names its keys: one by its ARN, or some by their aliases."""
    aliases = statement.conditions.get(("ForAnyValue:StringEquals", "kms:resourcealiases"), ())
    by_alias = bool(aliases) and all(map(_ALIAS.fullmatch, aliases))
    keys = [
        bool(_KEY.fullmatch(each)) or each.startswith(f"{HIDDEN}aws_kms_") for each in statement.resources
    ]
    by_arn = bool(keys) and all(keys)
    return "named keys" if by_alias or by_arn else f"keys {statement.resources}"


def _administered(statement: Statement) -> str:
    tags = {"aws:requesttag/domain", "aws:resourcetag/domain"}
    tagged = any(operator == "StringEquals" and key in tags for operator, key in statement.conditions)
    named = [re.search(r":alias/[\w-]+$", each) for each in statement.resources]
    aliases = bool(named) and all(named)
    return "keys of the domain" if tagged or aliases else f"keys {statement.resources}"


@control(
    "iam-by-tags",
    "What has no name of its own (network, keys) is made and changed by the tags of domain and environment",
    "high",
    of=policies,
)
def by_tags(policy: _Policy) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html."""
    nameless = [each for each in policy.allowed() if _is_of_nameless(each)]
    if nameless:
        loose = [each.name for each in nameless if not _is_held_by_tags(each)]
        advice = "demand the tags Domain and Environment, of the resource or of the request, in "
        yield Seen(policy.place, loose, [], advice + ", ".join(loose))


def _is_of_nameless(statement: Statement) -> bool:
    """Whether it changes the network or a key; not what is excepted, nor what names a key by its alias."""
    actions = {each.lower() for each in statement.actions}
    is_named = bool(statement.resources) and all(":alias/" in each for each in statement.resources)
    needs_tags = bool(actions & _CONDITIONED.keys())
    is_excepted = not needs_tags and _is_on_everything(statement) and _is_excepted(statement)
    return any(map(_CHANGE.match, actions)) and not is_named and not is_excepted


def _is_held_by_tags(statement: Statement) -> bool:
    """Whether both tags are demanded: of the resource or, for what is being made, of the request.

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
    adopts = "resource" not in demanded and any(covers_action(statement, each) for each in _TAGGING)
    return bool(demanded) and (not adopts or conditions.get(("Null", "aws:resourcetag/domain")) == ("true",))


def _is_exact(values: tuple[str, ...]) -> bool:
    return bool(values) and not any(set("*?") & set(each) for each in values)


@dataclass(frozen=True)
class _Attachment:
    """An argument that attaches policies to identities."""

    place: Resource
    argument: str

    @property
    def address(self) -> str:
        return self.place.address


def _granting(plan: Plan) -> Iterator[_Attachment | _Policy | Unknown]:
    """Everything that can make an administrator: what attaches policies, and what holds one."""
    for kind, argument in _ATTACHMENTS.items():
        for each in plan.resources(kind):
            # What a role does not declare is only computed, from attachments of their own.
            if kind not in _ROLES or each.declares(argument):
                yield _Attachment(each, argument)
    yield from policies(plan)


@control(
    "iam-no-administrator",
    "No role has an administrator's policy attached",
    "critical",
    of=_granting,
    security_hub="IAM.1",
    cis="1.16",
    checkov="CKV_AWS_274",
)
def no_administrator(granted: _Attachment | _Policy) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html."""
    if isinstance(granted, _Policy):
        total = [each.name for each in granted.allowed() if _is_total(each)]
        yield Seen(granted.place, total, [], f"name actions and resources in {', '.join(total)}")
        return
    place, argument = granted.place, granted.argument
    if place.is_known(argument):
        value = place.get(argument)
        arns = [str(each) for each in (value if isinstance(value, list) else [value])]
    else:
        arns = _known_arns(place, argument)
    found = [match[1] for arn in arns if (match := _ADMINISTRATORS.search(arn))]
    yield Seen(place, found, [], f"attach a policy with named rights instead of {', '.join(found)}")


def _is_total(statement: Statement) -> bool:
    """Whether it gives every right there is, or all but some, on everything."""
    everything = (
        covers_action(statement, "*:*") or covers_action(statement, "*") or "NotAction" in statement.negated
    )
    return everything and _is_on_everything(statement) and not statement.conditions


def _known_arns(place: Resource, argument: str) -> list[str]:
    """The ARNs that are known of an argument whose others are of policies in this plan, judged by themselves.

    Raises:
        Unknown: one is of no policy of this plan, or is sensitive.
    """
    origins = place.origins(argument) or []
    value = place.values.get(argument)
    if not origins or any(each.type != "aws_iam_policy" or each.is_guess for each in origins):
        place.get(argument)
    hidden = place.sensitive.get(argument)
    if hidden is True or (isinstance(hidden, list) and True in hidden):
        place.get(argument)
    return [str(each) for each in value if each] if isinstance(value, list) else []


# ─── Quotas ───

_MANAGED_CHARACTERS = 6144
_INLINE_CHARACTERS = 10240
_MANAGED_OF_A_ROLE = 10


@control(
    "iam-policy-quota",
    "Managed policies, and what a role has of inline and of managed ones, are within IAM's quotas",
    "high",
    of=("aws_iam_policy", *_ROLES),
)
def policy_quota(resource: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
    if resource.type == "aws_iam_policy":
        yield _left(resource, _MANAGED_CHARACTERS - _characters(resource), "characters")
        return
    inline = companions(resource, "aws_iam_role_policy", "role", "name", "id")
    yield _left(resource, _INLINE_CHARACTERS - sum(map(_characters, inline)), "characters inline")
    managed = companions(resource, "aws_iam_role_policy_attachment", "role", "name", "id")
    yield _left(resource, _MANAGED_OF_A_ROLE - len(managed), "managed policies")


def _characters(policy: Resource) -> int:
    """Count as IAM does: white space is free."""
    return len(re.sub(r"\s", "", str(policy.get("policy"))))


def _left(resource: Resource, left: int, unit: str) -> Seen:
    return Seen(resource, f"{left} {unit} left", f"{max(left, 0)} {unit} left", f"save {-left} {unit}")
