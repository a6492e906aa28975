"""S3 bucket policies are really evaluated, for every call and every principal.

moto 5.2.5 lacks: conditions (it ignores a condition that matches and denies on one that does not, so
that an HTTPS-only policy shuts out HTTPS too), principals, bucket-level actions, and the AccessDenied
document. What the connection is comes from the socket (``wsgi.url_scheme``, ``meshtest.tls_version``).

Not evaluated: the identity policies of IAM users and roles. A principal of the bucket's own account may
do what no bucket policy denies; everyone else needs an allow.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/list_amazons3.html (actions, keys) and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html (the root user's exemption).
"""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.iam.access_control import PermissionResult
from moto.iam.models import iam_backends
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response
from moto.sts.models import sts_backends

from meshtest.emulator import ACCOUNT_ID
from meshtest.emulator.policy import Decision, PolicyError, Principal, Request, check, evaluate

ROOT_IS_EXEMPT = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})

# Subresource of a bucket (a query parameter): the name in the action, such as PutBucketPolicy.
_BUCKET_SUBRESOURCES = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "analytics": "AnalyticsConfiguration",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "metrics": "MetricsConfiguration",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_BUCKET_READS = {
    "location": "GetBucketLocation",
    "policyStatus": "GetBucketPolicyStatus",
    "uploads": "ListBucketMultipartUploads",
    "versions": "ListBucketVersions",
}
_BUCKET_DEFAULTS = {
    "GET": "ListBucket",
    "HEAD": "ListBucket",
    "PUT": "CreateBucket",
    "DELETE": "DeleteBucket",
}
# These have a delete action of their own; the deletion of any other subresource is a Put.
_DELETED = frozenset({"policy", "website"})
_OBJECT_SUBRESOURCES = {
    "acl": "ObjectAcl",
    "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention",
    "tagging": "ObjectTagging",
}
_VERSIONED = frozenset({"acl", "tagging"})
_OBJECT_DEFAULTS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "POST": "PutObject",
    "DELETE": "DeleteObject",
}
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")
_CONTEXT_HEADERS = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
)

ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)

_bucket_response = S3Response._bucket_response
_key_response = S3Response._key_response
_put_bucket_policy = S3Backend.put_bucket_policy
_current = threading.local()


class AccessDenied(Exception):
    """A bucket policy denies the call, or nothing allows it."""


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


def _guarded(respond: Any) -> Any:
    def guarded(self: Any, request: Any, full_url: str) -> Any:
        call = _Call(request, self.parse_bucket_name_from_url(request, full_url), self)
        _current.call = call
        try:
            call.authorize()
        except AccessDenied:
            return (
                403,
                {"content-type": "application/xml"},
                b"" if request.method == "HEAD" else ACCESS_DENIED,
            )
        return respond(self, request, full_url)

    return guarded


def _permission_within_request(self: Any, action: str, resource: str) -> PermissionResult:
    """Answer moto within a request. Only a multi-object delete is still open: one decision an object."""
    call = getattr(_current, "call", None)
    if action == "s3:DeleteObject" and call and call.is_multi_delete and call.denies(self, action, resource):
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED


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


# ─── One Call ───


