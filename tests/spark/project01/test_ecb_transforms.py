"""project01: from the cells of the ECB's file to rates, gaps and rejects, and to the curated tables."""

from __future__ import annotations

import datetime
import json
import math
import statistics
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import quality
from core.contract import load
from jobs.project01 import transforms

CELL = "rate_date string, currency string, rate string"


@pytest.fixture
def classified(rows):
    """Classify cells of (date, currency, rate as written)."""

    def make(*cells):
        schema = (
            "rate_date string, other_currencies string, source_file string, ingested_at string, "
            "ingestion_date string"
        )
        received = ("s3://raw/landing/f.zip", "2026-11-02T07:00:00+00:00", "2026-11-02")
        raw = [(day, json.dumps({currency: rate}), *received) for day, currency, rate in cells]
        cells = transforms.cells(rows(schema, *raw))
        return transforms.classified(cells, load("project01").table("refined", "ecb_rates"))

    return make


@pytest.fixture
def rates(rows):
    """Refined rates of (date, currency, rate)."""

    def make(*values):
        return rows(CELL, *values).select(
            sf.col("rate_date").cast("date"), "currency", sf.col("rate").cast("decimal(18,8)")
        )

    return make


def reasons(classified):
    return {
        (row.rate_date, row.currency, row.rate): row.reasons for row in quality.rejected(classified).collect()
    }


# ─── Refine ───


RAW = (
    "rate_date string, usd string, `try` string, other_currencies string, "
    "source_file string, ingested_at string, ingestion_date string"
)


def test_every_column_and_every_carried_currency_becomes_a_cell(rows):
    raw = rows(
        RAW,
        ("2026-10-30", "1.1", "55.8", json.dumps({"XYZ": "9"}), "f", "t", "d"),
        ("2026-10-29", "1.2", "N/A", "{}", "f", "t", "d"),
    )
    found = transforms.cells(raw)
    expected = rows(
        CELL,
        ("2026-10-30", "USD", "1.1"),
        ("2026-10-30", "TRY", "55.8"),
        ("2026-10-30", "XYZ", "9"),
        ("2026-10-29", "USD", "1.2"),
        ("2026-10-29", "TRY", "N/A"),
    )
    assert_df_equality(
        found.select("rate_date", "currency", "rate"), expected, ignore_row_order=True, ignore_nullable=True
    )
    assert raw.select(sf.sum(transforms.cells_of_row(raw))).first()[0] == 5
    assert {row.same_day for row in found.collect()} == {None}
    received = ["rate_date", "source_file", "ingested_at", "ingestion_date"]
    assert found.columns == [*received, "day", "copy", "same_day", "currency", "rate"]


def test_a_row_without_other_currencies_has_the_cells_of_its_columns(rows):
    raw = rows(RAW, ("2026-10-30", "1.1", "55.8", None, "f", "t", "d"))
    assert {row.currency for row in transforms.cells(raw).collect()} == {"USD", "TRY"}
    assert raw.select(transforms.cells_of_row(raw)).first()[0] == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [(("2026-10-30", "1.2"), ("2026-10-30 ", "1.1")), (("2026-10-30", "1.1"), ("2026-10-30", "1.2"))],
    ids=["date as written", "rates"],
)
def test_the_rows_of_a_day_have_numbers_whatever_their_order(rows, first, second):
    """By the date as written, then by the rates; in each file by themselves."""
    received = [(day, usd, "1", "{}", "f", "t", "d") for day, usd in (first, second)]
    other = ("2026-10-30", "1.0", "1", "{}", "g", "t", "d")
    for given in ([*received, other], [other, *received[::-1]]):
        found = transforms.cells(rows(RAW, *given)).where("currency = 'USD'").collect()
        assert {row.copy: (row.rate_date, row.rate) for row in found if row.source_file == "f"} == {
            1: first,
            2: second,
        }
        assert [(row.copy, row.same_day) for row in found if row.source_file == "g"] == [(1, None)]


def test_cells_become_rates_and_gaps(classified, rows):
    sorted_cells = classified(
        ("2026-10-30", "USD", "1.1172"),
        ("2026-10-30", "BGN", "N/A"),
        ("2004-12-31", "TRL", " 1836200 "),
        ("2005-01-03", "TRY", "1.8"),
        ("2005-01-03", "TRL", "N/A"),
    )
    moment = "TIMESTAMP_NTZ '2026-11-02 07:00:00' AS ingested_at"
    expected = rows(
        CELL, ("2026-10-30", "USD", "1.1172"), ("2004-12-31", "TRL", "1836200"), ("2005-01-03", "TRY", "1.8")
    )
    assert_df_equality(
        transforms.rates(sorted_cells),
        expected.selectExpr("CAST(rate_date AS date)", "currency", "CAST(rate AS decimal(18,8))", moment),
        ignore_row_order=True,
        ignore_nullable=True,
    )
    assert_df_equality(
        transforms.gaps(sorted_cells),
        rows(
            "rate_date string, currency string, reason string",
            ("2026-10-30", "BGN", "N/A: no rate published"),
            ("2005-01-03", "TRL", "N/A: no rate published"),
        ).withColumn("rate_date", sf.to_date("rate_date")),
        ignore_row_order=True,
        ignore_nullable=True,
    )
    assert quality.rejected(sorted_cells).count() == 0


