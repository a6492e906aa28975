"""Structured logs of a job: one JSON object a line on standard output, which Glue puts into CloudWatch."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass
class JobLog:
    """Writes lines that carry the job, its run and the stage it is in."""

    job: str
    run: str
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    stages: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def write(self, message: str, **fields: object) -> None:
        """Write one line; ``fields`` are added as they are (counts, names, seconds)."""
        self._write("INFO", message, fields)

    def failure(self, message: str, **fields: object) -> None:
        """Write one line about a failure."""
        self._write("ERROR", message, fields)

    def _write(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "job": self.job,
            "run": self.run,
            "stage": "/".join(self.stages) or None,
            "message": message,
            **fields,
        }
        print(json.dumps(line, default=str), file=self.stream, flush=True)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Mark every line written inside as belonging to the stage, and write how long it took."""
        started = time.monotonic()
        self.stages.append(name)
        try:
            yield
            seconds = round(time.monotonic() - started, 3)
            self.seconds["/".join(self.stages)] = seconds
            self.write("stage ended", seconds=seconds)
        finally:
            self.stages.pop()
