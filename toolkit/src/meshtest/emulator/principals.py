"""Who calls: the principal behind an access key, its policies, and what conditions know of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from meshtest.emulator import ACCOUNT_ID, stored
from meshtest.emulator.authorization import Document, Kind, Policies
from meshtest.emulator.policy import Principal, listed


def principal_of(access_key_id: str | None) -> Principal:
    """The user or role session that an access key belongs to, else the account's root user; None: nobody."""
    from meshtest.emulator import server

    if access_key_id is None:
        return Principal()
    owner = None if access_key_id == server.current_endpoint().access_key_id else _owner_of(access_key_id)
    return owner or Principal(arn=f"arn:aws:iam::{ACCOUNT_ID}:root", account=ACCOUNT_ID, user_id=ACCOUNT_ID)


def context_of_call(environ: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """The context keys that every call of a user or a session has.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    now = datetime.now(UTC)
    return {
        "aws:CurrentTime": now.isoformat(timespec="seconds"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": str(environ["wsgi.url_scheme"] == "https").lower(),
        "aws:SourceIp": environ.get("REMOTE_ADDR", ""),
        "aws:ViaAWSService": "false",
    }


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
    # The newest first: sessions that have ended stay in moto's list.
    for session in reversed(list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles)):
        if session.access_key_id == access_key_id:
            return Principal(
                arn=str(session.arn),
                account=ACCOUNT_ID,
                role=session.role_arn,
                user_id=session.user_id,
                tags=stored.tags_of_identity(stored.role_of(session.role_arn)),
                limits=_limits(session),
            )
    return None


# ─── Policies ───


def is_root(principal: Principal) -> bool:
    """Return whether a principal is the root user of its account."""
    return principal.arn is not None and principal.arn.endswith(":root")


def policies_of(principal: Principal) -> Policies:
    """Return the policies that a user or a role's session has its rights from."""
    if principal.role is None:
        user = stored.user_of(principal.arn or "")
        groups = [
            each for each in list(iam_backends[ACCOUNT_ID]["aws"].groups.values()) if user in each.users
        ]
        owners = [user, *groups] if user else []
        return Policies(tuple(document for owner in owners for document in _attached(owner)))
    role = stored.role_of(principal.role)
    session = tuple(_document(Kind.SESSION, "session", text) for text in principal.limits)
    if role is None:
        return Policies(session=session)
    boundary = role.permissions_boundary_arn
    limits = (_managed(Kind.BOUNDARY, boundary),) if boundary else ()
    return Policies(tuple(_attached(role)), limits, session)


def trust_policy(role: Any) -> dict[str, Any]:
    """Return a role's trust policy, with the role as the resource that its statements leave out."""
    policy: dict[str, Any] = json.loads(role.assume_role_policy_document)
    return policy | {"Statement": [{"Resource": "*"} | each for each in listed(policy["Statement"])]}


def _attached(owner: Any) -> Iterator[Document]:
    for name, text in list(owner.policies.items()):
        yield _document(Kind.IDENTITY, name, text)
    for arn in list(owner.managed_policies):
        yield _managed(Kind.IDENTITY, arn)


def _managed(kind: Kind, arn: str) -> Document:
    """Return a managed policy in its default version; what is not there allows nothing."""
    return _document(kind, arn, _text_of(arn) or "{}")


def _text_of(arn: str) -> str | None:
    found = iam_backends[ACCOUNT_ID]["aws"].managed_policies.get(arn)
    if found is None:
        return None
    versions = (each for each in found.versions if each.version_id == found.default_version_id)
    return str(next(versions).document)


@functools.lru_cache(maxsize=1024)
def _document(kind: Kind, name: str, text: str) -> Document:
    """Return a policy of an identity, as one that names everybody: it is about nobody else."""
    policy = json.loads(text)
    statements = [{"Principal": "*"} | each for each in listed(policy.get("Statement"))]
    return Document(kind, name, policy | {"Statement": statements})


def _limits(session: Any) -> tuple[str, ...]:
    """Return the session policies that AssumeRole was given: one as text, and ARNs of managed ones."""
    texts = [_text_of(arn) or "{}" for arn in getattr(session, "policy_arns", ())]
    return tuple(filter(None, (session.policy, *texts)))
