"""What becomes of the orders: functions that take and return DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf


def orders(accepted: DataFrame) -> DataFrame:
    """Return the rows that keep all the rules of the contract, with the values that these have read."""
    return accepted.select(
        "typed.order_id",
        "customer",
        sf.col("typed.ordered_at").cast("timestamp_ntz").alias("ordered_at"),
        "typed.amount",
        "currency",
        sf.col("typed.updated_at").cast("timestamp_ntz").alias("updated_at"),
        sf.col("ingested_at").cast("timestamp").cast("timestamp_ntz").alias("ingested_at"),
    )


def daily(orders: DataFrame, zone: str) -> DataFrame:
    """Return number and sum of the orders by currency and by day of a time zone."""
    day = sf.to_date(sf.from_utc_timestamp("ordered_at", zone))
    return orders.groupBy(day.alias("day"), "currency").agg(
        sf.count("order_id").alias("orders"), sf.sum("amount").cast("decimal(28,2)").alias("amount")
    )
