"""test02 end to end on generated payments, held against what the generator says and plain Python."""

from __future__ import annotations

import datetime
import json
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal

import pytest
from samples.test02 import make as sample

from core import iceberg
from core.errors import CatalogError, InputError
from jobs.test02 import curate_payments, ingest_payments, refine_payments

JOBS = (ingest_payments.work, refine_payments.work, curate_payments.work)
TABLES = [("refined", "payments"), ("refined", "payments_rejected"), ("curated", "payments_daily_eur")]


def fill_rates(lake, rates):
    rows = [(day, currency, rate, None) for (day, currency), rate in rates.items()]
    table = lake.table("refined", "ecb_rates")
    lake.spark.createDataFrame(rows, table.schema).writeTo(lake.name("refined", "ecb_rates")).append()


def working_day_rates():
    """A rate that differs every day, Monday to Friday, for what the ECB quotes."""
    days = (sample.LAST_DAY - sample.FIRST_DAY).days + 1
    # From the Friday before: the first day may be a holiday, as in the ECB's file.
    every = (sample.FIRST_DAY + datetime.timedelta(days=number) for number in range(-3, days))
    return {
        (day, currency): Decimal(100 + day.toordinal() % 97 + position) / 100
        for day in every
        if day.weekday() < 5
        for position, currency in enumerate(sample.CURRENCIES)
        if currency != "EUR" and day <= sample.LAST_QUOTED.get(currency, sample.LAST_DAY)
    }


def expected_payments(file):
    """The latest valid version of each payment, by plain Python."""
    latest = {}
    for text in file.read_text().splitlines():
        try:
            payment = json.loads(text)
            day = datetime.datetime.fromisoformat(payment["paid_at"]).date()
            amount = Decimal(payment["amount"])
            valid = amount > 0 and amount == round(amount, 2) and payment["currency"] in sample.CURRENCIES
            name, key = payment["payment_id"], (payment["updated_at"], text)
        except (ValueError, KeyError, TypeError, ArithmeticError):
            continue
        if valid and key > latest.get(name, (("", ""),))[0]:
            latest[name] = (key, day, payment["currency"], amount)
    return latest


def test_generated_payments(domain):
    file = domain.drop("test02", "payments/2026-10.jsonl", "")
    summary = sample.generate(file, rows=5_000, seed=7)
    rates = working_day_rates()
    fill_rates(domain, rates)
    for work in JOBS:
        domain.run(work, "test02")

    latest = expected_payments(file)
    assert len(latest) == summary.payments
    found = {
        row.payment_id: (row.payment_date, row.currency, row.amount)
        for row in domain.table("refined", "payments").collect()
    }
    assert found == {name: values[1:] for name, values in latest.items()}
    partitions = domain.spark.table(f"{domain.name('refined', 'payments')}.partitions")
    months = {(day.year, day.month) for _, day, *_ in latest.values()}
    assert partitions.select("partition.payment_date_month").distinct().count() == len(months)
    _check_rejects(domain, summary)
    _check_totals(domain, latest.values(), rates, summary)
    _check_that_a_second_run_changes_nothing(domain)


def _check_rejects(domain, summary):
    rejected = domain.table("refined", "payments_rejected").collect()
    assert len(rejected) == summary.rejected == summary.lines - summary.payments - summary.superseded
    assert Counter(reason for row in rejected for reason in row.reasons.split("; ")) == summary.reasons


