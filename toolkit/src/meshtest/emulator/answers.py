"""Answers to calls that change something, kept for a while: a call that is sent again gets the same one.

A client that loses an answer sends its call again, and what it creates would be there twice. The SDKs send
one invocation id with every attempt of a call, so an attempt after one that has succeeded is told by it. What
comes with a known id but another method, address or scheme is no attempt of that call, and is judged anew.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from typing import Any

Answer = tuple[str, list[tuple[str, str]], bytes]
Call = tuple[str, ...]

KEPT = 500
LARGEST = 1 << 20
CHANGING = frozenset({"DELETE", "PATCH", "POST", "PUT"})
_SAME = ("REQUEST_METHOD", "wsgi.url_scheme", "HTTP_HOST", "RAW_URI", "HTTP_X_AMZ_TARGET")
_AGAIN = re.compile(r"attempt=([2-9]|\d\d)")


def attempt(environ: dict[str, Any]) -> int:
    """Return which attempt of its call a request is: 1 unless its header says another."""
    found = _AGAIN.search(environ.get("HTTP_AMZ_SDK_REQUEST", ""))
    return int(found[1]) if found else 1


def _call(environ: dict[str, Any]) -> Call | None:
    """What the attempts of one call have in common; None if the client does not number them."""
    if invocation := environ.get("HTTP_AMZ_SDK_INVOCATION_ID"):
        return invocation, *(environ.get(name, "") for name in _SAME)
    return None


class Answers:
    """The last answers to changing calls that succeeded."""

    def __init__(self) -> None:
        self._known: OrderedDict[Call, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def earlier(self, environ: dict[str, Any]) -> Answer | None:
        """Return what an earlier attempt of this call was answered, if it succeeded and is still known."""
        call = _call(environ)
        if call is None or attempt(environ) == 1:
            return None
        with self._lock:
            return self._known.get(call)

    def keep(self, environ: dict[str, Any], answer: Answer) -> None:
        """Remember an answer, and forget the oldest."""
        line, _, body = answer
        call = _call(environ)
        if call is None or not line.startswith("2") or len(body) > LARGEST:
            return
        with self._lock:
            self._known[call] = answer
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
