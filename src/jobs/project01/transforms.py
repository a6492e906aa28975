"""What becomes of the reference rates: functions that take and return DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from core import parsing, quality
from core.formats import CORRUPT
from core.landing import ADDED
from core.quality import REASONS, SUPERSEDED, Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.contract import Table

# Not a currency: what else a row of the raw table holds.
RAW_OTHER_COLUMNS = frozenset({"rate_date", "other_currencies"}) | ADDED
NOT_PUBLISHED = "N/A"
RATE = "decimal(18,8)"

# Easter and the days around Christmas leave at most five days without a rate. After more than this the
# currency was suspended, and two rates around it are no daily return.
MAX_DAYS_BETWEEN_RATES = 10


# ─── Refine ───


def by_form(raw: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Return the rows of the raw table, and beside them the lines that are none."""
    return raw.where(sf.col(CORRUPT).isNull()), raw.where(sf.col(CORRUPT).isNotNull())


def cells(raw: DataFrame) -> DataFrame:
    """Return one row for each cell of the raw table: a date and a currency, with the rate as written.

    ``day`` is the date, null if what is written is none. ``same_day`` holds what every row of the day says,
    if the day is in several rows of a file, and ``copy`` is the number of the row among them. Both are worked
    out by row: by cell they would cost most of the run, for a case that hardly ever happens.
    """
    named = [item for name in _currencies(raw) for item in (sf.lit(name.upper()), sf.col(f"`{name}`"))]
    rates = sf.map_concat(sf.create_map(*named), _carried())
    same_day = Window.partitionBy(sf.trim("rate_date"), "source_file")
    by_text = same_day.orderBy("rate_date", sf.to_json("rates"))
    received = ("rate_date", "source_file", "ingested_at", "ingestion_date")
    days = raw.select(*received, parsing.parsed("rate_date", "date").alias("day"), rates.alias("rates"))
    days = days.withColumn("copy", sf.row_number().over(by_text))
    rows_of_day = sf.collect_list(sf.struct("copy", "rates")).over(same_day)
    days = days.withColumn("same_day", sf.when(sf.count("*").over(same_day) > 1, rows_of_day))
    return days.select(*days.columns, sf.explode("rates").alias("currency", "rate")).drop("rates")


def cells_of_row(raw: DataFrame) -> Column:
    """Return how many cells a row of the raw table has, to hold against what becomes of them."""
    return sf.lit(len(_currencies(raw))) + sf.size(_carried())


def _currencies(raw: DataFrame) -> list[str]:
    return [name for name in raw.columns if name not in RAW_OTHER_COLUMNS]


def _carried() -> Column:
    """Return the currencies without a column of their own, as a map; empty if there are none."""
    none = sf.expr("CAST(map() AS map<string,string>)")
    return sf.coalesce(sf.from_json("other_currencies", "map<string,string>"), none)


def classified(cells: DataFrame, agreed: Table) -> DataFrame:
    """Add to each cell what is needed to sort it: the typed rate and the reasons to reject it.

    The rules are those of ``agreed``, the contract of refined.ecb_rates, and the conflicts in a day.

    A cell is a rate (typed, no reasons), a gap (``N/A``, no reasons) or rejected (reasons). ``N/A`` on a
    day that is no date is rejected: a gap belongs to a day. A cell that says again what another one of its
    file says is superseded.
    """
    typed = cells.withColumns(
        {
            "is_gap": sf.trim("rate").eqNullSafe(NOT_PUBLISHED),
            "number": parsing.parsed("rate", RATE),
            "others": sf.expr("filter(same_day, row -> map_contains_key(row.rates, currency))"),
        }
    )
    conflict = f"exists(others, row -> {_value('row.rates[currency]')} <> {_value('rate')})"
    typed = typed.withColumns(
        {
            "conflicts": sf.expr(f"coalesce({conflict}, false)"),
            "is_copy": sf.expr("coalesce(copy > array_min(transform(others, row -> row.copy)), false)"),
        }
    )
    differs = Check("date and currency have different rates", sf.col("day").isNotNull() & sf.col("conflicts"))
    checked = quality.with_reasons(typed, [*quality.checks(typed, agreed.rules), differs])
    superseded = sf.col(REASONS).isNull() & sf.col("is_copy")
    return checked.withColumn(SUPERSEDED, superseded).drop("copy", "same_day", "others")


def _value(rate: str) -> str:
    """Return in SQL what a rate says: "1.10" and "1.1" are one value; "N/A" or "abc" is another."""
    return f"coalesce(CAST(try_cast(trim({rate}) AS {RATE}) AS string), trim({rate}), '')"


