"""Security-group rules keep their description and can be modified, whatever they point at.

moto 5.2.5 lacks: the description of a rule on a prefix list or on a group (the provider sees drift);
ModifySecurityGroupRules for anything but an IPv4 range, or for all protocols; and it takes the
description into account when it compares two rules on groups, so that a revoke by content finds none.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidSecurityGroupNotFoundError,
    InvalidSecurityGroupRuleIdNotFoundError,
    MissingParameter,
)
from moto.ec2.models.security_groups import (
    GroupedSecurityRuleView,
    SecurityGroup,
    SecurityGroupBackend,
    SecurityGroupRule,
)

TARGETS = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")
_init = SecurityGroupRule.__init__


def install() -> None:
    """Patch moto's rules, their comparison, their grouping and their modification."""
    rule: Any = SecurityGroupRule
    rule.__init__ = _init_with_description
    rule.__eq__ = _is_same
    rule.description = property(_description)
    group: Any = SecurityGroup
    group._flattened_rules = lambda _, rules: _grouped(rules)
    backend: Any = SecurityGroupBackend
    backend.modify_security_group_rules = _modify
    backend._sg_update_description = _update_description


def _init_with_description(self: Any, *args: Any, **kwargs: Any) -> None:
    _init(self, *args, **kwargs)
    given = dict(zip(("ip_range", "source_group", "prefix_list_id"), args[5:8], strict=False)) | kwargs
    prefix_list = given.get("prefix_list_id") or {}
    self.meshtest_description = next(
        (
            target["Description"]
            for target in (self.ip_range, self.source_group, prefix_list)
            if "Description" in target
        ),
        None,
    )


def _description(self: Any) -> str | None:
    description: str | None = self.meshtest_description
    return description


def _identity(rule: Any) -> tuple[Any, ...]:
    """What makes two rules of one group duplicates: everything but description and tags."""
    group = rule.source_group.get("GroupId") or rule.source_group.get("GroupName")
    target = (rule.cidr_ipv4, rule.cidr_ipv6, rule.prefix_list_id, group)
    ports = () if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    return (rule.ip_protocol, *target, *ports)


def _is_same(self: Any, other: Any) -> bool:
    return _identity(self) == _identity(other)


# ─── DescribeSecurityGroups ───


def _grouped(rules: list[Any]) -> list[GroupedSecurityRuleView]:
    """Rules as IpPermissions: one entry for each protocol and ports, its targets with their descriptions."""
    views: dict[tuple[Any, ...], GroupedSecurityRuleView] = {}
    for rule in rules:
        key = (rule.from_port, rule.to_port, rule.ip_protocol)
        view = views.setdefault(key, GroupedSecurityRuleView(*key))
        description = {"Description": rule.description} if rule.description is not None else {}
        if rule.ip_range:
            view.all_ip_ranges.append(_without_description(rule.ip_range) | description)
        if rule.source_group:
            view.source_groups.append(_without_description(rule.source_group) | description)
        if rule.prefix_list_id:
            view.prefix_list_ids.append({"PrefixListId": rule.prefix_list_id} | description)
    return list(views.values())


def _without_description(target: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in target.items() if key != "Description"}


# ─── ModifySecurityGroupRules ───


def _modify(self: Any, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
    group = self.get_security_group_by_name_or_id(group_id)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(group_id)
    changes = [(_existing(group, rule_id), rule_id, wanted) for rule_id, wanted in rules.items()]
    for rule, rule_id, wanted in changes:
        _check(rule, rule_id, wanted)
    for rule, _, wanted in changes:
        _apply(self, rule, wanted)


def _existing(group: Any, rule_id: str) -> Any:
    rule = group.get_rule(rule_id)
    if rule is None:
        raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
    return rule


def _check(rule: Any, rule_id: str, wanted: dict[str, Any]) -> None:
    named = [target for target in TARGETS if wanted.get(target) is not None]
    if len(named) > 1:
        raise InvalidParameterCombination(
            "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified"
        )
    if not named:
        raise MissingParameter(
            "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
        )
    if named != [_target_of(rule)]:
        raise InvalidParameterValue(
            f"Invalid rule type for security group rule '{rule_id}'. "
            f"You may not specify {named[0]} for an existing {_target_of(rule)} rule."
        )
    if wanted.get("IpProtocol") is None:
        raise InvalidParameterValue(
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."
        )
    if wanted["IpProtocol"] != "-1" and (wanted.get("FromPort") is None or wanted.get("ToPort") is None):
        raise InvalidParameterValue(
            "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."
        )


def _target_of(rule: Any) -> str:
    values = (rule.cidr_ipv4, rule.cidr_ipv6, rule.prefix_list_id, rule.source_group)
    return next(target for target, value in zip(TARGETS, values, strict=True) if value)


def _apply(backend: Any, rule: Any, wanted: dict[str, Any]) -> None:
    has_ports = wanted["IpProtocol"] != "-1"
    rule.ip_protocol = wanted["IpProtocol"]
    rule.from_port = int(wanted["FromPort"]) if has_ports else None
    rule.to_port = int(wanted["ToPort"]) if has_ports else None
    rule.meshtest_description = wanted.get("Description")
    if cidr := wanted.get("CidrIpv4"):
        rule.ip_range = {"CidrIp": cidr}
    elif cidr := wanted.get("CidrIpv6"):
        rule.ip_range = {"CidrIpv6": cidr}
    elif prefix_list := wanted.get("PrefixListId"):
        rule.prefix_list_id = prefix_list
    else:
        rule.source_group = backend._add_source_group([{"GroupId": wanted["ReferencedGroupId"]}], None)[0]


def _update_description(_: Any, wanted: Any, rule: Any) -> None:
    """UpdateSecurityGroupRuleDescriptions…: moto has already found the rule that equals the wanted one."""
    rule.meshtest_description = wanted.meshtest_description
