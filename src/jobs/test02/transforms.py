"""What becomes of the payments: functions that take and return DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from core import asof

TOTAL = "decimal(28,2)"

# Easter and the days around Christmas leave at most five days without a rate. An older one belongs to a
# currency that has ended or was suspended, and would convert at a price nobody can get.
MAX_RATE_AGE_DAYS = 10


# ─── Refine ───


def payments(accepted: DataFrame) -> DataFrame:
    """Return the payments of rows that keep all the rules of the contract."""
    return accepted.select(
        "payment_id",
        "account_id",
        sf.to_date("typed.paid_at").alias("payment_date"),
        sf.col("typed.paid_at").cast("timestamp_ntz").alias("paid_at"),
        "typed.amount",
        "currency",
        sf.col("typed.updated_at").cast("timestamp_ntz").alias("updated_at"),
        sf.col("ingested_at").cast("timestamp").cast("timestamp_ntz").alias("ingested_at"),
    )


# ─── Curate ───


def daily_eur(payments: DataFrame, rates: DataFrame) -> DataFrame:
    """Return the totals by day and currency, and in euro at the last rate known on the day.

    Weekends and holidays take the rate of the day before. Without a rate of the last
    `MAX_RATE_AGE_DAYS` days (the currency is not quoted, has ended or was suspended) the euro amount is
    null and the payments are counted in ``unconverted``.

    Args:
        payments: refined.payments.
        rates: refined.ecb_rates, units of a currency for one euro.

    """
    return converted(daily_totals(payments), rates)


def daily_totals(payments: DataFrame) -> DataFrame:
    """Return number and sum of the payments by day and currency."""
    return payments.groupBy("payment_date", "currency").agg(
        sf.count("payment_id").alias("payments"), sf.sum("amount").cast(TOTAL).alias("amount")
    )


def converted(totals: DataFrame, rates: DataFrame) -> DataFrame:
    """Return daily totals with their rate, and the amount in euro; see `daily_eur`."""
    with_rate = asof.last_known(
        totals,
        rates,
        key="currency",
        day="payment_date",
        value_day="rate_date",
        columns=["rate"],
        max_age=MAX_RATE_AGE_DAYS,
    )
    is_euro = sf.col("currency") == "EUR"
    rate = sf.when(is_euro, sf.lit(1).cast("decimal(18,8)")).otherwise(sf.col("rate"))
    rate_date = sf.when(is_euro, sf.col("payment_date")).otherwise(sf.col("rate_date"))
    euros = (sf.col("amount").cast("decimal(22,2)") / sf.col("rate")).cast(TOTAL)  # rounds half up
    return with_rate.withColumns({"rate": rate, "rate_date": rate_date}).select(
        "payment_date",
        "currency",
        "payments",
        "amount",
        "rate",
        "rate_date",
        euros.alias("amount_eur"),
        sf.when(sf.col("rate").isNull(), sf.col("payments")).otherwise(0).alias("unconverted"),
    )
