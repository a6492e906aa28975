"""Server access logs: a true line for each request, delivered where the target lets the service put it.

moto 5.2.5 lacks: true log lines (it invents them: address, status, size, time) and the right check of
PutBucketLogging: it reads the target's policy only if a statement names exactly one resource. AWS lets
a bucket log to any bucket of its own that exists, and looks at permissions when it delivers.

As on AWS, delivery is by batches and best effort: every few seconds here, or at once by
`Endpoint.flush_access_logs`. A batch is dropped, with a line in the server's log, if the target is gone or
in another account, encrypts with SSE-KMS by default, or has no policy that allows
``logging.s3.amazonaws.com`` to put this object for this source. Grants to the log delivery group (ACLs) and
partitioned prefixes are not looked at. "Time" and "total time" are those of the answer's making.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import xmltodict
from moto.s3.models import OWNER, FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response

from meshtest.emulator.access_log import Record, operation
from meshtest.emulator.gaps.s3_bucket_policies import current_call
from meshtest.emulator.locks import lock_of
from meshtest.emulator.masking import masked
from meshtest.emulator.policy import Decision, Principal, Request, evaluate
from meshtest.emulator.s3_call import SENT_AS, Call, arn, bucket_of

DELIVERY_SERVICE = "logging.s3.amazonaws.com"
DELIVERY_INTERVAL_S = 5.0
_IDS = re.compile(rb"<(RequestId|RequestID|HostId)>[^<]*</\1>")
_ERROR_CODE = re.compile(rb"<Code>([^<]*)</Code>")

log = logging.getLogger("meshtest.emulator")
_bucket_response = S3Response.bucket_response
_key_response = S3Response.key_response


def install() -> None:
    """Accept every target that exists; record every answer."""
    bucket: Any = FakeBucket
    bucket._log_permissions_enabled_policy = staticmethod(lambda **_: True)
    backend: Any = S3Backend
    backend.log_incoming_request = lambda *_, **__: None
    response: Any = S3Response
    response.bucket_response = _recorded(_bucket_response)
    response.key_response = _recorded(_key_response)


def flush() -> None:
    """Deliver what has been recorded so far."""
    with lock_of("s3"):
        _delivery.deliver()


def _recorded(respond: Any) -> Any:
    def recorded(self: Any, request: Any, full_url: str, headers: Any) -> Any:
        status, answer_headers, body = respond(self, request, full_url, headers)
        if isinstance(body, str):
            body = body.encode()
        call = current_call()
        if call and call.http is request:
            answer_headers.pop("x-amzn-requestid", None)  # other services' name for it
            answer_headers |= {"x-amz-request-id": call.request_id, "x-amz-id-2": call.host_id}
            if status >= 400 and body:
                body = _IDS.sub(lambda found: _own_id(call, found), body)
            if _is_logged(call):
                for record in _records(call, _Answer(status, answer_headers, body)):
                    _delivery.add(record)
        return status, answer_headers, body

    return recorded


def _own_id(call: Call, found: re.Match[bytes]) -> bytes:
    """Return the element of an error's document with the id that the headers have."""
    name = "HostId" if found[1] == b"HostId" else "RequestId"
    value = call.host_id if name == "HostId" else call.request_id
    return f"<{name}>{value}</{name}>".encode()


def _is_logged(call: Call) -> bool:
    """Whether the call's bucket, or that of a copy's source, logs: most have nothing to tell."""
    names = (call.bucket_name, call.copy_source and call.copy_source[0])
    return any(bucket.logging for name in names if (bucket := bucket_of(name)))


# ─── Records ───


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error_code(self) -> str | None:
        if self.status < 400:
            return None
        found = _ERROR_CODE.search(self.body or b"")
        # HEAD has no body to tell it in.
        return found[1].decode() if found else {403: "AccessDenied", 404: "NoSuchKey"}.get(self.status)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers.items() if key.lower() == name), None)


def _records(call: Call, answer: _Answer) -> Iterator[Record]:
    """The records of a call: one, and another for the source of a copy or for each key of a bulk delete."""
    record = _record(call, answer)
    if call.bucket_name:
        yield record
    if call.copy_source:
        source, key, _ = call.copy_source
        size = _size(source, key)
        reading = f"{record.operation}_GET"
        yield dataclasses.replace(record, bucket=source, key=key, operation=reading, object_size=size)
    if call.is_multi_delete and answer.status == 200:
        yield from _deletions(record, answer.body)


