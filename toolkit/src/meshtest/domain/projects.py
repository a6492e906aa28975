"""Add and remove projects: ``make new-project NAME=…``, ``make remove-project NAME=…``.

A new project is a copy of the template: root module, jobs, their tests, sample input. It is built and checked
in a folder of its own and then moved into place, so that a refusal leaves nothing behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import contract, odcs
from core.mistakes import Mistake
from meshtest import emulator
from meshtest.domain import inputs
from meshtest.domain.demo import EXPECTED_ERRORS, STATE, UP
from meshtest.domain.domain import Domain
from meshtest.domain.inputs import InputsError, checkout, schemas
from meshtest.tools import environment as surroundings
from meshtest.tools import folders, toolchain

TEMPLATE = "template"
# What a new project's files are made from, and what only a checkout that was used has in them.
LOCAL = shutil.ignore_patterns(".terraform", "*.tfstate*", "*_override.tf", "__pycache__", "build")


class ProjectError(Exception):
    """A project cannot be made or removed; the message is one line a reason."""


@dataclass(frozen=True)
class Wanted:
    """What a new project is called, what it is for, and who owns it."""

    name: str
    description: str
    owner: str


def parts(name: str) -> list[str]:
    """Return the folders that every project has in a checkout."""
    return [
        f"infrastructure/projects/{name}",
        f"src/jobs/{name}",
        f"samples/{name}",
        f"tests/spark/{name}",
    ]


def every_part(name: str) -> list[str]:
    """Return these folders, and that of the live probes that a project may have besides."""
    return [*parts(name), f"tests/infra/live/pipelines/{name}"]


def bare(top: Path, target: Path) -> None:
    """Copy what `new` and `remove` read of a checkout, without its projects: the template is in it."""
    for folder in ("setup", checkout.PROJECTS, "infrastructure/environments", "src/jobs/template"):
        shutil.copytree(top / folder, target / folder, symlinks=True, ignore=LOCAL)
    for folder in (f"samples/{TEMPLATE}", f"tests/spark/{TEMPLATE}"):
        shutil.copytree(top / folder, target / folder, symlinks=True, ignore=LOCAL)
    for name in folders.project_folders(top):
        if not name.startswith("_"):
            shutil.rmtree(target / checkout.PROJECTS / name)


# ─── New ───


def new(wanted: Wanted, top: Path = toolchain.ROOT) -> list[str]:
    """Make a project from the template; returns its parts.

    Raises:
        ProjectError: there is one of that name already.
        InputsError: the name or another value is not as it should be, or the checkout is not in order.

    """
    file = f"{checkout.PROJECTS}/{wanted.name}/project.json"
    if found := schemas.against(schemas.schema("project"), vars(wanted), file):
        # The defaults of the others are made from the name.
        found = [each for each in found if each.field == "name"] or found
        raise InputsError("\n".join(map(str, found)))
    if wanted.name == TEMPLATE or any((top / part).exists() for part in every_part(wanted.name)):
        raise ProjectError(str(Mistake(file, "name", wanted.name, "a name that no project has")))
    inputs.require(top)
    with trial(top) as workshop:
        _copy_template(top, workshop, wanted)
        inputs.require(workshop)
        _format([workshop / part for part in parts(wanted.name)])
        _move(parts(wanted.name), workshop, top)
    return parts(wanted.name)


def _copy_template(top: Path, target: Path, wanted: Wanted) -> None:
    folder, jobs, samples, tests = parts(wanted.name)
    shutil.copytree(top / checkout.PROJECTS / checkout.TEMPLATE, target / folder, ignore=LOCAL)
    shutil.copytree(top / "src" / "jobs" / TEMPLATE, target / jobs, symlinks=True, ignore=LOCAL)
    shutil.copytree(top / "samples" / TEMPLATE, target / samples)
    shutil.copytree(top / "tests" / "spark" / TEMPLATE, target / tests, ignore=LOCAL)
    for file in (target / tests).glob(f"test_{TEMPLATE}_*.py"):
        file.rename(file.with_name(file.name.replace(TEMPLATE, wanted.name, 1)))
    (target / jobs / contract.FILE).unlink()
    (target / jobs / contract.FILE).symlink_to(f"../../../{folder}/{contract.FILE}")
    code = [*(target / jobs).glob("*.py"), *(target / tests).glob("*.py")]
    for file in (*code, target / folder / contract.FILE):
        file.write_text(renamed(file.read_text(encoding="utf-8"), wanted.name), encoding="utf-8")
    project = target / folder / "project.json"
    content = json.loads(project.read_text(encoding="utf-8"))
    agreed = target / folder / contract.FILE
    agreed.write_text(_owned(agreed.read_text(encoding="utf-8"), content, wanted), encoding="utf-8")
    content |= vars(wanted)
    project.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _owned(text: str, before: Mapping[str, str], wanted: Wanted) -> str:
    """Put the owner and the description of a project in the place of the template's, in its contract."""
    quoted = json.dumps(wanted.description, ensure_ascii=False)
    text = text.replace(f"purpose: {before['description']}", f"purpose: {quoted}")
    return text.replace(before["owner"], wanted.owner)


