"""Start, watch and end the drivers of job runs."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Final

from meshtest.emulator.glue_runner.job_run import Job, JobRun
from meshtest.emulator.glue_runner.logs import delivered
from meshtest.emulator.glue_runner.preparation import JobError, Preparation, prepare
from meshtest.tools.toolchain import ToolMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from meshtest.emulator import Endpoint

# Is in a run's folder once its script has committed a bookmark: driver.py.
_BOOKMARK: Final = "bookmark"
_POLL_S: Final = 0.1
_TERM_GRACE_S: Final = 3.0

log = logging.getLogger(__name__)


class GlueRunner:
    """Runs jobs one thread and one process group each, at most ``parallel`` at once.

    Further runs wait in STARTING. ``acting_as`` gives each run an endpoint with its own credentials, for as
    long as it lasts. ``minute_s`` is the length of a minute of a job's timeout, in seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        parallel: int | None = None,
        *,
        acting_as: Callable[[Job], contextlib.AbstractContextManager[Endpoint]] | None = None,
        minute_s: float = 60,
    ) -> None:
        self._acting_as = acting_as or (lambda job: contextlib.nullcontext(endpoint))
        self._directory = endpoint.state_dir / "runs"
        self._minute_s = minute_s
        self._slots = threading.BoundedSemaphore(parallel or os.cpu_count() or 1)
        self._drivers: set[subprocess.Popen[bytes]] = set()
        self._is_shut_down = False

    def start(
        self,
        job: Job,
        on_retry: Callable[[JobRun], None] = lambda run: None,
        on_bookmark: Callable[[JobRun], None] = lambda run: None,
    ) -> JobRun:
        """Start a run and return it at once.

        ``on_retry`` gets each further attempt before it starts, ``on_bookmark`` each that has committed its
        bookmark, once its script has ended.
        """
        run = JobRun(job)
        self._launch(run, on_retry, on_bookmark)
        return run

    def shut_down(self) -> None:
        """End all drivers at once; their runs do not matter any more."""
        self._is_shut_down = True
        for driver in list(self._drivers):
            _signal(driver, signal.SIGKILL)

    def _launch(self, run: JobRun, *told: Callable[[JobRun], None]) -> None:
        threading.Thread(target=self._execute, args=(run, *told), name=run.id, daemon=True).start()

    def _execute(
        self, run: JobRun, on_retry: Callable[[JobRun], None], on_bookmark: Callable[[JobRun], None]
    ) -> None:
        state, message = "STOPPED", None
        with self._slot(run) as has_slot:
            if has_slot:
                state, message = self._outcome(run)
        if (self._directory / run.id / _BOOKMARK).exists():
            on_bookmark(run)
        run.end(state, message)
        log.info("job run %s of %s: %s %s", run.id, run.job.name, state, message or "")
        if state == "FAILED" and run.attempt < run.job.max_retries and not self._is_shut_down:
            attempt = run.next_attempt()
            on_retry(attempt)
            self._launch(attempt, on_retry, on_bookmark)

    @contextlib.contextmanager
    def _slot(self, run: JobRun) -> Iterator[bool]:
        """Wait for a free slot; False if the run is stopped before it gets one."""
        while not run.stop_requested.is_set():
            if self._slots.acquire(timeout=_POLL_S):
                try:
                    yield True
                finally:
                    self._slots.release()
                return
        yield False

    def _outcome(self, run: JobRun) -> tuple[str, str | None]:
        directory = self._directory / run.id
        try:
            directory.mkdir(parents=True)
            with self._acting_as(run.job) as endpoint:
                return self._drive(run, prepare(run, endpoint, directory), endpoint)
        except (JobError, ToolMissing) as error:
            return "FAILED", str(error)
        except Exception as error:
            log.exception("job run %s", run.id)
            return "FAILED", f"internal error of the emulator: {type(error).__name__}: {error}"

    def _drive(self, run: JobRun, preparation: Preparation, endpoint: Endpoint) -> tuple[str, str | None]:
        run.begin()
        preparation.stderr.write_text("".join(f"{note}\n" for note in preparation.notes), encoding="utf-8")
        preparation.stdout.touch()
        try:
            with (
                delivered(endpoint, run.job.log_group, run.id, preparation.stdout, preparation.stderr),
                self._driver(preparation) as driver,
            ):
                return self._watch(run, driver, preparation)
        finally:
            shutil.rmtree(preparation.scratch, ignore_errors=True)

    @contextlib.contextmanager
    def _driver(self, preparation: Preparation) -> Iterator[subprocess.Popen[bytes]]:
        """Have a driver in a process group of its own, and nothing left of the group afterwards."""
        # The driver holds the read end: it sees the end of file however this process ends.
        read_end, write_end = os.pipe()
        try:
            with preparation.stdout.open("ab") as stdout, preparation.stderr.open("ab") as stderr:
                driver = subprocess.Popen(
                    preparation.command(read_end),
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=preparation.directory / "work",
                    env=dict(preparation.environment),
                    pass_fds=(read_end,),
                    start_new_session=True,
                )
        except BaseException:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        self._drivers.add(driver)
        try:
            yield driver
        finally:
            _signal(driver, signal.SIGKILL)
            driver.wait()
            self._drivers.discard(driver)
            os.close(write_end)

    def _watch(
        self, run: JobRun, driver: subprocess.Popen[bytes], preparation: Preparation
    ) -> tuple[str, str | None]:
        deadline = time.monotonic() + run.job.timeout_min * self._minute_s
        while driver.poll() is None:
            if run.stop_requested.wait(_POLL_S):
                _end(driver)
                return "STOPPED", None
            if time.monotonic() > deadline:
                _end(driver)
                return "TIMEOUT", f"the run took longer than its timeout of {run.job.timeout_min} min"
        if driver.returncode == 0:
            return "SUCCEEDED", None
        return "FAILED", _reason(driver.returncode, preparation.error)


def _reason(status: int, error_file: Path) -> str:
    """Say why a driver failed: in its own words, or by how its process ended."""
    if error_file.exists():
        return error_file.read_text(encoding="utf-8")
    if status < 0:
        name = signal.Signals(-status).name
        return f"Command failed with exit code {128 - status}: the driver was killed by {name}"
    return f"Command failed with exit code {status}"


def _end(driver: subprocess.Popen[bytes]) -> None:
    """Ask the group to end and insist after a while, so that Spark can drop its temporary files."""
    _signal(driver, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        driver.wait(_TERM_GRACE_S)


def _signal(driver: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a driver's whole group; a group outlives its leader for as long as a member lives."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(driver.pid, number)
