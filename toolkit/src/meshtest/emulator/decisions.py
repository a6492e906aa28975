"""Record every decision about a user or a role's session: who asked for what, and which statement decided.

One line of JSON for each decision that differs, in ``decisions.jsonl`` of the emulator's folder.
"""

from __future__ import annotations

import functools
import json
import threading
from pathlib import Path
from typing import Any

from meshtest.emulator.authorization import Verdict
from meshtest.emulator.policy import Request

# What differs from one call to the next and decides nothing here.
_PASSING = frozenset(
    {"aws:CurrentTime", "aws:EpochTime", "aws:UserAgent", "s3:signatureAge", "s3:x-amz-content-sha256"}
)


def file_of(state_dir: Path) -> Path:
    """Return the file that an emulator records its decisions in."""
    return state_dir / "decisions.jsonl"


def read(state_dir: Path) -> list[dict[str, Any]]:
    """Return the decisions of an emulator that runs or has run in a folder."""
    file = file_of(state_dir)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Record:
    """The decisions of one emulator."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: set[tuple[Any, ...]] = set()
        self._lock = threading.Lock()

    def add(self, request: Request, verdict: Verdict) -> None:
        """Note a decision, unless it is known."""
        who = request.principal.role or request.principal.arn
        decision = (who, request.action, request.resource, verdict)
        with self._lock:
            if decision in self._known:
                return
            self._known.add(decision)
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(_described(str(who), request, verdict)) + "\n")


@functools.cache
def record() -> Record:
    """Return the record of the emulator that this process is."""
    from meshtest.emulator import server

    file = file_of(server.current_endpoint().state_dir)
    file.unlink(missing_ok=True)
    return Record(file)


def _described(who: str, request: Request, verdict: Verdict) -> dict[str, Any]:
    context = {key: value for key, value in sorted(request.context.items()) if key not in _PASSING}
    return {
        "principal": who,
        "action": request.action,
        "resource": request.resource,
        "allowed": verdict.is_allowed,
        "reason": verdict.reason,
        "statements": [[each.kind, each.policy, each.sid] for each in verdict.statements],
        "context": context,
    }
