"""The audit table: one row for each run of a project's jobs, in ``refined.<project>_job_runs``.

Its definition is ``infrastructure/projects/job_runs.json``, which Terraform makes the table from.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

import core
from core.contract import Column, Table, spark_type

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from core.arguments import LakeArguments


@dataclass
class Counts:
    """What a run did: rows checked, and rows changed by table."""

    rows_in: int | None = None
    rows_rejected: int | None = None
    tables: dict[str, dict[str, int]] = field(default_factory=dict)

    def changed(self, kind: str) -> int:
        """Return the rows inserted, updated or deleted in all tables together."""
        return sum(changes.get(kind, 0) for changes in self.tables.values())


def table(project: str) -> Table:
    """Return the definition of a project's audit table."""
    described = json.loads(resources.files("core").joinpath("job_runs.json").read_text(encoding="utf-8"))
    columns = tuple(Column(each["name"], each["type"]) for each in described["columns"])
    return Table("refined", f"{project}_job_runs", columns, partitioning=tuple(described["partitioning"]))


def record(
    spark: SparkSession,
    arguments: LakeArguments,
    counts: Counts,
    *,
    started: datetime.datetime,
    seconds: float,
    stages: dict[str, float],
    message: str | None,
) -> None:
    """Add the run's row; a run that is recorded already is left as it is."""
    from pyspark.sql import functions as sf

    from core import iceberg

    definition = table(arguments.project)
    name = arguments.refined(definition.name)
    iceberg.align(spark, name, definition, arguments.project)
    accepted = None if counts.rows_in is None else counts.rows_in - (counts.rows_rejected or 0)
    values = {
        "run_id": arguments.job_run_id,
        "job": arguments.job_name,
        "project": arguments.project,
        "env": arguments.env,
        "started_at": started.isoformat(),
        "ended_at": (started + datetime.timedelta(seconds=seconds)).isoformat(),
        "seconds": round(seconds, 3),
        "status": "SUCCEEDED" if message is None else "FAILED",
        "message": message,
        "rows_in": counts.rows_in,
        "rows_accepted": accepted,
        "rows_rejected": counts.rows_rejected,
        "rows_inserted": counts.changed("inserted"),
        "rows_updated": counts.changed("updated"),
        "rows_deleted": counts.changed("deleted"),
        "details": json.dumps({"tables": counts.tables, "stages": stages}, sort_keys=True),
        "core_version": core.version(),
    }
    # Literals, not createDataFrame: that would start a Python worker for one row.
    row = spark.range(1).select(
        *(
            sf.lit(values[column]).cast(spark_type(kind)).alias(column)
            for column, kind in definition.types.items()
        )
    )
    iceberg.append_once(name, row, arguments.job_run_id)
