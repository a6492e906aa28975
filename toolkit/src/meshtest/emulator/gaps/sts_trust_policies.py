"""AssumeRole asks the role's trust policy.

moto 5.2.5 lacks: that. It gives credentials of any role to anyone, also of roles that do not exist. Trust in
identity providers (AssumeRoleWithWebIdentity, AssumeRoleWithSAML) is not looked at.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import AccessDeniedError
from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts.responses import TokenResponse

from meshtest.emulator import ACCOUNT_ID
from meshtest.emulator.policy import Decision, Request, evaluate
from meshtest.emulator.principals import context_of, principal_of

_assume_role = TokenResponse.assume_role


def install() -> None:
    """Ask before moto answers; a role that is not there is refused as one that does not trust."""
    response: Any = TokenResponse
    response.assume_role = _trusted_assume_role


def _trusted_assume_role(self: Any) -> ActionResult:
    caller = principal_of(self.get_access_key())
    role_arn = self._get_param("RoleArn")
    context = context_of(caller)
    for parameter, key in (("ExternalId", "sts:ExternalId"), ("RoleSessionName", "sts:RoleSessionName")):
        if value := self._get_param(parameter):
            context[key] = value
    request = Request(caller, "sts:AssumeRole", role_arn, context)
    if evaluate(_trust_policy(role_arn), request) is not Decision.ALLOW:
        raise AccessDeniedError(str(caller.arn), f"sts:AssumeRole on resource: {role_arn}")
    return _assume_role(self)


def _trust_policy(role_arn: str) -> dict[str, Any]:
    """The role's trust policy, with the role as the resource that its statements leave out."""
    for role in list(iam_backends[ACCOUNT_ID]["aws"].roles.values()):
        if role.arn == role_arn:
            policy: dict[str, Any] = json.loads(role.assume_role_policy_document)
            statements = policy["Statement"]
            listed = statements if isinstance(statements, list) else [statements]
            return policy | {"Statement": [{"Resource": "*"} | statement for statement in listed]}
    return {}