def newest_of(classified: DataFrame, versions: Mapping[str, str]) -> DataFrame:
    """Let the newest file that has a date and currency speak for it; cells of older ones are superseded.

    A good cell gives way to a good one alone, so that what the newest file spoils stays as it was.

    Args:
        classified: as `classified` returns it.
        versions: of the files, by URI: the greatest is the newest.

    """
    if len(versions) < 2:
        return classified
    age = {uri: number for number, uri in enumerate(sorted(versions, key=lambda uri: versions[uri]))}
    rank = sf.create_map(*(sf.lit(part) for item in age.items() for part in item))[sf.col("source_file")]
    ranked, cell = classified.withColumn("rank", rank), Window.partitionBy("day", "currency")
    good = sf.col(REASONS).isNull()
    newest_good = sf.max(sf.when(good, sf.col("rank"))).over(cell)
    newest = sf.max("rank").over(cell)
    is_older = sf.col("day").isNotNull() & (sf.col("rank") < sf.when(good, newest_good).otherwise(newest))
    return (
        ranked.withColumn("is_older", is_older)
        .withColumn(REASONS, sf.when(~sf.col("is_older"), sf.col(REASONS)))
        .withColumn(SUPERSEDED, sf.col(SUPERSEDED) | sf.col("is_older"))
        .drop("rank", "is_older")
    )


def rates(classified: DataFrame) -> DataFrame:
    """Return the rates: one row a date and currency."""
    kept = quality.accepted(classified).where(~sf.col("is_gap"))
    return kept.select(
        sf.col("day").alias("rate_date"),
        "currency",
        sf.col("number").alias("rate"),
        sf.col("ingested_at").cast("timestamp").cast("timestamp_ntz").alias("ingested_at"),
    )


def gaps(classified: DataFrame) -> DataFrame:
    """Return the dates and currencies without a rate."""
    kept = quality.accepted(classified).where("is_gap")
    reason = sf.lit(f"{NOT_PUBLISHED}: no rate published")
    return kept.select(sf.col("day").alias("rate_date"), "currency", reason.alias("reason"))


def rejects(classified: DataFrame, corrupt: DataFrame) -> DataFrame:
    """Return the cells and the lines that could not be used, as written, with the reasons."""
    columns = ("rate_date", "currency", "rate", REASONS, "source_file", "ingestion_date")
    cells = quality.rejected(classified).select(
        *columns, sf.when(sf.col("day").isNull(), sf.col("source_file")).alias("of_file")
    )
    lines = corrupt.select(
        CORRUPT,
        sf.lit("line does not have the header's cells, or is not UTF-8").alias(REASONS),
        "source_file",
        "ingestion_date",
        sf.col("source_file").alias("of_file"),
    )
    kept = cells.unionByName(lines, allowMissingColumns=True)
    # The whole history comes again and again: what belongs to a day is the same record in each file.
    return quality.with_record_id(kept, ["of_file", CORRUPT, "rate_date", "currency", "rate"]).drop("of_file")


# ─── Curate ───


def monthly(rates: DataFrame) -> DataFrame:
    """Return one row a month and currency: average, month-end, change and volatility of the rate.

    ``change`` is month-end against the month-end before, as a fraction; null if the month before has no
    rate. ``volatility`` is the sample standard deviation of the month's daily log returns, a return
    belonging to the month of its later day, the first one reaching back into the month before.
    """
    by_day = Window.partitionBy("currency").orderBy("rate_date")
    before, day_before = sf.lag("rate").over(by_day), sf.lag("rate_date").over(by_day)
    consecutive = sf.date_diff(sf.col("rate_date"), day_before) <= MAX_DAYS_BETWEEN_RATES
    daily = rates.select(
        "currency",
        "rate_date",
        "rate",
        sf.trunc("rate_date", "month").alias("month"),
        sf.when(consecutive, sf.log(sf.col("rate").cast("double") / before.cast("double"))).alias(
            "log_return"
        ),
    )
    months = daily.groupBy("month", "currency").agg(
        sf.avg("rate").cast(RATE).alias("average_rate"),
        sf.max_by("rate", "rate_date").alias("month_end_rate"),
        # Rounded: the sum of floats depends on their order, and a second run must give the same row.
        sf.round(sf.stddev_samp("log_return"), 12).alias("volatility"),
        sf.count("rate").cast("int").alias("days"),
    )
    by_month = Window.partitionBy("currency").orderBy("month")
    adjacent = sf.lag("month").over(by_month) == sf.add_months("month", -1)
    change = (sf.col("month_end_rate") / sf.lag("month_end_rate").over(by_month) - 1).cast("double")
    return months.select(
        "month",
        "currency",
        "average_rate",
        "month_end_rate",
        sf.when(adjacent, change).alias("change"),
        "volatility",
        "days",
    )


def cross_rates_usd(rates: DataFrame) -> DataFrame:
    """Return units of each currency, the euro included, for one US dollar, on the days with a dollar rate."""
    dollars = rates.where("currency = 'USD'").select("rate_date", sf.col("rate").alias("usd"))
    euros = dollars.select("rate_date", sf.lit("EUR").alias("currency"), sf.lit(1).cast(RATE).alias("rate"))
    every = rates.select("rate_date", "currency", "rate").unionByName(euros)
    crossed = (sf.col("rate") / sf.col("usd")).cast(RATE)  # rounds half up
    return every.join(dollars, "rate_date").select("rate_date", "currency", crossed.alias("usd_rate"))
