"""The whole domain on this machine, end to end: ``python -m meshtest.demo demo|up|run``.

``demo`` builds the domain on a fresh embedded AWS, runs the pipelines, reads the result back, checks
that nothing drifted, writes ``build/demo/report.json`` and takes everything down. ``up`` does the
first part and leaves the domain running; ``run`` starts pipelines in it.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from rich.columns import Columns
from rich.console import Console
from rich.table import Table as Grid

from meshtest import emulator, inputs, toolchain
from meshtest.artifacts import ArtifactsError
from meshtest.domain import Domain, DomainError, Execution
from meshtest.emulator import EmulatorError
from meshtest.inputs import InputsError
from meshtest.progress import Stages
from meshtest.terraform.stack import Stack, TerraformError
from meshtest.toolchain import ToolMissing
from meshtest.version import VersionError

# The state directory of `make up`; `make status` and `make down` look there.
STATE = toolchain.BUILD / "emulator"
UP = toolchain.BUILD / "domain"
DEMO = toolchain.BUILD / "demo"
SAMPLE_ROWS = 3
PICTURE_WIDTH = 112  # characters: the widest table, and no more

# What can go wrong outside this code: said in one line, without a traceback.
EXPECTED_ERRORS = (
    ArtifactsError,
    Boto3Error,
    BotoCoreError,
    ClientError,
    DomainError,
    EmulatorError,
    InputsError,
    TerraformError,
    ToolMissing,
    VersionError,
)


@dataclass
class Report:
    """What the demo found; `as_json` is the content of ``report.json``."""

    stacks: dict[str, dict[str, int]] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Stacks, executions by status, rows by table, rejected rows and seconds by stage."""
        rows = {label: table["rows"] for label, table in self.tables.items()}
        rejected = {
            name.split(".")[1].removesuffix("_rejected"): n
            for name, n in rows.items()
            if name.endswith("_rejected")
        }
        return {
            "stacks": self.stacks,
            "executions": {name: execution.status for name, execution in self.executions.items()},
            "tables": rows,
            "rejected": rejected,
            "seconds": self.seconds,
        }

    def write(self, file: Path) -> None:
        """Write the report as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.as_json(), indent=2) + "\n")

    def failures(self) -> list[str]:
        """One line for each thing that is not as it should be."""
        failed = [
            f"{name}: the execution ended {execution.status}: {execution.cause}"
            for name, execution in self.executions.items()
            if execution.status != "SUCCEEDED"
        ]
        drifted = [
            f"{name}: a second plan would change {stack['second_plan_changes']} resources"
            for name, stack in self.stacks.items()
            if stack.get("second_plan_changes")
        ]
        empty = [
            f"{label}: no rows"
            for label, table in self.tables.items()
            if not table["rows"] and "_rejected" not in label
        ]
        return failed + drifted + empty


# ─── Stages ───


def deploy(domain: Domain, stages: Stages) -> None:
    """Apply every stack, with the artifacts and the input in place; independent work side by side.

    Raises:
        ArtifactsError, TerraformError, DomainError: what could not be made.
    """
    foundation, *projects = domain.stacks
    with stages.stage("working copy of the stacks"):
        domain.prepare()
        foundation.init()
    # The provider waits about a minute on the foundation's lifecycle rules: everything that needs no
    # bucket of its own is done meanwhile.
    side_by_side(
        [
            partial(apply, foundation, stages),
            partial(prepare, domain, projects, stages),
        ]
    )
    side_by_side([partial(upload, domain, stages), *(partial(apply, stack, stages) for stack in projects)])


def prepare(domain: Domain, projects: Iterable[Stack], stages: Stages) -> None:
    """Build what will be uploaded, and init the projects' stacks, as a stage."""
    with stages.stage("build artifacts and input") as show:
        show("core wheel, job scripts, sample input")
        domain.build_artifacts()
        domain.make_inputs()
        for stack in projects:
            show(f"init {stack.name}")
            stack.init()


def upload(domain: Domain, stages: Stages) -> None:
    """Put the artifacts and the input into their buckets as a stage."""
    with stages.stage("upload artifacts and input"):
        domain.upload_artifacts()
        domain.drop_inputs()


def apply(stack: Stack, stages: Stages) -> None:
    """Apply one stack as a stage."""
    with stages.stage(f"apply {stack.name}") as show:
        show("plan")
        stack.apply(show)


def run_pipelines(domain: Domain, projects: Iterable[str], stages: Stages) -> dict[str, Execution]:
    """Run the projects' state machines, each after those that it depends on."""
    executions = {}
    for project in in_order(domain, projects):
        with stages.stage(f"run {project}") as show:
            executions[project] = domain.run_pipeline(project, show)
    return executions


def in_order(domain: Domain, projects: Iterable[str]) -> list[str]:
    """The projects, each after the ones that its ``project.json`` names in ``depends_on``.

    Raises:
        DomainError: the dependencies run in a circle, or name no project.

    """
    ordered: list[str] = []
    waiting = list(projects)
    known = set(domain.projects)
    while waiting:
        ready = [name for name in waiting if not set(_dependencies(domain, name, known)) & set(waiting)]
        if not ready:
            raise DomainError(f"project.json: depends_on runs in a circle between {', '.join(waiting)}")
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return ordered


def _dependencies(domain: Domain, name: str, known: set[str]) -> list[str]:
    dependencies: list[str] = domain.projects.get(name, {}).get("depends_on", [])
    if unknown := sorted(set(dependencies) - known):
        raise DomainError(
            f"projects/{name}/project.json: depends_on names {unknown[0]}; expected one of {sorted(known)}"
        )
    return dependencies


