"""From `terraform apply` to the curated tables: what the domain does with its real input."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from meshtest.domain import demo
from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.reports.console.examination import Examination

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS, Ability.LOCAL_SPARK)
MERGED = ("refined.", "curated.")


# ─── The First Run ───


def test_every_execution_succeeds(domain: Domain, report):
    assert {name: run.status for name, run in report.executions.items()} == dict.fromkeys(
        domain.projects, "SUCCEEDED"
    )


def test_a_second_plan_of_every_stack_is_empty(domain: Domain, report):
    assert {name: stack["second_plan_changes"] for name, stack in report.stacks.items()} == dict.fromkeys(
        ["foundation", *domain.projects], 0
    )


def test_the_report_says_so_and_nothing_failed(domain: Domain, report, tmp_path):
    report.write(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["tables"] == {label: table["rows"] for label, table in report.tables.items()}
    assert set(content["rejected"]) <= {table.name.removesuffix("_rejected") for table in domain.tables()}
    assert content["executions"] == dict.fromkeys(domain.projects, "SUCCEEDED")
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


# ─── The Repository ───


def test_the_sources_stay_clean(domain, report):
    infrastructure = Path(demo.toolchain.ROOT, "infrastructure")
    assert not list(infrastructure.rglob("*_override.tf"))
    assert not list(infrastructure.rglob(".terraform"))


def test_the_controls_hold_on_what_is_deployed(domain, report):
    """As the console shows it: on a plan of each stack with its state, where ARNs are known."""
    examination = Examination(lambda: domain.stacks)
    while examination.is_running:
        time.sleep(0.5)
    assert examination.error == ""
    assert set(examination.reports) == set(report.stacks)
    assert [each for stack in examination.reports.values() for each in stack.open] == []
    assert {stack.count("passed") > 0 for stack in examination.reports.values()} == {True}
