"""The network: private, watched, with no way out but to the services that jobs call."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import Plan, Resource, Statement, statements

_ANYWHERE = {"0.0.0.0/0", "::/0"}
_WAYS_OUT = ("aws_egress_only_internet_gateway", "aws_internet_gateway", "aws_nat_gateway")
_GLUE_NEEDS = {"glue", "kms", "logs", "monitoring", "s3", "sts"}
_DATABASE = "a database at its port"
_GROUPS = "physical_connection_requirements.0.security_group_id_list"
_ACCOUNT = re.compile(r"\d{12}")
_BUCKET = re.compile(r"arn:[\w-]+:s3:::[a-z0-9.-]+(/.*)?")


# ─── Flow log ───


@control(
    "vpc-flow-log",
    "Every VPC has a flow log of all its traffic, to a log group",
    "medium",
    improvement="P1-01",
    security_hub="EC2.6",
    cis="3.7",
    checkov="CKV2_AWS_11",
)
def flow_log(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html."""
    for vpc in plan.resources("aws_vpc"):
        logs = [each for each in plan.resources("aws_flow_log") if vpc.declared in each.refers("vpc_id")]
        seen = [
            (each.get("traffic_type"), each.get("log_destination_type"), _kind_of_goal(each)) for each in logs
        ]
        yield Seen(vpc, seen, [("ALL", "cloud-watch-logs", "a log group of this plan")])


def _kind_of_goal(log: Resource) -> str:
    groups = [each for each in log.plan.resources("aws_cloudwatch_log_group") if _is_goal(log, each)]
    return "a log group of this plan" if len(groups) == 1 else "another destination"


def _is_goal(log: Resource, group: Resource) -> bool:
    named = str(log.get("log_destination")).endswith(f":log-group:{group.get('name')}")
    return named or (not log.is_known("log_destination") and group.declared in log.refers("log_destination"))


