"""What becomes of the records: functions that take and return DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from core import parsing, quality
from core.errors import InputError
from core.quality import REASONS

FIELDS = ("item_id", "day", "value")


def received(file: DataFrame, uri: str, now: str) -> DataFrame:
    """Return the rows of a file, as text, with where and when they were read.

    Raises:
        InputError: the file has other columns.

    """
    if sorted(file.columns) != sorted(FIELDS):
        raise InputError(f"{uri}: the columns are {', '.join(file.columns)}; expected {', '.join(FIELDS)}")
    return file.select(*FIELDS, sf.lit(uri).alias("source_file"), sf.lit(now).alias("ingested_at"))


def records(checked: DataFrame) -> DataFrame:
    """Return the rows that keep all the rules of the contract, typed."""
    return quality.accepted(checked).select(
        "item_id",
        parsing.parsed("day", "date").alias("day"),
        parsing.parsed("value", "decimal(18,2)").alias("value"),
        sf.col("ingested_at").cast("timestamp").cast("timestamp_ntz").alias("ingested_at"),
    )


def rejects(checked: DataFrame) -> DataFrame:
    """Return the other rows, as received, with all the reasons."""
    kept = quality.rejected(checked).select(*FIELDS, REASONS, "source_file")
    return quality.with_record_id(kept, FIELDS)


def daily(records: DataFrame) -> DataFrame:
    """Return number and sum of the records by day."""
    return records.groupBy("day").agg(
        sf.count("item_id").alias("records"), sf.sum("value").cast("decimal(28,2)").alias("value")
    )
