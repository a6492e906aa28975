"""Who calls: the principal behind an access key, and the context keys that policies know it by."""

from __future__ import annotations

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from meshtest.emulator import ACCOUNT_ID
from meshtest.emulator.policy import Principal


def principal_of(access_key_id: str | None) -> Principal:
    """The user or role session that an access key belongs to, else the account's root user; None: nobody."""
    if access_key_id is None:
        return Principal()
    arn = _owner_of(access_key_id) or f"arn:aws:iam::{ACCOUNT_ID}:root"
    return Principal(arn=arn, account=ACCOUNT_ID)


def context_of(principal: Principal) -> dict[str, str | list[str]]:
    """The context keys that tell of the principal."""
    if principal.arn is None or principal.account is None:
        return {"aws:PrincipalType": "Anonymous"}
    kind = {"root": "Account", "user": "User", "assumed-role": "AssumedRole"}
    resource = principal.arn.split(":", 5)[5]
    context: dict[str, str | list[str]] = {
        "aws:PrincipalArn": principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": kind.get(resource.split("/")[0], "User"),
    }
    if resource.startswith("user/"):
        context["aws:username"] = resource.split("/")[-1]
    return context


def _owner_of(access_key_id: str) -> str | None:
    for user in list(iam_backends[ACCOUNT_ID]["aws"].users.values()):
        if any(key.access_key_id == access_key_id for key in user.access_keys):
            return str(user.arn)
    for session in list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles):
        if session.access_key_id == access_key_id:
            return str(session.arn)
    return None
