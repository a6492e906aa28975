"""Write Iceberg tables so that a run that is repeated changes nothing.

The tables are created by Terraform; a write takes a table's schema from the catalog.
Source: https://iceberg.apache.org/docs/1.10.0/spark-writes/
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from core.errors import CatalogError, InvariantError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql.types import StructType

_OPERATION = "_operation"


@dataclass(frozen=True)
class Changes:
    """Rows that a merge wrote."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


# ─── Write ───


def merge(
    table: str,
    source: DataFrame,
    keys: Sequence[str],
    *,
    ignore: Sequence[str] = (),
    version: str | None = None,
    delete_missing: bool = False,
    deleted: DataFrame | None = None,
) -> Changes:
    """Bring a table up to date with the source, by key; commit only if a row really changes.

    The changes are worked out first, so that MERGE rewrites only the files that hold one, and a second
    run with the same source makes no snapshot at all.

    Args:
        table: its full name, the catalog first.
        source: rows with exactly the table's columns; each key once and never null. It is read twice if
            there are changes: persist what is costly to compute.
        keys: the columns that identify a row.
        ignore: columns that make no change by themselves (the time of ingestion, say).
        version: a column that only grows; a row whose version is older than the table's is left out.
        delete_missing: rows whose key is not in the source are deleted: the source is the whole table.
        deleted: keys to delete; none of them may be in the source.

    Raises:
        CatalogError: the source's columns are not the table's.
        InvariantError: a key is null or not unique.

    """
    spark = source.sparkSession
    target = spark.table(table)
    source = _conformed(table, source, target.schema)
    changes = _changes(source, target, keys, ignore, version, delete_missing)
    if deleted is not None:
        changes = changes.unionByName(_deletions(target, deleted, keys), allowMissingColumns=True)
    changes = changes.persist()
    try:
        counts = {row[0]: row[1] for row in changes.groupBy(_OPERATION).count().collect()}
        if counts:
            # Not before: a key that is null, or that is there twice with different values, is a change.
            _require_keys(table, source, keys)
            _merge(spark, table, changes, keys, target.columns)
    finally:
        changes.unpersist()
    return Changes(counts.get("insert", 0), counts.get("update", 0), counts.get("delete", 0))


def _changes(
    source: DataFrame,
    target: DataFrame,
    keys: Sequence[str],
    ignore: Sequence[str],
    version: str | None,
    delete_missing: bool,
) -> DataFrame:
    """Return the source's rows that differ from the target's, each with what has to be done."""
    new, old = source.withColumn("_new", sf.lit(1)), target.withColumn("_old", sf.lit(1))
    compared = [name for name in target.columns if name not in {*keys, *ignore}]
    same = [new[name].eqNullSafe(old[name]) for name in compared]
    differs = ~reduce(operator.and_, same, sf.lit(True))
    if version is not None:
        differs = differs & (new[version] >= old[version])
    operation = (
        sf.when(old["_old"].isNull(), "insert").when(new["_new"].isNull(), "delete").when(differs, "update")
    )
    on = reduce(operator.and_, (new[key] == old[key] for key in keys))
    joined = new.join(old, on, "full" if delete_missing else "left")
    columns = [
        sf.coalesce(new[name], old[name]).alias(name) if name in keys else new[name]
        for name in target.columns
    ]
    return joined.select(*columns, operation.alias(_OPERATION)).where(sf.col(_OPERATION).isNotNull())


def _deletions(target: DataFrame, deleted: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return the keys to delete that the target really holds."""
    return (
        target.select(*keys).join(deleted, list(keys), "left_semi").withColumn(_OPERATION, sf.lit("delete"))
    )


def _merge(
    spark: SparkSession, table: str, changes: DataFrame, keys: Sequence[str], columns: Sequence[str]
) -> None:
    on = " AND ".join(f"t.`{key}` = s.`{key}`" for key in keys)
    updates = ", ".join(f"t.`{name}` = s.`{name}`" for name in columns if name not in keys)
    names = ", ".join(f"`{name}`" for name in columns)
    values = ", ".join(f"s.`{name}`" for name in columns)
    # Whether to insert or to update is decided again by MERGE itself: another writer may have been faster.
    matched = f"WHEN MATCHED THEN UPDATE SET {updates}" if updates else ""
    spark.sql(
        f"""
        MERGE INTO {table} t USING {{changes}} s ON {on}
        WHEN MATCHED AND s.{_OPERATION} = 'delete' THEN DELETE
        {matched}
        WHEN NOT MATCHED AND s.{_OPERATION} <> 'delete' THEN INSERT ({names}) VALUES ({values})
        """,  # noqa: S608 - names come from the code and the catalog, values from the frame
        changes=changes,
    )


# ─── Partitioning ───


def ensure_partitioning(spark: SparkSession, table: str, *fields: str) -> None:
    """Partition a table that Terraform created and nothing has been written to; leave any other alone.

    Terraform's Glue table has no way to say how an Iceberg table is partitioned. Once there are rows, a
    change of partitioning is a decision with costs, not something that a job does in passing.

    Args:
        spark: the session.
        table: its full name, the catalog first.
        fields: Iceberg partition transforms, such as ``months(payment_date)``.

    """
    if _is_partitioned(spark, table) or has_snapshot(spark, table):
        return
    for field in fields:
        spark.sql(f"ALTER TABLE {table} ADD PARTITION FIELD {field}")


def has_snapshot(spark: SparkSession, table: str) -> bool:
    """Tell whether anything was ever committed to the table."""
    return not spark.table(f"{table}.snapshots").isEmpty()


def _is_partitioned(spark: SparkSession, table: str) -> bool:
    # The table's own metadata table of partitions shows none before the first snapshot.
    described = spark.sql(f"DESCRIBE TABLE {table}").where("col_name = '# Partitioning'").head()
    return described is not None


# ─── Checks ───


def _conformed(table: str, source: DataFrame, schema: StructType) -> DataFrame:
    """Select the table's columns in its order, in its types."""
    missing = [field.name for field in schema if field.name not in source.columns]
    unknown = [name for name in source.columns if name not in schema.names]
    if missing or unknown:
        raise CatalogError(
            f"table {table}: missing columns {missing}, unknown columns {unknown}; expected {schema.names}"
        )
    return source.select(*(sf.col(field.name).cast(field.dataType) for field in schema))


def _require_keys(table: str, source: DataFrame, keys: Sequence[str]) -> None:
    null = reduce(operator.or_, (sf.col(key).isNull() for key in keys))
    bad = source.groupBy(*keys).count().where(null | (sf.col("count") > 1)).head()
    if bad is not None:
        values = ", ".join(f"{key}={bad[key]}" for key in keys)
        raise InvariantError(
            f"table {table}: key {values} is in {bad['count']} rows; expected one, and no null"
        )
