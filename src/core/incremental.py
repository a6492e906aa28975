"""Read what is new: a table remembers, with its own snapshots, what it was made from.

A *watermark* is a small dictionary in a snapshot's summary: which input partitions, or which snapshot of an
input table, the rows up to there came from. It is looked up by parentage, so that it goes back with a
rollback and is found behind a compaction. If it has expired, everything is read again: that costs time and
changes nothing, because every write is a merge.

It is committed after the rows, in a commit without rows: a run that dies in between reads the same input
again and finds nothing to change.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as sf

from core import iceberg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyspark.sql import SparkSession

    from core.catalog import Partition

PROPERTY = "core.watermark"
# Enough of a folder's name, which ends with a random number, to tell two writes of a partition apart.
_MARK = 12


# ─── Watermark ───


def watermark(spark: SparkSession, table: str) -> dict[str, Any]:
    """Return what the table was made from, empty if that is not known."""
    for _, summary in iceberg.ancestors(spark, table):
        if PROPERTY in summary:
            found: dict[str, Any] = json.loads(summary[PROPERTY])
            return found
    return {}


def set_watermark(spark: SparkSession, table: str, value: Mapping[str, Any], run_id: str) -> None:
    """Commit a watermark, unless it is the one that is there."""
    if watermark(spark, table) == value:
        return
    nothing = spark.table(table).limit(0)
    written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    iceberg.append(table, nothing, {PROPERTY: written, iceberg.RUN_ID: run_id})


# ─── Partitions of a Hive table ───


def marks(partitions: Iterable[Partition]) -> dict[str, str]:
    """Return a mark for each partition that changes when it is written again."""
    return {"/".join(partition.values): partition.location[-_MARK:] for partition in partitions}


def unread(partitions: Sequence[Partition], seen: Mapping[str, str]) -> list[Partition]:
    """Return the partitions that are new, or were written again, since ``seen``. No clock is asked."""
    return [
        partition
        for partition, (value, mark) in zip(partitions, marks(partitions).items(), strict=True)
        if seen.get(value) != mark
    ]


# ─── Partitions of an Iceberg table ───


def changed_partitions(spark: SparkSession, table: str, since: int | None) -> list[Any] | None:
    """Return the values of the first partition field in which files came or went since a snapshot.

    Returns:
        None if that is not known: no snapshot given, or one that the table does not come from (any more).

    """
    newer: list[int] = []
    for snapshot, summary in iceberg.ancestors(spark, table):
        if snapshot == since:
            break
        if iceberg.changes_rows(summary):
            newer.append(snapshot)
    else:
        return None
    if not newer:
        return []
    entries = spark.table(f"{table}.all_entries")
    changed = entries.where(sf.col("snapshot_id").isin(newer) & sf.col("status").isin(1, 2))
    first = entries.select("data_file.partition.*").columns[0]
    rows = changed.select(sf.col(f"data_file.partition.{first}")).distinct().collect()
    return sorted(row[0] for row in rows)
