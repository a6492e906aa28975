"""Uploads in aws-chunked encoding are decoded whole, in a time that grows with their size.

moto 5.2.5 lacks: that. It appends each chunk to an immutable string, so that 100 MB cost seconds; it stores
what there is of a body that ends early, filled up with zeros if its chunks are signed.
Every boto3 upload over HTTPS comes in this encoding, for its trailing checksum.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import io
from typing import Any

from moto.s3.responses import S3Response

from meshtest.emulator.request_body import IncompleteBody


def install() -> None:
    """Replace moto's two decoders."""
    response: Any = S3Response
    response._handle_encoded_body = _decode
    response._handle_v4_chunk_signatures = lambda self, body, _: _decode(self, body)


def _decode(self: Any, body: bytes) -> bytes:
    encoded = io.BytesIO(body)
    decoded = bytearray()
    while size := _size_of_chunk(encoded.readline()):
        decoded += encoded.read(size)
        encoded.readline()
    if len(decoded) != int(self.request.headers.get("x-amz-decoded-content-length", len(decoded))):
        raise IncompleteBody
    return bytes(decoded)


def _size_of_chunk(line: bytes) -> int:
    """Read ``1f4;chunk-signature=…``; the last chunk's size is 0."""
    if not line:
        raise IncompleteBody
    return int(line.split(b";")[0], 16)
