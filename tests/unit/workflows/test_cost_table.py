"""docs/speed.md counts jobs and restored bytes of a pull request as the workflows have them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import workflows

from meshtest.tools import toolchain

TEXT = (toolchain.ROOT / "docs" / "speed.md").read_text().partition("## What a pull request costs")[2]
ROWS = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", TEXT, re.M)]
SIZES = {name: int(size) for name, size, *_ in ROWS[2:8]}
# What changes, as the table's rows: filters that match, jobs of the plan beside those that always run.
CHANGES = [
    ({"browser", "infra", "python"}, {"plan"}),
    ({"browser", "infra", "python", "spark", "wheel"}, set()),
    ({"python"}, set()),
]
# Of a private repository: without code scanning. One job of plans: three roots are fewer than four.
ALWAYS_PLANNED = {"comment", "discover", "passed"}


def runs(job: dict[str, Any], filters: set[str]) -> bool:
    condition = job.get("if", "")
    if "event_name == 'push' &&" in condition:
        return False
    return set(re.findall(r"needs\.changes\.outputs\.(\w+) == 'true'", condition)) <= filters


def matrix(job: dict[str, Any]) -> list[str]:
    """The parts that the job's entries restore."""
    found = [
        step.get("with", {}).get("parts", "")
        for step in job["steps"]
        if step.get("uses") == "./.github/actions/toolkit"
    ]
    entries = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
    return [entry.get("parts", found[0]) if found else "none" for entry in entries]


@pytest.mark.parametrize("number", range(3))
def test_the_table_is_what_the_workflows_do(number):
    filters, planned = CHANGES[number]
    jobs = [job for job in workflows.workflow("ci")["jobs"].values() if runs(job, filters)]
    entries = [parts for job in jobs for parts in matrix(job)]
    restored = sum(
        SIZES["packages"] + sum(SIZES[part] for part in parts.split()) for parts in entries if parts != "none"
    )
    count = len(entries) + len(ALWAYS_PLANNED | planned)
    row = [cell.replace(",", "") for cell in ROWS[10 + number]]
    assert [row[2], row[4]] == [str(count), str(restored)]


def test_the_plans_jobs_are_those_counted():
    assert set(workflows.workflow("terraform-plan-pr")["jobs"]) == ALWAYS_PLANNED | {
        "code-scanning",
        "contracts",
        "plan",
    }


def test_what_a_pull_request_restores_has_been_halved_at_least():
    for row in ROWS[10:13]:
        before, now = (int(cell.replace(",", "")) for cell in row[3:5])
        assert now * 2 <= before
