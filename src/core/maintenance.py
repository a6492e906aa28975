"""Upkeep of Iceberg tables where Glue's table optimizers are not there: the container, another catalog.

Source: https://iceberg.apache.org/docs/1.10.0/spark-procedures/
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A writer's files are orphans until its commit: the age must outlast the longest job.
MIN_ORPHAN_DAYS = 3


def compact(spark: SparkSession, table: str, *, everything: bool = False) -> int:
    """Join small data files to large ones; returns how many were rewritten.

    Args:
        spark: the session.
        table: its full name, the catalog first.
        everything: rewrite all files, as after a change of partitioning.

    """
    options = "map('rewrite-all', 'true')" if everything else "map('min-input-files', '2')"
    return _call(spark, table, "rewrite_data_files", f"options => {options}", "rewritten_data_files_count")


def rewrite_manifests(spark: SparkSession, table: str) -> int:
    """Join small manifests, so that planning reads fewer; returns how many were rewritten."""
    return _call(spark, table, "rewrite_manifests", "use_caching => false", "rewritten_manifests_count")


def expire_snapshots(spark: SparkSession, table: str, *, days: int = 5, keep: int = 1) -> int:
    """Drop old snapshots, but the last ``keep`` and the tagged ones; returns how many data files went."""
    arguments = f"older_than => {_moment(days)}, retain_last => {keep}"
    return _call(spark, table, "expire_snapshots", arguments, "deleted_data_files_count")


def remove_orphans(spark: SparkSession, table: str, *, days: int = MIN_ORPHAN_DAYS) -> int:
    """Delete files below the table's location that no snapshot knows; returns how many.

    Raises:
        ValueError: fewer than `MIN_ORPHAN_DAYS` days, which might be a running job's files.

    """
    if days < MIN_ORPHAN_DAYS:
        raise ValueError(
            f"days={days}: expected at least {MIN_ORPHAN_DAYS}, or a running job loses its files"
        )
    catalog, name = table.split(".", 1)
    found = spark.sql(
        f"CALL {catalog}.system.remove_orphan_files(table => '{name}', older_than => {_moment(days)})"
    )
    return found.count()


def _call(spark: SparkSession, table: str, procedure: str, arguments: str, result: str) -> int:
    catalog, name = table.split(".", 1)
    called = spark.sql(f"CALL {catalog}.system.{procedure}(table => '{name}', {arguments})")
    row = called.agg(sf.sum(result)).first()
    return int(row[0] or 0) if row else 0


def _moment(days: int) -> str:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'"
