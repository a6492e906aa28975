"""S3 bucket policies are really evaluated, for every call and every principal.

moto 5.2.5 lacks: conditions (it ignores a condition that matches and denies on one that does not, so
that an HTTPS-only policy shuts out HTTPS too), principals, bucket-level actions, and the AccessDenied
document.

Not evaluated: the identity policies of IAM users and roles. A principal of the bucket's own account may
do what no bucket policy denies; everyone else needs an allow.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html (the root user's exemption) and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html (the message of a denial:
to the bucket's own account it says why).
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response

from meshtest.emulator.policy import Decision, PolicyError, Request, check, evaluate
from meshtest.emulator.s3_call import Call, Refusal, arn, bucket_of

ROOT_IS_EXEMPT = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})

_bucket_response = S3Response._bucket_response
_key_response = S3Response._key_response
_put_bucket_policy = S3Backend.put_bucket_policy
_current = threading.local()


class AccessDenied(Refusal):
    """A bucket policy denies the call, or nothing allows it."""

    def __init__(self, message: str) -> None:
        super().__init__(403, "AccessDenied", message)


class MalformedPolicy(S3ClientError):
    """S3's answer to a policy that is none."""

    def __init__(self, message: str) -> None:
        super().__init__("MalformedPolicy", message)


def install() -> None:
    """Put the evaluation before moto's S3, and take moto's own out."""
    response: Any = S3Response
    response._bucket_response = _guarded(_bucket_response)
    response._key_response = _guarded(_key_response)
    backend: Any = S3Backend
    backend.put_bucket_policy = _checked_put_bucket_policy
    bucket: Any = FakeBucket
    bucket.get_permission = _permission_within_request


def current_call() -> Call | None:
    """The call that this thread is answering, or has answered last."""
    return getattr(_current, "call", None)


def _guarded(respond: Any) -> Any:
    def guarded(self: Any, request: Any, full_url: str) -> Any:
        _current.call = call = Call(request, self, full_url)
        try:
            _authorize(call)
            return respond(self, request, full_url)
        except Refusal as refusal:
            return refusal.answer(call)

    return guarded


def _permission_within_request(self: Any, action: str, resource: str) -> PermissionResult:
    """Answer moto within a request. Only a multi-object delete is still open: one decision an object."""
    call = current_call()
    if action == "s3:DeleteObject" and call and call.is_multi_delete:
        try:
            _require(call, self, action, resource)
        except AccessDenied:
            return PermissionResult.DENIED
    return PermissionResult.PERMITTED


# ─── Authorization ───


def _authorize(call: Call) -> None:
    """Check a call, and for a copy its source.

    Raises:
        AccessDenied: a bucket policy denies it, or nothing allows it to this principal.
    """
    bucket = bucket_of(call.bucket_name)
    if bucket is None or call.http.method == "OPTIONS" or call.is_multi_delete:
        return
    _require(call, bucket, call.action, arn(bucket, call.key))
    if call.copy_source and (source := bucket_of(call.copy_source[0])):
        _require(call, source, "s3:GetObject", arn(source, call.copy_source[1]))


def _require(call: Call, bucket: Any, action: str, resource: str) -> None:
    decision = Decision.NONE
    if bucket.policy:
        request = Request(call.principal, action, resource, call.context(bucket))
        decision = evaluate(json.loads(bucket.policy), request)
    is_owner = call.principal.account == bucket.account_id
    is_root = is_owner and str(call.principal.arn).endswith(":root")
    if decision is Decision.DENY and not (is_root and action in ROOT_IS_EXEMPT):
        raise AccessDenied(_reason(call, action, resource) if is_owner else "Access Denied")
    if decision is Decision.NONE and not is_owner:
        call.needed_acl = _is_public(call, bucket, action)
        if not call.needed_acl:
            raise AccessDenied("Access Denied")


def _reason(call: Call, action: str, resource: str) -> str:
    return (
        f"User: {call.principal.arn} is not authorized to perform: {action} "
        f'on resource: "{resource}" with an explicit deny in a resource-based policy'
    )


def _is_public(call: Call, bucket: Any, action: str) -> bool:
    """Access lists let everyone read an object whose list says so."""
    if action != "s3:GetObject" or not call.key:
        return False
    key = s3_backends[bucket.account_id]["aws"].get_object(bucket.name, call.key)
    return bool(key and key.acl and key.acl.public_read)


# ─── Putting a Policy ───


def _checked_put_bucket_policy(self: Any, bucket_name: str, policy: bytes) -> None:
    try:
        document = json.loads(policy)
        check(document)
    except PolicyError as error:
        raise MalformedPolicy(str(error)) from error
    except ValueError as error:
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'") from error
    _check_resources(document, bucket_name)
    _put_bucket_policy(self, bucket_name, policy)


def _check_resources(document: dict[str, Any], bucket_name: str) -> None:
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    own = re.compile(rf"arn:[^:]+:s3:::{re.escape(bucket_name)}(/.*)?$")
    for statement in statements:
        resources = statement.get("Resource", statement.get("NotResource"))
        for resource in resources if isinstance(resources, list) else [resources]:
            if not own.match(str(resource)):
                raise MalformedPolicy(
                    f"Policy has invalid resource: {resource} is not of bucket {bucket_name}"
                )
