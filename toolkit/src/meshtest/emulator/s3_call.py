"""One call to the emulator's S3, as bucket policies and access logs see it: who, what, how.

What the connection is comes from the socket (``wsgi.url_scheme``, ``meshtest.tls_version``), never from a
header.

Actions and context keys: https://docs.aws.amazon.com/AmazonS3/latest/userguide/list_amazons3.html
"""

from __future__ import annotations

import contextlib
import functools
import re
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

import xmltodict
from moto.s3.models import s3_backends

from meshtest.emulator.policy import Principal
from meshtest.emulator.principals import context_of, context_of_call, principal_of

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
    "attributes": "ObjectAttributes",
    "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention",
    "tagging": "ObjectTagging",
}
_VERSIONED = frozenset({"acl", "attributes", "tagging"})
_OBJECT_DEFAULTS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "POST": "PutObject",
    "DELETE": "DeleteObject",
}
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")
_REGION = re.compile(r"Credential=[^/,]+/\d{8}/([^/,]+)/")
_ACL_HEADERS = ("x-amz-acl", "x-amz-grant-")
_CONTEXT_HEADERS = (
    "if-match",
    "if-none-match",
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)


# Of a call that a form became: the method and the target that the client sent.
SENT_AS = "meshtest.sent_as"


class Refusal(Exception):
    """S3 refuses a call: the status and the code of its answer; the message is the one for the client.

    ``region`` is where the bucket is, for a client that has looked elsewhere.
    """

    def __init__(self, status: int, code: str, message: str, region: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.region = status, code, region

    def answer(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and document of the answer."""
        region = f"<Region>{self.region}</Region>" if self.region else ""
        document = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{self.code}</Code>'
            f"<Message>{escape(str(self))}</Message>{region}<RequestId>{call.request_id}</RequestId>"
            f"<HostId>{call.host_id}</HostId></Error>"
        )
        headers = {"content-type": "application/xml"}
        if self.region:
            headers["x-amz-bucket-region"] = self.region
        return self.status, headers, b"" if call.http.method == "HEAD" else document.encode()


class Call:
    """A call to S3; ``bucket_name`` is None for the account's own calls, ``key`` for a bucket's."""

    def __init__(self, request: Any, response: Any, full_url: str) -> None:
        self.http = request
        # What S3 names the call by, in headers, errors and logs.
        self.request_id, self.host_id = secrets.token_hex(8).upper(), secrets.token_urlsafe(57)
        self.query: dict[str, list[str]] = parse_qs(
            request.query_string.decode("latin-1"), keep_blank_values=True
        )
        self.bucket_name: str | None = response.parse_bucket_name_from_url(request, full_url) or None
        self.key = _key_of(request, self.bucket_name, response)
        self.is_multi_delete = request.method == "POST" and not self.key and "delete" in self.query
        # Whether an access list, and no policy, is what lets the call through.
        self.needed_acl = False

    # ─── Who ───

    @functools.cached_property
    def principal(self) -> Principal:
        """The user or role session that the access key belongs to, else the account's root user."""
        return principal_of(self._access_key_id())

    @functools.cached_property
    def signature(self) -> tuple[str, str] | None:
        """The version of the signature and where it is (SigV4, AuthHeader); None for an anonymous call."""
        header: str = self.http.headers.get("Authorization", "")
        if header:
            return "SigV2" if header.startswith("AWS ") else "SigV4", "AuthHeader"
        if "X-Amz-Credential" in self.query:
            return "SigV4", "QueryString"
        return ("SigV2", "QueryString") if "AWSAccessKeyId" in self.query else None

    def require_region(self, bucket: Any) -> None:
        """Check that a call is signed for the Region of its bucket, as SigV4 asks; others name no Region.

        https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and, for the wording,
        https://repost.aws/knowledge-center/s3-error-aws-region

        Raises:
            Refusal: it is signed for another.
        """
        signed = self.query.get("X-Amz-Credential", [""])[0].split("/")[2:3]
        code, prefix = "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter"
        if match := _REGION.search(self.http.headers.get("Authorization", "")):
            signed = [match[1]]
            code, prefix = "AuthorizationHeaderMalformed", "The authorization header is malformed"
        if signed and signed != [bucket.region_name]:
            message = f"{prefix}; the region '{signed[0]}' is wrong; expecting '{bucket.region_name}'"
            raise Refusal(400, code, message, bucket.region_name)

    def _access_key_id(self) -> str | None:
        header: str = self.http.headers.get("Authorization", "")
        if header.startswith("AWS "):  # signature version 2
            return header[4:].split(":")[0]
        if match := _CREDENTIAL.search(header):
            return match[1]
        if signed := self.query.get("X-Amz-Credential"):
            return signed[0].split("/")[0]
        return next(iter(self.query.get("AWSAccessKeyId", [])), None)

    # ─── What ───

    @functools.cached_property
    def action(self) -> str:
        """The action as policies name it: s3:GetObject."""
        method = self.http.method
        return "s3:" + (self._object_action(method) if self.key else self._bucket_action(method))

    def _bucket_action(self, method: str) -> str:
        for name, action in _BUCKET_READS.items():
            if method == "GET" and name in self.query:
                return action
        for name, subject in _BUCKET_SUBRESOURCES.items():
            if name in self.query:
                verb = "Delete" if method == "DELETE" and name in _DELETED else "Put"
                return ("Get" if method in {"GET", "HEAD"} else verb) + subject
        return _BUCKET_DEFAULTS.get(method, "PutObject")

    def _object_action(self, method: str) -> str:
        has_version = "versionId" in self.query
        for name, subject in _OBJECT_SUBRESOURCES.items():
            if name in self.query:
                verb = {"GET": "Get", "DELETE": "Delete"}.get(method, "Put")
                is_versioned = has_version and name in _VERSIONED
                return verb + (subject.replace("Object", "ObjectVersion") if is_versioned else subject)
        if "uploadId" in self.query and method in {"GET", "DELETE"}:
            return {"GET": "ListMultipartUploadParts", "DELETE": "AbortMultipartUpload"}[method]
        if method == "POST" and "restore" in self.query:
            return "RestoreObject"
        if method == "POST" and "select" in self.query:
            return "GetObject"
        action = _OBJECT_DEFAULTS[method]
        return f"{action}Version" if has_version and action in {"GetObject", "DeleteObject"} else action

    @functools.cached_property
    def copy_source(self) -> tuple[str, str, str | None] | None:
        """Bucket, key and version that a copy reads."""
        source = self.http.headers.get("x-amz-copy-source")
        if not source:
            return None
        path, _, query = source.partition("?")
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        return bucket, key, parse_qs(query).get("versionId", [None])[0]

    @property
    def further_actions(self) -> list[str]:
        """The actions on the same object that a call needs for what it writes along with it.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (permissions)
        """
        if self.action == "s3:GetObjectAttributes":
            return ["s3:GetObject"]
        if self.action == "s3:GetObjectVersionAttributes":
            return ["s3:GetObjectVersion"]
        if self.action != "s3:PutObject" or "uploadId" in self.query:
            return []
        headers = self.http.headers
        needed = {
            "s3:PutObjectTagging": "x-amz-tagging" in headers,
            "s3:PutObjectAcl": any(name.lower().startswith(_ACL_HEADERS) for name in headers.keys()),  # noqa: SIM118
            "s3:PutObjectRetention": "x-amz-object-lock-mode" in headers,
            "s3:PutObjectLegalHold": "x-amz-object-lock-legal-hold" in headers,
        }
        return [action for action, is_needed in needed.items() if is_needed]

    # ─── Circumstances ───

    def context(
        self, bucket: Any, key: str | None = None, version: str | None = None
    ) -> dict[str, str | list[str]]:
        """The context keys of the call, for a policy of this bucket and for one of its objects."""
        headers, now = self.http.headers, datetime.now(UTC)
        context = self.own_context() | {
            "aws:RequestedRegion": bucket.region_name,
            "aws:ResourceAccount": bucket.account_id,
            "s3:ResourceAccount": bucket.account_id,
        }
        context |= {f"s3:{header}": headers[header] for header in _CONTEXT_HEADERS if header in headers}
        for parameter in ("prefix", "delimiter", "max-keys"):
            if not self.key and parameter in self.query:
                context[f"s3:{parameter}"] = self.query[parameter][0]
        if version or "versionId" in self.query:
            context["s3:VersionId"] = version or self.query["versionId"][0]
        context |= self._signature_context(now)
        tags = self._request_tags()
        if tags is not None:
            context |= {f"s3:RequestObjectTag/{name}": value for name, value in tags.items()}
            context["s3:RequestObjectTagKeys"] = list(tags)
        if key:
            context |= _existing_tags(bucket, key, version)
        return context

    def own_context(self) -> dict[str, str | list[str]]:
        """The context keys of the call and its caller, whatever it is about."""
        environ, headers = self.http.environ, self.http.headers
        context = context_of_call(environ)
        if region := _REGION.search(headers.get("Authorization", "")):
            context["aws:RequestedRegion"] = region[1]
        if tls_version := environ.get("meshtest.tls_version"):
            context["s3:TlsVersion"] = tls_version.removeprefix("TLSv")
        for header, name in (("User-Agent", "aws:UserAgent"), ("Referer", "aws:Referer")):
            if header in headers:
                context[name] = headers[header]
        return context | context_of(self.principal)

    def _signature_context(self, now: datetime) -> dict[str, str | list[str]]:
        if self.signature is None:
            return {}
        kind, place = self.signature
        if SENT_AS in self.http.environ:
            place = "POST"
        context: dict[str, str | list[str]] = {
            "s3:authType": {"AuthHeader": "REST-HEADER", "QueryString": "REST-QUERY-STRING"}.get(
                place, place
            ),
            "s3:signatureversion": "AWS4-HMAC-SHA256" if kind == "SigV4" else "AWS",
        }
        if signed := self.query.get("X-Amz-Date"):
            with contextlib.suppress(ValueError):
                moment = datetime.strptime(signed[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                context["s3:signatureAge"] = str(int(1000 * (now - moment).total_seconds()))
        return context

    def _request_tags(self) -> dict[str, str] | None:
        """The tags that the call gives an object, by its header or its document; None if it gives none."""
        if (header := self.http.headers.get("x-amz-tagging")) is not None:
            return {name: values[0] for name, values in parse_qs(header, keep_blank_values=True).items()}
        if not self.key or "tagging" not in self.query or self.http.method != "PUT":
            return None
        try:
            tagging = xmltodict.parse(self.http.get_data(), force_list=("Tag",))["Tagging"]
            return {tag["Key"]: tag["Value"] or "" for tag in ((tagging or {}).get("TagSet") or {})["Tag"]}
        except (ExpatError, KeyError, TypeError):
            return {}


def _existing_tags(bucket: Any, key: str, version: str | None) -> dict[str, str | list[str]]:
    backend = s3_backends[bucket.account_id][bucket.partition]
    found = backend.get_object(bucket.name, key, version_id=version)
    if found is None:
        return {}
    tags = backend.tagger.get_tag_dict_for_resource(found.arn)
    return {f"s3:ExistingObjectTag/{name}": value for name, value in tags.items()}


def arn(bucket: Any, key: str | None = None) -> str:
    """The ARN of a bucket, or of an object in it."""
    return f"arn:{bucket.partition}:s3:::{bucket.name}" + (f"/{key}" if key else "")


def _key_of(request: Any, bucket_name: str | None, response: Any) -> str | None:
    path = unquote(request.raw_path).removeprefix("/")
    if not bucket_name or response.subdomain_based_buckets(request):
        return path or None
    return path.partition("/")[2] or None


def bucket_of(name: str | None) -> Any:
    """The bucket of a name in whatever account, None if there is none."""
    if name is None:
        return None
    owner = s3_backends.bucket_accounts.get(name)
    return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None