def _check_totals(domain, payments, rates, summary):
    totals = defaultdict(list)
    for _, day, currency, amount in payments:
        totals[day, currency].append(amount)
    found = {
        (row.payment_date, row.currency): row
        for row in domain.table("curated", "payments_daily_eur").collect()
    }
    assert found.keys() == totals.keys()
    for (day, currency), amounts in totals.items():
        row = found[day, currency]
        assert (row.payments, row.amount) == (len(amounts), sum(amounts))
        ages = (day - datetime.timedelta(days=age) for age in range(11))
        known = [rates[before, currency] for before in ages if (before, currency) in rates]
        rate = Decimal(1) if currency == "EUR" else next(iter(known), None)
        assert row.rate == rate
        euros = rate and (sum(amounts) / rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert row.amount_eur == euros, (day, currency)
    assert sum(row.unconverted for row in found.values()) == summary.unconverted > 0


def _check_that_a_second_run_changes_nothing(domain):
    """On another day too, when the same files are received again."""
    before = {
        name: (domain.table(layer, name).count(), domain.snapshots(layer, name)) for layer, name in TABLES
    }
    for day in ("2026-11-02", "2026-11-03"):
        for work in JOBS:
            domain.run(work, "test02", day)
    after = {
        name: (domain.table(layer, name).count(), domain.snapshots(layer, name)) for layer, name in TABLES
    }
    assert after == before
    assert {name: snapshots for name, (_, snapshots) in after.items()} == dict.fromkeys(after, 1)


def line(number, amount, updated="2026-10-30T12:00:00Z", paid="2026-10-30T11:00:00Z"):
    payment = {"payment_id": number, "account_id": "A", "amount": amount, "currency": "USD"}
    return json.dumps({**payment, "paid_at": paid, "updated_at": updated}) + "\n"


def test_late_records_reach_the_day_they_belong_to(domain):
    """A later file brings a payment of an earlier day, a correction, and an outdated version."""
    fill_rates(domain, {(datetime.date(2026, 10, 30), "USD"): Decimal(2)})
    domain.drop("test02", "payments/1.jsonl", line("P1", "10") + line("P2", "20"))
    for work in JOBS:
        domain.run(work, "test02", "2026-10-31")
    domain.drop(
        "test02",
        "payments/2.jsonl",
        line("P3", "5") + line("P1", "11", "2026-11-01T12:00:00Z") + line("P2", "99", "2026-10-30T11:30:00Z"),
    )
    for work in JOBS:
        domain.run(work, "test02", "2026-11-01")
    (row,) = domain.table("curated", "payments_daily_eur").collect()
    assert (row.payments, row.amount, row.amount_eur) == (3, Decimal("36.00"), Decimal("18.00"))


def test_a_payment_survives_when_its_raw_rows_have_expired(domain):
    """Raw expires by lifecycle: what was refined stays, and an older version cannot come back."""
    file = domain.drop("test02", "payments/1.jsonl", line("P1", "10", "2026-11-01T12:00:00Z"))
    for work in JOBS[:2]:
        domain.run(work, "test02", "2026-11-01")
    file.unlink()
    domain.glue.delete_partition(
        DatabaseName=domain.databases["raw"], TableName="payments", PartitionValues=["2026-11-01"]
    )
    domain.drop("test02", "payments/2.jsonl", line("P1", "9") + line("P2", "20"))
    for rebuild in (False, True):
        for work in JOBS[:2]:
            domain.run(work, "test02", "2026-11-02", full_rebuild=rebuild)
        amounts = {row.payment_id: row.amount for row in domain.table("refined", "payments").collect()}
        assert amounts == {"P1": Decimal("10.00"), "P2": Decimal("20.00")}


def test_versions_of_the_same_moment_are_decided_by_what_they_say_in_whatever_run_they_come(domain):
    """But a file that is dropped again corrects itself."""

    def found():
        return [str(row.amount) for row in domain.table("refined", "payments").collect()]

    for day, (name, amount) in enumerate([("1", "12"), ("2", "99"), ("3", "50"), ("2", "20")], start=1):
        domain.drop("test02", f"payments/{name}.jsonl", line("P1", amount))
        for work in JOBS[:2]:
            domain.run(work, "test02", f"2026-11-0{day}")
        # Of 12, 99 and 50 the greatest; without 99, which 20 has replaced, 50.
        assert found() == [{1: "12.00", 2: "99.00", 3: "99.00", 4: "50.00"}[day]]
    domain.run(refine_payments.work, "test02", full_rebuild=True)
    assert found() == ["50.00"]


def test_missing_input_and_missing_partitions_are_named(domain):
    with pytest.raises(InputError, match=r"^no input file file:.*/landing/test02/payments/\*\.jsonl or "):
        domain.run(ingest_payments.work, "test02")
    with pytest.raises(
        CatalogError, match=r"^table raw_\w+\.payments has no partition: run the ingestion first$"
    ):
        domain.run(refine_payments.work, "test02")


# ─── The sample ───


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first, second, other = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    assert sample.generate(first, 2000, seed=1) == sample.generate(second, 2000, seed=1)
    sample.generate(other, 2000, seed=2)
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


def test_the_sample_has_as_many_late_lines_as_it_says(tmp_path):
    """A line is late if one that was written 30 days later stands before it."""
    summary = sample.generate(tmp_path / "f", 5000)
    newest, late = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC), 0
    for text in (tmp_path / "f").read_text().splitlines():
        try:
            updated = datetime.datetime.fromisoformat(json.loads(text)["updated_at"])
        except (ValueError, TypeError):
            continue
        late += updated < newest - datetime.timedelta(days=30)
        newest = max(newest, updated)
    # A late line that is the first of its weeks, or whose newer version has come before, is told otherwise.
    assert late == pytest.approx(summary.late, rel=0.05)


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^rows=10: expected at least 1000"):
        sample.generate(tmp_path / "f", 10)


# ─── Incremental ───


def entries(log, message):
    return [entry for entry in log if entry["message"] == message]


