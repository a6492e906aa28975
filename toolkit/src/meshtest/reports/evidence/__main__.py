"""Write the evidence: one HTML page of every control, what it was held against and what speaks for it.

    python -m meshtest.reports.evidence             run what is missing or outdated, then write the page
    python -m meshtest.reports.evidence --quick     plans and controls alone
    python -m meshtest.reports.evidence --from DIR  take the results in DIR (a build/ folder), run no test

Results are evidence/assertions.xml, live/probes.json and mutation/report.json below the build folder. What is
not there is shown as not run. Exit status: 0 every control holds, 1 one does not, 2 bad input.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import tftest
from rich.console import Console

from meshtest import emulator
from meshtest.reports.evidence import page, results
from meshtest.reports.evidence.aws_lists import demands
from meshtest.reports.evidence.model import Evidence, Source, State, entries
from meshtest.reports.evidence.plans import plan_all
from meshtest.reports.evidence.results import LIVE, Mutation, ResultsError
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain, version
from meshtest.tools.progress import Stages

# Results, below the build folder.
ASSERTIONS = Path("evidence/assertions.xml")
PROBES = Path("live/probes.json")
MUTATION = Path("mutation/report.json")


class EvidenceError(Exception):
    """The evidence cannot be made; the message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        with Stages(console) as stages:
            evidence = collect(stages, options.results or toolchain.BUILD, _mode(options))
            with stages.stage("page"):
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(page.render(evidence), encoding="utf-8")
    except (EvidenceError, ResultsError, toolchain.ToolMissing, emulator.EmulatorError, OSError) as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 2
    except tftest.TerraformTestError as error:
        print(
            f"evidence: Terraform could not plan: {' '.join(str(error.cmd_error).split())}", file=sys.stderr
        )
        return 2
    for entry in evidence.failing:
        print(f"{entry.status}: {entry.control.id}: {entry.control.title}")
    held = len(evidence.entries) - len(evidence.failing)
    print(f"{held} of {len(evidence.entries)} controls hold: {options.out}")
    for source in evidence.sources:
        print(f"  {source.name}: {source.words}")
    return 1 if evidence.failing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.reports.evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--quick", action="store_true", help="plans and controls alone, no test results")
    modes.add_argument(
        "--from", dest="results", type=_folder, metavar="DIR", help="take the results there as they are"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=toolchain.BUILD / "evidence" / "index.html",
        metavar="FILE",
        help="the page (default build/evidence/index.html)",
    )
    return parser


def _folder(name: str) -> Path:
    if not Path(name).is_dir():
        raise argparse.ArgumentTypeError(f"{name!r} is no folder; expected one with {ASSERTIONS} or {PROBES}")
    return Path(name)


def _mode(options: argparse.Namespace) -> str:
    return "quick" if options.quick else "given" if options.results else "run"


# ─── Collecting ───


def collect(stages: Stages, build: Path, mode: str) -> Evidence:
    """Plan every root, hold the controls, and join what tests and mutants say.

    `mode` is "quick" (no results), "given" (those below `build`) or "run" (those, after what is missing).

    Raises:
        EvidenceError: pytest could not collect or run the suite.
        ResultsError: a file of results is another one.
    """
    plans = plan_all(stages)
    with stages.stage("collect the suite"):
        declared = _declared()
    if mode == "run":
        _run_missing(stages, build, declared)
    outcomes: dict[str, str] = {}
    sources = [Source("Plans", "ran", f"{', '.join(plans)}, planned from nothing on the embedded AWS")]
    sources += _read(build, mode, outcomes)
    mutation, source = _mutation(build, mode)
    proofs = results.proofs(declared, outcomes)
    return Evidence(
        entries=entries(plans, proofs, mutation),
        demands=tuple(demands()),
        sources=(*sources, source),
        mutation=mutation,
        plans=plans,
        versions=_versions(),
        packages=_packages(),
    )


