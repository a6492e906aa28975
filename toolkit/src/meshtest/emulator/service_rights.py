"""What an AWS service may do on somebody's behalf: by a resource's policy, a key's policy, or a role's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from meshtest.emulator import ACCOUNT_ID
from meshtest.emulator.policy import Decision, Principal, Request, evaluate

Context = Mapping[str, str | list[str]]


class Denied(Exception):
    """A service may not do what somebody has asked it to; the message says what, and why."""


def ask_policy(
    document: str, service: str, action: str, resource: str, context: Context | None = None
) -> None:
    """Ask a resource's policy for a service.

    Raises:
        Denied: it does not allow the action.
    """
    asked = Request(Principal(service=service), action, resource, _of(service) | dict(context or {}))
    if (decision := evaluate(json.loads(document), asked)) is not Decision.ALLOW:
        raise Denied(f"{decision.value} of {action} on {resource} for {service}")


def ask_key(account: str, region: str, key_id: str, service: str, action: str, context: Context) -> None:
    """Ask the policy of a key, named by its id, ARN or alias.

    Raises:
        Denied: it does not allow the action, or there is no such key of a customer.
    """
    from moto.kms.models import kms_backends

    backend = kms_backends[account][region]
    try:
        key = backend.describe_key(backend.any_id_to_key_id(key_id))
    except Exception as error:
        raise Denied(f"{action} on {key_id}: there is no such key") from error
    ask_policy(key.policy, service, action, key.arn, context)


def ask_role(role_arn: str, service: str, source: str, action: str, resource: str) -> None:
    """Ask whether a service may assume a role for a source, and whether the role may do something.

    Raises:
        Denied: one of both is not so.
    """
    from moto.iam.models import iam_backends

    role = next(
        (each for each in iam_backends[ACCOUNT_ID]["aws"].roles.values() if each.arn == role_arn), None
    )
    if role is None:
        raise Denied(f"{role_arn} is no role")
    trust = _on_anything(json.loads(role.assume_role_policy_document))
    context = {"aws:SourceArn": source, "aws:SourceAccount": ACCOUNT_ID}
    ask_policy(json.dumps(trust), service, "sts:AssumeRole", role_arn, context)
    whom = Principal(arn=role_arn, account=ACCOUNT_ID, role=role_arn)
    asked = Request(whom, action, resource, {"aws:PrincipalArn": role_arn, "aws:SecureTransport": "true"})
    decisions = {evaluate(_for_anyone(each), asked) for each in _policies_of(role)}
    if Decision.DENY in decisions or Decision.ALLOW not in decisions:
        raise Denied(f"{role_arn} may not {action} on {resource}")


def _of(service: str) -> dict[str, str | list[str]]:
    return {
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": service,
    }


def _policies_of(role: Any) -> Iterator[dict[str, Any]]:
    """Yield the documents of a role's inline and attached policies."""
    documents = [*role.policies.values(), *(each.document for each in role.managed_policies.values())]
    for document in documents:
        yield json.loads(document) if isinstance(document, str) else document


def _for_anyone(policy: dict[str, Any]) -> dict[str, Any]:
    """An identity's policy is that of its own: it names no principal."""
    return policy | {"Statement": [{**each, "Principal": "*"} for each in _listed(policy["Statement"])]}


def _on_anything(policy: dict[str, Any]) -> dict[str, Any]:
    """A trust policy names no resource."""
    return policy | {"Statement": [{"Resource": "*", **each} for each in _listed(policy["Statement"])]}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
