"""What an AWS service may do by its own name: by a resource's policy, or a key's. Roles are `sessions`'."""

from __future__ import annotations

import json
from collections.abc import Mapping

from meshtest.emulator import stored
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


def ask_key(region: str, key_id: str, service: str, action: str, context: Context) -> None:
    """Ask the policy of a key, named by its id, ARN or alias.

    Raises:
        Denied: it does not allow the action, or there is no such key of a customer.
    """
    key = stored.key_of(region, key_id)
    if key is None:
        raise Denied(f"{action} on {key_id}: there is no such key")
    ask_policy(key.policy, service, action, key.arn, context)


def _of(service: str) -> dict[str, str | list[str]]:
    return {
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": service,
    }
