"""Answers to calls that change something, kept for a while: a call that is sent again gets the same one.

A client that loses an answer sends its call again, and what it creates would be there twice. The SDKs send
one invocation id with every attempt of a call, so an attempt after one that has succeeded is told by it.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from typing import Any

Answer = tuple[str, list[tuple[str, str]], bytes]

KEPT = 500
LARGEST = 1 << 20
CHANGING = frozenset({"DELETE", "PATCH", "POST", "PUT"})
_AGAIN = re.compile(r"attempt=([2-9]|\d\d)")


def attempt(environ: dict[str, Any]) -> int:
    """Return which attempt of its call a request is: 1 unless its header says another."""
    found = _AGAIN.search(environ.get("HTTP_AMZ_SDK_REQUEST", ""))
    return int(found[1]) if found else 1


class Answers:
    """The last answers to changing calls that succeeded, by invocation id."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def earlier(self, environ: dict[str, Any]) -> Answer | None:
        """Return what an earlier attempt of this call was answered, if it succeeded and is still known."""
        if attempt(environ) == 1:
            return None
        with self._lock:
            return self._known.get(environ.get("HTTP_AMZ_SDK_INVOCATION_ID", ""))

    def keep(self, environ: dict[str, Any], answer: Answer) -> None:
        """Remember an answer, and forget the oldest."""
        line, _, body = answer
        invocation = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if not invocation or not line.startswith("2") or len(body) > LARGEST:
            return
        with self._lock:
            self._known[invocation] = answer
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
