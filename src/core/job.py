"""The frame of every job: arguments, contract, session, log, audit; one clear message and a non-zero exit."""

from __future__ import annotations

import contextlib
import datetime
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import core
from core import arguments, audit, contract, session
from core.arguments import LakeArguments
from core.errors import JobError
from core.log import JobLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from core.contract import Contract

Declared = TypeVar("Declared", bound=LakeArguments)


@dataclass(frozen=True)
class JobOf(Generic[Declared]):
    """What the work of a job gets; its arguments are those that the job declares."""

    arguments: Declared
    log: JobLog
    spark: SparkSession
    contract: Contract
    counts: audit.Counts = field(default_factory=audit.Counts)

    def check(self, layer: str, table: str, rows_in: int, rejects: DataFrame, **parts: int) -> None:
        """Hold the counts of a check against each other and against the contract; log and audit them.

        Args:
            layer: the layer of the table that the rows are meant for.
            table: its name.
            rows_in: rows that went into the check, counted before it.
            rejects: the rejected rows, with their reasons.
            parts: what became of the rows, by name; ``rejected`` is one of them.

        Raises:
            InvariantError: rows are lost or doubled.
            QualityError: more are rejected than the contract allows.

        """
        from core import quality

        agreed = self.contract.table(layer, table)
        self.counts.rows_in, self.counts.rows_rejected = rows_in, parts["rejected"]
        self.log.write("rows sorted", table=agreed.label, rows_in=rows_in, **parts)
        quality.require_conserved(agreed.label, rows_in, **parts)
        quality.require_within(agreed, rows_in, rejects, parts["rejected"])

    def align(self, layer: str, table: str) -> None:
        """Bring a table in the catalog to its contract, as far as nothing can be lost by it."""
        from core import iceberg

        name, agreed = self.arguments.table(layer, table), self.contract.table(layer, table)
        iceberg.align(self.spark, name, agreed, self.arguments.project)

    def merge(self, layer: str, table: str, source: DataFrame, **options: Any) -> None:
        """Bring a table up to date by the keys of its contract, and tag it with the run's id if it changed.

        ``options`` are those of `iceberg.merge`.

        Raises:
            QualityError: the table has another number of rows now than its contract says.

        """
        from core import iceberg, quality

        agreed, name = self.contract.table(layer, table), self.arguments.table(layer, table)
        self.align(layer, table)
        changes = iceberg.merge(name, source, agreed.keys, **options)
        if any(vars(changes).values()):
            iceberg.tag(self.spark, name, self.arguments.job_run_id)
        self.counts.tables[agreed.label] = dict(vars(changes))
        self.log.write("merged", table=name, **vars(changes))
        if agreed.row_count:
            quality.require_row_count(agreed, self.spark.table(name).count())


# One without arguments of its own.
Job = JobOf[LakeArguments]


def run(
    work: Callable[[JobOf[Declared]], None],
    argv: Sequence[str] | None = None,
    declared: type[Declared] = LakeArguments,  # type: ignore[assignment]  # of a job without its own
) -> None:
    """Resolve the arguments, build the session, do the work, record it in the audit table.

    Args:
        work: the job itself; raises `JobError` for what the operator can put right.
        argv: the command line, ``sys.argv`` by default.
        declared: the job's arguments: a dataclass derived from `LakeArguments`, with fields of its own.

    Raises:
        SystemExit: the run failed. It carries the message in one line, so that the process ends with
            status 1, the line is on standard error, and Glue shows it as the run's error message.

    """
    words = sys.argv if argv is None else argv
    try:
        resolved = arguments.resolve(words, declared)
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


def _run(work: Callable[[JobOf[Declared]], None], resolved: Declared, log: JobLog) -> None:
    agreed = contract.load(resolved.project)
    spark = session.build(resolved.job_name)
    log.write(
        "job started", core=core.version(), spark=spark.version, env=resolved.env, project=resolved.project
    )
    try:
        execute(work, JobOf(resolved, log, spark, agreed))
    except Exception:
        with contextlib.suppress(Exception):  # Spark may be what died; the message is that of the work
            spark.stop()
        raise
    spark.stop()


def execute(work: Callable[[JobOf[Declared]], None], job: JobOf[Declared]) -> None:
    """Do the work in a session that is there, and record the run, however it ends."""
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    audit.begin(job.spark, job.arguments, started)
    try:
        work(job)
    except Exception as error:
        _record(job, started, clock, _in_one_line(error))
        raise
    _record(job, started, clock, None)
    job.log.write("job ended", seconds=round(time.monotonic() - clock, 3))


def _record(job: JobOf[Any], started: datetime.datetime, clock: float, message: str | None) -> None:
    """Write the audit row. A run that failed must fail with its own error, not with that of the audit."""
    try:
        audit.record(
            job.spark,
            job.arguments,
            job.counts,
            started=started,
            seconds=time.monotonic() - clock,
            stages=job.log.seconds,
            message=message,
        )
    except Exception as error:
        job.log.failure("the run is not in the audit table", error=_in_one_line(error))
        if message is None:
            raise


def _in_one_line(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return first if isinstance(error, JobError) else f"{type(error).__name__}: {first}"
