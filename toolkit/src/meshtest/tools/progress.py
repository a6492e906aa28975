"""Show long work as it goes: a live line a stage on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

# In a log, a stage reports its details at most this often, in seconds.
LOG_INTERVAL = 10.0


class Stages:
    """Named stages that may run side by side; `seconds` holds the duration of each ended one."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._display = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<26}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._display.stop()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time the block as a stage; the value is a function that shows what it is doing now."""
        task = self._display.add_task(name, total=1, detail="")
        started = time.monotonic()
        self._log(name, "started")
        last = started

        def show(detail: str) -> None:
            nonlocal last
            self._display.update(task, detail=detail)
            if time.monotonic() - last >= LOG_INTERVAL:
                last = time.monotonic()
                self._log(name, detail)

        outcome = "failed"
        try:
            yield show
            outcome = "done"
        finally:
            seconds = time.monotonic() - started
            with self._lock:
                self.seconds[name] = round(seconds, 1)
            self._display.update(task, completed=1, detail=outcome)
            self._log(name, f"{outcome} in {seconds:.1f} s")

    def _log(self, name: str, text: str) -> None:
        if not self.console.is_terminal:
            self.console.print(
                f"[{time.monotonic() - self._started:6.1f}s] {name}: {text}", markup=False, soft_wrap=True
            )
