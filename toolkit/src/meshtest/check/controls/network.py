"""The network: private, watched, with no way out but to the services that jobs call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Block, Plan, Resource, Unknown, companions
from meshtest.check.policies import Statement, planned

_VPCS = ("aws_default_vpc", "aws_vpc")
_TABLES = ("aws_default_route_table", "aws_route_table")
_GROUPS_OF_RULES = ("aws_default_security_group", "aws_security_group")
_WAYS_OUT = ("aws_egress_only_internet_gateway", "aws_internet_gateway", "aws_nat_gateway")
_GLUE_NEEDS = {"glue", "kms", "logs", "monitoring", "s3", "sts"}
_DATABASE = "a database at its port"
_GROUPS = "physical_connection_requirements.0.security_group_id_list"
_ACCOUNT = re.compile(r"\d{12}")
_BUCKET = re.compile(r"arn:[\w-]+:s3:::[a-z0-9.-]+(/.*)?")
_RULES = (
    "aws_security_group_rule",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
)
# Inline blocks: the resources that say the same, and the argument by which these name their owner.
_SEPARATE = {
    "egress": (_RULES, "security_group_id"),
    "entry": (("aws_ec2_managed_prefix_list_entry",), "prefix_list_id"),
    "ingress": (_RULES, "security_group_id"),
    "route": (("aws_route",), "route_table_id"),
}
_LONGEST = 10  # of a prefix that can matter: a group has at most 1,000 rules
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


# ─── Flow log ───


@control(
    "vpc-flow-log",
    "Every VPC has a flow log of all its traffic, to a log group",
    "medium",
    of=_VPCS,
    improvement="P1-01",
    security_hub="EC2.6",
    cis="3.7",
    checkov="CKV2_AWS_11",
)
def flow_log(vpc: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html."""
    logs = companions(vpc, "aws_flow_log", "vpc_id", "id")
    yield Seen(vpc, len(logs), 1, "give it one aws_flow_log")
    for each in logs:
        seen = each.get("traffic_type"), _kind_of_goal(each)
        advice = f"log ALL traffic of it to a log group of this plan in {each.address}"
        yield Seen(vpc, seen, ("ALL", "a log group of this plan"), advice)


def _kind_of_goal(log: Resource) -> str:
    if (log.get("log_destination_type") or "cloud-watch-logs") != "cloud-watch-logs":
        return f"{log.get('log_destination_type')}"
    return "a log group of this plan" if _goals(log) else "another destination"


def _goals(log: Resource) -> list[Resource]:
    """The log groups of this plan that a flow log goes to."""
    groups = log.plan.resources("aws_cloudwatch_log_group")
    answers = [(group, _is_goal(log, group)) for group in groups]
    found = [group for group, answer in answers if answer]
    if not found and any(answer is None for _, answer in answers):
        raise Unknown(log.address, "log_destination is known only after the apply, and may be one of several")
    return found


def _is_goal(log: Resource, group: Resource) -> bool | None:
    if log.is_known("log_group_name") and log.get("log_group_name"):  # the older argument
        return log.leads_to("log_group_name", group, "name", "id")
    if log.is_known("log_destination") and log.get("log_destination"):
        goal = str(log.get("log_destination")).removesuffix(":*")
        return goal.endswith(f":log-group:{group.get('name')}")
    return log.leads_to("log_destination", group, "arn", "id")


