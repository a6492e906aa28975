"""IAM and bucket policies decide every call to S3, for every principal.

moto 5.2.5 lacks: conditions (it ignores a condition that matches and denies on one that does not, so
that an HTTPS-only policy shuts out HTTPS too), principals, bucket-level actions, and the AccessDenied
document.

A user or a role's session of the bucket's own account needs an allow, of its own policies or of the bucket's;
the account's root user may do what no bucket policy denies. What is encrypted with a key needs the right to
use it.

Public access block and ownership are looked at here as well: they decide what policies and access lists may
say, and whether they count.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html (the root user's exemption),
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html (each object by itself),
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html (the message of a denial:
to the bucket's own account it says why).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import xmltodict
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import MalformedXML, MissingKey, S3ClientError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response

from meshtest.emulator import bucket_policy, enforcement, principals, stored
from meshtest.emulator.authorization import Document, Kind, Resource, Verdict
from meshtest.emulator.policy import Decision, PolicyError, Request, evaluate
from meshtest.emulator.s3_call import Call, Refusal, arn, bucket_of

ROOT_IS_EXEMPT = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
MOST_DELETED = 1000
_ENCRYPTION = "x-amz-server-side-encryption"

_bucket_response = S3Response._bucket_response
_key_response = S3Response._key_response
_put_bucket_policy = S3Backend.put_bucket_policy
_current = threading.local()


class AccessDenied(Refusal):
    """A bucket policy denies the call, or nothing allows it."""

    def __init__(self, message: str = "Access Denied") -> None:
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
    response._bucket_response_delete_keys = _delete_each
    response.get_bucket_policy_status = _policy_status
    backend: Any = S3Backend
    backend.put_bucket_policy = _checked_put_bucket_policy
    bucket: Any = FakeBucket
    bucket.get_permission = lambda *_: PermissionResult.PERMITTED


def current_call() -> Call | None:
    """The call that this thread is answering, or has answered last."""
    return getattr(_current, "call", None)


def _guarded(respond: Any) -> Any:
    def guarded(self: Any, request: Any, full_url: str) -> Any:
        _current.call = call = Call(request, self, full_url)
        try:
            _authorize(call)
            return _answer(call, lambda: respond(self, request, full_url))
        except Refusal as refusal:
            return refusal.answer(call)

    return guarded


# ─── Authorization ───


def _authorize(call: Call) -> None:
    """Check a call, all that it writes along, and for a copy its source.

    Raises:
        AccessDenied: a bucket policy denies it, or nothing allows it to this principal.
        Refusal: it is signed for another Region than the bucket's.
    """
    bucket = bucket_of(call.bucket_name)
    if bucket is not None:
        call.require_region(bucket)
    if call.http.method == "OPTIONS" or call.is_multi_delete:
        return
    if bucket is None:
        _require_of_account(call)
        return
    for action in (call.action, *call.further_actions):
        _require(call, bucket, action, call.key)
    _require_key(call, bucket)
    if call.copy_source and (source := bucket_of(call.copy_source[0])):
        _, key, version = call.copy_source
        _require(call, source, "s3:GetObjectVersion" if version else "s3:GetObject", key, version)
        _require_key_of_object(call, source, key, version)
        if _copies_tags(call, source, key, version):
            _require(call, source, "s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging", key)
            _require(call, bucket, "s3:PutObjectTagging", call.key)


def _require_of_account(call: Call) -> None:
    """Check a call that is about no bucket that is there: to list them all, or to make one."""
    if call.principal.arn is None:
        raise AccessDenied
    if call.bucket_name is None:
        _require_by_iam(call, "s3:ListAllMyBuckets", "*")
    elif call.action == "s3:CreateBucket":
        _require_by_iam(call, call.action, f"arn:aws:s3:::{call.bucket_name}")


def _require_by_iam(call: Call, action: str, resource: str) -> None:
    """Check what a principal's own policies say, where there is no bucket's, or where it is another's."""
    account = str(call.principal.account)
    request = Request(call.principal, action, resource, call.own_context())
    verdict = enforcement.decided(request, Resource(account))
    if not verdict.is_allowed:
        raise AccessDenied(_reason(request, verdict))


