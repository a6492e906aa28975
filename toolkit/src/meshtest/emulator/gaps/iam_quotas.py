"""Policies stay within the sizes that IAM has.

moto 5.2.5 lacks: the quotas on the size of policies, and on how many a role has attached.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space does not count.
"""

from __future__ import annotations

from typing import Any, Final

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend

MANAGED: Final = 6144
INLINE: Final = {"role": 10240, "group": 5120, "user": 2048}
TRUST: Final = 2048
ATTACHED: Final = 10

_create_policy = IAMBackend.create_policy
_create_policy_version = IAMBackend.create_policy_version
_attach_role_policy = IAMBackend.attach_role_policy


def install() -> None:
    """Measure policies before they are taken."""
    backend: Any = IAMBackend
    for kind in INLINE:
        name = f"put_{kind}_policy"
        setattr(backend, name, _within_quota(kind, getattr(IAMBackend, name)))
    backend.create_policy = _managed
    backend.create_policy_version = _version
    backend.attach_role_policy = _attach


def size(document: str) -> int:
    """Return the characters that count."""
    return sum(not character.isspace() for character in document)


def _within_quota(kind: str, put: Any) -> Any:
    def checked(self: Any, owner: str, policy_name: str, policy_json: str) -> None:
        found = getattr(self, f"get_{kind}")(owner)
        others = {name: text for name, text in found.policies.items() if name != policy_name}
        if sum(map(size, [*others.values(), policy_json])) > INLINE[kind]:
            message = f"Maximum policy size of {INLINE[kind]} bytes exceeded for {kind} {owner}"
            raise LimitExceededException(message)
        put(self, owner, policy_name, policy_json)

    return checked


def _check_managed(document: str) -> None:
    if size(document) > MANAGED:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MANAGED}")


def _managed(self: Any, description: str, path: str, policy_document: str, *others: Any, **named: Any) -> Any:
    _check_managed(policy_document)
    return _create_policy(self, description, path, policy_document, *others, **named)


def _version(self: Any, policy_arn: str, policy_document: str, *others: Any, **named: Any) -> Any:
    _check_managed(policy_document)
    return _create_policy_version(self, policy_arn, policy_document, *others, **named)


def _attach(self: Any, policy_arn: str, role_name: str) -> None:
    attached = self.get_role(role_name).managed_policies
    if policy_arn not in attached and len(attached) >= ATTACHED:
        raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}")
    _attach_role_policy(self, policy_arn, role_name)
