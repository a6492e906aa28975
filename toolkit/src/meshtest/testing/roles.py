"""Roles with policies of a test's own, and clients of their sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

Client = Callable[..., Any]


def policy(*statements: dict[str, Any]) -> str:
    """Return a document whose statements allow, unless they say otherwise."""
    whole = [{"Effect": "Allow", "Resource": "*"} | each for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def trusting(*principals: dict[str, Any]) -> str:
    """Return a trust policy."""
    statements = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": each} for each in principals]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make_role(endpoint: Endpoint, name: str, *statements: dict[str, Any], **fields: Any) -> str:
    """Make a role that the account and the services trust, with one inline policy; returns its ARN."""
    iam = endpoint.client("iam")
    services = {"Service": ["glue.amazonaws.com", "states.amazonaws.com"]}
    trust = {"AssumeRolePolicyDocument": trusting({"AWS": endpoint.account_id}, services)}
    arn: str = iam.create_role(RoleName=name, **(trust | fields))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
    return arn


def make_policy(endpoint: Endpoint, name: str, *statements: dict[str, Any]) -> str:
    """Make a managed policy and return its ARN."""
    document = policy(*statements)
    made = endpoint.client("iam").create_policy(PolicyName=name, PolicyDocument=document)
    arn: str = made["Policy"]["Arn"]
    return arn


def session_of(endpoint: Endpoint, role: str, **parameters: Any) -> Client:
    """Assume a role as "run"; returns what makes clients of the session."""
    sts = endpoint.client("sts")
    keys = sts.assume_role(RoleArn=role, RoleSessionName="run", **parameters)["Credentials"]
    named = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    return lambda service, **options: endpoint.client(service, **named, **options)