def inspect(domain: Domain, stages: Stages, report: Report) -> None:
    """Read every table back while a second plan of every stack looks for drift."""

    def read() -> None:
        with stages.stage("read tables back"):
            report.tables = domain.read_tables(SAMPLE_ROWS)

    def plan(stack: Stack) -> None:
        with stages.stage(f"second plan {stack.name}"):
            changes = stack.pending_changes()
            report.stacks[stack.name] = {"resources": len(stack.resources()), "second_plan_changes": changes}

    side_by_side([read, *(partial(plan, stack) for stack in domain.stacks)])
    report.stacks = dict(sorted(report.stacks.items()))


def side_by_side(work: Iterable[Callable[[], None]]) -> None:
    """Do all the work at once and wait for all of it, then raise the first error if there was one."""
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(each) for each in work]
    for future in futures:
        future.result()


# ─── Commands ───


def demo(console: Console, picture: Path | None = None) -> int:
    """Everything, on an embedded AWS that ends with this process; the exit code.

    Args:
        console: where it is shown.
        picture: a file for the summary as an SVG.
    """
    report = Report()
    shutil.rmtree(DEMO, ignore_errors=True)
    with Stages(console) as stages, ExitStack() as stack:
        report.seconds = stages.seconds
        try:
            with stages.stage("embedded AWS"):
                endpoint = stack.enter_context(emulator.running(DEMO / "emulator"))
            exercise(Domain(endpoint, DEMO / "domain"), stages, report)
        finally:
            report.write(DEMO / "report.json")
    if picture:
        draw(report, picture)
    return conclude(report, console)


def exercise(domain: Domain, stages: Stages, report: Report) -> None:
    """Deploy the domain, run every pipeline and look at the outcome; the report fills as it goes."""
    deploy(domain, stages)
    run_and_inspect(domain, stages, report)


def run_and_inspect(domain: Domain, stages: Stages, report: Report) -> None:
    """Run every pipeline of a deployed domain and look at the outcome; the report fills as it goes."""
    report.executions = run_pipelines(domain, domain.projects, stages)
    inspect(domain, stages, report)


def up(console: Console) -> int:
    """Start the embedded AWS on its fixed ports, apply everything, leave it running; the exit code."""
    with Stages(console) as stages:
        with stages.stage("embedded AWS"):
            endpoint = emulator.start(STATE, emulator.HTTP_PORT, emulator.HTTPS_PORT)
        domain = Domain(endpoint, UP)
        deploy(domain, stages)
    console.print("\nThe domain is running. To point a client of your own at it:")
    for name, value in endpoint.environment().items():
        console.print(f"  export {name}={value}", highlight=False, soft_wrap=True)
    commands = ", ".join(f"`make run PROJECT={project}`" for project in in_order(domain, domain.projects))
    console.print(f"Next: {commands}; `make down` ends it.", highlight=False, soft_wrap=True)
    return 0


def run(project: str, console: Console) -> int:
    """Run one project's pipeline in the running domain; the exit code.

    Raises:
        DomainError: the domain is not running, or has no such project.

    """
    endpoint = emulator.find(STATE)
    if endpoint is None:
        raise DomainError("the domain is not running: `make up` starts it")
    domain = Domain(endpoint, UP)
    report = Report()
    with Stages(console) as stages:
        report.seconds = stages.seconds
        domain.state_machine(project)
        report.executions = run_pipelines(domain, [project], stages)
        if report.executions[project].status == "SUCCEEDED":
            with stages.stage("read tables back"):
                report.tables = domain.read_tables(SAMPLE_ROWS, project)
    return conclude(report, console)


# ─── Output ───


def conclude(report: Report, console: Console) -> int:
    """Print the summary, then what failed if anything did; 0 if all is well, else 1."""
    content = report.as_json()
    stacks = [(name, s["resources"], s["second_plan_changes"]) for name, s in report.stacks.items()]
    grids = [
        grid("Stacks", ("stack", "resources", "second plan changes"), stacks),
        grid("Executions", ("pipeline", "status"), content["executions"].items()),
        grid("Tables", ("table", "rows"), content["tables"].items()),
        grid("Time", ("stage", "seconds"), report.seconds.items()),
    ]
    console.print(Columns([each for each in grids if each.row_count], padding=(0, 4)))
    for label, table in report.tables.items():
        if sample := table["sample"]:
            console.print(grid(f"Newest of {label}", tuple(sample[0]), [row.values() for row in sample]))
    for failure in report.failures():
        console.print(f"FAILED {failure}", style="red", highlight=False, markup=False, soft_wrap=True)
    return 1 if report.failures() else 0


def draw(report: Report, picture: Path) -> None:
    """Write the summary as an SVG."""
    console = Console(file=io.StringIO(), record=True, width=PICTURE_WIDTH)
    conclude(report, console)
    console.save_svg(str(picture), title="make demo")


def grid(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Grid:
    """A table for the console."""
    table = Grid(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row))
    return table


# ─── Command Line ───


def main() -> int:
    """Parse the command line and run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m meshtest.demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("demo", help="build the domain, run the pipelines, show it, take it down")
    shown.add_argument("--picture", type=Path, metavar="FILE", help="also draw the summary, as an SVG")
    commands.add_parser("up", help="build the domain and leave it running")
    runner = commands.add_parser("run", help="run a project's pipeline in the running domain")
    runner.add_argument("project", nargs="?", default="", help="the project's folder name")
    arguments = parser.parse_args()
    # A log has no width of its own: wide enough for every table.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    try:
        if arguments.command == "run":
            return run(arguments.project, console)
        inputs.require()
        return demo(console, arguments.picture) if arguments.command == "demo" else up(console)
    except EXPECTED_ERRORS as error:
        console.print(f"meshtest.demo: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("meshtest.demo: interrupted", style="red")
        return 130


if __name__ == "__main__":
    sys.exit(main())
