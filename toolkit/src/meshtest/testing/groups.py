"""Run groups of tests, each a target of the Makefile, and sum up what each gave.

A group that fails hides no later one: ``python -m meshtest.testing.groups lint test-unit …``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from meshtest.tools import toolchain

REPORTS = toolchain.BUILD / "reports"
# A test case without one of these passed.
OUTCOMES = {"failure": "failed", "error": "errors", "skipped": "skipped"}
EXPECTED_FAILURE = "pytest.xfail"
INTERRUPTED = 130


@dataclass(frozen=True)
class Result:
    """What a group gave: make's exit status, its seconds, and its tests by outcome and by reason to skip."""

    group: str
    status: int
    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def verdict(self) -> str:
        """Return "failed", "skipped" if no test ran, else "passed"."""
        if self.status:
            return "failed"
        return "skipped" if self.outcomes and set(self.outcomes) == {"skipped"} else "passed"


def run(group: str) -> Result:
    """Run one group by make."""
    report = REPORTS / f"{group}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    status = subprocess.run(
        [os.environ.get("MAKE", "make"), group, f"JUNIT={report}"], cwd=toolchain.ROOT, check=False
    ).returncode
    seconds = time.monotonic() - started
    return (
        Result(group, status, seconds, *counts(report)) if report.exists() else Result(group, status, seconds)
    )


def counts(report: Path) -> tuple[Counter[str], Counter[str]]:
    """Return how many tests of a JUnit report had each outcome, and each reason to be skipped."""
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (our own pytest wrote it)
        found = next((child for child in case if child.tag in OUTCOMES), None)
        if found is None:
            outcomes["passed"] += 1
        elif found.get("type") == EXPECTED_FAILURE:
            outcomes["expected failures"] += 1
        else:
            outcomes[OUTCOMES[found.tag]] += 1
            if found.tag == "skipped":
                reasons[found.get("message", "")] += 1
    return outcomes, reasons


def show(results: list[Result], console: Console) -> None:
    """Print a line a group, and a line a reason for which tests were skipped."""
    table = Table(box=None, header_style="bold")
    for heading in ("Group", "Result", "Time", "Tests"):
        table.add_column(heading, justify="right" if heading == "Time" else "left")
    for each in results:
        tests = ", ".join(f"{count:,} {outcome}" for outcome, count in each.outcomes.items())
        table.add_row(each.group, each.verdict, f"{each.seconds:.0f} s", tests)
    console.print(table)
    for each in results:
        for reason, count in each.skipped.items():
            console.print(f"{each.group}: {count:,} skipped: {reason}", markup=False, soft_wrap=True)


def main() -> int:
    """Run the groups in their order; fail if one fails."""
    parser = argparse.ArgumentParser(prog="python -m meshtest.testing.groups", description=__doc__)
    parser.add_argument("groups", nargs="+", help="targets of the Makefile")
    groups = parser.parse_args().groups
    console = Console(highlight=False)
    results: list[Result] = []
    try:
        for group in groups:
            console.print(f"\n==> make {group}", style="bold")
            results.append(run(group))
    except KeyboardInterrupt:
        console.print("interrupted", style="bold red")
        return INTERRUPTED
    finally:
        console.print()
        show(results, console)
    return int(any(each.status for each in results))


if __name__ == "__main__":
    sys.exit(main())
