"""The whole domain on this machine, end to end: ``python -m meshtest.domain.demo demo|up|run|job|drop``.

``demo`` builds the domain on a fresh embedded AWS, runs the pipelines, reads the result back, checks
that nothing drifted, writes ``build/demo/report.json`` and takes everything down. ``up`` does the
first part and leaves the domain running; in it ``run`` runs pipelines, ``job`` one job, and ``drop`` puts
a file into a landing zone.
"""

from __future__ import annotations

import argparse
import io
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from rich.columns import Columns
from rich.console import Console
from rich.table import Table as Grid

from meshtest import emulator
from meshtest.deploy.artifacts import ArtifactsError
from meshtest.domain import backfill, clients, inputs
from meshtest.domain.domain import BOUNDARY, Domain, DomainError, Execution
from meshtest.domain.inputs import InputsError
from meshtest.emulator import EmulatorError, Endpoint
from meshtest.terraform.stack import Stack, TerraformError
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain
from meshtest.tools.progress import Stages
from meshtest.tools.toolchain import ToolMissing
from meshtest.tools.version import VersionError

# The state directory of `make up`; `make status` and `make down` look there.
STATE = toolchain.BUILD / "emulator"
UP = toolchain.BUILD / "domain"
DEMO = toolchain.BUILD / "demo"
SAMPLE_ROWS = 3
SUCCEEDED = "SUCCEEDED"
PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
# What every line of a job's log has: not shown again for each.
LOG_FRAME = ("job", "level", "message", "run", "stage", "time", "traceback")
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
    """What the demo found; `as_json` is the content of ``report.json``.

    `to_be_filled` are the tables in which the sample input has to leave rows; any other may be empty.
    """

    stacks: dict[str, dict[str, int]] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    to_be_filled: frozenset[str] = frozenset()

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
            if execution.status != SUCCEEDED
        ]
        drifted = [
            f"{name}: a second plan would change {stack['second_plan_changes']} resources"
            for name, stack in self.stacks.items()
            if stack.get("second_plan_changes")
        ]
        empty = [
            f"{label}: no rows"
            for label, table in self.tables.items()
            if not table["rows"] and label in self.to_be_filled
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
    bound = partial(apply_boundary, domain, stages)
    if not domain.is_emulated:  # AWS makes no role whose boundary is not there yet
        bound()
    # The provider waits about a minute on the foundation's lifecycle rules: everything that needs no
    # bucket of its own is done meanwhile.
    side_by_side(
        [
            partial(apply, foundation, stages),
            partial(prepare, domain, projects, stages),
            *([bound] if domain.is_emulated else []),
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


def apply_boundary(domain: Domain, stages: Stages) -> None:
    """Make the permissions boundary of the domain's roles, which bootstrap makes elsewhere, as a stage."""
    with stages.stage("apply boundary"):
        domain.boundary.init()
        domain.boundary.apply(targets=[BOUNDARY.format(env=domain.env)])


def apply(stack: Stack, stages: Stages) -> None:
    """Apply one stack as a stage."""
    with stages.stage(f"apply {stack.name}") as show:
        show("plan")
        stack.apply(show)


def run_pipelines(
    domain: Domain,
    projects: Iterable[str],
    stages: Stages,
    pipeline: str = "",
    given: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Execution]:
    """Run the pipelines of projects (or the one named) on an input, each project after those it depends on.

    A project's pipelines run in the order of its pipelines.tf, up to the first that fails. Returns the
    executions by project, and by project/pipeline where a project has several.
    """
    executions = {}
    for project in in_order(domain, projects):
        known = domain.pipelines(project)
        for key in [pipeline] if pipeline else known:
            label = project if len(known) == 1 else f"{project}/{key}"
            with stages.stage(f"run {label}") as progress:
                executions[label] = domain.run_pipeline(project, key, progress, given)
            if executions[label].status != SUCCEEDED:
                break
    return executions


def to_be_filled(domain: Domain, executions: Mapping[str, Execution]) -> frozenset[str]:
    """Return the tables in which the sample input has to leave rows.

    They are those of each project that has a sample and whose pipelines have all succeeded, but for the
    tables that take rejects: a sample may well be without a mistake.
    """
    ran = {label.partition("/")[0] for label in executions}
    failed = {label.partition("/")[0] for label, each in executions.items() if each.status != SUCCEEDED}
    fed = {project for project in ran - failed if any(domain.samples(project))}
    return frozenset(
        table.label for table in domain.tables() if table.project in fed and not table.holds_rejects
    )


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
    report.to_be_filled = to_be_filled(domain, report.executions)
    inspect(domain, stages, report)


def up(console: Console) -> int:
    """Start the embedded AWS on its fixed ports, apply everything, leave it running; the exit code.

    In a domain that runs already it applies what is new.

    Raises:
        DomainError: the one that runs is in another Region than setup/domain.json says now.

    """
    with Stages(console) as stages:
        with stages.stage("embedded AWS"):
            endpoint = emulator.start(STATE, emulator.HTTP_PORT, emulator.HTTPS_PORT)
            domain = _in_its_region(endpoint)
        deploy(domain, stages)
    tell("\nThe domain is running. To point a client of your own at it:", console)
    for line in clients.lines(endpoint, domain.bucket("refined"), UP / "client"):
        tell(f"  {line}", console)
    commands = ", ".join(f"`make run PROJECT={project}`" for project in in_order(domain, domain.projects))
    tell(f"Next: {commands}; `make down` ends it.", console)
    return 0


def running_domain() -> Domain:
    """Return the domain that `up` left running.

    Raises:
        DomainError: none is running, or it is in another Region than setup/domain.json says now.

    """
    endpoint = emulator.find(STATE)
    if endpoint is None:
        raise DomainError("the domain is not running: `make up` starts it")
    return _in_its_region(endpoint)


def _in_its_region(endpoint: Endpoint) -> Domain:
    if endpoint.region != (region := emulator.domain_region()):
        raise DomainError(
            f"the running domain is in {endpoint.region}, setup/domain.json says {region}: "
            "`make down`, then `make up`"
        )
    return Domain(endpoint, UP)


def run(project: str, pipeline: str, given: str, console: Console) -> int:
    """Run the pipelines of a project (or the one named) in the running domain; the exit code.

    Raises:
        DomainError: the domain is not running, has no such project or pipeline, or the input is none.

    """
    domain, execution_input = running_domain(), read_input(given)
    wanted = [pipeline] if pipeline else domain.pipelines(project)
    if not wanted:
        raise DomainError(f"PROJECT={project}: expected a project with a pipeline in its pipelines.tf")
    for key in wanted:
        domain.state_machine(project, key)
    report = Report()
    with Stages(console) as stages:
        report.seconds = stages.seconds
        report.executions = run_pipelines(domain, [project], stages, pipeline, execution_input)
        if not report.failures():
            with stages.stage("read tables back"):
                report.tables = domain.read_tables(SAMPLE_ROWS, project)
    return conclude(report, console)


def job(project: str, key: str, given: str, console: Console) -> int:
    """Run one job of a project in the running domain; the exit code.

    Raises:
        DomainError: the domain is not running, has no such project or job, or the arguments are none.

    """
    domain, arguments = running_domain(), read_arguments(given)
    domain.require_job(project, key)
    with Stages(console) as stages, stages.stage(f"job {key}") as progress:
        found = domain.run_job(project, key, arguments, progress)
    for line in domain.job_log(found.id):
        fields = {name: value for name, value in line.items() if name not in LOG_FRAME}
        tell(f"  {line['message']}  {' '.join(f'{k}={v}' for k, v in fields.items())}".rstrip(), console)
    tell(f"{domain.name(project, key)}: {found.status} after {found.seconds} s, run {found.id}", console)
    if found.status == SUCCEEDED:
        return 0
    console.print(f"FAILED {key}: {found.message}", style="red", **PLAIN)
    return 1


def fill(arguments: argparse.Namespace, console: Console) -> int:
    """Run a pipeline for each day of a time in the running domain; the exit code.

    Raises:
        DomainError: the domain is not running, has no such project or pipeline, or the days are none.

    """
    given = (arguments.project, arguments.pipeline, arguments.first, arguments.last)
    asked = backfill.of(running_domain(), *given)
    with Stages(console) as stages, stages.stage(f"backfill {asked.label}") as progress:
        found = asked.run(progress)
    if found is None or found.status == SUCCEEDED:
        tell(
            f"{arguments.project}: all {len(asked.dates)} days from {asked.first} to {asked.last} are done",
            console,
        )
        return 0
    console.print(f"FAILED {found.status}: {found.cause}", style="red", **PLAIN)
    tell("started again, it goes on with the day that failed", console)
    return 1


def drop(project: str, file: str, folder: str, console: Console) -> int:
    """Put a file into a project's landing zone of the running domain; the exit code.

    Raises:
        DomainError: the domain is not running, or see `Domain.drop`.

    """
    domain = running_domain()
    if not file:
        raise DomainError("FILE=(empty): expected a file")
    uri, size = domain.drop(project, Path(file), folder)
    tell(f"{uri} ({size:,} bytes)", console)
    return 0


# ─── Input ───


def read_arguments(text: str) -> dict[str, str]:
    """Return the job arguments of a text such as ``--full_rebuild true``, quoted as in a shell.

    Raises:
        DomainError: it is none.

    """
    expected = "expected pairs of --name and value"
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise DomainError(f"ARGS={text}: {expected}: {error}") from None
    given: dict[str, str] = {}
    while words:
        name = words.pop(0)
        if not name.startswith("--") or name == "--":
            raise DomainError(f"ARGS: {name} is no name; {expected}")
        if not words or words[0].startswith("--"):
            raise DomainError(f"ARGS: {name} has no value; {expected}")
        given[name] = words.pop(0)
    return given


def read_input(text: str) -> dict[str, Any]:
    """Return the input of an execution, JSON such as ``{"arguments": {"--full_rebuild": "true"}}``.

    Raises:
        DomainError: it is none that a pipeline knows.

    """
    try:
        given = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise DomainError(f"INPUT={text}: no JSON: {error}") from None
    arguments = given.get("arguments", {}) if isinstance(given, dict) else None
    if not isinstance(arguments, dict) or set(given) - {"arguments"}:
        raise DomainError(f'INPUT={text}: expected {{"arguments": {{"--name": "value"}}}} and no other field')
    for name, value in arguments.items():
        if not name.startswith("--") or not isinstance(value, str):
            raise DomainError(f"INPUT: {name} is {json.dumps(value)}; expected a --name and a text")
    return dict(given)


# ─── Output ───


def conclude(report: Report, console: Console) -> int:
    """Print the summary, then what failed if anything did; 0 if all is well, else 1."""
    content = report.as_json()
    tables = [(label, rows or "no rows") for label, rows in content["tables"].items()]
    stacks = [(name, s["resources"], s["second_plan_changes"]) for name, s in report.stacks.items()]
    grids = [
        grid("Stacks", ("stack", "resources", "second plan changes"), stacks),
        grid("Executions", ("pipeline", "status"), content["executions"].items()),
        grid("Tables", ("table", "rows"), tables),
        grid("Time", ("stage", "seconds"), report.seconds.items()),
    ]
    console.print(Columns([each for each in grids if each.row_count], padding=(0, 4)))
    for label, table in report.tables.items():
        if sample := table["sample"]:
            console.print(grid(f"Newest of {label}", tuple(sample[0]), [row.values() for row in sample]))
    for failure in report.failures():
        console.print(f"FAILED {failure}", style="red", **PLAIN)
    return 1 if report.failures() else 0


def tell(text: str, console: Console) -> None:
    """Print a line as it stands."""
    console.print(text, **PLAIN)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meshtest.domain.demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("demo", help="build the domain, run the pipelines, show it, take it down")
    shown.add_argument("--picture", type=Path, metavar="FILE", help="also draw the summary, as an SVG")
    commands.add_parser("up", help="build the domain and leave it running")
    runner = commands.add_parser("run", help="run a project's pipelines in the running domain")
    runner.add_argument("--pipeline", default="", help="this one alone, by its key in pipelines.tf")
    runner.add_argument("--input", default="", help='JSON: {"arguments": {"--name": "value"}}, for each job')
    starter = commands.add_parser("job", help="run one job of a project in the running domain")
    starter.add_argument("--job", default="", help="its key in jobs.tf")
    starter.add_argument("--arguments", default="", help='such as "--full_rebuild true", in one word')
    dropper = commands.add_parser("drop", help="put a file into a project's landing zone")
    dropper.add_argument("--file", required=True, help="the file's path")
    dropper.add_argument("--to", default="", help="a folder below the project's landing zone")
    filler = commands.add_parser(
        "backfill", help="run a pipeline for each day of a time, where it is not done"
    )
    filler.add_argument("--pipeline", default="", help="its key in pipelines.tf, if there are several")
    filler.add_argument("--first", default="", help="the first day")
    filler.add_argument("--last", default="", help="the last day")
    for command in (runner, starter, dropper, filler):
        command.add_argument("--project", default="", help="the project's folder name")
    return parser


def main() -> int:
    """Parse the command line and run the command; returns the exit code."""
    arguments = _parser().parse_args()
    # A log has no width of its own: wide enough for every table.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    try:
        if arguments.command == "run":
            return run(arguments.project, arguments.pipeline, arguments.input, console)
        if arguments.command == "job":
            return job(arguments.project, arguments.job, arguments.arguments, console)
        if arguments.command == "backfill":
            return fill(arguments, console)
        if arguments.command == "drop":
            return drop(arguments.project, arguments.file, arguments.to, console)
        inputs.require()
        return demo(console, arguments.picture) if arguments.command == "demo" else up(console)
    except EXPECTED_ERRORS as error:
        console.print(f"meshtest.domain.demo: {error}", style="red", **PLAIN)
        return 1
    except KeyboardInterrupt:
        console.print("meshtest.domain.demo: interrupted", style="red")
        return 130


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
