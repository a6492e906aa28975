"""Who calls: the principal behind an access key, and the context keys that policies know it by."""

from __future__ import annotations

from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from meshtest.emulator import ACCOUNT_ID
from meshtest.emulator.policy import Principal


def principal_of(access_key_id: str | None) -> Principal:
    """The user or role session that an access key belongs to, else the account's root user; None: nobody."""
    if access_key_id is None:
        return Principal()
    return _owner_of(access_key_id) or Principal(
        arn=f"arn:aws:iam::{ACCOUNT_ID}:root", account=ACCOUNT_ID, user_id=ACCOUNT_ID
    )


def context_of(principal: Principal) -> dict[str, str | list[str]]:
    """The context keys that tell of the principal; of a session, ``aws:PrincipalArn`` is its role's ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    if principal.arn is None or principal.account is None:
        return {"aws:PrincipalType": "Anonymous", "aws:userid": "anonymous"}
    kind = {"root": "Account", "user": "User", "assumed-role": "AssumedRole"}
    resource = principal.arn.split(":", 5)[5]
    context: dict[str, str | list[str]] = {
        "aws:PrincipalArn": principal.role or principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": kind.get(resource.split("/")[0], "User"),
    }
    if principal.user_id:
        context["aws:userid"] = principal.user_id
    if resource.startswith("user/"):
        context["aws:username"] = resource.split("/")[-1]
    return context | {f"aws:PrincipalTag/{name}": value for name, value in principal.tags.items()}


def exists(arn: str) -> bool:
    """Say whether a user or role of this account is there; of other accounts nothing is known."""
    backend = iam_backends[ACCOUNT_ID]["aws"]
    if f":{ACCOUNT_ID}:" not in arn or ":iam:" not in arn:
        return True
    arns = {user.arn for user in backend.users.values()} | {role.arn for role in backend.roles.values()}
    return arn in arns


def _owner_of(access_key_id: str) -> Principal | None:
    iam = iam_backends[ACCOUNT_ID]["aws"]
    for user in list(iam.users.values()):
        if any(key.access_key_id == access_key_id for key in user.access_keys):
            tags = iam.tagger.get_tag_dict_for_resource(user.arn)
            return Principal(arn=str(user.arn), account=ACCOUNT_ID, user_id=str(user.id), tags=tags)
    for session in list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles):
        if session.access_key_id == access_key_id:
            role = next((role for role in list(iam.roles.values()) if role.arn == session.role_arn), None)
            return Principal(
                arn=str(session.arn),
                account=ACCOUNT_ID,
                role=session.role_arn,
                user_id=session.user_id,
                tags=_tags(role),
            )
    return None


def _tags(role: Any) -> dict[str, str]:
    """Return the tags of a role, which moto keeps as a list or by their lower-case names."""
    tags = getattr(role, "tags", None) or []
    return {tag["Key"]: tag["Value"] for tag in (tags.values() if isinstance(tags, dict) else tags)}
