"""Keep what would let others in out of the log: signatures, tokens and secrets in queries and headers."""

from __future__ import annotations

import logging
import re

MASK = "***"
_IN_QUERIES = re.compile(
    r"(?i)((?:X-Amz-(?:Signature|Security-Token|Credential)|Signature|AWSAccessKeyId)=)[^&\s\"'<>,]+"
)
_IN_TEXT = re.compile(
    r"(?i)((?:secret_?access_?key|session_?token|security_?token)[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,}]+"
)


def masked(text: str) -> str:
    """Return a text without the secrets that stand in it."""
    return _IN_TEXT.sub(rf"\1{MASK}", _IN_QUERIES.sub(rf"\1{MASK}", text))


class Formatter(logging.Formatter):
    """Formats records as usual, tracebacks included, and masks what they must not tell."""

    def format(self, record: logging.LogRecord) -> str:  # noqa: D102
        return masked(super().format(record))
