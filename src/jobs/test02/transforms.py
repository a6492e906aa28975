"""What becomes of the payments: functions that take and return DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sf

from core import asof, parsing, quality
from core.quality import REASONS

if TYPE_CHECKING:
    from core.contract import Table

PAYMENT_COLUMNS = ("payment_id", "account_id", "amount", "currency", "paid_at", "updated_at")
AMOUNT = "decimal(18,2)"
TOTAL = "decimal(28,2)"

# Easter and the days around Christmas leave at most five days without a rate. An older one belongs to a
# currency that has ended or was suspended, and would convert at a price nobody can get.
MAX_RATE_AGE_DAYS = 10


# ─── Ingest ───


def parsed(lines: DataFrame) -> DataFrame:
    """Add the payment's fields, as text, to rows with ``raw_line``; leave out lines that are blank.

    A line that is no JSON object is kept, in ``corrupt_record`` as well, with null fields. Fields that are
    not known are kept in ``raw_line``.
    """
    schema = ", ".join(f"{name} string" for name in (*PAYMENT_COLUMNS, "corrupt_record"))
    options = {"columnNameOfCorruptRecord": "corrupt_record"}
    # Spark's text reader has taken off a byte order mark.
    with_payment = lines.where(sf.trim("raw_line") != "").withColumn(
        "payment", sf.from_json("raw_line", schema, options)
    )
    # What is JSON but no object ("null", "[]", "1") has no field at all, and is not always called corrupt.
    is_object = sf.trim("raw_line").startswith("{")
    return with_payment.select(
        *(sf.when(is_object, sf.col(f"payment.{name}")).alias(name) for name in PAYMENT_COLUMNS),
        "raw_line",
        sf.when(is_object, sf.col("payment.corrupt_record"))
        .otherwise(sf.col("raw_line"))
        .alias("corrupt_record"),
        "source_file",
        "ingested_at",
    )


# ─── Refine ───


def latest_reception(raw: DataFrame) -> DataFrame:
    """Keep each file as it was received last: one that is dropped for days is in several ingestions."""
    newest = raw.groupBy("source_file").agg(sf.max("ingestion_date").alias("ingestion_date"))
    return raw.join(sf.broadcast(newest), ["source_file", "ingestion_date"], "left_semi")


def classified(raw: DataFrame, agreed: Table) -> DataFrame:
    """Add to each line its typed values and the reasons to reject it, and tell superseded versions.

    The rules are those of ``agreed``, the contract of refined.payments.

    Of a payment's versions the one updated last counts. Of two that were updated at the same time the
    greater text counts, so that the order in which files are read decides nothing.
    """
    typed = raw.withColumns(
        {
            "paid": parsing.parsed("paid_at", "timestamp"),
            "updated": parsing.parsed("updated_at", "timestamp"),
            "number": parsing.parsed("amount", AMOUNT),
        }
    )
    checked = quality.evaluated(typed, agreed)
    versions = Window.partitionBy(sf.col(REASONS).isNull(), "payment_id").orderBy(
        sf.col("updated").desc(), sf.col("raw_line").desc(), sf.col("source_file").desc()
    )
    older = sf.col(REASONS).isNull() & (sf.row_number().over(versions) > 1)
    return checked.withColumn("is_superseded", older)


def payments(classified: DataFrame) -> DataFrame:
    """Return the latest version of each payment."""
    return (
        quality.accepted(classified)
        .where(~sf.col("is_superseded"))
        .select(
            "payment_id",
            "account_id",
            sf.to_date("paid").alias("payment_date"),
            sf.col("paid").cast("timestamp_ntz").alias("paid_at"),
            sf.col("number").alias("amount"),
            "currency",
            sf.col("updated").cast("timestamp_ntz").alias("updated_at"),
            sf.col("ingested_at").cast("timestamp").cast("timestamp_ntz").alias("ingested_at"),
        )
    )


def rejects(classified: DataFrame) -> DataFrame:
    """Return the lines that could not be used, as received, with all the reasons."""
    kept = quality.rejected(classified).select(
        *PAYMENT_COLUMNS, "raw_line", REASONS, "source_file", "ingestion_date"
    )
    return quality.with_record_id(kept, ["source_file", "raw_line"])


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
