"""The same for the Spark side, by mutmut: faults in core and in the transforms, judged by their tests.

What is mutated, and which tests judge, stands in ``pyproject.toml`` under ``[tool.mutmut]``. Mutmut judges
each mutant in a fork; all of them use one Spark JVM, which is started here.
``build/mutation/spark.json``, a part of the report::

    {"mutants": 695, "killed": 600, "score": 0.87, "unjudged": 0,
     "survivors": [{"id": "core.arguments.x_…", "diff": "…"}],
     "equivalents": [{"id": "core.arguments.x_…", "diff": "…", "reason": "…"}]}

The score is of all but the equivalent ones, which ``equivalents.toml`` lists with their reasons.
An interrupt ends it early: the score is then that of the mutants judged so far, and the next run goes on.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from meshtest.reports.mutation import equivalents, reporting
from meshtest.spark import session
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

MUTMUT = Path(sys.executable).with_name("mutmut")
# It lives for most of an hour, in which all of Java's compiler pays.
LONG = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=4"}
# Lines of `mutmut results --all true`. What runs for ever, crashes, or has wrong types, is noticed.
_RESULT = re.compile(
    r"^\s+(\S+): (killed|caught by type check|timeout|segfault|survived|no tests|suspicious|skipped|"
    r"not checked|check was interrupted by user)$",
    re.M,
)
_UNNOTICED = {"survived", "no tests", "suspicious"}
_UNJUDGED = {"not checked", "check was interrupted by user"}


def main() -> int:
    """Run mutmut where it was left; 0 once there are results, whatever the score is."""
    console = Console()
    with TemporaryDirectory() as folder, session.for_tests(Path(folder), LONG) as spark:
        path = os.pathsep.join((str(MUTMUT.parent), os.environ["PATH"]))  # mypy is there
        environment = {**surroundings.inherited(), **session.lent(spark), "PATH": path}
        with subprocess.Popen([MUTMUT, "run"], cwd=toolchain.ROOT, env=environment) as running:
            try:
                code = running.wait()
            except KeyboardInterrupt:  # mutmut has got it, too, and ends in order
                code = running.wait()
    found = _results(_told("results", "--all", "true"))
    if not any(status not in _UNJUDGED for status in found.values()):
        print(f"mutation: mutmut ended with {code} and without results", file=sys.stderr)
        return 2
    summary = summarised(found)
    reporting.FOLDER.mkdir(parents=True, exist_ok=True)
    (reporting.FOLDER / "spark.json").write_text(json.dumps(summary, indent=1) + "\n")
    _into_report(summary)
    for each in summary["survivors"]:
        console.print(each["diff"], highlight=False, markup=False)
    left = f"; {summary['unjudged']} are not judged yet" if summary["unjudged"] else ""
    console.print(
        f"{summary['killed']} of {summary['mutants']} killed, {len(summary['survivors'])} survived, "
        f"{len(summary['equivalents'])} equivalent: {summary['score']:.1%}{left}"
    )
    return 0


def _results(text: str) -> dict[str, str]:
    return dict(_RESULT.findall(text))


def summarised(results: dict[str, str]) -> dict[str, Any]:
    """The score, and each mutant that nothing noticed with its diff; without those that mutmut skips."""
    known = equivalents.for_spark()
    judged = {id_: status for id_, status in results.items() if status not in {"skipped", *_UNJUDGED}}
    unnoticed = [id_ for id_, status in judged.items() if status in _UNNOTICED]
    with ThreadPoolExecutor() as pool:
        diffs = pool.map(lambda id_: _told("show", id_), unnoticed)
    entries = [
        {"id": id_, "diff": diff, "reason": next((each.reason for each in known if each.covers(diff)), "")}
        for id_, diff in zip(unnoticed, diffs, strict=True)
    ]
    survivors = [each for each in entries if not each["reason"]]
    killed = len(judged) - len(unnoticed)
    return {
        "mutants": len(judged),
        "killed": killed,
        "score": reporting.share(killed, killed + len(survivors)),
        "unjudged": sum(status in _UNJUDGED for status in results.values()),
        "survivors": survivors,
        "equivalents": [each for each in entries if each["reason"]],
    }


def _told(*arguments: str) -> str:
    return subprocess.run(
        [MUTMUT, *arguments], cwd=toolchain.ROOT, capture_output=True, check=True, text=True
    ).stdout


def _into_report(summary: dict[str, Any]) -> None:
    """Put it into the report of `make mutate`, if there is one, whose time stays that of its own mutants."""
    file = reporting.FOLDER / "report.json"
    if file.exists():
        before = file.stat()
        reporting.write({**json.loads(file.read_text()), "spark": summary})
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
