"""Whatever lines arrive, in whatever order and files: no row is lost or doubled, and again is no change."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as sf

from core import iceberg, quality
from core.contract import load
from jobs.test02 import transforms

FIXED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
PROFILE = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=FIXED)
COLUMNS = ("payment_id", "account_id", "payment_date", "paid_at", "amount", "currency", "updated_at")
_number = itertools.count()

# Few ids and moments, so that versions, ties and copies are the rule; each field is now and then spoilt.
moments = st.sampled_from(
    ["2026-10-30T10:00:00Z", "2026-10-30T12:00:00+02:00", "2026-10-31T10:00:00Z", "soon"]
)
records = st.fixed_dictionaries(
    {
        "payment_id": st.sampled_from(["P1", "P2", "P3", " "]),
        "account_id": st.sampled_from(["A1", None]),
        "amount": st.sampled_from(["1.00", "2.5", "-1", "0.001", "x", None]),
        "currency": st.sampled_from(["USD", "EUR", "usd"]),
        "paid_at": moments,
        "updated_at": moments,
    }
)
good = st.fixed_dictionaries(
    {
        "payment_id": st.sampled_from(["P1", "P2", "P3"]),
        "account_id": st.just("A1"),
        "amount": st.sampled_from(["1.00", "2.50"]),
        "currency": st.sampled_from(["USD", "EUR"]),
        "paid_at": st.sampled_from(["2026-10-30T10:00:00Z", "2026-10-30T12:00:00+02:00"]),
        "updated_at": st.sampled_from(["2026-10-30T10:00:00Z", "2026-10-31T10:00:00Z"]),
    }
)
lines = st.one_of(good.map(json.dumps), records.map(json.dumps), st.sampled_from(["{", "[]", "null", "{}"]))


@pytest.fixture(scope="module")
def classified(rows):
    """Classify lines of (text, file)."""

    def make(received):
        frame = rows("raw_line string, source_file string", *received)
        parsed = transforms.parsed(frame.withColumn("ingested_at", sf.lit("2026-11-02T07:00:00+00:00")))
        agreed = load("test02").table("refined", "payments")
        return transforms.classified(parsed.withColumn("ingestion_date", sf.lit("2026-11-02")), agreed)

    return make


def sorted_out(frame):
    """What becomes of the rows, independent of their order."""
    frame = frame.persist()
    counts = quality.count_each(
        payments=transforms.payments(frame),
        superseded=frame.where("is_superseded"),
        rejected=transforms.rejects(frame),
    )
    payments = sorted(map(str, transforms.payments(frame).select(*COLUMNS).collect()))
    rejects = sorted((row.record_id, row.reasons) for row in transforms.rejects(frame).collect())
    frame.unpersist()
    return counts, payments, rejects


@PROFILE
@given(data=st.data(), received=st.lists(st.tuples(lines, st.sampled_from("ab")), min_size=1, max_size=12))
def test_every_line_ends_in_one_place_whatever_the_order(classified, data, received):
    counts, payments, rejects = sorted_out(classified(received))
    assert sum(counts.values()) == len(received)
    assert len(set(payments)) == len(payments)
    assert len({key for key, _ in rejects}) == len(rejects) == counts["rejected"]
    assert sorted_out(classified(data.draw(st.permutations(received)))) == (counts, payments, rejects)


@settings(PROFILE, max_examples=8)
@given(data=st.data(), received=st.lists(st.tuples(lines, st.sampled_from("ab")), min_size=1, max_size=10))
def test_batches_in_any_order_and_again_give_the_table_of_one(spark, classified, data, received):
    """Versions that are not the same moment: of a tie in two batches, the later batch counts."""
    shuffled = data.draw(st.permutations(_without_ties(received)))
    cut = data.draw(st.integers(0, len(shuffled)))
    tables = [_table(spark), _table(spark)]
    for table, batches in zip(
        tables, ([shuffled], [shuffled[cut:], shuffled[:cut], shuffled[cut:]]), strict=True
    ):
        for batch in batches:
            if batch:
                payments = transforms.payments(classified(batch))
                iceberg.merge(table, payments, ["payment_id"], ignore=["ingested_at"], version="updated_at")
    once, again = (sorted(map(str, spark.table(table).select(*COLUMNS).collect())) for table in tables)
    assert again == once


def _without_ties(received):
    """Keep one line for each payment and moment of its last change."""
    kept = {}
    for text, file in received:
        record = json.loads(text) if text.startswith('{"') else {}
        kept[record.get("payment_id", text), record.get("updated_at")] = (text, file)
    return list(kept.values())


def _table(spark):
    name = f"glue_catalog.properties.t{next(_number)}"
    types = ", ".join(
        f"{column} {kind.replace('timestamp', 'timestamp_ntz')}"
        for column, kind in load("test02").table("refined", "payments").types.items()
    )
    spark.sql(f"CREATE TABLE {name} ({types}) USING iceberg")
    return name
