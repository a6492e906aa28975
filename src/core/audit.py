"""The audit table: one row for each run of a project's jobs, in ``refined.<project>_job_runs``.

The row is written when the run starts, and closed when it ends. A run that was killed closes nothing: the
next run of its job closes the row as lost.

The table's definition is ``infrastructure/projects/job_runs.json``, which Terraform makes the table from.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import core
from core.contract import Column, Table, spark_type

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from core.arguments import LakeArguments

RUNNING: Final = "RUNNING"
LOST: Final = "LOST"


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


def begin(spark: SparkSession, arguments: LakeArguments, started: datetime.datetime) -> None:
    """Add the run's row, and close those that earlier runs of the job left open.

    A job of which several may run at a time can take one for lost that still works: its own end corrects it.
    """
    from pyspark.sql import functions as sf

    from core import iceberg

    definition = table(arguments.project)
    name = arguments.refined(definition.name)
    iceberg.align(spark, name, definition, arguments.project)
    mine, open_ones = sf.col("job") == arguments.job_name, sf.col("status") == RUNNING
    others = sf.col("run_id") != arguments.job_run_id
    for lost in spark.table(name).where(mine & open_ones & others).select("run_id").collect():
        iceberg.retried(spark, name, partial(_close_as_lost, spark, name, lost.run_id))
    row = _row(spark, definition, _values(arguments, started) | {"status": RUNNING})
    iceberg.append_once(name, row, arguments.job_run_id)


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
    """Close the run's row, or add it if it is not there; one that is closed already is left as it is."""
    from core import iceberg

    definition = table(arguments.project)
    name = arguments.refined(definition.name)
    accepted = None if counts.rows_in is None else counts.rows_in - (counts.rows_rejected or 0)
    values = _values(arguments, started) | {
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
    }
    row = _row(spark, definition, values)
    iceberg.retried(spark, name, partial(_close, spark, name, row))


def _values(arguments: LakeArguments, started: datetime.datetime) -> dict[str, Any]:
    """Return what is known of a run when it starts."""
    return {
        "run_id": arguments.job_run_id,
        "job": arguments.job_name,
        "project": arguments.project,
        "env": arguments.env,
        "started_at": started.isoformat(),
        "core_version": core.version(),
    }


def _row(spark: SparkSession, definition: Table, values: dict[str, Any]) -> DataFrame:
    """Return a row of the table; a column without a value is null."""
    from pyspark.sql import functions as sf

    # Literals, not createDataFrame: that would start a Python worker for one row.
    return spark.range(1).select(
        *(
            sf.lit(values.get(column)).cast(spark_type(kind)).alias(column)
            for column, kind in definition.types.items()
        )
    )


def _close(spark: SparkSession, name: str, row: DataFrame) -> None:
    """Write a run's end into its row."""
    spark.sql(
        f"""
        MERGE INTO {name} t USING {{row}} s ON t.run_id = s.run_id
        WHEN MATCHED AND t.status IN ('{RUNNING}', '{LOST}') THEN UPDATE SET *
        WHEN NOT MATCHED THEN INSERT *
        """,
        row=row,
    )


def _close_as_lost(spark: SparkSession, name: str, run_id: str) -> None:
    """Say of a run that nobody knows how it ended."""
    from pyspark.sql import functions as sf

    message = f"the run ended without closing its row: killed, stopped or timed out; Glue knows of {run_id}"
    spark.sql(
        f"""
        MERGE INTO {name} t USING {{lost}} s ON t.run_id = s.run_id AND t.status = '{RUNNING}'
        WHEN MATCHED THEN UPDATE SET t.status = '{LOST}', t.message = s.message
        """,
        lost=spark.range(1).select(sf.lit(run_id).alias("run_id"), sf.lit(message).alias("message")),
    )
