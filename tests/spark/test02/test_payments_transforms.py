"""test02: from lines as received to payments, and to daily totals in euro."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import formats, quality
from core.contract import load
from core.quality import NOT_SAID
from jobs.test02 import transforms

GOOD = {
    "payment_id": "P1",
    "account_id": "A1",
    "amount": "12.30",
    "currency": "USD",
    "paid_at": "2026-10-30T23:30:00Z",
    "updated_at": "2026-10-30T23:31:00Z",
}


def line(**changes):
    """A payment as JSON; a field set to None is left out."""
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not None})


@pytest.fixture
def parsed(rows):
    def make(*lines, file="f.jsonl"):
        frame = rows("raw_line string", *((text,) for text in lines)).withColumn("source_file", sf.lit(file))
        columns = [name for name in load("test02").table("raw", "payments").types if name not in NOT_SAID]
        return formats.parsed_lines(frame, columns).withColumn(
            "ingested_at", sf.lit("2026-11-02T07:00:00+00:00")
        )

    return make


@pytest.fixture
def judged(parsed):
    def make(*lines):
        return quality.evaluated(parsed(*lines), load("test02").judging("payments", "payments")).persist()

    return make


def payments(judged):
    return transforms.payments(quality.accepted(judged))


# ─── Ingest ───


def test_fields_are_kept_as_written(parsed):
    found = parsed(line(), line(amount=12.5, note="unknown", account_id=None), "  ", "").collect()
    assert [row.amount for row in found] == ["12.30", "12.5"]
    assert [row.account_id for row in found] == ["A1", None]
    assert '"note": "unknown"' in found[1].raw_line
    assert {row.corrupt_record for row in found} == {None}


@pytest.mark.parametrize(
    "text",
    [
        *("{", '["P1", "A1"]', "null", "17", "P1;A1;12.30", line()[:-9], "{]", "[]"),
        *("{}{}", line() * 2, f"{line()},{line()}", f"{line()} xyz", f"{line()}]", "{},null]{}"),
        json.dumps({"payment_id": "P\ufffd"}, ensure_ascii=False),
    ],
)
def test_a_line_that_is_not_one_object_is_kept_as_corrupt(parsed, text):
    (row,) = parsed(text).collect()
    assert (row.raw_line, row.corrupt_record, row.payment_id, row.currency) == (text, text, None, None)


# ─── Refine ───


def test_a_payment_is_typed_in_utc(judged, rows):
    found = payments(judged(line(paid_at="2026-10-31T00:30:00+02:00")))
    expected = rows("payment_id string, account_id string", ("P1", "A1")).selectExpr(
        "payment_id",
        "account_id",
        "DATE '2026-10-30' AS payment_date",
        "TIMESTAMP_NTZ '2026-10-30 22:30:00' AS paid_at",
        "CAST('12.30' AS decimal(18,2)) AS amount",
        "'USD' AS currency",
        "TIMESTAMP_NTZ '2026-10-30 23:31:00' AS updated_at",
        "TIMESTAMP_NTZ '2026-11-02 07:00:00' AS ingested_at",
    )
    assert_df_equality(found, expected, ignore_nullable=True)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"payment_id": None}, "payment_id is missing"),
        ({"payment_id": " "}, "payment_id is missing"),
        ({"account_id": None}, "account_id is missing"),
        ({"amount": None}, "amount is not a decimal number"),
        ({"amount": "12,30"}, "amount is not a decimal number"),
        ({"amount": "1e2"}, "amount is not a decimal number"),
        ({"amount": "0.00"}, "amount is not above zero"),
        ({"amount": "-1"}, "amount is not above zero"),
        ({"amount": "0.001"}, "amount does not fit decimal(18,2)"),
        ({"amount": "12345678901234567.00"}, "amount does not fit decimal(18,2)"),
        ({"currency": "usd"}, "currency is not an ISO 4217 code"),
        ({"currency": "ZZZ"}, "currency is not an ISO 4217 code"),
        ({"currency": None}, "currency is not an ISO 4217 code"),
        ({"paid_at": "2026-02-30T10:00:00Z"}, "paid_at is not an ISO 8601 timestamp with a zone"),
        ({"paid_at": "2026-10-30 10:00:00"}, "paid_at is not an ISO 8601 timestamp with a zone"),
        ({"paid_at": "2026-10-30T10:00:00"}, "paid_at is not an ISO 8601 timestamp with a zone"),
        ({"updated_at": None}, "updated_at is not an ISO 8601 timestamp with a zone"),
        ({"amount": "x", "currency": ""}, "amount is not a decimal number; currency is not an ISO 4217 code"),
    ],
)
def test_a_malformed_payment_is_rejected_with_all_reasons(judged, changes, reasons):
    sorted_lines = judged(line(**changes))
    (row,) = quality.rejected(sorted_lines).collect()
    assert (row.reasons, row.raw_line) == (reasons, line(**changes))
    assert payments(sorted_lines).isEmpty()


def test_a_corrupt_line_has_one_reason(judged):
    (row,) = quality.rejected(judged("{")).collect()
    assert (row.reasons, row.raw_line) == ("line is not one JSON object", "{")


def test_the_version_updated_last_counts_whatever_the_order(judged):
    old, new = line(amount="1.00"), line(amount="2.00", updated_at="2026-10-31T08:00:00Z")
    spoilt = line(amount="x", updated_at="2026-11-01T08:00:00Z")
    for lines in ([old, new, new, spoilt], [spoilt, new, old, new]):
        sorted_lines = judged(*lines)
        assert [row.amount for row in payments(sorted_lines).collect()] == [Decimal("2.00")]
        assert quality.count_judged(sorted_lines) == {"accepted": 1, "superseded": 2, "rejected": 1}


def test_an_older_version_whose_text_is_greater_is_superseded(judged):
    old, new = line(amount="9.00"), line(amount="1.00", updated_at="2026-10-31T08:00:00Z")
    assert [row.amount for row in payments(judged(old, new)).collect()] == [Decimal("1.00")]


def test_each_payment_has_versions_of_its_own(judged):
    found = payments(judged(line(), line(payment_id="P2"), line(amount="90.00")))
    assert sorted((row.payment_id, row.amount) for row in found.collect()) == [
        ("P1", Decimal("90.00")),
        ("P2", Decimal("12.30")),
    ]


def test_a_line_in_two_files_counts_as_that_of_the_later_name(parsed):
    files = [parsed(line(), file=name) for name in "ab"]
    for received in (files[0].unionByName(files[1]), files[1].unionByName(files[0])):
        found = quality.evaluated(received, load("test02").judging("payments", "payments"))
        assert [row.source_file for row in quality.accepted(found).collect()] == ["b"]


def test_versions_of_the_same_moment_are_decided_by_their_values(judged):
    lines = [line(amount="1.00"), line(amount="2.00")]
    for given in (lines, lines[::-1]):
        assert [row.amount for row in payments(judged(*given)).collect()] == [Decimal("2.00")]


def test_moments_are_compared_not_texts(judged):
    """09:00+02:00 is before 08:00Z, though its text is greater."""
    early = line(amount="1.00", updated_at="2026-10-31T09:00:00+02:00")
    late = line(amount="2.00", updated_at="2026-10-31T08:00:00Z")
    assert payments(judged(early, late)).first().amount == Decimal("2.00")


# ─── Curate ───

DAILY = (
    "payment_date string, currency string, payments bigint, amount string, rate string, rate_date string, "
    "amount_eur string, unconverted bigint"
)


@pytest.fixture
def daily(rows):
    """Daily totals of payments (day, currency, amount) and rates (day, currency, rate)."""

    def make(payments, rates):
        return transforms.daily_eur(
            rows("d string, currency string, amount string", *payments).selectExpr(
                "uuid() AS payment_id",
                "CAST(d AS date) AS payment_date",
                "currency",
                "CAST(amount AS decimal(18,2)) AS amount",
            ),
            rows("d string, currency string, rate string", *rates).selectExpr(
                "CAST(d AS date) AS rate_date", "currency", "CAST(rate AS decimal(18,8)) AS rate"
            ),
        )

    return make


def test_totals_are_converted_at_the_last_rate_known(daily, rows):
    """30 October 2026 is a Friday: the weekend takes its rate, Monday has one of its own."""
    found = daily(
        [
            ("2026-10-30", "USD", "10.00"),
            ("2026-10-31", "USD", "5.00"),
            ("2026-10-31", "USD", "2.50"),
            ("2026-11-02", "USD", "9.00"),
            ("2026-11-01", "EUR", "3.33"),
        ],
        [("2026-10-30", "USD", "1.25"), ("2026-11-02", "USD", "2"), ("2026-10-31", "JPY", "7")],
    )
    expected = rows(
        DAILY,
        ("2026-10-30", "USD", 1, "10.00", "1.25", "2026-10-30", "8.00", 0),
        ("2026-10-31", "USD", 2, "7.50", "1.25", "2026-10-30", "6.00", 0),
        ("2026-11-02", "USD", 1, "9.00", "2", "2026-11-02", "4.50", 0),
        ("2026-11-01", "EUR", 1, "3.33", "1", "2026-11-01", "3.33", 0),
    ).selectExpr(
        "CAST(payment_date AS date)",
        "currency",
        "payments",
        "CAST(amount AS decimal(28,2))",
        "CAST(rate AS decimal(18,8))",
        "CAST(rate_date AS date)",
        "CAST(amount_eur AS decimal(28,2))",
        "unconverted",
    )
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.parametrize(
    ("day", "currency", "rates"),
    [
        ("2026-10-30", "AED", []),
        ("2026-10-30", "USD", [("2026-10-31", "USD", "1.1")]),
        ("2026-01-11", "BGN", [("2025-12-31", "BGN", "1.9558")]),
        ("2005-01-03", "TRY", [("2004-12-31", "TRL", "1836200")]),
    ],
    ids=["never quoted", "not quoted yet", "ended", "redenominated"],
)
def test_payments_without_a_recent_rate_are_counted_not_lost(daily, day, currency, rates):
    (row,) = daily([(day, currency, "5.00"), (day, currency, "1.00")], rates).collect()
    assert (row.payments, row.unconverted, row.amount) == (2, 2, Decimal("6.00"))
    assert (row.rate, row.rate_date, row.amount_eur) == (None, None, None)


def test_a_rate_holds_for_ten_days(daily):
    (row,) = daily([("2026-01-10", "BGN", "1.96")], [("2025-12-31", "BGN", "1.96")]).collect()
    assert (row.amount_eur, row.unconverted) == (Decimal("1.00"), 0)


# ─── Contract ───


def test_the_frames_have_the_names_and_types_of_tables_json(parsed, judged, daily, declared):
    frames = {
        ("raw", "payments"): parsed(line()),
        ("refined", "payments"): payments(judged(line())),
        ("curated", "payments_daily_eur"): daily([("2026-10-30", "USD", "1")], []),
    }
    for (layer, table), frame in frames.items():
        assert sorted(frame.dtypes) == sorted(declared("test02", layer, table)), table