def _record(call: Call, answer: _Answer) -> Record:
    environ, http = call.http.environ, call.http
    signature, place = call.signature or (None, None)
    elapsed = timedelta(seconds=time.monotonic() - environ["meshtest.received"])
    milliseconds = round(elapsed / timedelta(milliseconds=1))
    is_download = http.method == "GET" and answer.status < 300
    method, target = environ.get(SENT_AS, (http.method, environ["RAW_URI"]))
    return Record(
        bucket_owner=OWNER,
        bucket=call.bucket_name or "",
        time=datetime.now(UTC) - elapsed,
        remote_ip=environ.get("REMOTE_ADDR", ""),
        requester=_requester(call.principal),
        request_id=call.request_id,
        operation=operation(method, call.query, has_key=bool(call.key), is_copy=bool(call.copy_source)),
        key=call.key,
        request_uri=masked(f"{method} {target} {environ.get('SERVER_PROTOCOL', 'HTTP/1.1')}"),
        http_status=answer.status,
        error_code=answer.error_code,
        bytes_sent=len(answer.body) if answer.body and http.method != "HEAD" else None,
        object_size=_size(call.bucket_name, call.key),
        total_time=milliseconds,
        turn_around_time=milliseconds if is_download else None,
        referer=http.headers.get("Referer"),
        user_agent=http.headers.get("User-Agent"),
        version_id=call.query.get("versionId", [None])[0] or answer.header("x-amz-version-id"),
        host_id=call.host_id,
        signature_version=signature,
        cipher_suite=environ.get("meshtest.tls_cipher"),
        authentication_type=place,
        host_header=http.headers.get("Host"),
        tls_version=environ.get("meshtest.tls_version"),
        acl_required="Yes" if call.needed_acl else None,
    )


def _requester(principal: Principal) -> str | None:
    """The canonical user of the account for its root, the ARN of a user or of a role's session."""
    if principal.arn is None:
        return None
    return OWNER if principal.arn.endswith(":root") else principal.arn


def _size(bucket_name: str | None, key: str | None) -> int | None:
    bucket = bucket_of(bucket_name)
    if bucket is None or key is None:
        return None
    found = s3_backends[bucket.account_id]["aws"].get_object(bucket.name, key)
    return getattr(found, "size", None)


def _deletions(record: Record, body: bytes) -> Iterator[Record]:
    result = xmltodict.parse(body, force_list=("Deleted", "Error"))["DeleteResult"] or {}
    for kind in ("Deleted", "Error"):
        for entry in result.get(kind) or []:
            code = entry.get("Code")
            yield dataclasses.replace(
                record,
                operation="BATCH.DELETE.OBJECT",
                key=entry["Key"],
                http_status=403 if code == "AccessDenied" else 204,
                error_code=code,
                bytes_sent=None,
                version_id=entry.get("VersionId"),
            )


# ─── Delivery ───


@dataclass(frozen=True)
class _Route:
    """From a bucket to a prefix in its target."""

    source: str
    target: str
    prefix: str


class _Delivery:
    """Lines on their way. Everything here happens under the lock of S3."""

    def __init__(self) -> None:
        self._waiting: dict[_Route, list[Record]] = {}
        self._is_due = False
        self._numbers = itertools.count(secrets.randbits(32))  # logs of one second stay in their order

    def add(self, record: Record) -> None:
        """Take a record, if its bucket logs, as the logging is configured now."""
        bucket = bucket_of(record.bucket)
        if not bucket or not bucket.logging:
            return
        route = _Route(bucket.name, bucket.logging["TargetBucket"], bucket.logging.get("TargetPrefix") or "")
        self._waiting.setdefault(route, []).append(record)
        if not self._is_due:
            self._is_due = True
            timer = threading.Timer(DELIVERY_INTERVAL_S, flush)
            timer.daemon = True
            timer.start()

    def deliver(self) -> None:
        self._is_due = False
        waiting, self._waiting = self._waiting, {}
        for route, records in waiting.items():
            key = f"{route.prefix}{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}-{next(self._numbers):016X}"
            if obstacle := _obstacle(route, key):
                log.warning("no access log of %s in %s: %s", route.source, route.target, obstacle)
                continue
            lines = "".join(record.line() for record in records)
            backend = s3_backends[bucket_of(route.target).account_id]["aws"]
            backend.put_object(route.target, key, lines.encode())


def _obstacle(route: _Route, key: str) -> str | None:
    """Why a log cannot be delivered; None if it can."""
    source, target = bucket_of(route.source), bucket_of(route.target)
    if source is None or target is None:
        return "the bucket is gone"
    if (source.account_id, source.region_name) != (target.account_id, target.region_name):
        return "the target is in another account or Region"
    rule = (target.encryption or {}).get("Rule", {}).get("ApplyServerSideEncryptionByDefault", {})
    if rule.get("SSEAlgorithm", "AES256") != "AES256":
        return "the target's default encryption is not SSE-S3"
    request = Request(
        Principal(service=DELIVERY_SERVICE),
        "s3:PutObject",
        arn(target, key),
        {
            "aws:SecureTransport": "true",
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": DELIVERY_SERVICE,
            "aws:SourceArn": arn(source),
            "aws:SourceAccount": source.account_id,
        },
    )
    decision = evaluate(json.loads(target.policy or "{}"), request)
    return None if decision is Decision.ALLOW else f"{decision.value} of {DELIVERY_SERVICE}"


_delivery = _Delivery()
