"""Hold the tables against what the contract promises of their freshness: a job of each project that wants it.

A table is as fresh as the last run that brought it up to date, whether there was something to change or not:
the audit table tells. Nothing else is read. A table that is older than the contract's ``frequency`` (and
``latency``) fails the run, whose audit row and alarm tell which it is.

Source: https://bitol-io.github.io/open-data-contract-standard/v3.1.0/service-level-agreement/
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

from core import audit
from core.arguments import LakeArguments
from core.errors import ArgumentError, StaleError

if TYPE_CHECKING:
    from core.job import JobOf


@dataclasses.dataclass(frozen=True, kw_only=True)
class FreshnessArguments(LakeArguments):
    """What the job takes beside the common arguments.

    Attributes:
        due_at: the moment that the tables are judged at, which a schedule gives; now if it is empty.

    """

    due_at: str = ""

    @property
    def moment(self) -> datetime.datetime:
        """The moment that the tables are judged at."""
        if not self.due_at:
            return datetime.datetime.now(datetime.UTC)
        try:
            found = datetime.datetime.fromisoformat(self.due_at)
        except ValueError:
            found = datetime.datetime.min
        if found.tzinfo is None:
            raise ArgumentError(
                f"--due_at {self.due_at!r}: expected a time with its zone, 2026-11-28T04:30:00Z"
            )
        return found.astimezone(datetime.UTC)


def work(run: JobOf[FreshnessArguments]) -> None:
    """Log how old each table is of which the contract promises something.

    Raises:
        StaleError: tables are older than that; the message names each.

    """
    moment, latest, stale = run.arguments.moment, _latest(run), []
    for label, promised in sorted(run.contract.max_ages.items()):
        last = latest.get(label)
        run.log.write("freshness", table=label, last=last and _text(last), promised=str(promised))
        if last is None or moment - last > promised:
            since = (
                f"was brought up to date last at {_text(last)}" if last else "was never brought up to date"
            )
            stale.append(f"{label} {since}; expected within {promised} of {_text(moment)}")
    if stale:
        raise StaleError(". ".join(stale))


def _latest(run: JobOf[FreshnessArguments]) -> dict[str, datetime.datetime]:
    """Return when each table was brought up to date last, by the runs that succeeded."""
    from pyspark.sql import functions as sf

    runs = run.spark.table(run.arguments.refined(audit.table(run.arguments.project).name))
    labels = sf.explode(sf.json_object_keys(sf.get_json_object("details", "$.tables")))
    found = runs.where(sf.col("status") == "SUCCEEDED").select(labels.alias("label"), "ended_at")
    newest = found.groupBy("label").agg(sf.max("ended_at").alias("last")).collect()
    return {row["label"]: row["last"].replace(tzinfo=datetime.UTC) for row in newest}


def _text(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