class _Call:
    """A call to S3 as the policy language sees it."""

    def __init__(self, request: Any, bucket_name: str | None, response: Any) -> None:
        self._http = request
        self._query: dict[str, list[str]] = parse_qs(
            request.query_string.decode("latin-1"), keep_blank_values=True
        )
        self._bucket_name = bucket_name
        self._key = _key_of(request, bucket_name, response)
        self._access_key_id = self._credential()
        self.is_multi_delete = request.method == "POST" and not self._key and "delete" in self._query

    def authorize(self) -> None:
        """Check the call, and for a copy its source.

        Raises:
            AccessDenied: a bucket policy denies it, or nothing allows it to this principal.

        """
        bucket = _bucket(self._bucket_name)
        if bucket is None or self._http.method == "OPTIONS" or self.is_multi_delete:
            return
        action, resource = f"s3:{self._action()}", self._arn(bucket, self._key)
        self._authorize(bucket, action, resource)
        source = self._copy_source()
        if source and (source_bucket := _bucket(source[0])):
            self._authorize(source_bucket, "s3:GetObject", self._arn(source_bucket, source[1]))

    def denies(self, bucket: Any, action: str, resource: str) -> bool:
        """Whether this call's principal is kept from an action in a bucket."""
        try:
            self._authorize(bucket, action, resource)
        except AccessDenied:
            return True
        return False

    def _authorize(self, bucket: Any, action: str, resource: str) -> None:
        principal = self._principal()
        decision = Decision.NONE
        if bucket.policy:
            policy = json.loads(bucket.policy)
            decision = evaluate(
                policy, Request(principal, action, resource, self._context(principal, bucket))
            )
        is_owner = principal.account == bucket.account_id
        is_root = is_owner and str(principal.arn).endswith(":root")
        if decision is Decision.DENY and not (is_root and action in ROOT_IS_EXEMPT):
            raise AccessDenied
        if decision is Decision.NONE and not is_owner and not self._is_public(bucket, action):
            raise AccessDenied

    def _is_public(self, bucket: Any, action: str) -> bool:
        """Access lists let everyone read an object whose list says so."""
        if action != "s3:GetObject" or not self._key:
            return False
        key = s3_backends[bucket.account_id]["aws"].get_object(bucket.name, self._key)
        return bool(key and key.acl and key.acl.public_read)

    # ─── Who ───

    def _credential(self) -> str | None:
        header: str = self._http.headers.get("Authorization", "")
        if header.startswith("AWS "):  # signature version 2
            return header[4:].split(":")[0]
        if match := _CREDENTIAL.search(header):
            return match[1]
        if signed := self._query.get("X-Amz-Credential"):
            return signed[0].split("/")[0]
        return next(iter(self._query.get("AWSAccessKeyId", [])), None)

    def _principal(self) -> Principal:
        """The user or role session that the access key belongs to, else the account's root user."""
        if self._access_key_id is None:
            return Principal()
        arn = _owner_of(self._access_key_id) or f"arn:aws:iam::{ACCOUNT_ID}:root"
        return Principal(arn=arn, account=ACCOUNT_ID)

    # ─── What ───

    def _action(self) -> str:
        method = self._http.method
        return self._object_action(method) if self._key else self._bucket_action(method)

    def _bucket_action(self, method: str) -> str:
        for name, action in _BUCKET_READS.items():
            if method == "GET" and name in self._query:
                return action
        for name, subject in _BUCKET_SUBRESOURCES.items():
            if name in self._query:
                verb = "Delete" if method == "DELETE" and name in _DELETED else "Put"
                return ("Get" if method in {"GET", "HEAD"} else verb) + subject
        return _BUCKET_DEFAULTS.get(method, "PutObject")

    def _object_action(self, method: str) -> str:
        has_version = "versionId" in self._query
        for name, subject in _OBJECT_SUBRESOURCES.items():
            if name in self._query:
                verb = {"GET": "Get", "DELETE": "Delete"}.get(method, "Put")
                is_versioned = has_version and name in _VERSIONED
                return verb + (subject.replace("Object", "ObjectVersion") if is_versioned else subject)
        if "uploadId" in self._query and method in {"GET", "DELETE"}:
            return {"GET": "ListMultipartUploadParts", "DELETE": "AbortMultipartUpload"}[method]
        if method == "POST" and "restore" in self._query:
            return "RestoreObject"
        if method == "POST" and "select" in self._query:
            return "GetObject"
        action = _OBJECT_DEFAULTS[method]
        return f"{action}Version" if has_version and action in {"GetObject", "DeleteObject"} else action

    def _copy_source(self) -> tuple[str, str] | None:
        source = self._http.headers.get("x-amz-copy-source")
        if not source:
            return None
        bucket, _, key = unquote(source.split("?")[0]).lstrip("/").partition("/")
        return bucket, key

    @staticmethod
    def _arn(bucket: Any, key: str | None) -> str:
        return f"arn:{bucket.partition}:s3:::{bucket.name}" + (f"/{key}" if key else "")

    # ─── Circumstances ───

    def _context(self, principal: Principal, bucket: Any) -> dict[str, str | list[str]]:
        environ, headers, now = self._http.environ, self._http.headers, datetime.now(UTC)
        context: dict[str, str | list[str]] = {
            "aws:SecureTransport": str(environ["wsgi.url_scheme"] == "https").lower(),
            "aws:SourceIp": environ.get("REMOTE_ADDR", ""),
            "aws:CurrentTime": now.isoformat(timespec="seconds"),
            "aws:EpochTime": str(int(now.timestamp())),
            "aws:PrincipalIsAWSService": "false",
            "aws:ViaAWSService": "false",
            "aws:ResourceAccount": bucket.account_id,
            "s3:ResourceAccount": bucket.account_id,
        }
        if tls_version := environ.get("meshtest.tls_version"):
            context["s3:TlsVersion"] = tls_version.removeprefix("TLSv")
        for header, key in (("User-Agent", "aws:UserAgent"), ("Referer", "aws:Referer")):
            if header in headers:
                context[key] = headers[header]
        context |= {f"s3:{header}": headers[header] for header in _CONTEXT_HEADERS if header in headers}
        for parameter in ("prefix", "delimiter", "max-keys"):
            if not self._key and parameter in self._query:
                context[f"s3:{parameter}"] = self._query[parameter][0]
        if "versionId" in self._query:
            context["s3:VersionId"] = self._query["versionId"][0]
        return context | _principal_context(principal)


def _principal_context(principal: Principal) -> dict[str, str | list[str]]:
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


def _key_of(request: Any, bucket_name: str | None, response: Any) -> str | None:
    path = unquote(request.raw_path).lstrip("/")
    if not bucket_name or response.subdomain_based_buckets(request):
        return path or None
    return path.partition("/")[2] or None


def _bucket(name: str | None) -> Any:
    """The bucket of a name in whatever account, None if there is none."""
    if name is None:
        return None
    owner = s3_backends.bucket_accounts.get(name)
    return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None


def _owner_of(access_key_id: str) -> str | None:
    for user in list(iam_backends[ACCOUNT_ID]["aws"].users.values()):
        if any(key.access_key_id == access_key_id for key in user.access_keys):
            return str(user.arn)
    for session in list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles):
        if session.access_key_id == access_key_id:
            return str(session.arn)
    return None