@control(
    "vpc-flow-log-retention",
    "A flow log is kept for at least 90 days",
    "medium",
    of=("aws_flow_log",),
    improvement="P1-01",
)
def flow_log_retention(log: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SettingLogRetention.html."""
    for group in _goals(log):
        days = group.get("retention_in_days") or 0
        kept = "at least 90 days" if days == 0 or days >= 90 else f"{days} days"
        yield Seen(group, kept, "at least 90 days", "set retention_in_days to 90 or more")


@control(
    "vpc-flow-log-role",
    "Only the flow-log service, for this account, may use the flow log's role, and only to write it",
    "high",
    of=("aws_flow_log",),
    improvement="P1-01",
)
def flow_log_role(log: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html."""
    if (log.get("log_destination_type") or "cloud-watch-logs") != "cloud-watch-logs":
        return  # S3 and Firehose are written to without a role
    roles = [each for each in log.plan.resources("aws_iam_role") if log.leads_to("iam_role_arn", each, "arn")]
    yield Seen(log, len(roles), 1, "give it a role of this plan in iam_role_arn")
    for role in roles:
        yield from _flow_log_trust(role)
        for policy in _policies_of(role):
            group = str(log.get("log_destination")).removesuffix(":*")
            about_it = [each for each in planned(policy) if each.allows and not _finds_groups(each)]
            named = [each for found in about_it for each in found.resources or ("*",)]
            outside = [each for each in named if each not in (group, f"{group}:*")]
            yield Seen(policy, outside, [], f"name the flow log's group instead of {', '.join(outside)}")


def _finds_groups(statement: Statement) -> bool:
    """Whether a statement gives nothing but DescribeLogGroups, which has no resource type: no ARN matches."""
    return {each.lower() for each in statement.actions} == {"logs:describeloggroups"}


def _policies_of(role: Resource) -> Iterator[Resource | Block]:
    """A role's policies in this plan: its own, and those that are attached."""
    yield from companions(role, "aws_iam_role_policy", "role", "name", "id")
    if role.declares("inline_policy"):
        yield from role.blocks("inline_policy")
    for attachment in companions(role, "aws_iam_role_policy_attachment", "role", "name", "id"):
        for policy in role.plan.resources("aws_iam_policy"):
            if attachment.leads_to("policy_arn", policy, "arn", "id"):
                yield policy


def _flow_log_trust(role: Resource) -> Iterator[Seen]:
    trust = [each for each in planned(role, "assume_role_policy") if each.allows]
    seen = [(each.principals, sorted(each.conditions)) for each in trust]
    conditions = [("ArnLike", "aws:sourcearn"), ("StringEquals", "aws:sourceaccount")]
    advice = "let vpc-flow-logs.amazonaws.com alone assume it, on conditions ArnLike aws:SourceArn and "
    advice += "StringEquals aws:SourceAccount"
    yield Seen(role, seen, [((("Service", "vpc-flow-logs.amazonaws.com"),), conditions)], advice)


# ─── Ways out ───


@control(
    "vpc-no-internet",
    "No VPC has a gateway to the internet, nor a route to one",
    "high",
    of=(*_VPCS, *_TABLES, *_WAYS_OUT, "aws_route"),
    improvement="P1-04",
)
def no_internet(resource: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html."""
    if resource.type in _WAYS_OUT:
        found = "private" if _is_private(resource) else "a way out"
        yield Seen(resource, found, "private", "remove the gateway")
    elif resource.type == "aws_vpc":
        gateways = [each.address for each in _gateways(resource)]
        yield Seen(resource, gateways, [], f"remove {', '.join(gateways)}")
    elif resource.type == "aws_default_vpc":
        yield Seen(resource, "the default VPC", "a VPC of its own", "use an aws_vpc: AWS's has a gateway")
    else:
        routes = _routes_beside(resource) if resource.type == "aws_route" else _inline(resource, "route")
        networks = [network for route in routes for network in _destinations(route)]
        out = _everywhere(networks)
        yield Seen(resource, out, [], f"remove the route to {', '.join(out)}")


def _routes_beside(route: Resource) -> list[Resource]:
    """A route, and those of the same table whose destinations are known."""
    arguments = ("route_table_id", "destination_cidr_block", "destination_ipv6_cidr_block")
    others = [each for each in route.plan.resources("aws_route") if all(map(each.is_known, arguments[1:]))]
    table = _owner(route, "route_table_id")
    return [route, *(each for each in others if each != route and _owner(each, "route_table_id") == table)]


def _gateways(vpc: Resource) -> Iterator[Resource]:
    """The gateways of a VPC; those that name no other of this plan may be its own."""
    others = [each for each in vpc.plan.resources(*_VPCS) if each != vpc]
    for gateway in vpc.plan.resources(*_WAYS_OUT):
        if not _is_private(gateway) and not any(gateway.leads_to("vpc_id", each, "id") for each in others):
            yield gateway


def _is_private(gateway: Resource) -> bool:
    return gateway.type == "aws_nat_gateway" and gateway.get("connectivity_type") == "private"


def _destinations(route: Resource | Block) -> Iterator[_Network]:
    arguments = (
        ("cidr_block", "ipv6_cidr_block", "destination_prefix_list_id")
        if isinstance(route, Block)
        else ("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id")
    )
    for argument in arguments:
        yield from (
            _of_list(route, argument) if argument.endswith("list_id") else _networks(route.get(argument))
        )


@control(
    "subnet-private",
    "No subnet gives public addresses",
    "medium",
    of=("aws_default_subnet", "aws_subnet"),
    improvement="P1-04",
    security_hub="EC2.15",
    checkov="CKV_AWS_130",
)
def private_subnets(subnet: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html."""
    name = "map_public_ip_on_launch"
    yield Seen(subnet, bool(subnet.get(name)), False, f"set {name} to false")


# ─── Addresses ───

_Network = IPv4Network | IPv6Network


def _networks(values: Any) -> list[_Network]:
    """The networks in an argument: one, a list of them, or none."""
    listed = values if isinstance(values, list) else [values]
    return [ip_network(str(each), strict=False) for each in listed if each not in (None, "")]


def _everywhere(networks: Iterable[_Network]) -> list[str]:
    """Which of the two address spaces some networks fill together."""
    found = list(networks)
    fours = [each for each in found if isinstance(each, IPv4Network)]
    sixes = [each for each in found if isinstance(each, IPv6Network)]
    whole: list[_Network] = [*collapse_addresses(fours), *collapse_addresses(sixes)]
    return sorted(str(each) for each in whole if each.prefixlen == 0)


def _of_list(owner: Resource | Block, argument: str) -> list[_Network]:
    """The networks of the prefix lists that an argument names.

    Raises:
        Unknown: a list is not of this plan, so that it may hold everything. An endpoint's own is AWS's.
    """
    known = owner.is_known(argument)
    if known and set(_several(owner.get(argument))) <= _of_endpoints(owner.plan):
        return []
    origins = owner.origins(argument) or []
    if not known and origins and all(each.type == "aws_vpc_endpoint" for each in origins):
        return []
    lists = owner.plan.resources("aws_ec2_managed_prefix_list")
    named = [each for each in lists if each.address in {origin.address for origin in origins}]
    if not named or (known and any(each.is_known("id") for each in named)):
        raise Unknown(owner.address, f"{argument} names a prefix list that is not in the plan")
    return [network for each in named for network in _entries(each)]


def _several(value: Any) -> list[Any]:
    return [each for each in (value if isinstance(value, list) else [value]) if each]


def _of_endpoints(plan: Plan) -> set[Any]:
    """The prefix lists of the plan's gateway endpoints, as far as the plan tells."""
    endpoints = plan.resources("aws_vpc_endpoint")
    return {each.get("prefix_list_id") for each in endpoints if each.is_known("prefix_list_id")}


def _entries(prefixes: Resource) -> list[_Network]:
    kind = "aws_ec2_managed_prefix_list_entry"
    separate = companions(prefixes, kind, "prefix_list_id", "id")
    found: list[Resource | Block] = [*_inline(prefixes, "entry"), *separate]
    return [network for each in found for network in _networks(each.get("cidr"))]


def _inline(owner: Resource, argument: str) -> list[Block]:
    """Its inline blocks, however they are declared.

    What it does not declare is only computed. Of a resource that is there already, that can be what resources
    of their own said before this plan.
    """
    kinds, link = _SEPARATE[argument]
    is_elsewhere = not owner.declares(argument) and any(
        each.get(link) == owner.values.get("id") for kind in kinds for each in owner.plan.before(kind)
    )
    is_set = owner.declares(argument) or owner.values.get(argument)
    return owner.blocks(argument) if is_set and not is_elsewhere else []


def _owner(resource: Resource, argument: str) -> str:
    """What tells the resource that an argument names from others."""
    if resource.is_known(argument):
        return str(resource.get(argument))
    origins = sorted(each.address for each in resource.origins(argument) or ())
    return str(origins) if origins else resource.address


# ─── Security groups ───


@dataclass(frozen=True)
class _Rule:
    """A rule of a security group, however it is declared."""

    place: Resource | Block
    direction: str
    is_old: bool  # of several networks, as inline blocks are

    @property
    def address(self) -> str:
        return self.place.address

    def networks(self) -> list[_Network]:
        """All that it is open to."""
        if self.is_old:
            direct = [
                *_networks(self.place.get("cidr_blocks")),
                *_networks(self.place.get("ipv6_cidr_blocks")),
            ]
            return [*direct, *_of_list(self.place, "prefix_list_ids")]
        direct = [*_networks(self.place.get("cidr_ipv4")), *_networks(self.place.get("cidr_ipv6"))]
        return [*direct, *_of_list(self.place, "prefix_list_id")]

    def ports(self) -> tuple[str, int | None, int | None]:
        """Protocol, first and last port."""
        protocol = str(self.place.get("protocol" if self.is_old else "ip_protocol")).lower()
        return _PROTOCOLS.get(protocol, protocol), self.place.get("from_port"), self.place.get("to_port")

    def group(self) -> str:
        """What tells its security group from others."""
        return self.address if isinstance(self.place, Block) else _owner(self.place, "security_group_id")

    def is_within(self) -> bool:
        """Whether it is for what the members of its group send each other."""
        if self.is_old:
            others = (
                *_networks(self.place.get("cidr_blocks")),
                *_networks(self.place.get("ipv6_cidr_blocks")),
            )
            if others or self.place.get("prefix_list_ids"):
                return False
            if self.place.get("self"):
                return isinstance(self.place, Resource) or not self.place.get("security_groups")
            return isinstance(self.place, Resource) and _same(self.place, "source_security_group_id")
        return isinstance(self.place, Resource) and _same(self.place, "referenced_security_group_id")


def _same(rule: Resource, argument: str) -> bool:
    """Whether a rule's other side is its own group."""
    known = [rule.is_known(each) and rule.get(each) for each in (argument, "security_group_id")]
    if any(known):
        return bool(known[0] == known[1])
    own, other = (rule.origins(each) or [] for each in ("security_group_id", argument))
    return len(own) == 1 and own == other


def rules(direction: str) -> Callable[[Plan], Iterator[_Rule | Unknown]]:
    """Every rule of a direction ("egress", "ingress"; "" is both), however it is declared."""
    return lambda plan: (
        rule for way in ("egress", "ingress") if direction in ("", way) for rule in _rules(plan, way)
    )


def _rules(plan: Plan, direction: str) -> Iterator[_Rule | Unknown]:
    for rule in plan.resources(f"aws_vpc_security_group_{direction}_rule"):
        yield _Rule(rule, direction, is_old=False)
    for rule in plan.resources("aws_security_group_rule"):
        if not rule.is_known("type") or rule.get("type") == direction:
            yield _Rule(rule, direction, is_old=True)
    for group in plan.resources(*_GROUPS_OF_RULES):
        try:
            blocks = _inline(group, direction)
        except Unknown as problem:
            yield problem
        else:
            yield from (_Rule(each, direction, is_old=True) for each in blocks)


def _open_to(rule: _Rule) -> list[str]:
    """Which address spaces a rule is open to, together with those of its group for the same ports."""
    own = rule.networks()
    if not own or _everywhere(own) or all(each.prefixlen > _LONGEST for each in own):
        return _everywhere(own)
    together = list(own)
    for other in _rules(rule.place.plan, rule.direction):
        if isinstance(other, _Rule) and other.place != rule.place and other.group() == rule.group():
            try:
                more = other.networks() if _overlap(rule.ports(), other.ports()) else []
            except (Unknown, ValueError):
                continue  # a finding of its own
            together += [] if _everywhere(more) else more
    families = {each.version for each in own}
    return [each for each in _everywhere(together) if ip_network(each).version in families]


def _overlap(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    if "-1" in (one[0], other[0]):
        return True
    if None in (*one, *other):
        return bool(one[0] == other[0])
    return bool(one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2])


@control(
    "sg-egress",
    "No security group lets traffic out to everywhere",
    "high",
    of=rules("egress"),
    improvement="P1-05",
    checkov="CKV_AWS_382",
)
def egress(rule: _Rule) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    found = _open_to(rule)
    yield Seen(rule.place, found, [], f"name the addresses to reach instead of {', '.join(found)}")


@control(
    "sg-ingress",
    "No security group lets traffic in from everywhere",
    "critical",
    of=rules("ingress"),
    improvement="P1-05",
    security_hub="EC2.18, EC2.19, EC2.53, EC2.54",
    cis="5.2, 5.3",
)
def ingress(rule: _Rule) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    found = _open_to(rule)
    yield Seen(rule.place, found, [], f"name the addresses to let in instead of {', '.join(found)}")


@control(
    "sg-described",
    "Every rule of a security group says what it is for",
    "low",
    of=rules(""),
    checkov="CKV_AWS_23",
)
def described(rule: _Rule) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    yield Seen(
        rule.place, bool(rule.place.get("description")), True, "say in description what the rule is for"
    )


@control(
    "sg-ports",
    "Every rule is for one port of TCP, but for what a group's members send each other",
    "medium",
    of=rules(""),
)
def ports(rule: _Rule) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    protocol, first, last = rule.ports()
    is_one = protocol == "tcp" and first == last and first is not None
    found = "one port" if is_one or rule.is_within() else f"{protocol} {first} to {last}"
    yield Seen(rule.place, found, "one port", f"open one port of TCP instead of {found}")


@control(
    "sg-default-empty",
    "The default security group of every VPC lets nothing in or out",
    "high",
    of=_VPCS,
    security_hub="EC2.2",
    cis="5.4",
    checkov="CKV2_AWS_12",
)
def default_group(vpc: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html."""
    groups = companions(vpc, "aws_default_security_group", "vpc_id", "id")
    yield Seen(
        vpc, len(groups), 1, "take over its default group with one aws_default_security_group, without rules"
    )
    for group in groups:
        ways = [way for way in ("egress", "ingress") if _inline(group, way)]
        yield Seen(vpc, ways, [], f"remove {' and '.join(ways)} of {group.address}")
    for rule in _rules_of(vpc, "aws_default_security_group"):
        yield Seen(vpc, rule.address, "no rule", f"remove {rule.address}: it is a rule of the default group")


def _rules_of(vpc: Resource, kind: str) -> Iterator[Resource]:
    """The rules that stand for themselves, of the default group of a VPC."""
    groups = companions(vpc, kind, "vpc_id", "id")
    for rule in vpc.plan.resources(*_RULES):
        by_vpc = any(
            (each.address, each.attribute) == (vpc.address, "default_security_group_id")
            for each in rule.origins("security_group_id") or ()
        )
        if by_vpc or any(rule.leads_to("security_group_id", group, "id") for group in groups):
            yield rule


@control(
    "sg-glue-jobs",
    "Glue's workers reach each other on all TCP ports, HTTPS within the VPC and at S3, databases at one port",
    "high",
    of=lambda plan: _groups_of_glue(plan),
    improvement="P1-05",
)
def glue_group(group: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html."""
    out = [each for each in _kinds(group, "egress") if each != _DATABASE]
    wanted = ["HTTPS to S3", "HTTPS to addresses", "all TCP among themselves"]
    yield Seen(group, out, wanted, f"let out {_difference(out, wanted)}")
    back = _kinds(group, "ingress")
    yield Seen(group, back, wanted[2:], f"let in {_difference(back, wanted[2:])}")


def _difference(found: list[str], wanted: list[str]) -> str:
    missing = [each for each in wanted if each not in found]
    extra = [each for each in found if each not in wanted or found.count(each) > wanted.count(each)]
    parts = [*([f"{', '.join(missing)}"] if missing else []), *([f"not {', '.join(extra)}"] if extra else [])]
    return "; ".join(parts)


def _groups_of_glue(plan: Plan) -> list[Resource]:
    connections = plan.resources("aws_glue_connection")
    return [
        group
        for group in plan.resources("aws_security_group")
        if any(_uses(each, group) for each in connections)
    ]


def _uses(connection: Resource, group: Resource) -> bool:
    if connection.is_known(_GROUPS):
        return group.is_known("id") and group.get("id") in (connection.get(_GROUPS) or ())
    return group.address in {each.address for each in connection.origins(_GROUPS) or ()}


def _kinds(group: Resource, direction: str) -> list[str]:
    kind = f"aws_vpc_security_group_{direction}_rule"
    found = [_kind(rule, group) for rule in companions(group, kind, "security_group_id", "id")]
    old = [
        rule
        for rule in companions(group, "aws_security_group_rule", "security_group_id", "id")
        if rule.get("type") == direction
    ]
    inline: list[Resource | Block] = [*old, *_inline(group, direction)]
    found += map(_old_kind, inline)
    return sorted(found)


def _kind(rule: Resource, group: Resource) -> str:
    ports = _Rule(rule, "", is_old=False).ports()
    if ports == ("tcp", 0, 65535) and rule.leads_to("referenced_security_group_id", group, "id"):
        return "all TCP among themselves"
    if ports == ("tcp", 443, 443) and _is_of_s3(rule, "prefix_list_id"):
        return "HTTPS to S3"
    address = rule.get("cidr_ipv4") if rule.is_known("cidr_ipv4") else ""
    return _kind_by_address(rule, ports, [address] if address else [])


def _old_kind(rule: Resource | Block) -> str:
    seen = _Rule(rule, "", is_old=True)
    if seen.ports() == ("tcp", 0, 65535) and seen.is_within():
        return "all TCP among themselves"
    if seen.ports() == ("tcp", 443, 443) and _is_of_s3(rule, "prefix_list_ids"):
        return "HTTPS to S3"
    return _kind_by_address(rule, seen.ports(), rule.get("cidr_blocks") or [])


def _kind_by_address(rule: Resource | Block, ports: tuple[Any, ...], addresses: list[str]) -> str:
    if ports == ("tcp", 443, 443) and addresses:
        return "HTTPS to addresses"
    small = addresses and all(each.prefixlen >= 24 for each in _networks(addresses))
    if ports[0] == "tcp" and ports[1] == ports[2] and small:
        return _DATABASE
    return f"{rule.address} {ports}"


def _is_of_s3(rule: Resource | Block, argument: str) -> bool:
    """Whether a rule leads to the prefix list of an endpoint of S3."""
    plan = rule.plan
    gateways = [each for each in plan.resources("aws_vpc_endpoint") if _service(each) == "s3"]
    if rule.is_known(argument):
        listed = _several(rule.get(argument))
        return any(
            each.is_known("prefix_list_id") and each.get("prefix_list_id") in listed for each in gateways
        )
    named = {each.address for each in rule.origins(argument) or ()}
    return any(each.address in named for each in gateways)


# ─── Endpoints ───


@control(
    "vpc-endpoints",
    "A VPC with Glue connections has an endpoint for each service that jobs call",
    "high",
    of=lambda plan: plan.resources(*_VPCS) if plan.resources("aws_glue_connection") else [],
)
def endpoints(vpc: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/vpc-interface-endpoints.html."""
    own = companions(vpc, "aws_vpc_endpoint", "vpc_id", "id")
    missing = sorted(_GLUE_NEEDS - {_service(each) for each in own})
    yield Seen(vpc, missing, [], f"add endpoints for {', '.join(missing)}")
    resolves = [name for name in ("enable_dns_hostnames", "enable_dns_support") if not vpc.get(name)]
    yield Seen(vpc, resolves, [], f"set {' and '.join(resolves)} to true")
    for each in own:
        if each.get("vpc_endpoint_type") == "Interface":
            yield Seen(each, each.get("private_dns_enabled"), True, "set private_dns_enabled to true")
            bare = [name for name in ("security_group_ids", "subnet_ids") if not each.has(name)]
            yield Seen(each, bare, [], f"set {' and '.join(bare)}")
        elif each.get("vpc_endpoint_type") == "Gateway":
            tables = each.has("route_table_ids")
            associated = tables or companions(
                each, "aws_vpc_endpoint_route_table_association", "vpc_endpoint_id", "id"
            )
            yield Seen(each, bool(associated), True, "set route_table_ids")


@control(
    "vpc-endpoint-policy",
    "An endpoint serves identities of this account alone, and S3's leads to named buckets",
    "high",
    of=("aws_vpc_endpoint",),
)
def endpoint_policy(endpoint: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html."""
    separate = companions(endpoint, "aws_vpc_endpoint_policy", "vpc_endpoint_id", "id")
    policies = separate or [endpoint]
    allowed = [each for policy in policies for each in planned(policy) if each.allows]
    yield Seen(endpoint, bool(allowed), True, "give it a policy: AWS's own allows everyone everything")
    wide = [each.name for each in allowed if not _is_for_an_account(each)]
    yield Seen(
        endpoint, wide, [], f"hold {', '.join(wide)} to this account: StringEquals aws:PrincipalAccount"
    )
    if _service(endpoint) == "s3":
        named = [resource for each in allowed for resource in each.resources or ("NotResource",)]
        open_to = [each for each in named if not _BUCKET.fullmatch(each)]
        yield Seen(endpoint, open_to, [], f"name buckets instead of {', '.join(open_to)}")


def _is_for_an_account(statement: Statement) -> bool:
    accounts = statement.conditions.get(("StringEquals", "aws:principalaccount"), ())
    return bool(accounts) and all(map(_ACCOUNT.fullmatch, accounts))


def _service(endpoint: Resource) -> str:
    return str(endpoint.get("service_name")).rpartition(".")[2]