def _format(places: Sequence[Path]) -> None:
    """Break the lines anew: another name has another length."""
    settings = ("--config", str(toolchain.ROOT / "pyproject.toml"), "--no-cache", "--quiet")
    subprocess.run([sys.executable, "-m", "ruff", "format", *settings, *map(str, places)], check=True)


def renamed(text: str, name: str) -> str:
    """Put a project's name in the template's place, also at the beginning of its tables' names."""
    return re.sub(rf"(?<![A-Za-z0-9_]){TEMPLATE}(?=_|\b)", name, text)


@contextlib.contextmanager
def _workshop(top: Path) -> Iterator[Path]:
    """An empty folder on the checkout's own disk, which goes afterwards."""
    (top / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="project-", dir=top / "build") as folder:
        yield Path(folder)


@contextlib.contextmanager
def trial(top: Path) -> Iterator[Path]:
    """A copy of what `inputs.check` reads of the checkout, to be changed and checked; it goes afterwards."""
    with _workshop(top) as workshop:
        for source in ("setup", checkout.PROJECTS, "infrastructure/environments", "src/jobs"):
            shutil.copytree(top / source, workshop / source, symlinks=True, ignore=LOCAL)
        yield workshop


def _move(names: Sequence[str], source: Path, target: Path) -> None:
    """Move all or nothing: what is moved already goes back if a later one fails."""
    done: list[str] = []
    try:
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).rename(target / name)
            done.append(name)
    except OSError:
        for name in reversed(done):
            (target / name).rename(source / name)
        raise


# ─── Remove ───


@dataclass(frozen=True)
class Loss:
    """What goes with a project."""

    files: list[str]
    tables: list[str]
    jobs: list[str]
    pipelines: list[str]
    states: list[str]

    def lines(self) -> Iterator[str]:
        """One line a kind."""
        for kind, names in vars(self).items():
            yield f"  {kind:<10} {', '.join(names) or 'none'}"


def loss(name: str, top: Path = toolchain.ROOT) -> Loss:
    """Tell what would be lost with a project.

    Raises:
        ProjectError: there is no such project, or others depend on it.

    """
    read = checkout.read(top)
    known = [project for project in read.projects if not project.startswith("_")]
    file = f"{checkout.PROJECTS}/{name}/project.json"
    if name not in known:
        raise ProjectError(str(Mistake(file, "name", name, f"one of {', '.join(known)}")))
    users = [
        each for each in known if name in (read.of_project(each, "project.json") or {}).get("depends_on", [])
    ]
    if users:
        expected = f"a project that none depends on: take it out of depends_on of {', '.join(users)}"
        raise ProjectError(str(Mistake(file, "name", name, expected)))
    abbreviation = (read.content(checkout.DOMAIN) or {}).get("domain_abbr", "{domain_abbr}")
    return Loss(
        files=[part for part in every_part(name) if (top / part).exists()],
        tables=[*_tables(read, name), f"refined.{name}_job_runs"],
        jobs=list(read.of_project(name, "jobs.tf") or {}),
        pipelines=list(read.of_project(name, "pipelines.tf") or {}),
        states=[f"s3://{abbreviation}-tfstate-{{account}}-{{env}}/projects/{name}/terraform.tfstate"],
    )


