"""Uploads in aws-chunked encoding are decoded in a time that grows with their size, not with its square.

moto 5.2.5 lacks: that. It appends each chunk to an immutable string, so that 100 MB cost seconds.
Every boto3 upload over HTTPS comes in this encoding, for its trailing checksum.
"""

from __future__ import annotations

import io
from typing import Any

from moto.s3.responses import S3Response


def install() -> None:
    """Replace moto's decoder."""
    response: Any = S3Response
    response._handle_encoded_body = _decode


def _decode(_: Any, body: Any) -> bytes:
    encoded = io.BytesIO(body) if isinstance(body, bytes) else body
    decoded = bytearray()
    while size := int(encoded.readline().split(b";")[0].strip() or b"0", 16):
        decoded += encoded.read(size)
        encoded.readline()
    return bytes(decoded)
