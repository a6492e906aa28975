"""Write Iceberg tables so that a run that is repeated changes nothing.

The tables are created by Terraform; a write takes a table's schema from the catalog. Of two writers at
once one commits first; the other's commit is refused by Iceberg, and its write is done again on what is
there then, a few times, before it fails.

Source: https://iceberg.apache.org/docs/1.10.0/spark-writes/
"""

from __future__ import annotations

import datetime
import operator
import random
import time
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from core import contract
from core.comparable import comparable
from core.errors import CatalogError, ConflictError, ContractError, InvariantError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql.readwriter import DataFrameWriterV2
    from pyspark.sql.types import StructType

    from core.contract import Table

Result = TypeVar("Result")

ATTEMPTS = 5
_OWN_PROPERTIES = "core.properties"
_OPERATION, _TIE = "_operation", "_tie"
_SNAPSHOT_PROPERTY = "snapshot-property."
# How Iceberg, its catalogs and Glue call a commit that another one has overtaken.
_OVERTAKEN = (
    "CommitFailedException",
    "ConcurrentModificationException",
    "org.apache.iceberg.exceptions.ValidationException: Found conflicting",
    "org.apache.iceberg.exceptions.ValidationException: Missing required files to delete",
)


@dataclass(frozen=True)
class Changes:
    """Rows that a merge wrote."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


# ─── Write ───


@dataclass(frozen=True)
class Comparison:
    """The rows of a source that differ from a table's.

    Attributes:
        changes: they, with what has to be done, and whether an update is a tie: of the same version.
        within: a key and its range, in SQL, if only that part of the table was looked at.

    """

    changes: DataFrame
    within: tuple[str, str, str] | None

    def ties(self, keys: Sequence[str]) -> DataFrame:
        """Return the keys of updates of which no version says that they are newer than the table's row."""
        return self.changes.where((sf.col(_OPERATION) == "update") & sf.col(_TIE)).select(*keys)


def merge(
    table: str,
    source: DataFrame,
    keys: Sequence[str],
    *,
    ignore: Sequence[str] = (),
    version: Sequence[str] = (),
    delete_missing: bool = False,
    deleted: DataFrame | None = None,
    compared: Comparison | None = None,
) -> Changes:
    """Bring a table up to date with the source, by key; commit only if a row really changes.

    The changes are worked out first, so that MERGE rewrites only the files that hold one, and a second
    run with the same source makes no snapshot at all.

    Args:
        table: its full name, the catalog first.
        source: rows with the table's columns; each key once and never null. A column that it has not is null
            in new rows, and stays as it is in those that are there. It is read twice if there are changes:
            persist what is costly to compute.
        keys: the columns that identify a row.
        ignore: columns that make no change by themselves (the time of ingestion, say).
        version: columns that only grow; a row whose version is older than the table's is left out.
        delete_missing: rows whose key is not in the source are deleted: the source is the whole table.
        deleted: keys to delete; none of them may be in the source.
        compared: what `compare` returned for this source, if it was asked.

    Raises:
        CatalogError: the source has columns that the table has not, or lacks a key.
        InvariantError: a key is null or not unique.

    """
    spark = source.sparkSession
    first = [compared] if compared is not None else []

    def once() -> Changes:
        if not has_snapshot(spark, table):
            return _fill(spark, table, _conformed(table, source, spark.table(table).schema, keys), keys)
        found = (
            first.pop()
            if first
            else _compared(spark, table, source, keys, ignore, version, delete_missing, deleted)
        )
        return _apply(spark, table, source, keys, version, found)

    return retried(spark, table, once)


def compare(
    table: str,
    source: DataFrame,
    keys: Sequence[str],
    *,
    ignore: Sequence[str] = (),
    version: Sequence[str] = (),
) -> Comparison:
    """Compare a source with a table as `merge` does, without a change to it; the arguments are the same."""
    return _compared(source.sparkSession, table, source, keys, ignore, version, False, None)


def _compared(
    spark: SparkSession,
    table: str,
    source: DataFrame,
    keys: Sequence[str],
    ignore: Sequence[str],
    version: Sequence[str],
    delete_missing: bool,
    deleted: DataFrame | None,
) -> Comparison:
    target = spark.table(table)
    source = _conformed(table, source, target.schema, keys)
    within = None if delete_missing or deleted is not None else _key_range(source, keys[0])
    reachable = target if within is None else target.where(_inside(within))
    changes = _changes(source, reachable, keys, ignore, version, delete_missing)
    if deleted is not None:
        changes = changes.unionByName(_deletions(target, deleted, keys), allowMissingColumns=True)
    return Comparison(changes.persist(), within)


