"""The jobs of template on their sample: records, rejects, and a second run."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from chispa import assert_df_equality

from core.errors import InputError
from jobs.template import curate, ingest, refine, transforms
from meshtest import toolchain

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


def run_all(domain, day="2026-11-02"):
    for work in JOBS:
        domain.run(work, "template", day)


def test_every_row_of_the_sample_is_a_record_or_a_reject(domain):
    domain.drop("template", "records.csv", SAMPLE.read_bytes())
    run_all(domain)
    records = domain.table("refined", "template_records").orderBy("item_id").collect()
    assert [row.item_id for row in records] == ["A1", "A2", "A3", "A6"]
    rejects = domain.table("refined", "template_records_rejected").orderBy("item_id").collect()
    assert {row.item_id: row.reasons for row in rejects} == {
        "A3": "item_id is there already",
        "A4": "day is not YYYY-MM-DD",
        "A5": "value is not a decimal number",
    }


def test_a_second_run_changes_nothing(domain):
    domain.drop("template", "records.csv", SAMPLE.read_bytes())
    run_all(domain)
    before = {name: domain.snapshots(layer, name) for layer, name in TABLES}
    run_all(domain, "2026-11-03")
    assert {name: domain.snapshots(layer, name) for layer, name in TABLES} == before


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


def test_another_column_is_named_with_its_file(domain):
    domain.drop("template", "records.csv", "item_id,date,value\nA1,2026-10-30,1.00\n")
    message = r"records\.csv: the columns are item_id, date, value; expected item_id, day, value$"
    with pytest.raises(InputError, match=message):
        domain.run(ingest.work, "template")
