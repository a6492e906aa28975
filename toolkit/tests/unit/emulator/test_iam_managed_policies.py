"""Gap 7: the policies that AWS manages."""

from __future__ import annotations

from typing import Any


def test_a_managed_policy_can_be_read_and_attached(aws: Any, name: str) -> None:
    iam = aws("iam")
    arn = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "AWSGlueServiceRole"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]
