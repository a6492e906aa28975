"""Let services act as the roles that they were given: temporary credentials, which end.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-service.html
"""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.sts.models import sts_backends

from meshtest.emulator import ACCOUNT_ID, Endpoint, principals, stored
from meshtest.emulator.policy import Decision, Principal, Request, evaluate

# As long as AWS lets a session of a role live that another role or a service assumes.
LONGEST = timedelta(hours=1)
_RENEWED_BEFORE = timedelta(minutes=10)

_kept: dict[tuple[str, str, str], Any] = {}
_lock = threading.Lock()


class NotTrusted(Exception):
    """A role does not let a service assume it, or is not there."""


def trusts(role: str, service: str, source_arn: str) -> bool:
    """Return whether a role is there and lets a service assume it for a resource of this account."""
    found = stored.role_of(role)
    if found is None:
        return False
    context: dict[str, str | list[str]] = {"aws:SourceAccount": ACCOUNT_ID, "aws:SourceArn": source_arn}
    request = Request(Principal(service=service), "sts:AssumeRole", str(found.arn), context)
    return evaluate(principals.trust_policy(found), request) is Decision.ALLOW


def begin(endpoint: Endpoint, role: str, service: str, name: str, source_arn: str, life: timedelta) -> Any:
    """Assume a role for a service, and return moto's session of it.

    Raises:
        NotTrusted: the role does not let the service.

    """
    if not trusts(role, service, source_arn):
        raise NotTrusted(f"{stored.role_arn(role)} does not let {service} assume it for {source_arn}")
    return sts_backends[ACCOUNT_ID]["aws"].assume_role(
        region_name=endpoint.region,
        role_session_name=name,
        role_arn=stored.role_arn(role),
        policy="",
        duration=int(life.total_seconds()),
        external_id="",
    )


def end(session: Any) -> None:
    """Have a session's credentials expire now."""
    session.expiration = datetime.now(UTC).replace(tzinfo=None)


def endpoint_of(endpoint: Endpoint, session: Any) -> Endpoint:
    """Return an endpoint whose clients call with a session's credentials."""
    return dataclasses.replace(
        endpoint,
        access_key_id=session.access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=session.session_token,
    )


def kept(endpoint: Endpoint, role: str, service: str, name: str, source_arn: str) -> Endpoint:
    """Return an endpoint for a role in a service's hands, with a session that is renewed before it ends.

    Raises:
        NotTrusted: the role does not let the service.

    """
    which = (role, service, source_arn)
    with _lock:
        session = _kept.get(which)
        soon = datetime.now(UTC) + _RENEWED_BEFORE
        is_good = session is not None and session.expiration.replace(tzinfo=UTC) > soon
        if not is_good or not trusts(role, service, source_arn):
            session = _kept[which] = begin(endpoint, role, service, name, source_arn, LONGEST)
    return endpoint_of(endpoint, session)
