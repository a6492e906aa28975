"""Read and write partitions of the raw layer's Hive/Parquet tables.

A partition is written to a folder of its own and then put in the catalog in one call, so a run that dies
half-way leaves the table as it was, and a run that is repeated replaces its partition.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from core import catalog, storage
from core.catalog import HiveTable, Partition
from core.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mypy_boto3_glue import GlueClient
    from pyspark.sql import DataFrame, SparkSession

# Folders below the partition's own, so that a new one can be filled while the old one is read.
_RUN = "run"


def overwrite_partition(
    glue: GlueClient,
    table: HiveTable,
    value: str,
    frame: DataFrame,
    notes: Mapping[str, str] | None = None,
) -> Partition:
    """Replace the rows of one partition of a table with a single partition key.

    Args:
        glue: the Glue API.
        table: the table, as `catalog.table` gives it.
        value: the value of its partition key.
        frame: the rows, with exactly the table's columns (not the partition key), in any order. They may
            come from the partition itself.
        notes: what is kept with the partition in the catalog.

    Raises:
        CatalogError: the frame's columns are not the table's.

    """
    spark = frame.sparkSession
    columns = [name for name, _ in table.columns]
    _require_same(table, frame.columns, columns)
    (key, _), *_ = table.partition_keys
    folder = f"{table.location}/{key}={value}"
    run = f"{_RUN}={uuid.uuid4().hex}"
    frame.select(*columns).write.parquet(f"{folder}/{run}")
    catalog.put_partition(glue, table, [value], f"{folder}/{run}", notes)
    # Also what earlier runs left that died before they were registered.
    storage.delete_others(spark, folder, keep=run)
    return Partition((value,), f"{folder}/{run}", notes or {})


def read(spark: SparkSession, table: HiveTable, partitions: Sequence[Partition]) -> DataFrame:
    """Read some partitions of a table: its columns, and its partition keys after them."""
    if not partitions:
        raise CatalogError(f"table {table.full_name} has no partition: run the ingestion first")
    schema = _ddl([*table.columns, *table.partition_keys, (_RUN, "string")])
    reader = spark.read.schema(schema).option("basePath", table.location)
    return reader.parquet(*(partition.location for partition in partitions)).drop(_RUN)


def _ddl(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in columns)


def _require_same(table: HiveTable, given: Sequence[str], expected: Sequence[str]) -> None:
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing or unknown:
        raise CatalogError(
            f"table {table.full_name}: missing columns {missing}, unknown columns {unknown}; "
            f"expected {list(expected)}"
        )