def _copies_tags(call: Call, source: Any, key: str, version: str | None) -> bool:
    if "uploadId" in call.query or call.http.headers.get("x-amz-tagging-directive") == "REPLACE":
        return False
    backend = s3_backends[source.account_id][source.partition]
    found = backend.get_object(source.name, key, version_id=version)
    return found is not None and bool(backend.tagger.get_tag_dict_for_resource(found.arn))


def _require(call: Call, bucket: Any, action: str, key: str | None, version: str | None = None) -> None:
    policy = json.loads(bucket.policy) if bucket.policy else {}
    request = Request(call.principal, action, arn(bucket, key), call.context(bucket, key, version))
    if call.principal.account == bucket.account_id:
        is_exempt = principals.is_root(call.principal) and action in ROOT_IS_EXEMPT
        document = Document(Kind.RESOURCE, bucket.name, policy)
        verdict = enforcement.decided(request, Resource(bucket.account_id, document))
        if not verdict.is_allowed and not is_exempt:
            raise AccessDenied(_reason(request, verdict))
        return
    decision = evaluate(policy, request)
    if decision is Decision.DENY:
        raise AccessDenied
    blocked = bucket.public_access_block
    if decision is Decision.ALLOW and blocked and blocked.restrict_public_buckets:
        decision = Decision.NONE if bucket_policy.is_public(policy) else decision
    if decision is Decision.NONE:
        call.needed_acl = _is_public(call, bucket, action)
        if not call.needed_acl:
            raise AccessDenied
    if call.principal.arn is not None:
        _require_by_iam(call, action, request.resource)


def _reason(request: Request, verdict: Verdict) -> str:
    """Return S3's sentence for a refusal, in which the resource stands between quotes."""
    sentence = enforcement.refusal(request, verdict)
    return sentence.replace(f"resource: {request.resource} ", f'resource: "{request.resource}" ')


# ─── Keys ───


def _require_key(call: Call, bucket: Any) -> None:
    """Check that the caller may use the key that a call encrypts or decrypts with.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html (permissions)
    """
    if call.action in ("s3:GetObject", "s3:GetObjectVersion") and call.http.method == "GET":
        _require_key_of_object(call, bucket, str(call.key), next(iter(call.query.get("versionId", [])), None))
    elif call.action == "s3:PutObject" and call.key:
        default = bucket.encryption["Rule"]["ApplyServerSideEncryptionByDefault"] if bucket.encryption else {}
        algorithm = call.http.headers.get(_ENCRYPTION, default.get("SSEAlgorithm"))
        name = call.http.headers.get(f"{_ENCRYPTION}-aws-kms-key-id", default.get("KMSMasterKeyID"))
        # A part of an upload is encrypted with the data key that the upload was begun with.
        action = "kms:Decrypt" if "uploadId" in call.query else "kms:GenerateDataKey"
        _require_use(call, bucket, action, algorithm, name)


def _require_key_of_object(call: Call, bucket: Any, key: str, version: str | None) -> None:
    found = s3_backends[bucket.account_id][bucket.partition].get_object(bucket.name, key, version_id=version)
    if found is not None:
        _require_use(call, bucket, "kms:Decrypt", found.encryption, found.kms_key_id)


def _require_use(call: Call, bucket: Any, action: str, algorithm: str | None, name: str | None) -> None:
    key = stored.key_of(bucket.region_name, name) if name and str(algorithm).startswith("aws:kms") else None
    if key is None or call.principal.arn is None:
        return
    context = call.own_context() | {"kms:EncryptionContext:aws:s3:arn": arn(bucket)}
    try:
        enforcement.require_key(call.principal, action, key, "s3", context)
    except enforcement.Denied as denied:
        raise AccessDenied(str(denied)) from denied


# ─── Access Lists ───


