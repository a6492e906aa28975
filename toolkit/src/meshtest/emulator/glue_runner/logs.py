"""Deliver what a driver prints to CloudWatch Logs while it runs."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meshtest.emulator import Endpoint

INTERVAL_S: Final = 0.5
# PutLogEvents takes 1 MiB a call with 26 bytes of overhead an event, and 256 KiB an event:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_EVENTS_A_CALL: Final = 1000
_EVENT_CHARACTERS: Final = 1000

log = logging.getLogger(__name__)


@contextlib.contextmanager
def delivered(endpoint: Endpoint, group: str, stream: str, stdout: Path, stderr: Path) -> Iterator[None]:
    """Ship two growing files to log groups below ``group``; all of them is there when the block ends."""
    client = endpoint.client("logs")
    tails = [
        _Tail(client, f"{group}/output", stream, stdout),
        _Tail(client, f"{group}/error", stream, stderr),
    ]
    finished = threading.Event()

    def follow() -> None:
        while not finished.wait(INTERVAL_S):
            _ship(tails)

    thread = threading.Thread(target=follow, name=f"logs-{stream}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
        _ship(tails, everything=True)


def _ship(tails: list[_Tail], *, everything: bool = False) -> None:
    """Ship what is new. Logs are a service of the run: that they cannot be written must not fail it."""
    for tail in tails:
        try:
            tail.ship(everything=everything)
        except (BotoCoreError, ClientError, OSError) as error:
            log.warning("%s/%s: %s", tail.group, tail.stream, error)


class _Tail:
    """The part of one file that has not been shipped yet."""

    def __init__(self, client: Any, group: str, stream: str, path: Path) -> None:
        self.group, self.stream = group, stream
        self._client, self._path = client, path
        self._offset = 0
        self._rest = b""
        self._is_created = False

    def ship(self, *, everything: bool) -> None:
        """Ship the complete lines since the last call, and with ``everything`` also an unfinished one."""
        self._create()
        events = [
            {"timestamp": int(1000 * time.time()), "message": text} for text in self._messages(everything)
        ]
        for start in range(0, len(events), _EVENTS_A_CALL):
            self._client.put_log_events(
                logGroupName=self.group,
                logStreamName=self.stream,
                logEvents=events[start : start + _EVENTS_A_CALL],
            )

    def _messages(self, everything: bool) -> Iterator[str]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        if everything and self._rest:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            for start in range(0, len(text), _EVENT_CHARACTERS):
                yield text[start : start + _EVENT_CHARACTERS]

    def _create(self) -> None:
        """Make the group and the stream, as Glue does; Terraform may have made the group before."""
        if self._is_created:
            return
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=self.group)
        with contextlib.suppress(exists):
            self._client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
        self._is_created = True