def test_what_only_sorting_needs_is_not_kept_with_the_cells(classified):
    """They are held in memory, and the other rows of a day would be there once for each of its cells."""
    assert not {"copy", "same_day", "others"} & set(classified(("2026-10-30", "USD", "1.1")).columns)


@pytest.mark.parametrize(
    ("date", "rate", "reason"),
    [
        ("2026-02-30", "1.1", "date is not YYYY-MM-DD"),
        ("30 October 2026", "1.1", "date is not YYYY-MM-DD"),
        ("2026", "1.1", "date is not YYYY-MM-DD"),
        ("", "N/A", "date is not YYYY-MM-DD"),
        ("2026-10-30", "", "rate is not a decimal number"),
        ("2026-10-30", None, "rate is not a decimal number"),
        ("2026-10-30", "1,1172", "rate is not a decimal number"),
        ("2026-10-30", "1e3", "rate is not a decimal number"),
        ("2026-10-30", "NaN", "rate is not a decimal number"),
        ("2026-10-30", "n/a", "rate is not a decimal number"),
        ("2026-10-30", "0", "rate is not above zero"),
        ("2026-10-30", "0.000", "rate is not above zero"),
        ("2026-10-30", "-1.1", "rate is not above zero"),
        ("2026-10-30", "1.123456789", "rate does not fit decimal(18,8)"),
        ("2026-10-30", "12345678901", "rate does not fit decimal(18,8)"),
        ("yesterday", "-1", "date is not YYYY-MM-DD; rate is not above zero"),
    ],
)
def test_a_malformed_cell_is_rejected_with_its_reasons(classified, date, rate, reason):
    sorted_cells = classified((date, "USD", rate))
    assert reasons(sorted_cells) == {(date, "USD", rate): reason}
    assert transforms.rates(sorted_cells).isEmpty()
    assert transforms.gaps(sorted_cells).isEmpty()


@pytest.mark.parametrize("rate", ["0.00000001", "9999999999.99999999", "1.500000000", "007"])
def test_the_limits_of_the_type_are_rates(classified, rate):
    assert transforms.rates(classified(("2026-10-30", "USD", rate))).first().rate == Decimal(rate)


def test_the_same_rate_twice_is_kept_once(classified):
    sorted_cells = classified(
        ("2026-10-30", "USD", "1.1"), ("2026-10-30", "USD", "1.10"), ("2026-10-30", "JPY", "175")
    )
    assert transforms.rates(sorted_cells).count() == 2
    assert reasons(sorted_cells) == {}
    assert [row.rate for row in sorted_cells.where("superseded").collect()] == ["1.10"]


@pytest.mark.parametrize("other", ["1.2", "N/A"])
def test_different_rates_for_one_day_are_all_rejected(classified, other):
    """Which of them is right cannot be told, so neither may be taken."""
    sorted_cells = classified(("2026-10-30", "USD", "1.1"), ("2026-10-30", "USD", other))
    assert set(reasons(sorted_cells).values()) == {"date and currency have different rates"}
    assert quality.rejected(sorted_cells).count() == 2


def test_the_newest_file_speaks_for_the_cells_that_it_has(rows):
    """A good cell gives way to a good one alone; what an older file spoilt is no reject any more."""

    def received(day, usd, carried, file):
        return (day, usd, "1", json.dumps(carried), file, "2026-11-02T07:00:00Z", "d")

    raw = rows(
        RAW,
        received("2026-10-28", "1.1", {}, "old"),
        received("2026-10-29", "1.2", {"XYZ": "9"}, "old"),
        received("2026-10-30", "spoilt", {}, "old"),
        received("2026-10-29", "x", {}, "new"),
        received("2026-10-30", "1.3", {}, "new"),
        received("never", "1.4", {}, "old"),
    )
    agreed = load("project01").table("refined", "ecb_rates")
    classified = transforms.classified(transforms.cells(raw), agreed)
    for versions in ({"new": "2", "old": "1"}, {"old": "1", "new": "2"}):
        found = transforms.newest_of(classified, versions).where("currency <> 'TRY'")
        rates = {
            (str(row.rate_date), row.currency): str(row.rate) for row in transforms.rates(found).collect()
        }
        assert rates == {
            ("2026-10-28", "USD"): "1.10000000",
            ("2026-10-29", "USD"): "1.20000000",
            ("2026-10-29", "XYZ"): "9.00000000",
            ("2026-10-30", "USD"): "1.30000000",
        }
        assert reasons(found) == {
            ("2026-10-29", "USD", "x"): "rate is not a decimal number",
            ("never", "USD", "1.4"): "date is not YYYY-MM-DD",
        }
    assert transforms.newest_of(classified, {"old": "1"}) is classified


