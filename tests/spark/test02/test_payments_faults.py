"""What goes wrong in production: spoilt input, clocks, too many rejects, a run that dies."""

from __future__ import annotations

import json
import os

import pytest

from core import incremental
from core.errors import ContractError, QualityError
from jobs.test02 import curate_payments, ingest_payments, refine_payments

JOBS = (ingest_payments.work, refine_payments.work, curate_payments.work)


def line(number, amount="1.00", **more):
    moments = {"paid_at": "2026-10-30T11:00:00Z", "updated_at": "2026-10-30T12:00:00Z"}
    payment = {"payment_id": f"P{number:03d}", "account_id": "A", "amount": amount, "currency": "USD"}
    return json.dumps({**payment, **moments, **more})


def text(*numbers):
    return "".join(line(number) + "\n" for number in numbers)


def found(domain):
    rows = domain.table("refined", "payments").collect()
    return sorted(row.payment_id for row in rows), domain.table("refined", "payments_rejected").count()


ALL = [f"P{number:03d}" for number in range(6)]


@pytest.mark.parametrize(
    ("content", "rejected"),
    [
        pytest.param("\ufeff" + text(*range(6)), 0, id="BOM"),
        pytest.param(text(*range(6)).replace("\n", "\r\n"), 0, id="CRLF"),
        pytest.param(text(*range(6)).rstrip("\n"), 0, id="no last line end"),
        pytest.param(text(5, 3, 1, 0, 2, 4), 0, id="re-ordered"),
        pytest.param(text(*range(6), *range(6)), 0, id="duplicated"),
        pytest.param(text(*range(6)) + line(6)[:40], 1, id="truncated"),
        pytest.param("".join(line(n, new_field={"deep": [1]}) + "\n" for n in range(6)), 0, id="extra field"),
        pytest.param(
            "".join(json.dumps(dict(reversed(json.loads(line(n)).items()))) + "\n" for n in range(6)),
            0,
            id="fields re-ordered",
        ),
    ],
)
def test_a_file_that_was_written_otherwise_gives_the_same_payments(domain, content, rejected):
    domain.drop("test02", "payments/1.jsonl", content)
    for work in JOBS[:2]:
        domain.run(work, "test02")
    assert found(domain) == (ALL, rejected)


def test_an_empty_file_and_one_that_is_dropped_twice_change_nothing(domain):
    domain.drop("test02", "payments/0.jsonl", "")
    domain.drop("test02", "payments/1.jsonl", text(*range(6)))
    domain.drop("test02", "payments/copy.jsonl", text(*range(6)))
    for work in JOBS:
        domain.run(work, "test02")
    assert found(domain) == (ALL, 0)
    (total,) = domain.table("curated", "payments_daily_eur").collect()
    assert total.payments == 6


def test_clocks_that_go_back_hide_no_input(domain):
    """A later run on an earlier day, with a file that claims to be older than all others."""
    domain.drop("test02", "payments/2.jsonl", text(3, 4, 5))
    for work in JOBS:
        domain.run(work, "test02", "2026-11-02")
    older = domain.drop("test02", "payments/1.jsonl", text(0, 1, 2))
    os.utime(older, (1_000_000_000, 1_000_000_000))
    for work in JOBS:
        domain.run(work, "test02", "2026-10-01")
    assert found(domain) == (ALL, 0)
    (total,) = domain.table("curated", "payments_daily_eur").collect()
    assert total.payments == 6


def test_more_rejects_than_agreed_stop_the_run_after_they_are_in_quarantine(domain):
    domain.drop("test02", "payments/1.jsonl", text(0, 1, 2))
    for work in JOBS[:2]:
        domain.run(work, "test02", "2026-11-01")
    bad = "".join(line(100 + number, amount="12,50") + "\n" for number in range(150))
    spoilt = domain.drop("test02", "payments/2.jsonl", text(3, 4, 5) + bad)
    domain.run(ingest_payments.work, "test02", "2026-11-02")
    message = (
        r"^refined\.payments: 150 of 153 rows are rejected; expected at most 100 rows or 10%; most often: "
        r"amount is not a decimal number \(150\); see refined\.payments_rejected, then mend"
    )
    with pytest.raises(QualityError, match=message):
        domain.run(refine_payments.work, "test02", "2026-11-02")
    assert found(domain) == (ALL[:3], 150)

    spoilt.write_text(text(3, 4, 5))
    for work in JOBS[:2]:
        domain.run(work, "test02", "2026-11-02")
    assert found(domain)[0] == ALL


def test_a_run_that_died_before_its_watermark_is_repeated_without_effect(domain, monkeypatch):
    domain.drop("test02", "payments/1.jsonl", text(*range(6)) + "{\n")
    domain.run(ingest_payments.work, "test02")

    def dies(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(incremental, "set_watermark", dies)
        with pytest.raises(KeyboardInterrupt):
            domain.run(refine_payments.work, "test02")
    assert found(domain) == (ALL, 1)
    log = domain.run(refine_payments.work, "test02")
    assert [entry["inserted"] for entry in log if entry["message"] == "merged"] == [0, 0]
    assert found(domain) == (ALL, 1)
    assert domain.run(refine_payments.work, "test02")[-1]["message"] == "nothing new"


def test_a_raw_table_that_is_not_as_agreed_stops_the_ingestion(domain):
    table = domain.glue.get_table(DatabaseName=domain.databases["raw"], Name="payments")["Table"]
    storage = table["StorageDescriptor"]
    storage["Columns"] = [c for c in storage["Columns"] if c["Name"] != "amount"]
    changed = {"Name": "payments", "StorageDescriptor": storage, "PartitionKeys": table["PartitionKeys"]}
    domain.glue.update_table(DatabaseName=domain.databases["raw"], TableInput=changed)
    domain.drop("test02", "payments/1.jsonl", text(0))
    message = r"payments differs from its contract raw\.payments: column amount string is missing: apply"
    with pytest.raises(ContractError, match=message):
        domain.run(ingest_payments.work, "test02")