def _is_public(call: Call, bucket: Any, action: str) -> bool:
    """Access lists let everyone read an object whose list says so, unless the bucket does without lists."""
    if action != "s3:GetObject" or not call.key or bucket.ownership_rule == "BucketOwnerEnforced":
        return False
    if bucket.public_access_block and bucket.public_access_block.ignore_public_acls:
        return False
    key = s3_backends[bucket.account_id][bucket.partition].get_object(bucket.name, call.key)
    return bool(key and key.acl and key.acl.public_read)


def _refuse_hints(call: Call) -> None:
    """Tell only those of an object's absence who may list its bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (permissions)

    Raises:
        AccessDenied: the caller may not.
    """
    bucket = bucket_of(call.bucket_name)
    if call.key and bucket is not None and call.action in ("s3:GetObject", "s3:GetObjectVersion"):
        _require(call, bucket, "s3:ListBucket", None)


def _answer(call: Call, respond: Callable[[], Any]) -> Any:
    try:
        answer = respond()
    except MissingKey:
        _refuse_hints(call)
        raise
    if isinstance(answer, tuple) and answer[0] == 404:
        _refuse_hints(call)
    return answer


# ─── Deleting Many ───


def _delete_each(self: Any, bucket_name: str, authenticated: bool = True) -> Any:
    """Delete objects of which each is decided by itself: with a version it is another action."""
    call, bucket = current_call(), self.backend.get_bucket(bucket_name)
    if call is None:
        raise AccessDenied
    wanted = xmltodict.parse(self.body, strip_whitespace=False, force_list=("Object",))["Delete"]
    objects = wanted.get("Object") or []
    if not 0 < len(objects) <= MOST_DELETED:
        raise MalformedXML
    is_quiet = (wanted.get("Quiet") or "").strip() == "true"
    deleted, errors = [], []
    for each in objects:
        key, version = each["Key"], each.get("VersionId")
        try:
            action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
            _require(call, bucket, action, key, version)
            deleted.append(_delete(self, bucket_name, each))
        except Refusal as refusal:
            found = {"Key": key, "Code": refusal.code, "Message": str(refusal)}
            errors.append(found | ({"VersionId": version} if version else {}))
    self.data["Action"] = "DeleteObjects"
    return self.serialized(ActionResult({"Deleted": [] if is_quiet else deleted, "Errors": errors}))


def _delete(self: Any, bucket_name: str, each: dict[str, Any]) -> dict[str, Any]:
    bypass = self.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
    deleted, _ = self.backend.delete_objects(bucket_name, [each], bypass)
    if not deleted:
        raise AccessDenied("Access Denied because object protected by object lock.")
    key, version, marker = deleted[0]
    found = {"Key": key, "VersionId": version, "DeleteMarkerVersionId": marker}
    return {name: value for name, value in found.items() if value} | (
        {"DeleteMarker": True} if marker else {}
    )


# ─── Putting a Policy ───


def _checked_put_bucket_policy(self: Any, bucket_name: str, policy: bytes) -> None:
    try:
        document = bucket_policy.check(policy, bucket_name, principals.exists)
    except PolicyError as error:
        raise MalformedPolicy(str(error)) from error
    bucket, call = self.get_bucket(bucket_name), current_call()
    blocked = bucket.public_access_block
    if blocked and blocked.block_public_policy and bucket_policy.is_public(document):
        raise AccessDenied(
            f"User: {call.principal.arn if call else None} is not authorized to perform: s3:PutBucketPolicy "
            f'on resource: "{arn(bucket)}" because public policies are prevented by the BlockPublicPolicy '
            "setting in S3 Block Public Access."
        )
    _put_bucket_policy(self, bucket_name, policy)


def _policy_status(self: Any) -> Any:
    policy = self.backend.get_bucket_policy(self.bucket_name)
    if not policy:
        self.get_bucket_policy()  # raises
    self.data["Action"] = "GetBucketPolicyStatus"
    status = {"IsPublic": bucket_policy.is_public(json.loads(policy))}
    return self.serialized(ActionResult({"PolicyStatus": status}))