# ─── Curate ───


def test_a_month_has_average_end_change_volatility_and_days(rates):
    values = {
        "2026-01-29": "1.00",
        "2026-01-30": "1.10",
        "2026-02-02": "1.21",
        "2026-02-03": "1.21",
        "2026-02-04": "1.33",
        "2026-02-27": "1.32",
    }
    january, february = (
        transforms.monthly(rates(*((day, "USD", rate) for day, rate in values.items())))
        .orderBy("month")
        .collect()
    )
    assert january.asDict() == {
        "month": datetime.date(2026, 1, 1),
        "currency": "USD",
        "average_rate": Decimal("1.05000000"),
        "month_end_rate": Decimal("1.10000000"),
        "change": None,
        "volatility": None,
        "days": 2,
    }
    assert (february.average_rate, february.month_end_rate) == (Decimal("1.26750000"), Decimal("1.32000000"))
    assert february.change == pytest.approx(0.2)
    # 27 February comes 23 days after the rate before: no daily return.
    returns = [math.log(1.1), 0.0, math.log(1.33 / 1.21)]
    assert february.volatility == pytest.approx(statistics.stdev(returns), abs=1e-12)
    assert february.days == 4


def test_a_daily_return_bridges_no_more_days_than_easter_and_christmas_leave(rates):
    """Two returns give a volatility, one alone gives none."""
    first = datetime.date(2026, 3, 2)

    def volatility(days: int) -> float | None:
        dates = (first, first + datetime.timedelta(1), first + datetime.timedelta(1 + days))
        months = transforms.monthly(
            rates(*((day.isoformat(), "USD", rate) for day, rate in zip(dates, ("1", "2", "3"), strict=True)))
        )
        return months.first().volatility

    longest = transforms.MAX_DAYS_BETWEEN_RATES
    assert volatility(longest) == pytest.approx(statistics.stdev([math.log(2), math.log(1.5)]), abs=1e-12)
    assert volatility(longest + 1) is None


def test_a_month_after_a_suspension_has_no_change(rates):
    """The rouble stopped on 2022-03-01; a rate years later is no month-on-month change."""
    months = transforms.monthly(
        rates(("2022-02-28", "RUB", "115"), ("2022-03-01", "RUB", "117.201"), ("2026-01-05", "RUB", "90"))
    ).orderBy("month")
    assert [row.change is None for row in months.collect()] == [True, False, True]


def test_redenominated_currencies_are_two_series(rates):
    months = transforms.monthly(
        rates(
            ("2004-12-31", "TRL", "1836200"),
            ("2005-01-03", "TRY", "1.8"),
            ("2005-06-30", "ROL", "36030"),
            ("2005-07-01", "RON", "3.6"),
        )
    )
    assert {(row.currency, row.change) for row in months.collect()} == {
        (currency, None) for currency in ("TRL", "TRY", "ROL", "RON")
    }


def test_cross_rates_are_units_for_one_dollar(rates, rows):
    crossed = transforms.cross_rates_usd(
        rates(("2026-10-30", "USD", "1.25"), ("2026-10-30", "JPY", "175"), ("2026-10-29", "JPY", "170"))
    )
    expected = rows(
        CELL, ("2026-10-30", "USD", "1"), ("2026-10-30", "JPY", "140"), ("2026-10-30", "EUR", "0.8")
    )
    assert_df_equality(
        crossed,
        expected.selectExpr("CAST(rate_date AS date)", "currency", "CAST(rate AS decimal(18,8)) AS usd_rate"),
        ignore_row_order=True,
        ignore_nullable=True,
    )


# ─── Contract ───


def test_the_frames_have_the_names_and_types_of_tables_json(classified, rates, declared, rows):
    lines = rows("corrupt_record string, source_file string, ingestion_date string", ("x", "f", "d"))
    sorted_cells, some_rates = classified(("2026-10-30", "USD", "1.1")), rates(("2026-10-30", "USD", "1.1"))
    frames = {
        ("refined", "ecb_rates"): transforms.rates(sorted_cells),
        ("refined", "ecb_rates_gaps"): transforms.gaps(sorted_cells),
        ("refined", "ecb_rates_rejected"): transforms.rejects(sorted_cells, lines),
        ("curated", "ecb_rates_monthly"): transforms.monthly(some_rates),
        ("curated", "ecb_cross_rates_usd"): transforms.cross_rates_usd(some_rates),
    }
    for (layer, table), frame in frames.items():
        assert sorted(frame.dtypes) == sorted(declared("project01", layer, table)), table
