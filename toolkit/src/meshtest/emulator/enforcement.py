"""Have IAM decide every call of a user or of a role's session; the account's root user may do all.

S3's calls are decided where its bucket policies are, in gaps/s3_bucket_policies.py; all others here, before
moto sees them. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from meshtest.emulator import ACCOUNT_ID, authorization, calls, decisions, principals, stored
from meshtest.emulator.authorization import Document, Kind, Resource, Verdict
from meshtest.emulator.calls import Context, Need
from meshtest.emulator.policy import Principal, Request
from meshtest.emulator.signatures import NOT_AUTHORIZED, Refused

_SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/,\s]+)/")
UNKNOWN = (
    "the embedded AWS does not know which rights {} needs, so none but the account's root user may call it: "
    "meshtest.emulator.calls has those that it knows"
)


class Denied(Refused):
    """IAM does not let a principal do something; the message is AWS's."""

    def __init__(self, message: str) -> None:
        super().__init__(NOT_AUTHORIZED, message)


def check(environ: Mapping[str, Any], body: bytes, service: str) -> None:
    """Check that the caller may do what a call asks for.

    Raises:
        Denied: a policy forbids it, none allows it, or it is not known what it needs.

    """
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return  # unsigned, or by a form: S3's alone
    principal = principals.principal_of(scope["key"])
    if principals.is_root(principal) and service != "kms":
        return
    context = principals.context_of_call(environ) | principals.context_of(principal)
    context |= {
        "aws:RequestedRegion": scope["region"],
        "aws:ResourceAccount": ACCOUNT_ID,
        "aws:UserAgent": environ.get("HTTP_USER_AGENT", ""),
    }
    try:
        for need in list(calls.needs(calls.call_of(service, environ, body, scope["region"]))):
            require(principal, need, context)
    except calls.UnknownCall as call:
        if not principals.is_root(principal):
            raise Denied(f"User: {principal.arn}: {UNKNOWN.format(call)}") from call


def require(principal: Principal, need: Need, context: Context) -> None:
    """Check one right of a principal.

    Raises:
        Denied: it does not have it.

    """
    request = Request(principal, need.action, need.resource, context | need.context)
    verdict = decided(request, _side_of(need.resource))
    if not verdict.is_allowed:
        raise Denied(refusal(request, verdict))


def decided(request: Request, resource: Resource) -> Verdict:
    """Decide a request, and record the decision unless it is the root user's."""
    principal = request.principal
    if principals.is_root(principal) and principal.account == resource.account:
        return authorization.decide_root(request, resource)
    verdict = authorization.decide(request, principals.policies_of(principal), resource)
    decisions.record().add(request, verdict)
    return verdict


def refusal(request: Request, verdict: Verdict) -> str:
    """Return AWS's sentence for a refused request."""
    return (
        f"User: {request.principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {request.resource} {verdict.reason}"
    )


def require_key(principal: Principal, action: str, key: Any, via: str, context: Context) -> None:
    """Check that a principal may use a key through a service, as it does by writing to an encrypted bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html (permissions) and
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html

    Raises:
        Denied: it may not.

    """
    through: Context = {"aws:ViaAWSService": "true", "kms:ViaService": f"{via}.{key.region}.amazonaws.com"}
    need = Need(action, str(key.arn), context | stored.key_context(key) | through)
    require(principal, need, principals.context_of(principal))


def _side_of(resource: str) -> Resource:
    """Return the resource's side: a key has a policy, which has to let IAM's count."""
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[2] != "kms" or not parts[5].startswith("key/"):
        return Resource(ACCOUNT_ID)
    key = stored.key_of(parts[3], resource)
    if key is None:
        return Resource(ACCOUNT_ID)
    document = Document(Kind.RESOURCE, str(key.arn), _of_key(json.loads(key.policy)))
    return Resource(ACCOUNT_ID, document, lets_iam_in=False)


def _of_key(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a key's policy, in which every resource is this key.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
    """
    listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return policy | {"Statement": [{"Resource": "*"} | each for each in listed]}
