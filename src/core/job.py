"""The frame of every job: arguments, session, log, and one clear message with a non-zero exit on failure."""

from __future__ import annotations

import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import arguments, session
from core.arguments import LakeArguments
from core.errors import JobError
from core.log import JobLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Job:
    """What the work of a job gets."""

    arguments: LakeArguments
    log: JobLog
    spark: SparkSession


def run(work: Callable[[Job], None], argv: Sequence[str] | None = None) -> None:
    """Resolve the arguments, build the session, do the work.

    Args:
        work: the job itself; raises `JobError` for what the operator can put right.
        argv: the command line, ``sys.argv`` by default.

    Raises:
        SystemExit: the run failed. It carries the message in one line, so that the process ends with
            status 1, the line is on standard error, and Glue shows it as the run's error message.

    """
    words = sys.argv if argv is None else argv
    try:
        resolved = arguments.resolve(words, LakeArguments)
    except JobError as error:
        raise SystemExit(_in_one_line(error)) from None
    log = JobLog(resolved.job_name, resolved.job_run_id)
    try:
        _run(work, resolved, log)
    except Exception as error:
        message = _in_one_line(error)
        # What the operator can put right is said in the message; anything else needs the stack.
        stack = {} if isinstance(error, JobError) else {"traceback": traceback.format_exc()}
        log.failure("job failed", error=message, **stack)
        raise SystemExit(message) from None


def _run(work: Callable[[Job], None], resolved: LakeArguments, log: JobLog) -> None:
    started = time.monotonic()
    spark = session.build(resolved.job_name)
    log.write("job started", spark=spark.version, env=resolved.env, project=resolved.project)
    try:
        work(Job(resolved, log, spark))
    finally:
        spark.stop()
    log.write("job ended", seconds=round(time.monotonic() - started, 3))


def _in_one_line(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return first if isinstance(error, JobError) else f"{type(error).__name__}: {first}"