def _apply(
    spark: SparkSession,
    table: str,
    source: DataFrame,
    keys: Sequence[str],
    version: Sequence[str],
    found: Comparison,
) -> Changes:
    try:
        counts = {row[0]: row[1] for row in found.changes.groupBy(_OPERATION).count().collect()}
        if counts:
            # Not before: a key that is null, or that is there twice with different values, is a change.
            _require_keys(table, source, keys)
            _merge(spark, table, found.changes.drop(_TIE), keys, version, found.within)
    finally:
        found.changes.unpersist()
    return Changes(counts.get("insert", 0), counts.get("update", 0), counts.get("delete", 0))


def _fill(spark: SparkSession, table: str, source: DataFrame, keys: Sequence[str]) -> Changes:
    """Write the first rows of a table: nothing to compare with, as cheap as an append.

    Replacing all of nothing, and not an append: that one would not notice another writer's first rows.
    """
    if not _require_keys(table, source, keys):
        return Changes()
    missing = [field for field in spark.table(table).schema if field.name not in source.columns]
    source = source.withColumns({field.name: sf.lit(None).cast(field.dataType) for field in missing})
    source.writeTo(table).option("isolation-level", "serializable").overwrite(sf.lit(True))
    _, summary = ancestors(spark, table)[0]
    return Changes(inserted=int(summary.get("added-records", 0)))


def _key_range(source: DataFrame, key: str) -> tuple[str, str, str] | None:
    """Return a key, and the least and the greatest of its values in the source, in SQL.

    Iceberg skips the files outside: keys that grow with time (a day, a sequence) keep the cost of a merge
    with the new rows, whatever the size of the table.
    """
    least, greatest = (
        source.agg(sf.min(key).cast("string"), sf.max(key).cast("string")).first() or (None,) * 2
    )
    if least is None or greatest is None:
        return None
    kind = source.schema[key].dataType.simpleString()
    return key, f"CAST({_literal(least)} AS {kind})", f"CAST({_literal(greatest)} AS {kind})"


def _inside(within: tuple[str, str, str], alias: str = "") -> str:
    """Return in SQL that a key lies within its range."""
    key, least, greatest = within
    return f"{alias}`{key}` >= {least} AND {alias}`{key}` <= {greatest}"


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _changes(
    source: DataFrame,
    target: DataFrame,
    keys: Sequence[str],
    ignore: Sequence[str],
    version: Sequence[str],
    delete_missing: bool,
) -> DataFrame:
    """Return the source's rows that differ from the target's, each with what has to be done."""
    new, old = source.withColumn("_new", sf.lit(1)), target.withColumn("_old", sf.lit(1))
    compared = [name for name in source.columns if name not in {*keys, *ignore}]
    same = [comparable(new, name).eqNullSafe(comparable(old, name)) for name in compared]
    differs, tie = ~reduce(operator.and_, same, sf.lit(True)), sf.lit(True)
    if version:
        ours, theirs = (sf.struct(*(frame[name] for name in version)) for frame in (new, old))
        differs, tie = differs & (ours >= theirs), ours.eqNullSafe(theirs)
    operation = (
        sf.when(old["_old"].isNull(), "insert").when(new["_new"].isNull(), "delete").when(differs, "update")
    )
    on: Column = reduce(operator.and_, (new[key] == old[key] for key in keys))
    joined = new.join(old, on, "full" if delete_missing else "left")
    columns = [
        sf.coalesce(new[name], old[name]).alias(name) if name in keys else new[name]
        for name in source.columns
    ]
    found = joined.select(*columns, operation.alias(_OPERATION), tie.alias(_TIE))
    return found.where(sf.col(_OPERATION).isNotNull())


