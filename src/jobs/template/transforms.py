"""What becomes of the records: functions that take and return DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf


def records(accepted: DataFrame) -> DataFrame:
    """Return the rows that keep all the rules of the contract, with the values that these have read."""
    return accepted.select(
        "item_id",
        "typed.day",
        "typed.value",
        sf.col("ingested_at").cast("timestamp").cast("timestamp_ntz").alias("ingested_at"),
    )


def daily(records: DataFrame) -> DataFrame:
    """Return number and sum of the records by day."""
    return records.groupBy("day").agg(
        sf.count("item_id").alias("records"), sf.sum("value").cast("decimal(28,2)").alias("value")
    )