def test_only_what_is_new_is_read(domain):
    fill_rates(domain, {(datetime.date(2026, 10, 30), "USD"): Decimal(2)})
    domain.drop(
        "test02", "payments/1.jsonl", line("P1", "10") + line("P2", "20", paid="2026-09-01T11:00:00Z")
    )
    for work in JOBS:
        domain.run(work, "test02", "2026-11-01")
    assert [entries(domain.run(work, "test02", "2026-11-01"), "nothing new") != [] for work in JOBS] == [
        True
    ] * 3

    domain.drop("test02", "payments/2.jsonl", line("P3", "5"))
    ingest, refine, curate = (domain.run(work, "test02", "2026-11-02") for work in JOBS)
    (files,) = entries(ingest, "input files")
    assert [uri.rsplit("/", 1)[1] for uri in files["new"]] == ["2.jsonl"]
    assert entries(refine, "partitions read")[0]["partitions"] == ["2026-11-02"]
    assert entries(curate, "changed")[0] | {"months": 1, "rates": False} == entries(curate, "changed")[0]
    totals = {
        str(row.payment_date): row.payments for row in domain.table("curated", "payments_daily_eur").collect()
    }
    assert totals == {"2026-09-01": 1, "2026-10-30": 2}

    refine, curate = (domain.run(work, "test02", "2026-11-02", full_rebuild=True) for work in JOBS[1:])
    assert entries(refine, "partitions read")[0]["partitions"] == ["2026-11-01", "2026-11-02"]
    assert entries(curate, "changed")[0]["months"] == "all"


def test_a_day_that_gets_another_file_keeps_what_it_has(domain):
    first = domain.drop("test02", "payments/1.jsonl", line("P1", "10"))
    domain.run(ingest_payments.work, "test02", "2026-11-01")
    first.unlink()
    domain.drop("test02", "payments/2.jsonl", line("P2", "20"))
    for work in JOBS[:2]:
        domain.run(work, "test02", "2026-11-01")
    assert {row.payment_id for row in domain.table("refined", "payments").collect()} == {"P1", "P2"}


def test_a_new_rate_converts_the_totals_of_months_without_new_payments(domain):
    domain.drop("test02", "payments/1.jsonl", line("P1", "10"))
    for work in JOBS:
        domain.run(work, "test02", "2026-11-01")
    assert domain.table("curated", "payments_daily_eur").first().unconverted == 1
    fill_rates(domain, {(datetime.date(2026, 10, 30), "USD"): Decimal(4)})
    (changed,) = entries(domain.run(curate_payments.work, "test02"), "changed")
    assert (changed["months"], changed["rates"]) == (0, True)
    (row,) = domain.table("curated", "payments_daily_eur").collect()
    assert (row.amount_eur, row.unconverted) == (Decimal("2.50"), 0)


def test_a_payment_that_moves_to_another_month_is_counted_there_alone(domain):
    domain.drop("test02", "payments/1.jsonl", line("P1", "10", paid="2026-09-30T11:00:00Z"))
    for work in JOBS:
        domain.run(work, "test02", "2026-11-01")
    moved = line("P1", "10", "2026-11-01T12:00:00Z", paid="2026-10-01T11:00:00Z")
    domain.drop("test02", "payments/2.jsonl", moved)
    for work in JOBS:
        domain.run(work, "test02", "2026-11-02")
    (row,) = domain.table("curated", "payments_daily_eur").collect()
    assert (str(row.payment_date), row.payments) == ("2026-10-01", 1)


# ─── Audit ───


def test_each_run_is_recorded_and_its_snapshots_bear_its_name(domain):
    domain.drop("test02", "payments/1.jsonl", line("P1", "10") + line("P2", "x"))
    domain.run(ingest_payments.work, "test02", run_id="jr_1")
    domain.run(refine_payments.work, "test02", run_id="jr_2")
    (domain.folder / "landing" / "test02" / "payments" / "1.jsonl").unlink()
    with pytest.raises(InputError):
        domain.run(ingest_payments.work, "test02", run_id="jr_3")
    runs = {row.run_id: row for row in domain.table("refined", "test02_job_runs").collect()}
    assert {name: run.status for name, run in runs.items()} == {
        "jr_1": "SUCCEEDED", "jr_2": "SUCCEEDED", "jr_3": "FAILED"
    }  # fmt: skip
    refined = runs["jr_2"]
    assert (refined.rows_in, refined.rows_accepted, refined.rows_rejected) == (2, 1, 1)
    assert (refined.rows_inserted, refined.rows_updated, refined.message) == (2, 0, None)
    assert set(json.loads(refined.details)["stages"]) == {"quarantine", "check", "write"}
    assert refined.started_at <= refined.ended_at
    assert runs["jr_3"].message.startswith("no input file ")
    assert iceberg.as_of_run(domain.spark, domain.name("refined", "payments"), "jr_2").count() == 1