@control("vpc-flow-log-retention", "A flow log is kept for at least 90 days", "medium", improvement="P1-01")
def flow_log_retention(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SettingLogRetention.html."""
    for log in plan.resources("aws_flow_log"):
        for group in plan.resources("aws_cloudwatch_log_group"):
            if _is_goal(log, group):
                days = group.get("retention_in_days") or 0
                yield Seen(
                    group,
                    "at least 90 days" if days == 0 or days >= 90 else f"{days} days",
                    "at least 90 days",
                )


@control(
    "vpc-flow-log-role",
    "Only the flow-log service, for this account, may use the flow log's role, and only to write it",
    "high",
    improvement="P1-01",
)
def flow_log_role(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html."""
    for log in plan.resources("aws_flow_log"):
        for role in _roles(log):
            yield from _flow_log_trust(role)
            for policy in plan.resources("aws_iam_role_policy"):
                if policy.is_known("role") and policy.get("role") == role.get("name"):
                    group = str(log.get("log_destination"))
                    outside = [
                        resource
                        for statement in statements(policy.get("policy"))
                        for resource in statement.resources
                        if resource not in (group, f"{group}:*")
                    ]
                    yield Seen(policy, outside, [])


def _roles(log: Resource) -> list[Resource]:
    """The role of a flow log; the flow log itself stands in for one that is missing, and fails."""
    roles = [
        each for each in log.plan.resources("aws_iam_role") if each.declared in log.refers("iam_role_arn")
    ]
    return roles or [log]


def _flow_log_trust(role: Resource) -> Iterator[Seen]:
    trust = statements(role.get("assume_role_policy") or '{"Statement": []}')
    seen = [(each.principals, sorted(each.conditions)) for each in trust]
    conditions = [("ArnLike", "aws:sourcearn"), ("StringEquals", "aws:sourceaccount")]
    yield Seen(role, seen, [((("Service", "vpc-flow-logs.amazonaws.com"),), conditions)])


# ─── Ways out ───


@control(
    "vpc-no-internet",
    "No VPC has a gateway to the internet, nor a route to one",
    "high",
    improvement="P1-04",
)
def no_internet(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html."""
    for vpc in plan.resources("aws_vpc"):
        yield Seen(vpc, [each.address for each in plan.resources(*_WAYS_OUT)], [])
    for table in plan.resources("aws_route_table", "aws_default_route_table"):
        routes = table.get("route") if table.is_known("route") or table.declares("route") else []
        yield Seen(table, [each for each in routes or [] if each.get("cidr_block") in _ANYWHERE], [])
    for route in plan.resources("aws_route"):
        goals = {route.get("destination_cidr_block"), route.get("destination_ipv6_cidr_block")}
        yield Seen(route, sorted(goals & _ANYWHERE), [])


@control(
    "subnet-private",
    "No subnet gives public addresses",
    "medium",
    improvement="P1-04",
    security_hub="EC2.15",
    checkov="CKV_AWS_130",
)
def private_subnets(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html."""
    for subnet in plan.resources("aws_subnet"):
        yield Seen(subnet, bool(subnet.get("map_public_ip_on_launch")), False)


# ─── Security groups ───


def rules(plan: Plan, direction: str) -> Iterator[tuple[Resource, dict[str, object]]]:
    """Every rule of a direction ("egress" or "ingress"), however it is declared, with what decides on it."""
    for rule in plan.resources(f"aws_vpc_security_group_{direction}_rule"):
        yield (
            rule,
            {
                "to": {rule.get("cidr_ipv4"), rule.get("cidr_ipv6")} - {None},
                "ports": _ports(rule),
            },
        )
    for rule in plan.resources("aws_security_group_rule"):
        if rule.get("type") == direction:
            yield rule, _block(rule.values)
    for group in plan.resources("aws_security_group", "aws_default_security_group"):
        for block in _blocks(group, direction):
            yield group, _block(block)


def _block(values: object) -> dict[str, object]:
    found = dict(values) if isinstance(values, dict) else {}
    return {
        "to": {*(found.get("cidr_blocks") or []), *(found.get("ipv6_cidr_blocks") or [])},
        "ports": (found.get("protocol"), found.get("from_port"), found.get("to_port")),
    }


@control(
    "sg-egress",
    "No security group lets traffic out to everywhere",
    "high",
    improvement="P1-05",
    checkov="CKV_AWS_382",
)
def egress(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    for rule, seen in rules(plan, "egress"):
        yield Seen(rule, sorted(_ANYWHERE & set(seen["to"])), [])  # type: ignore[call-overload]


@control(
    "sg-ingress",
    "No security group lets traffic in from everywhere",
    "critical",
    improvement="P1-05",
    security_hub="EC2.18, EC2.19, EC2.53, EC2.54",
    cis="5.2, 5.3",
)
def ingress(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    for rule, seen in rules(plan, "ingress"):
        yield Seen(rule, sorted(_ANYWHERE & set(seen["to"])), [])  # type: ignore[call-overload]


@control(
    "sg-described",
    "Every rule of a security group says what it is for",
    "low",
    checkov="CKV_AWS_23",
)
def described(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    for direction in ("egress", "ingress"):
        for rule in plan.resources(f"aws_vpc_security_group_{direction}_rule"):
            yield Seen(rule, bool(rule.get("description")), True)


@control(
    "sg-ports", "Every rule is for one port of TCP, but for what a group's members send each other", "medium"
)
def ports(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html."""
    for direction in ("egress", "ingress"):
        for rule in plan.resources(f"aws_vpc_security_group_{direction}_rule"):
            protocol, first, last = _ports(rule)
            group = rule.refers("security_group_id")
            is_within = bool(group) and rule.refers("referenced_security_group_id") == group
            is_one = protocol == "tcp" and first == last
            yield Seen(
                rule, "one port" if is_one or is_within else f"{protocol} {first} to {last}", "one port"
            )


def _ports(rule: Resource) -> tuple[str, int, int]:
    return rule.get("ip_protocol"), rule.get("from_port"), rule.get("to_port")


@control(
    "sg-default-empty",
    "The default security group of every VPC lets nothing in or out",
    "high",
    security_hub="EC2.2",
    cis="5.4",
    checkov="CKV2_AWS_12",
)
def default_group(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html."""
    for vpc in plan.resources("aws_vpc"):
        kind = "aws_default_security_group"
        groups = [each for each in plan.resources(kind) if vpc.declared in each.refers("vpc_id")]
        seen = [(_blocks(each, "egress"), _blocks(each, "ingress")) for each in groups]
        yield Seen(vpc, seen, [([], [])])


def _blocks(group: Resource, direction: str) -> list[object]:
    """Its inline rules. What it does not declare is only computed: the rules that stand for themselves."""
    if not group.is_known(direction) and not group.declares(direction):
        return []
    return list(group.get(direction) or [])


@control(
    "sg-glue-jobs",
    "Glue's workers reach each other on all TCP ports, HTTPS within the VPC and at S3, databases at one port",
    "high",
    improvement="P1-05",
)
def glue_group(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html."""
    used = {block for each in plan.resources("aws_glue_connection") for block in each.refers(_GROUPS)}
    for group in plan.resources("aws_security_group"):
        if group.declared in used:
            out = [each for each in _kinds(plan, group, "egress") if each != _DATABASE]
            yield Seen(group, out, ["HTTPS to S3", "HTTPS to addresses", "all TCP among themselves"])
            yield Seen(group, _kinds(plan, group, "ingress"), ["all TCP among themselves"])


def _kinds(plan: Plan, group: Resource, direction: str) -> list[str]:
    kind = f"aws_vpc_security_group_{direction}_rule"
    own = [rule for rule in plan.resources(kind) if group.declared in rule.refers("security_group_id")]
    return sorted(_kind(plan, rule, group) for rule in own)


def _kind(plan: Plan, rule: Resource, group: Resource) -> str:
    ports = _ports(rule)
    gateways = {each.declared for each in plan.resources("aws_vpc_endpoint") if _service(each) == "s3"}
    if rule.refers("referenced_security_group_id") == {group.declared} and ports == ("tcp", 0, 65535):
        return "all TCP among themselves"
    if ports == ("tcp", 443, 443) and rule.refers("prefix_list_id") & gateways:
        return "HTTPS to S3"
    if ports == ("tcp", 443, 443) and rule.is_known("cidr_ipv4") and rule.get("cidr_ipv4"):
        return "HTTPS to addresses"
    if ports[0] == "tcp" and ports[1] == ports[2] and _is_small(rule):
        return _DATABASE
    return f"{rule.declared} {ports}"


def _is_small(rule: Resource) -> bool:
    """Whether it leads to a range of at most 256 addresses, such as a database's."""
    _, _, length = str(rule.get("cidr_ipv4") if rule.is_known("cidr_ipv4") else "").partition("/")
    return length.isdigit() and int(length) >= 24


# ─── Endpoints ───


@control(
    "vpc-endpoints", "A VPC with Glue connections has an endpoint for each service that jobs call", "high"
)
def endpoints(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/vpc-interface-endpoints.html."""
    if not plan.resources("aws_glue_connection"):
        return
    for vpc in plan.resources("aws_vpc"):
        own = [each for each in plan.resources("aws_vpc_endpoint") if vpc.declared in each.refers("vpc_id")]
        yield Seen(vpc, sorted(_GLUE_NEEDS - {_service(each) for each in own}), [])
        resolves = (vpc.get("enable_dns_hostnames"), vpc.get("enable_dns_support"))
        yield Seen(vpc, resolves, (True, True))
        for each in own:
            if each.get("vpc_endpoint_type") == "Interface":
                yield Seen(each, each.get("private_dns_enabled"), True)
                placed = (each.has("security_group_ids"), each.has("subnet_ids"))
                yield Seen(each, placed, (True, True))
            elif each.get("vpc_endpoint_type") == "Gateway":
                yield Seen(each, each.has("route_table_ids"), True)


@control(
    "vpc-endpoint-policy",
    "An endpoint serves identities of this account alone, and S3's leads to named buckets",
    "high",
)
def endpoint_policy(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html."""
    for endpoint in plan.resources("aws_vpc_endpoint"):
        found = statements(endpoint.get("policy")) if endpoint.get("policy") else []
        allowed = [each for each in found if each.effect == "Allow"]
        wide = [each.sid for each in allowed if not _is_for_an_account(each)]
        yield Seen(endpoint, (bool(allowed), wide), (True, []))
        if _service(endpoint) == "s3":
            named = [resource for each in allowed for resource in each.resources]
            yield Seen(endpoint, [each for each in named if not _BUCKET.fullmatch(each)], [])


def _is_for_an_account(statement: Statement) -> bool:
    accounts = statement.conditions.get(("StringEquals", "aws:principalaccount"), ())
    return bool(accounts) and all(map(_ACCOUNT.fullmatch, accounts))


def _service(endpoint: Resource) -> str:
    return str(endpoint.get("service_name")).rpartition(".")[2]
