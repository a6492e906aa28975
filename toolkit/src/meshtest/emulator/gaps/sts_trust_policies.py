"""AssumeRole asks the role's trust policy, and the caller's own policies; session policies limit a session.

moto 5.2.5 lacks: that. It gives credentials of any role to anyone, also of roles that do not exist. Trust in
identity providers (AssumeRoleWithWebIdentity, AssumeRoleWithSAML) is not looked at.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import AccessDeniedError
from moto.core.responses import ActionResult
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse

from meshtest.emulator import ACCOUNT_ID, enforcement, principals, stored
from meshtest.emulator.authorization import Document, Kind, Resource
from meshtest.emulator.policy import Decision, Request, evaluate

_assume_role = TokenResponse.assume_role


def install() -> None:
    """Ask before moto answers; a role that is not there is refused as one that does not trust."""
    response: Any = TokenResponse
    response.assume_role = _trusted_assume_role


def _trusted_assume_role(self: Any) -> ActionResult:
    role_arn = self._get_param("RoleArn")
    caller = principals.principal_of(self.get_access_key())
    context = principals.context_of(caller)
    for parameter, key in (("ExternalId", "sts:ExternalId"), ("RoleSessionName", "sts:RoleSessionName")):
        if value := self._get_param(parameter):
            context[key] = value
    role = stored.role_of(role_arn)
    if role is None or not _is_let_in(Request(caller, "sts:AssumeRole", role_arn, context), role):
        raise AccessDeniedError(str(caller.arn), f"sts:AssumeRole on resource: {role_arn}")
    answer = _assume_role(self)
    arns = [str(each["arn"]) for each in self._get_param("PolicyArns") or []]
    sts_backends[ACCOUNT_ID]["aws"].assumed_roles[-1].policy_arns = arns  # type: ignore[attr-defined]
    return answer


def _is_let_in(request: Request, role: Any) -> bool:
    """Return whether a role trusts a caller, by name or by an account whose IAM policies let the caller in.

    The root user has no such policies: the trust alone decides.
    """
    trust = principals.trust_policy(role)
    if principals.is_root(request.principal):
        return evaluate(trust, request) is Decision.ALLOW
    side = Resource(ACCOUNT_ID, Document(Kind.TRUST, role.name, trust), lets_iam_in=False)
    return enforcement.decided(request, side).is_allowed
