"""AssumeRole by the role's trust policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"


def role(aws: Any, name: str, **trust: Any) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **trust}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]


def answer(aws: Any, arn: str, **parameters: str) -> tuple[int, str, str]:
    """Status, error code and message of AssumeRole."""
    try:
        aws("sts").assume_role(RoleArn=arn, RoleSessionName="run", **parameters)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status, error.response["Error"]["Code"], error.response["Error"]["Message"]
    return 200, "", ""


def refusal(arn: str) -> tuple[int, str, str]:
    user = f"arn:aws:iam::{ACCOUNT}:root"
    message = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    return 403, "AccessDenied", message


def test_a_role_of_a_service_is_not_for_users(aws, name):
    arn = role(aws, name, Principal={"Service": "vpc-flow-logs.amazonaws.com"})
    assert answer(aws, arn) == refusal(arn)


def test_a_role_that_is_not_there_is_refused_as_one_that_does_not_trust(aws, name):
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    assert answer(aws, arn) == refusal(arn)


def test_a_role_that_trusts_the_account_is_for_its_principals(endpoint, name):
    assert answer(endpoint.client, role(endpoint.client, name, Principal={"AWS": ACCOUNT}))[0] == 200


@pytest.mark.parametrize(
    ("given", "status"), [({}, 403), ({"ExternalId": "other"}, 403), ({"ExternalId": "agreed"}, 200)]
)
def test_conditions_count(endpoint, name, given, status):
    condition = {"StringEquals": {"sts:ExternalId": "agreed"}}
    arn = role(endpoint.client, name, Principal={"AWS": ACCOUNT}, Condition=condition)
    assert answer(endpoint.client, arn, **given)[0] == status