def _depends_on(read: checkout.Checkout, name: str) -> list[str]:
    named: list[str] = (read.of_project(name, "project.json") or {}).get("depends_on", [])
    return named


def _tables(read: checkout.Checkout, name: str) -> Iterator[str]:
    content: dict[str, Any] = read.of_project(name, contract.FILE) or {"schema": []}
    labels = [f"{odcs.layer(each)}.{odcs.physical_name(each)}" for each in content["schema"]]
    for layer in contract.LAYERS:
        yield from (label for label in labels if label.startswith(f"{layer}."))


def remove(name: str, top: Path = toolchain.ROOT) -> None:
    """Remove a project's files, all or none of them.

    Raises:
        ProjectError: see `loss`.

    """
    names = loss(name, top).files
    with _workshop(top) as workshop:
        _move(names, top, workshop)


def take_down(name: str, domain: Domain) -> None:
    """Destroy a project's stack in a running domain, with its objects; nothing if it is not there."""
    stack = domain.stack(name)
    if stack.root.is_dir():
        stack.init()
        stack.destroy()
        domain.forget_project(name)


# ─── Command ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _new(options) if options.command == "new" else _remove(options)
    except (ProjectError, *EXPECTED_ERRORS) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("projects: interrupted; nothing has been changed", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.domain.projects",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0 done, 1 refused, nothing has been changed, 2 bad arguments.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("new", help="make a project from the template")
    maker.add_argument("name", nargs="?", default="", help="of the project: the name of its folder")
    maker.add_argument("--description", default="", help="what it is for; asked for on a terminal")
    maker.add_argument("--owner", default="", help="a team or its address; asked for on a terminal")
    remover = commands.add_parser("remove", help="tell what would be lost with a project, then remove it")
    remover.add_argument("name", nargs="?", default="", help="the project's folder")
    remover.add_argument("--yes", action="store_true", help="do not ask")
    for command in (maker, remover):
        command.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    return parser


def _asked(question: str, given: str, default: str = "") -> str:
    """What was given, else what a person answers, else the default."""
    if given or not sys.stdin.isatty():
        return given or default
    return input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default


def _new(options: argparse.Namespace) -> int:
    name = _asked("Name of the project", options.name)
    if not name:
        expected = schemas.schema("project")["properties"]["name"]["expected"]
        raise ProjectError(f"NAME is missing; expected {expected}.")
    wanted = Wanted(
        name,
        _asked("What it is for", options.description, f"Records of {name}"),
        _asked("Who owns it", options.owner, f"{name}@example.com"),
    )
    for part in new(wanted, options.top):
        print(f"made  {part}")
    print(
        f"\nNext:\n"
        f"  1. make up && make run PROJECT={name}    see it run on its sample\n"
        f"  2. edit infrastructure/projects/{name}/contract.odcs.yaml, src/jobs/{name}/ and samples/{name}/\n"
        f"  3. make check-inputs lint && .venv/bin/pytest tests/spark/{name}, then commit"
    )
    return 0


def _remove(options: argparse.Namespace) -> int:
    lost = loss(options.name, options.top)
    print(f"With {options.name} go:", *lost.lines(), sep="\n")
    print("An environment of AWS keeps what it has: destroy the stack there first (docs/add-a-project.md).")
    if not options.yes and _asked(f"Type {options.name} to remove it", "") != options.name:
        print("projects: not removed; answer with its name, or give --yes (YES=1 with make)", file=sys.stderr)
        return 1
    if endpoint := emulator.find(STATE):
        print(f"taking {options.name} out of the running domain")
        take_down(options.name, Domain(endpoint, UP))
    remove(options.name, options.top)
    print(f"removed {options.name}; `git checkout` brings back what was committed")
    return 0


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
