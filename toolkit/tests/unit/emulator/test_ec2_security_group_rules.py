"""Gap 4: security-group rules on prefix lists and groups."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


def group_of(ec2: Any, name: str) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group: str = ec2.create_security_group(GroupName=name, Description="jobs", VpcId=vpc)["GroupId"]
    return group


def prefix_list_of(ec2: Any, name: str) -> str:
    created = ec2.create_managed_prefix_list(PrefixListName=name, MaxEntries=1, AddressFamily="IPv4")
    prefix_list: str = created["PrefixList"]["PrefixListId"]
    return prefix_list


def permission(kind: str, target: str, description: str) -> dict[str, Any]:
    member, key = {
        "prefix list": ("PrefixListIds", "PrefixListId"),
        "group": ("UserIdGroupPairs", "GroupId"),
    }[kind]
    return {**HTTPS, member: [{key: target, "Description": description}]}


def target_of(ec2: Any, kind: str, group: str, name: str) -> str:
    return group if kind == "group" else prefix_list_of(ec2, name)


def rule_of(ec2: Any, rule_id: str) -> dict[str, Any]:
    rule: dict[str, Any] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])[
        "SecurityGroupRules"
    ][0]
    return rule


@pytest.mark.parametrize("kind", ["prefix list", "group"])
def test_a_rule_keeps_its_description(aws: Any, name: str, kind: str) -> None:
    ec2 = aws("ec2")
    group = group_of(ec2, name)
    wanted = permission(kind, target_of(ec2, kind, group, name), "to S3")
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "finance"}]}]
    created = ec2.authorize_security_group_egress(
        GroupId=group, IpPermissions=[wanted], TagSpecifications=tags
    )
    rule = rule_of(ec2, created["SecurityGroupRules"][0]["SecurityGroupRuleId"])
    assert rule["Description"] == created["SecurityGroupRules"][0]["Description"] == "to S3"
    assert rule["Tags"] == [{"Key": "owner", "Value": "finance"}]


def test_the_group_shows_the_description_of_a_prefix_list(aws: Any, name: str) -> None:
    ec2 = aws("ec2")
    group, prefix_list = group_of(ec2, name), prefix_list_of(ec2, name)
    ec2.authorize_security_group_egress(
        GroupId=group, IpPermissions=[permission("prefix list", prefix_list, "to S3")]
    )
    permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    shown = [found for shown in permissions for found in shown["PrefixListIds"]]
    assert shown == [{"PrefixListId": prefix_list, "Description": "to S3"}]


@pytest.mark.parametrize("kind", ["prefix list", "group"])
def test_a_rule_can_be_pointed_elsewhere(aws: Any, name: str, kind: str) -> None:
    ec2 = aws("ec2")
    group = group_of(ec2, name)
    target = target_of(ec2, kind, group, name)
    created = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission(kind, target, "old")]
    )
    rule_id = created["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    key = "ReferencedGroupId" if kind == "group" else "PrefixListId"
    other = target_of(ec2, kind, group_of(ec2, name + "b"), name + "b")
    wanted = {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, key: other, "Description": "new"}
    ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": wanted}]
    )
    rule = rule_of(ec2, rule_id)
    assert (rule["Description"], rule["FromPort"], rule["ToPort"]) == ("new", 8443, 8443)
    assert rule.get("PrefixListId", rule.get("ReferencedGroupInfo", {}).get("GroupId")) == other


def test_a_rule_for_all_protocols_can_be_modified(aws: Any, name: str) -> None:
    ec2 = aws("ec2")
    group = group_of(ec2, name)
    everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group, "Description": "old"}]}
    created = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everything])
    rule_id = created["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    wanted = {"IpProtocol": "-1", "ReferencedGroupId": group, "Description": "new"}
    ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": wanted}]
    )
    assert rule_of(ec2, rule_id)["Description"] == "new"


def test_a_rule_cannot_change_what_kind_of_target_it_has(aws: Any, name: str) -> None:
    ec2 = aws("ec2")
    group = group_of(ec2, name)
    created = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission("group", group, "old")]
    )
    change = {
        "SecurityGroupRuleId": created["SecurityGroupRules"][0]["SecurityGroupRuleId"],
        "SecurityGroupRule": {**HTTPS, "CidrIpv4": "10.0.0.0/16"},
    }
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[change])


def test_a_rule_on_a_group_is_revoked_whatever_its_description(aws: Any, name: str) -> None:
    ec2 = aws("ec2")
    group = group_of(ec2, name)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("group", group, "one")])
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission("group", group, "another")])
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []


def test_the_same_rule_with_another_description_is_a_duplicate(aws: Any, name: str) -> None:
    ec2 = aws("ec2")
    group = group_of(ec2, name)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("group", group, "one")])
    with pytest.raises(ClientError, match="Duplicate"):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("group", group, "another")]
        )
