"""From `terraform apply` to the curated tables: what the domain does with its real input."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from meshtest import demo
from meshtest.domain import ECB_RATES, Domain
from meshtest.samples import payments

MERGED = ("refined.", "curated.")


def ecb_lines() -> list[list[str]]:
    """The ECB file's rows, header first, each without the empty column behind its last comma."""
    with zipfile.ZipFile(ECB_RATES) as archive:
        text = archive.read("eurofxref-hist.csv").decode()
    return [line[:-1] for line in csv.reader(io.StringIO(text))]


def rows(report, label: str) -> int:
    return report.tables[label]["rows"]


# ─── The result agrees with the input ───


def test_every_execution_succeeds(report):
    assert {name: run.status for name, run in report.executions.items()} == {
        "project01": "SUCCEEDED",
        "test02": "SUCCEEDED",
    }


def test_a_second_plan_of_every_stack_is_empty(report):
    assert {name: stack["second_plan_changes"] for name, stack in report.stacks.items()} == {
        "foundation": 0,
        "project01": 0,
        "test02": 0,
    }


def test_every_cell_of_the_ecb_file_is_a_rate_a_gap_or_a_reject(report):
    cells = Counter(cell == "N/A" for line in ecb_lines()[1:] for cell in line[1:])
    assert rows(report, "raw.ecb_rates") == len(ecb_lines()) - 1
    assert rows(report, "refined.ecb_rates") + rows(report, "refined.ecb_rates_rejected") == cells[False]
    assert rows(report, "refined.ecb_rates_gaps") == cells[True]


def test_every_payment_line_is_a_payment_superseded_or_rejected(report, tmp_path):
    expected = payments.generate(tmp_path / "payments.jsonl")
    assert rows(report, "raw.payments") == expected.lines
    assert rows(report, "refined.payments") == expected.payments
    assert rows(report, "refined.payments_rejected") == expected.rejected


def test_the_newest_month_is_that_of_the_file(report):
    month = ecb_lines()[1][0][:7]
    assert report.tables["curated.ecb_rates_monthly"]["sample"][0]["month"] == f"{month}-01"


def test_the_report_says_so_and_nothing_failed(report, tmp_path):
    report.write(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["rejected"] == {
        "ecb_rates": rows(report, "refined.ecb_rates_rejected"),
        "payments": rows(report, "refined.payments_rejected"),
    }
    assert content["executions"] == {"project01": "SUCCEEDED", "test02": "SUCCEEDED"}
    assert demo.conclude(report, Console(width=120)) == 0


# ─── Running again ───


def test_a_second_run_changes_no_row(domain: Domain, report, stages):
    again = demo.run_pipelines(domain, domain.projects, stages)
    assert {run.status for run in again.values()} == {"SUCCEEDED"}
    tables = domain.read_tables()
    labels = [label for label in report.tables if label.startswith(MERGED)]
    assert {label: tables[label]["digest"] for label in labels} == {
        label: report.tables[label]["digest"] for label in labels
    }
    assert {label: table["rows"] for label, table in tables.items()} == {
        label: table["rows"] for label, table in report.tables.items()
    }


# ─── Input that is not there, or not as agreed ───


@pytest.fixture
def landing(domain: Domain, report):
    """The landing zone of project01, emptied; the real input is back afterwards."""
    s3 = domain.endpoint.client("s3")
    bucket, key = domain.bucket("raw"), f"landing/project01/{ECB_RATES.name}"
    s3.delete_object(Bucket=bucket, Key=key)

    def put(name: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=f"landing/project01/{name}", Body=content)

    yield put
    for found in s3.list_objects_v2(Bucket=bucket, Prefix="landing/project01/").get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    s3.upload_file(str(ECB_RATES), bucket, key)


def failure(domain: Domain) -> str:
    """Run project01's pipeline, which must fail, and return the error message of its job run."""
    execution = domain.run_pipeline("project01", lambda text: None)
    assert execution.status == "FAILED"
    runs = domain.endpoint.client("glue").get_job_runs(JobName="f01-project01-ingest-rates-dev")["JobRuns"]
    message = runs[0]["ErrorMessage"]
    assert message in json.loads(execution.cause)["ErrorMessage"]
    return message


def test_a_missing_input_file_is_named(domain, landing):
    assert f"s3://{domain.bucket('raw')}/landing/project01/" in failure(domain)


def test_a_wrong_column_is_named(domain, landing):
    landing("rates.csv", b"Datum,USD\n2026-10-30,1.1\n")
    message = failure(domain)
    assert "rates.csv" in message
    assert "Date" in message
    assert "\n" not in message


def test_a_failed_run_leaves_the_tables_as_they_were(domain, report, landing):
    """And the next run with good input completes, as the fixtures of the other tests show."""
    failure(domain)
    tables = domain.read_tables(project="project01")
    for label in ("refined.ecb_rates", "curated.ecb_rates_monthly"):
        assert tables[label]["digest"] == report.tables[label]["digest"]


# ─── Access ───


def test_plain_http_is_denied_on_every_bucket(domain, report):
    """HTTPS reads the same object: the denial is the transport's."""
    for purpose in ("raw", "refined", "curated", "artifacts", "logs"):
        bucket = domain.bucket(purpose)
        secure = domain.endpoint.client("s3")
        plain = domain.endpoint.client("s3", endpoint_url=domain.endpoint.http)
        secure.put_object(Bucket=bucket, Key="probe", Body=b"probe")
        assert secure.get_object(Bucket=bucket, Key="probe")["Body"].read() == b"probe"
        with pytest.raises(plain.exceptions.ClientError, match="AccessDenied"):
            plain.get_object(Bucket=bucket, Key="probe")
        secure.delete_object(Bucket=bucket, Key="probe")


def test_the_sources_stay_clean(domain, report):
    infrastructure = Path(demo.toolchain.ROOT, "infrastructure")
    assert not list(infrastructure.rglob("*_override.tf"))
    assert not list(infrastructure.rglob(".terraform"))
