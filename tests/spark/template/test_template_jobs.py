"""The jobs of template on their sample: records, rejects, and a second run."""

from __future__ import annotations

import datetime
from decimal import Decimal

import duckdb
import pytest
from chispa import assert_df_equality

from jobs.template import curate, ingest, refine, transforms
from meshtest.tools import toolchain

SAMPLE = toolchain.ROOT / "samples" / "template" / "records.csv"
JOBS = (ingest.work, refine.work, curate.work)
TABLES = [
    ("refined", "template_records"),
    ("refined", "template_records_rejected"),
    ("curated", "template_daily"),
]


@pytest.fixture
def domain(lake):
    lake.deploy("template")
    return lake


def run_all(domain, day="2026-11-02", **options):
    for work in JOBS:
        domain.run(work, "template", day, **options)


def records(domain):
    return {row.item_id: str(row.value) for row in domain.table("refined", "template_records").collect()}


def rejects(domain):
    found = domain.table("refined", "template_records_rejected").collect()
    return sorted((row.item_id or row.corrupt_record, row.value, row.reasons) for row in found)


def snapshots(domain):
    return {name: domain.snapshots(layer, name) for layer, name in TABLES}


def test_every_row_of_the_sample_is_a_record_or_a_reject(domain):
    domain.drop("template", "records.csv", SAMPLE.read_bytes())
    run_all(domain)
    assert records(domain) == {"A1": "12.50", "A2": "7.25", "A3": "100.00", "A6": "0.99"}
    assert rejects(domain) == [
        ("A3", "101.00", "item_id is there already"),
        ("A4", "3.10", "day is not YYYY-MM-DD"),
        ("A5", "ten", "value is not a decimal number"),
    ]


def test_a_second_run_changes_nothing(domain):
    domain.drop("template", "records.csv", SAMPLE.read_bytes())
    run_all(domain)
    before = snapshots(domain)
    run_all(domain, "2026-11-03")
    run_all(domain, "2026-11-04", full_rebuild=True)
    assert snapshots(domain) == before


def test_daily_totals(rows):
    day, other = datetime.date(2026, 10, 30), datetime.date(2026, 10, 31)
    records = rows(
        "item_id string, day date, value decimal(18,2)",
        ("A1", day, Decimal("12.50")),
        ("A2", day, Decimal("7.25")),
        ("A3", other, Decimal("100.00")),
    )
    expected = rows(
        "day date, records bigint, value decimal(28,2)",
        (day, 2, Decimal("19.75")),
        (other, 1, Decimal("100.00")),
    )
    assert_df_equality(transforms.daily(records), expected, ignore_row_order=True, ignore_nullable=True)


def test_the_tables_are_a_function_of_the_file(domain):
    """The same sums in DuckDB."""
    domain.drop("template", "records.csv", SAMPLE.read_bytes())
    run_all(domain)
    expected = duckdb.sql(
        f"""
        SELECT day::DATE AS d, count(*), sum(v) FROM (
            SELECT item_id, day, min(try_cast(value AS DECIMAL(18, 2))) AS v
            FROM read_csv('{SAMPLE}', all_varchar = true) GROUP BY item_id, day
        ) WHERE v IS NOT NULL AND regexp_full_match(day, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') GROUP BY d
        """
    )
    found = domain.table("curated", "template_daily").collect()
    assert sorted(map(tuple, found)) == sorted(expected.fetchall())
