"""The probes: questions to a running S3 whose answers are findings, none if all is as it should be.

A probe that finds nothing on the domain's buckets must find something on a bucket whose policy is a mutant;
`MUTANTS` are those of the policy.
"""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from meshtest.tools.account import Account

Policy = dict[str, Any]
KEY = "probe/k"


# ─── Transport ───


CALLS: dict[str, Callable[[Any, str], Any]] = {
    "PutObject": lambda s3, bucket: s3.put_object(Bucket=bucket, Key=KEY, Body=b"value"),
    "GetObject": lambda s3, bucket: s3.get_object(Bucket=bucket, Key=KEY),
    "HeadObject": lambda s3, bucket: s3.head_object(Bucket=bucket, Key=KEY),
    "GetObjectTagging": lambda s3, bucket: s3.get_object_tagging(Bucket=bucket, Key=KEY),
    "CopyObject": lambda s3, bucket: s3.copy_object(
        Bucket=bucket, Key=KEY + "2", CopySource=f"{bucket}/{KEY}"
    ),
    "CreateMultipartUpload": lambda s3, bucket: s3.create_multipart_upload(Bucket=bucket, Key=KEY + "3"),
    "ListObjectsV2": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket, Prefix="probe/"),
    "HeadBucket": lambda s3, bucket: s3.head_bucket(Bucket=bucket),
    "GetBucketVersioning": lambda s3, bucket: s3.get_bucket_versioning(Bucket=bucket),
    "DeleteObjects": lambda s3, bucket: s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": KEY + "4"}]}
    ),
    "DeleteObject": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key=KEY + "4"),
}


def outcome(call: Callable[[], Any]) -> str:
    """What came of a call: "allowed", or the code of the error; for a bulk delete that of its objects."""
    try:
        answer = call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "AccessDenied" if code in ("403", "AccessDenied") else str(code)
    errors = answer.get("Errors") or []
    return str(errors[0]["Code"]) if errors else "allowed"


def transport(account: Account, bucket: str) -> list[str]:
    """What a bucket lets through by plain HTTP, or keeps from HTTPS, that it should not."""
    secure = account.client("s3")
    plain = account.client("s3", endpoint_url=account.http)
    secure_put = outcome(lambda: CALLS["PutObject"](secure, bucket))
    findings = [] if secure_put == "allowed" else [f"HTTPS PutObject: {secure_put}"]
    for name, call in CALLS.items():
        for client, transport_name, expected in (
            (secure, "HTTPS", "allowed"),
            (plain, "HTTP", "AccessDenied"),
        ):
            found = outcome(lambda client=client, call=call: call(client, bucket))  # type: ignore[misc]
            if found != expected:
                findings.append(f"{transport_name} {name}: {found}, expected {expected}")
    for how, status in raw_http(account, bucket):
        if status != 403:
            findings.append(f"HTTP {how}: {status}, expected 403")
    return findings


def raw_http(account: Account, bucket: str) -> Iterator[tuple[str, int]]:
    """Reads by plain HTTP that no SDK would send: how, and the status of the answer."""
    target = f"/{bucket}/{KEY}"
    signed = presigned(account, bucket, account.http)
    yield "anonymous", status(account.http, target)
    yield "presigned", status(account.http, signed)
    for header, value in (
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "proto=https"),
        ("X-Forwarded-Ssl", "on"),
    ):
        yield f"presigned with {header}: {value}", status(account.http, signed, {header: value})


def presigned(account: Account, bucket: str, url: str) -> str:
    """Path and query of an address that reads the probe's object, signed for the host of ``url``."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = account.client("s3", endpoint_url=url, config=config)
    address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": KEY})
    parts = urllib.parse.urlsplit(address)
    return f"{parts.path}?{parts.query}"


def status(url: str, target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> int:
    """The status of one request by plain HTTP, straight from the socket."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request(method, target, headers=dict(headers or {}))
        return connection.getresponse().status


def old_tls(account: Account, bucket: str, version: ssl.TLSVersion) -> str:
    """What a client that speaks no newer TLS than this gets: the status of its answer, or its error."""
    context = ssl.create_default_context(cafile=account.ca_bundle)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    address = account.https.removeprefix("https://")
    connection = http.client.HTTPSConnection(address, context=context, timeout=30)
    with contextlib.closing(connection):
        try:
            connection.request("GET", presigned(account, bucket, account.https))
            return str(connection.getresponse().status)
        except ssl.SSLError:
            return "no handshake"


# ─── Keys ───


def encryption(account: Account, bucket: str, **upload: str) -> tuple[str, str | None]:
    """How an object is encrypted that is put with these arguments and no others: algorithm and key."""
    s3 = account.client("s3")
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"value", **upload)
    head = s3.head_object(Bucket=bucket, Key=KEY)
    return head["ServerSideEncryption"], head.get("SSEKMSKeyId")


# ─── Policies and Their Mutants ───


def policy_of(account: Account, bucket: str) -> Policy:
    """The policy that is in force."""
    policy: Policy = json.loads(account.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    return policy


def moved(policy: Policy, names: Mapping[str, str]) -> Policy:
    """The policy with other buckets' names in the place of those that it names."""
    text = json.dumps(policy)
    for old, new in names.items():
        text = text.replace(old, new)
    moved_policy: Policy = json.loads(text)
    return moved_policy


def _changed(policy: Policy, **changes: Any) -> Policy:
    mutant = copy.deepcopy(policy)
    for statement in mutant["Statement"]:
        if statement["Sid"] == "DenyInsecureTransport":
            statement |= changes
    return mutant


def _only(suffix: str) -> Callable[[Policy], Policy]:
    """A mutant that covers the bucket or its objects only."""

    def mutate(policy: Policy) -> Policy:
        (statement,) = (each for each in policy["Statement"] if each["Sid"] == "DenyInsecureTransport")
        resources = [name for name in statement["Resource"] if name.endswith("/*") == (suffix == "/*")]
        return _changed(policy, Resource=resources)

    return mutate


MUTANTS: dict[str, Callable[[Policy], Policy]] = {
    "no statement": lambda policy: (
        policy
        | {"Statement": [each for each in policy["Statement"] if each["Sid"] != "DenyInsecureTransport"]}
    ),
    "condition inverted": lambda policy: _changed(
        policy, Condition={"Bool": {"aws:SecureTransport": "true"}}
    ),
    "condition never met": lambda policy: _changed(
        policy,
        Condition={
            "Bool": {"aws:SecureTransport": "false"},
            "IpAddress": {"aws:SourceIp": "192.0.2.1/32"},  # of nobody (RFC 5737)
        },
    ),
    "objects not covered": _only(""),
    "bucket not covered": _only("/*"),
    "action narrowed": lambda policy: _changed(policy, Action="s3:GetObject"),
    "principal narrowed": lambda policy: _changed(policy, Principal={"Service": "logging.s3.amazonaws.com"}),
    "allowed, not denied": lambda policy: _changed(policy, Effect="Allow"),
}
