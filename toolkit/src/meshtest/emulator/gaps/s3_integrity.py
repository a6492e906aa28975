"""S3 stores what was meant, or nothing: checksums, conditions of completes and copies, parts that are read.

moto 5.2.5 lacks: the check of Content-MD5 and of checksums (in headers and in trailers); If-Match of
CompleteMultipartUpload, both conditions of CopyObject; PartNumber of GetObject; the refusal of a copy of an
object to itself that changes nothing; the ids of a request in its error's document.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.responses import S3Response

from meshtest.emulator.s3_call import Refusal

# CRC-32C and CRC-64/NVME are Python's own work here: larger bodies would hold up everybody else.
LARGEST_SLOW = 8 << 20
_COPY_CHANGES = (
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
)
_CHECKSUM = re.compile(r"x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)")

_key_response_put = S3Response._key_response_put
_key_response_post = S3Response._key_response_post
_bucket_response_put = S3Response._bucket_response_put
_bucket_response_post = S3Response._bucket_response_post
_get_object = S3Response.get_object


def install() -> None:
    """Look at what comes before moto takes it."""
    response: Any = S3Response
    response._bucket_response_put = _checked(_bucket_response_put)
    response._bucket_response_post = _checked(_bucket_response_post)
    response._key_response_put = _put
    response._key_response_post = _post
    response.get_object = _get


def _checked(respond: Any) -> Any:
    def checked(self: Any, *arguments: Any) -> Any:
        check_body(self)
        return respond(self, *arguments)

    return checked


def _put(self: Any, query: dict[str, Any], key_name: str) -> Any:
    check_body(self)
    if "x-amz-copy-source" in self.headers and "uploadId" not in query:
        _check_conditions(self, key_name)
        _check_change(self, key_name)
    return _key_response_put(self, query, key_name)


def _post(self: Any, request: Any, body: bytes, bucket_name: str, query: Any, key_name: str) -> Any:
    check_body(self)
    if "uploadId" in query and query["uploadId"][0] in self.backend.get_bucket(bucket_name).multiparts:
        _check_conditions(self, key_name)
    return _key_response_post(self, request, body, bucket_name, query, key_name)


# ─── Checksums ───


def check_body(self: Any) -> None:
    """Hold a body against the digests that came with it.

    Raises:
        Refusal: one of them is none, or is that of another body.
    """
    if "x-amz-copy-source" in self.headers:
        return  # it has no body; Hadoop's S3A sends the digest of the source along, which S3 ignores
    body = self.body.encode() if isinstance(self.body, str) else self.body or b""
    if (given := self.headers.get("Content-MD5")) is not None:
        digest = _decoded(given)
        if len(digest) != 16:
            raise Refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
        if digest != hashlib.md5(body, usedforsecurity=False).digest():
            message = "The Content-MD5 you specified did not match what we received."
            raise Refusal(400, "BadDigest", message)
    if "uploads" in self.querystring:
        return
    if "uploadId" in self.querystring and self.request.method == "POST":
        return  # of the whole object, not of this document
    for name, value in [*self.headers.items(), *_trailers(self)]:
        if found := _CHECKSUM.fullmatch(name.lower()):
            _check(found[1], value.strip(), body)


def _check(algorithm: str, value: str, body: bytes) -> None:
    if algorithm in ("crc32c", "crc64nvme") and len(body) > LARGEST_SLOW:
        return
    digest = _ALGORITHMS[algorithm](body)
    if len(_decoded(value)) != len(digest):
        raise Refusal(400, "InvalidRequest", f"Value for x-amz-checksum-{algorithm} header is invalid.")
    if _decoded(value) != digest:
        message = f"The {algorithm.upper()} you specified did not match the calculated checksum."
        raise Refusal(400, "BadDigest", message)


def _trailers(self: Any) -> Iterator[tuple[str, str]]:
    """Yield the lines after the last chunk of a body in aws-chunked encoding."""
    if not self.headers.get("x-amz-content-sha256", "").endswith("-TRAILER"):
        return
    _, _, tail = self.raw_body.rpartition(b"\r\n0")
    for line in tail.split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        if value:
            yield name, value


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _crc(polynomial: int, width: int) -> Callable[[bytes], bytes]:
    """Return a reflected CRC that begins and ends with all ones."""

    @cache
    def table() -> list[int]:
        entries = []
        for entry in range(256):
            for _ in range(8):
                entry = entry >> 1 ^ (polynomial if entry & 1 else 0)
            entries.append(entry)
        return entries

    def digest(body: bytes) -> bytes:
        entries, ones = table(), (1 << width) - 1
        value = ones
        for byte in body:
            value = entries[(value ^ byte) & 0xFF] ^ value >> 8
        return (value ^ ones).to_bytes(width // 8, "big")

    return digest


_ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "crc32c": _crc(0x82F63B78, 32),
    "crc64nvme": _crc(0x9A6C9329AC4BC9B5, 64),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
}


# ─── Conditions ───


def _check_conditions(self: Any, key_name: str) -> None:
    """Check If-Match and If-None-Match of a write against what is there."""
    existing = self.backend.get_object(self.bucket_name, key_name)
    if (wanted := self.headers.get("If-Match")) is not None:
        if existing is None:
            raise MissingKey(key=key_name)
        if wanted.strip('"') != existing.etag.strip('"'):
            raise PreconditionFailed("If-Match")
    if self.headers.get("If-None-Match") == "*" and existing is not None:
        raise PreconditionFailed("If-None-Match")


def _check_change(self: Any, key_name: str) -> None:
    source = self.headers["x-amz-copy-source"].lstrip("/")
    changes = self.headers.get("x-amz-metadata-directive") == "REPLACE"
    changes = changes or any(name in self.headers for name in _COPY_CHANGES) or "versionId=" in source
    if not changes and unquote(source) == f"{self.bucket_name}/{key_name}":
        message = (
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the object's metadata, storage class, website redirect location or encryption attributes."
        )
        raise Refusal(400, "InvalidRequest", message)


# ─── Parts ───


def _get(self: Any) -> Any:
    """Read one part of an object, where the call names it."""
    status, headers, body = _get_object(self)
    number = self.querystring.get("partNumber", [None])[0]
    if number is None or status != 200:
        return status, headers, body
    version = self.querystring.get("versionId", [None])[0]
    key = self.backend.get_object(self.bucket_name, self.parse_key_name(), version_id=version)
    sizes = (
        [key.multipart.parts[part].size for part in key.multipart.partlist] if key.multipart else [key.size]
    )
    if not number.isdecimal() or not 1 <= int(number) <= len(sizes):
        message = "The requested partnumber is not satisfiable"
        raise Refusal(416, "InvalidPartNumber", message)
    start = sum(sizes[: int(number) - 1])
    end = start + sizes[int(number) - 1]
    headers["content-range"] = f"bytes {start}-{end - 1}/{sum(sizes)}"
    headers["content-length"] = str(end - start)
    if key.multipart:
        headers["x-amz-mp-parts-count"] = str(len(sizes))
    return 206, headers, body[start:end]