def _deletions(target: DataFrame, deleted: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return the keys to delete that the target really holds."""
    return (
        target.select(*keys).join(deleted, list(keys), "left_semi").withColumn(_OPERATION, sf.lit("delete"))
    )


def _merge(
    spark: SparkSession,
    table: str,
    changes: DataFrame,
    keys: Sequence[str],
    version: Sequence[str],
    within: tuple[str, str, str] | None,
) -> None:
    columns = [name for name in changes.columns if name != _OPERATION]
    on = " AND ".join(f"t.`{key}` = s.`{key}`" for key in keys)
    if within is not None:
        # What follows is a format to PySpark.
        on += f" AND {_inside(within, 't.')}".replace("{", "{{").replace("}", "}}")
    updates = ", ".join(f"t.`{name}` = s.`{name}`" for name in columns if name not in keys)
    names = ", ".join(f"`{name}`" for name in columns)
    values = ", ".join(f"s.`{name}`" for name in columns)
    # Whether to insert or to update is decided again by MERGE itself: another writer may have been faster.
    ours, theirs = (f"struct({', '.join(f'{side}.`{name}`' for name in version)})" for side in "st")
    newer = f" AND {ours} >= {theirs}" if version else ""
    matched = f"WHEN MATCHED{newer} THEN UPDATE SET {updates}" if updates else ""
    # A column of the table that the source has not gets null.
    spark.sql(
        f"""
        MERGE INTO {table} t USING {{changes}} s ON {on}
        WHEN MATCHED AND s.{_OPERATION} = 'delete' THEN DELETE
        {matched}
        WHEN NOT MATCHED AND s.{_OPERATION} <> 'delete' THEN INSERT ({names}) VALUES ({values})
        """,  # noqa: S608 - names come from the code and the catalog, values from the frame
        changes=changes,
    )


def append(table: str, source: DataFrame, properties: Mapping[str, str] | None = None) -> None:
    """Add the source's rows in one commit; ``properties`` go into the snapshot's summary.

    Adding is idempotent only by a property that the caller looks for first: see `append_once`.
    """
    source = _conformed(table, source, source.sparkSession.table(table).schema)
    retried(source.sparkSession, table, lambda: _write(table, source, properties).append())


def append_once(table: str, source: DataFrame, run_id: str) -> bool:
    """Add the source's rows unless a run with the same id has: whether it did."""
    spark = source.sparkSession
    if any(summary.get(RUN_ID) == run_id for _, summary in ancestors(spark, table)):
        return False
    append(table, source, {RUN_ID: run_id})
    return True


def overwrite_partitions(table: str, source: DataFrame, properties: Mapping[str, str] | None = None) -> None:
    """Replace the partitions that the source has rows of, in one commit; the others stay.

    Raises:
        CatalogError: the table has no partitioning, or files of more than one: a file of an earlier
            partitioning would stay beside the rows that replace it.

    """
    spark = source.sparkSession
    if not partitioning(spark, table):
        raise CatalogError(f"table {table} is not partitioned; expected partitions to overwrite")
    specs = [row[0] for row in spark.table(f"{table}.files").select("spec_id").distinct().collect()]
    if len(specs) > 1:
        raise CatalogError(
            f"table {table} has files of {len(specs)} partitionings; rewrite its data files first "
            "(maintenance.compact with everything=True)"
        )
    source = _conformed(table, source, spark.table(table).schema)

    def once() -> None:
        # Whatever another writer adds to the same partitions in the meantime must not be lost in silence.
        base = current_snapshot(spark, table)
        writer = _write(table, source, properties).option("isolation-level", "serializable")
        if base is not None:
            writer = writer.option("validate-from-snapshot-id", str(base))
        writer.overwritePartitions()

    retried(spark, table, once)


def _write(table: str, source: DataFrame, properties: Mapping[str, str] | None) -> DataFrameWriterV2:
    writer = source.writeTo(table)
    for name, value in (properties or {}).items():
        writer = writer.option(f"{_SNAPSHOT_PROPERTY}{name}", value)
    return writer


def retried(spark: SparkSession, table: str, write: Callable[[], Result]) -> Result:
    """Write, and write again if another writer has committed in between.

    Raises:
        ConflictError: every one of `ATTEMPTS` was overtaken.

    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return write()
        except Exception as error:
            if not any(name in str(error) for name in _OVERTAKEN):
                raise
        spark.catalog.refreshTable(table)
        if attempt < ATTEMPTS:
            # Two writers that met once must not meet again.
            time.sleep(random.uniform(0.1, 0.5) * attempt)  # noqa: S311 - a delay, not a secret
    raise ConflictError(
        f"table {table}: other writers committed first in each of {ATTEMPTS} attempts; "
        "run again when they have ended: nothing was written"
    )


# ─── Contract ───


def align(spark: SparkSession, name: str, table: Table, project: str) -> None:
    """Bring a table in the catalog to its contract, as far as nothing can be lost by it.

    Columns that are missing are added; they are null in the rows there are. A table that nothing was
    written to gets its partitioning, and each its properties: Terraform's Glue table has no way to say them.

    Args:
        spark: the session.
        name: the table's full name, the catalog first.
        table: its contract.
        project: whose table it is, for the message.

    Raises:
        ContractError: anything else differs; the message says what.

    """
    # Two jobs may find the same column missing.
    retried(spark, name, lambda: _align_once(spark, name, table, project))


def _align_once(spark: SparkSession, name: str, table: Table, project: str) -> None:
    found = contract.differences(table, spark.table(name).dtypes)
    there, wanted = partitioning(spark, name), [field.replace(" ", "") for field in table.partitioning]
    other = list(found.other)
    if there != wanted and (there or has_snapshot(spark, name)):
        other.append(f"it is partitioned by {there or 'nothing'}, expected {wanted or 'nothing'}")
    if other:
        raise ContractError(
            f"table {name} differs from its contract {table.label}: {'; '.join(other)}. A job adds columns "
            f"and no more: change the contract back, or make migrate PROJECT={project}"
        )
    if found.missing:
        columns = ", ".join(f"`{column.name}` {contract.spark_type(column.type)}" for column in found.missing)
        spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({columns})")
    if there != wanted:
        for field in wanted:
            spark.sql(f"ALTER TABLE {name} ADD PARTITION FIELD {field}")
    for change in property_changes(spark, name, table):
        spark.sql(f"ALTER TABLE {name} {change}")


def property_changes(spark: SparkSession, name: str, table: Table) -> list[str]:
    """Return what follows ALTER TABLE and the name, so that a table has the properties of its contract.

    Those that the contract had before and has no more are taken off: a property of the table names what a
    contract has set.
    """
    there = dict(_loaded(spark, name).properties())
    before = set(filter(None, there.get(_OWN_PROPERTIES, "").split(",")))
    wanted = dict(table.properties)
    if wanted:
        wanted[_OWN_PROPERTIES] = ",".join(sorted(table.properties))
    changes = []
    if other := [
        f"{_literal(key)} = {_literal(value)}" for key, value in wanted.items() if there.get(key) != value
    ]:
        changes.append(f"SET TBLPROPERTIES ({', '.join(other)})")
    gone = sorted((before | ({_OWN_PROPERTIES} & set(there))) - set(wanted))
    if gone:
        changes.append(f"UNSET TBLPROPERTIES ({', '.join(map(_literal, gone))})")
    return changes


def partitioning(spark: SparkSession, table: str) -> list[str]:
    """Return the Iceberg transforms by which a table is partitioned, such as ``months(day)``."""
    # Of Iceberg's own object: DESCRIBE costs a Spark job, the first of a process more than a second.
    transforms = _util(spark).toTransforms(_loaded(spark, table).spec())
    return [str(transform.toString()).replace(" ", "") for transform in transforms]


# ─── Snapshots ───

RUN_ID = "core.run-id"


def ancestors(spark: SparkSession, table: str) -> list[tuple[int, dict[str, str]]]:
    """Return id and summary of the table's current snapshot and of those it came from, newest first.

    The summary holds the operation, too. By parentage and not by time: a clock may go back. Snapshots that
    have expired end the list.
    """
    # Iceberg's own object of the table: its metadata tables would cost a Spark job each.
    loaded = _loaded(spark, table)
    found: list[tuple[int, dict[str, str]]] = []
    at = loaded.currentSnapshot()
    while at is not None:
        found.append((at.snapshotId(), {**dict(at.summary()), "operation": str(at.operation())}))
        at = loaded.snapshot(at.parentId()) if at.parentId() is not None else None
    return found


def last_change(spark: SparkSession, table: str) -> int | None:
    """Return the id of the snapshot that last changed a row: no watermark, and no compaction."""
    return next((found for found, summary in ancestors(spark, table) if changes_rows(summary)), None)


def changes_rows(summary: Mapping[str, str]) -> bool:
    """Tell from a snapshot's summary, as `ancestors` returns it, whether it may have changed a row."""
    return summary.get("changed-partition-count") != "0" and summary["operation"] != "replace"


def current_snapshot(spark: SparkSession, table: str) -> int | None:
    """Return the id of the table's current snapshot, None if nothing was ever committed."""
    snapshot = _loaded(spark, table).currentSnapshot()
    return None if snapshot is None else int(snapshot.snapshotId())


def has_snapshot(spark: SparkSession, table: str) -> bool:
    """Tell whether anything was ever committed to the table."""
    return current_snapshot(spark, table) is not None


def _loaded(spark: SparkSession, table: str) -> Any:
    """Return Iceberg's object of a table, as it is now."""
    session: Any = spark
    return _util(spark).loadIcebergTable(session._jsparkSession, table)


def _util(spark: SparkSession) -> Any:
    """Return Iceberg's helpers for Spark. PySpark has no public door to them but the JVM."""
    session: Any = spark
    return session._jvm.org.apache.iceberg.spark.Spark3Util


def tag(spark: SparkSession, table: str, run_id: str, retain_days: int = 7) -> None:
    """Name the current snapshot after the run that made it, and keep it for some days.

    Until then the snapshot's files stay, whatever expires snapshots: a tag has a price in storage.
    """
    spark.sql(f"ALTER TABLE {table} CREATE OR REPLACE TAG {_quoted(run_id)} RETAIN {retain_days} DAYS")


def as_of_run(spark: SparkSession, table: str, run_id: str) -> DataFrame:
    """Read the table as a run left it.

    Raises:
        CatalogError: the table has no such tag.

    """
    _tagged(spark, table, run_id)
    return spark.sql(f"SELECT * FROM {table} VERSION AS OF {_literal(run_id)}")  # noqa: S608 - an identifier


def as_of(spark: SparkSession, table: str, moment: datetime.datetime) -> DataFrame:
    """Read the table as it was at a moment (with a zone)."""
    if moment.tzinfo is None:
        raise ValueError(f"moment {moment}: expected one with a time zone")
    written = moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return spark.sql(f"SELECT * FROM {table} TIMESTAMP AS OF '{written}'")  # noqa: S608 - digits


def rollback_to_run(spark: SparkSession, table: str, run_id: str) -> None:
    """Set the table back to what a run left, watermark and all: what was read since is read again.

    Raises:
        CatalogError: the table has no such tag, or is no descendant of its snapshot.

    """
    snapshot = _tagged(spark, table, run_id)
    if snapshot not in {found for found, _ in ancestors(spark, table)}:
        raise CatalogError(
            f"table {table}: the snapshot of run {run_id} is no ancestor of the current one; "
            "expected a run before the current state"
        )
    catalog, name = table.split(".", 1)
    spark.sql(f"CALL {catalog}.system.rollback_to_snapshot('{name}', {snapshot})")


def _tagged(spark: SparkSession, table: str, run_id: str) -> int:
    refs = spark.table(f"{table}.refs").where("type = 'TAG'").select("name", "snapshot_id").collect()
    tags = {row["name"]: int(row["snapshot_id"]) for row in refs}
    if run_id not in tags:
        raise CatalogError(
            f"table {table} has no tag {run_id}; there are {', '.join(sorted(tags)) or 'none'}"
        )
    return tags[run_id]


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


# ─── Checks ───


def _conformed(
    table: str, source: DataFrame, schema: StructType, required: Sequence[str] | None = None
) -> DataFrame:
    """Select the table's columns in its order, in its types; all of them, or the required, must be there."""
    needed = schema.names if required is None else required
    missing = [name for name in needed if name not in source.columns]
    unknown = [name for name in source.columns if name not in schema.names]
    if missing or unknown:
        raise CatalogError(
            f"table {table}: missing columns {missing}, unknown columns {unknown}; expected {schema.names}"
        )
    given = [field for field in schema if field.name in source.columns]
    return source.select(*(sf.col(field.name).cast(field.dataType) for field in given))


def _require_keys(table: str, source: DataFrame, keys: Sequence[str]) -> bool:
    """Stop unless each key is there once and none is null; whether there is any."""
    null = reduce(operator.or_, (sf.col(key).isNull() for key in keys))
    # The bad ones first: one of them is enough to say what is wrong.
    worst = source.groupBy(*keys).count().orderBy(null.desc(), sf.desc("count")).head()
    if worst is not None and (worst["count"] > 1 or any(worst[key] is None for key in keys)):
        values = ", ".join(f"{key}={worst[key]}" for key in keys)
        raise InvariantError(
            f"table {table}: key {values} is in {worst['count']} rows; expected one, and no null"
        )
    return worst is not None
