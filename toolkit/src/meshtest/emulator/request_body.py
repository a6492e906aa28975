"""Read a request's body whole, or refuse it: a body that ends early must not change anything."""

from __future__ import annotations

from typing import Any

BLOCK = 1 << 16  # cheroot's chunked reader copies what it has on every chunk: small blocks are faster


class IncompleteBody(Exception):
    """The body has fewer bytes than its headers announce; the message is S3's."""

    def __init__(self) -> None:
        super().__init__(
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        )


def read(stream: Any) -> bytes:
    """Return the whole body that cheroot's reader of a request gives.

    Raises:
        IncompleteBody: the connection ended before the body did.

    """
    body = bytearray()
    try:
        while block := stream.read(BLOCK):
            body += block
        if hasattr(stream, "read_trailer_lines"):
            list(stream.read_trailer_lines())
    except ValueError as error:  # a chunk or a trailer that does not end
        raise IncompleteBody from error
    if getattr(stream, "remaining", 0):
        raise IncompleteBody
    return bytes(body)
