"""The waits of a working day, in seconds: ``make bench-day [DEMO=0]``.

The last commit is cloned into a temporary folder and used as a newcomer would:

- ``clone to first green plan test``: git clone, make setup, make test-infra MODULE=s3_bucket,
- ``edit to answer``: a changed module, its tests again (the median of some rounds),
- ``clone to the demo's end``: git clone, make setup, make demo.

It is done twice: ``cold`` with empty caches of pip and Terraform, then ``warm`` in another clone with what
the first left in them. What the operating system keeps of files in memory is the same for both. The result
goes to ``build/bench/day.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from meshtest.tools import toolchain

MODULE = "s3_bucket"
REPORT = toolchain.BUILD / "bench" / "day.json"
# A make that was started by another one would take its flags and its shell.
INHERITED = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV", "TERRAFORM"}
LOG_LINES = 15


class StepFailed(Exception):
    """A step of the day did not end well; the message shows the end of what it printed."""


def main() -> int:
    """Measure both days, print them, write the report; the exit code."""
    parser = argparse.ArgumentParser(prog="make bench-day", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="edits (default 3)")
    parser.add_argument("--without-demo", action="store_true", help="leave the demo out")
    options = parser.parse_args()
    console = Console()
    load = os.getloadavg()[0]
    measured: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-day-") as place:
        try:
            for name in ("cold", "warm"):
                measured[name] = day(Path(place), name, options.rounds, not options.without_demo, console)
        except StepFailed as failure:
            console.print(f"bench-day: {failure}", style="red", highlight=False, markup=False)
            return 1
    # A load above the number of cores at the start: others worked, too, and everything took longer.
    what = {"commit": head(), "date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    report = what | {"load_before": round(load, 1)} | measured
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    console.print(table(measured))
    console.print(
        f"{REPORT.relative_to(toolchain.ROOT)}: commit {report['commit'][:12]}, {report['machine']}"
    )
    return 0


def day(place: Path, name: str, rounds: int, with_demo: bool, console: Console) -> dict[str, float]:
    """Seconds of each wait, in a clone of its own."""
    clone = place / name
    environment = {key: value for key, value in os.environ.items() if key not in INHERITED}
    environment |= {"PIP_CACHE_DIR": str(place / "pip"), "XDG_CACHE_HOME": str(place / "cache")}

    def step(*command: str, where: Path = clone) -> float:
        console.print(f"{name}: {' '.join(command)}", highlight=False, markup=False)
        return timed(command, where, environment)

    cloned = step("git", "clone", "--quiet", str(toolchain.ROOT), str(clone), where=place)
    setup = step("make", "setup")
    first = step("make", "test-infra", f"MODULE={MODULE}")
    edits = []
    for number in range(rounds):
        with (clone / "infrastructure" / "modules" / MODULE / "main.tf").open("a") as source:
            source.write(f"# edit {number}\n")
        edits.append(step("make", "test-infra", f"MODULE={MODULE}"))
    waits = {
        "make setup": setup,
        "clone to first green plan test": cloned + setup + first,
        "edit to answer": statistics.median(edits),
    }
    if with_demo:
        demo = step("make", "demo")
        waits |= {"make demo": demo, "clone to the demo's end": cloned + setup + demo}
    return {wait: round(seconds, 1) for wait, seconds in waits.items()}


def timed(command: tuple[str, ...], where: Path, environment: Mapping[str, str]) -> float:
    """Run a command and return its seconds.

    Raises:
        StepFailed: it failed.
    """
    started = time.monotonic()
    result = subprocess.run(
        command, cwd=where, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if result.returncode:
        end = "\n".join(result.stdout.splitlines()[-LOG_LINES:])
        raise StepFailed(f"{' '.join(command)} ended with {result.returncode}:\n{end}")
    return time.monotonic() - started


def head() -> str:
    """The commit that is measured."""
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(
        command, cwd=toolchain.ROOT, capture_output=True, check=True, text=True
    ).stdout.strip()


def machine() -> str:
    """The machine in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB"


def table(measured: Mapping[str, Mapping[str, float]]) -> Table:
    """The waits, a column a day."""
    shown = Table(title="Seconds", title_justify="left")
    shown.add_column("wait")
    for name in measured:
        shown.add_column(name, justify="right")
    for wait in measured["cold"]:
        shown.add_row(wait, *(f"{each[wait]:.1f}" for each in measured.values()))
    return shown


if __name__ == "__main__":
    sys.exit(main())
