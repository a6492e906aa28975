"""Policies that are larger than IAM takes are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from buckets import code_of

if TYPE_CHECKING:
    from collections.abc import Callable

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def policy(size: int) -> str:
    """Return a policy of so many characters that count, and of as many spaces."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    return text.replace("b/", "b/" + "x" * (size - len(text))) + " " * size


def test_the_inline_policies_of_a_role_are_10240_characters_together(
    aws: Callable[[str], Any], name: str
) -> None:
    iam = aws("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    put = lambda key, size: code_of(  # noqa: E731
        lambda: iam.put_role_policy(RoleName=name, PolicyName=key, PolicyDocument=policy(size))
    )
    assert (put("a", 6000), put("b", 4240)) == ("OK", "OK")
    assert (put("b", 4241), put("c", 200)) == ("LimitExceeded", "LimitExceeded")
    assert put("a", 5000) == "OK"
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["a", "b"]


def test_a_managed_policy_is_6144_characters(aws: Callable[[str], Any], name: str) -> None:
    iam = aws("iam")
    create = lambda size: iam.create_policy(PolicyName=f"{name}-{size}", PolicyDocument=policy(size))  # noqa: E731
    arn = create(6144)["Policy"]["Arn"]
    assert code_of(lambda: create(6145)) == "LimitExceeded"
    version = {"PolicyArn": arn, "PolicyDocument": policy(6145)}
    assert code_of(lambda: iam.create_policy_version(**version)) == "LimitExceeded"


def test_a_role_has_ten_managed_policies(aws: Callable[[str], Any], name: str) -> None:
    iam = aws("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    arns = [
        iam.create_policy(PolicyName=f"{name}-{n}", PolicyDocument=policy(200))["Policy"]["Arn"]
        for n in range(11)
    ]
    codes = [code_of(lambda arn=arn: iam.attach_role_policy(RoleName=name, PolicyArn=arn)) for arn in arns]  # type: ignore[misc]
    assert codes == ["OK"] * 10 + ["LimitExceeded"]