def _read(build: Path, mode: str, outcomes: dict[str, str]) -> list[Source]:
    """The sources of test results; their outcomes go into `outcomes`."""
    found = []
    for name, file, command in (
        ("Plan assertions", build / ASSERTIONS, "make evidence"),
        ("Live probes", build / PROBES, "make test-infra SUITE=live"),
    ):
        if mode == "quick":
            found.append(Source(name, "missing", "not asked for: only plans and controls"))
        elif not file.is_file():
            found.append(Source(name, "missing", f"no {name.lower()} run: `{command}` writes {file.name}"))
        else:
            backend, tests = results.probes(file) if file.name == PROBES.name else ("", results.junit(file))
            outcomes |= tests
            counts = Counter(tests.values())
            where = f" on backend {backend}" if backend else ""
            told = f"{counts['passed']} tests passed, {counts['failed']} failed{where}"
            found.append(_dated(name, file, told, "failed" if counts["failed"] else "ran"))
    return found


def _mutation(build: Path, mode: str) -> tuple[Mutation | None, Source]:
    file, name = build / MUTATION, "Mutants"
    if mode == "quick":
        return None, Source(name, "missing", "not asked for: only plans and controls")
    if not file.is_file():
        return None, Source(name, "missing", f"no mutation run: there is no {MUTATION} in the build folder")
    found = results.mutation(file)
    survived = sum(each.status == "survived" for each in found.mutants)
    scores = f"{found.score:.1%} killed, {found.gate_score:.1%} by the controls alone; {survived} survived"
    words = f"{len(found.mutants)} mutants: {scores}"
    return found, _dated(name, file, words)


def _dated(name: str, file: Path, words: str, state: State = "ran") -> Source:
    """When it ran, and whether the sources have changed since."""
    when = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    is_stale = when.timestamp() < results.changed(toolchain.ROOT)
    told = f"{words}, {when:%Y-%m-%d %H:%M} UTC"
    return Source(name, "stale", f"{told}: older than the sources") if is_stale else Source(name, state, told)


# ─── Running pytest ───


def _declared() -> Mapping[str, Mapping[str, list[str]]]:
    """Which tests prove which controls, by the suite's markers."""
    file = toolchain.BUILD / "evidence" / "proofs.json"
    status = _pytest(_log("collect"), ["tests/infra", "--collect-only", "-qq", f"--proofs={file}"])
    if status:
        raise EvidenceError(f"pytest could not collect tests/infra: see {_log('collect')}")
    found: Mapping[str, Mapping[str, list[str]]] = json.loads(file.read_text())
    return found


def _run_missing(stages: Stages, build: Path, declared: Mapping[str, object]) -> None:
    files = sorted({test.partition("::")[0] for test in declared})
    live = sorted(file for file in files if file.startswith(LIVE))
    plans = [file for file in files if file not in live]
    for name, result, arguments in (
        ("plan assertions", build / ASSERTIONS, [*plans, f"--junitxml={build / ASSERTIONS}"]),
        ("live probes", build / PROBES, live),
    ):
        if not result.is_file() or result.stat().st_mtime < results.changed(toolchain.ROOT):
            log = _log(name.replace(" ", "-"))
            with stages.stage(name) as show:
                show(str(log))
                status = _pytest(log, arguments)
            if status not in (0, 1):  # 1 is that tests failed, which the page shows
                raise EvidenceError(f"the {name} ended with status {status}: see {log}")


def _pytest(log: Path, arguments: Sequence[str]) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        command = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(command, cwd=toolchain.ROOT, stdout=output, stderr=subprocess.STDOUT).returncode


def _log(name: str) -> Path:
    return toolchain.BUILD / "evidence" / f"{name}.log"


# ─── Versions ───


def _versions() -> dict[str, str]:
    domain = json.loads((toolchain.ROOT / "setup" / "domain.json").read_text())
    here = version.describe(toolchain.ROOT)
    return {
        "Domain": f"{domain['domain_name']} in {domain['aws_region']}",
        "Version": here.text,
        "Commit": here.commit or here.why,
        "Made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Terraform": ".".join(map(str, toolchain.terraform_version())),
        "AWS provider": toolchain.provider_version(),
        "Python": platform.python_version(),
        "Spark": importlib.metadata.version("pyspark"),
        "Embedded AWS": f"moto {importlib.metadata.version('moto')}",
    }


def _packages() -> dict[str, str]:
    found = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
