"""Whatever lines arrive, in whatever order and files: no row is lost or doubled, and again is no change."""

from __future__ import annotations

import itertools
import json
import os

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as sf

from core import formats, quality
from core.contract import load
from core.quality import NOT_SAID
from jobs.test02 import ingest_payments, refine_payments, transforms

FIXED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
PROFILE = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=FIXED)
COLUMNS = ("payment_id", "account_id", "payment_date", "paid_at", "amount", "currency", "updated_at")

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
def judged(rows):
    """Judge lines of (text, file)."""
    columns = [name for name in load("test02").table("raw", "payments").types if name not in NOT_SAID]

    def make(received):
        frame = formats.parsed_lines(rows("raw_line string, source_file string", *received), columns)
        frame = frame.withColumn("ingested_at", sf.lit("2026-11-02T07:00:00+00:00"))
        return quality.evaluated(frame, load("test02").judging("payments", "payments"))

    return make


def sorted_out(frame):
    """What becomes of the rows, independent of their order."""
    frame = frame.persist()
    payments = transforms.payments(quality.accepted(frame)).select(*COLUMNS)
    rejects = quality.with_record_id(quality.rejected(frame), ["source_file", "raw_line"])
    found = (
        quality.count_judged(frame),
        sorted(map(str, payments.collect())),
        sorted((row.record_id, row.reasons) for row in rejects.collect()),
    )
    frame.unpersist()
    return found


@PROFILE
@given(data=st.data(), received=st.lists(st.tuples(lines, st.sampled_from("ab")), min_size=1, max_size=12))
def test_every_line_ends_in_one_place_whatever_the_order(judged, data, received):
    counts, payments, rejects = sorted_out(judged(received))
    assert sum(counts.values()) == len(received)
    assert len(set(payments)) == len(payments) == counts["accepted"]
    assert len({key for key, _ in rejects}) == len(rejects) == counts["rejected"]
    assert sorted_out(judged(data.draw(st.permutations(received)))) == (counts, payments, rejects)


JUDGED = """
    CREATE TABLE judged AS
    WITH parsed AS (
        SELECT line, CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN line::JSON END AS j
        FROM (SELECT unnest($lines) AS line)
    ), typed AS (
        SELECT line, j->>'payment_id' AS id, j->>'account_id' AS account, j->>'currency' AS currency,
               CASE WHEN regexp_full_match(j->>'amount', '[0-9]+([.][0-9]{1,2})?')
                    THEN (j->>'amount')::DECIMAL(18, 2) END AS amount,
               TRY_CAST(j->>'paid_at' AS TIMESTAMPTZ) AS paid,
               TRY_CAST(j->>'updated_at' AS TIMESTAMPTZ) AS updated
        FROM parsed
    )
    SELECT *, coalesce(trim(id) <> '' AND account <> '' AND amount > 0 AND currency IN ('EUR', 'USD')
                       AND paid IS NOT NULL AND updated IS NOT NULL, false) AS is_good
    FROM typed
"""
# Of versions of the same moment the one that says most counts.
LATEST = """
    SELECT id, account, amount, currency, epoch(paid), epoch(updated) FROM judged WHERE is_good
    QUALIFY row_number() OVER (
        PARTITION BY id ORDER BY updated DESC, account DESC, amount DESC, currency DESC, paid DESC
    ) = 1
"""


def expected(received):
    """The payments and the rejected lines, by DuckDB."""
    with duckdb.connect() as database:
        database.execute(JUDGED, {"lines": received})
        rejected = database.sql("SELECT line FROM judged WHERE NOT is_good").fetchall()
        return sorted(database.sql(LATEST).fetchall()), sorted(line for (line,) in rejected)


@settings(PROFILE, max_examples=5)
@given(data=st.data(), received=st.lists(lines, min_size=1, max_size=10))
def test_any_files_in_any_runs_give_the_payments_of_all_lines(new_lake, data, received):
    lake = new_lake()
    lake.deploy("test02")
    shuffled = data.draw(st.permutations(received))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=2)))
    files = [shuffled[start:end] for start, end in itertools.pairwise([0, *cuts, len(shuffled)])]
    again = data.draw(st.integers(0, len(files) - 1))
    for run, number in enumerate([*range(len(files)), again]):
        file = lake.drop("test02", f"payments/{number}.jsonl", "".join(f"{text}\n" for text in files[number]))
        os.utime(file, (1_760_000_000 + run, 1_760_000_000 + run))
        if data.draw(st.booleans()) or run == len(files):
            for work in (ingest_payments.work, refine_payments.work):
                lake.run(work, "test02", data.draw(st.sampled_from(["2026-11-02", "2026-11-01"])))
    payments, rejected = expected(received)
    moments = [f"unix_timestamp(CAST({name} AS timestamp))" for name in ("paid_at", "updated_at")]
    found = lake.table("refined", "payments").selectExpr(
        "payment_id", "account_id", "amount", "currency", *moments
    )
    assert sorted(map(tuple, found.collect())) == payments
    assert sorted(row.raw_line for row in lake.table("refined", "payments_rejected").collect()) == rejected
