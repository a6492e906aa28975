"""What an adopter is told to do, done: domains of this commit with names of their own, and all their tests.

``make test-template``; it takes the better part of an hour, so it is no part of ``make test``. What a command
prints is shown as it comes. FROM=TAG names the release that the update starts from.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import copies
import pytest

from meshtest.tools import toolchain


@dataclass(frozen=True)
class Team:
    """A team: what it answers copier, what it makes first, and which commands have to work for it.

    A command is a target of make with its variables, or several with ", " between them.
    """

    answers: dict[str, object]
    begins: tuple[str, ...]
    commands: tuple[str, ...]


# How far an update leads where nothing is tagged.
UNTAGGED = 50
CHECKS = (
    "check-inputs",
    "lint",
    "test-unit",
    "test-infra SUITE=modules",
    "test-infra SUITE=stacks",
)
TEAMS = {
    "renamed": Team(
        {"domain_name": "harbour", "domain_abbr": "hbr", "aws_region": "eu-north-1", "samples": False},
        (),
        (*CHECKS, "test-spark"),
    ),
    "samples": Team(
        {"domain_name": "ledger", "domain_abbr": "ldg", "aws_region": "us-east-2", "samples": True},
        (),
        (*CHECKS, "demo"),
    ),
    "project": Team(
        {"domain_name": "trade-desk", "domain_abbr": "td7", "aws_region": "ap-southeast-1", "samples": False},
        ("new-project NAME=orders", "new-environment NAME=stage"),
        ("up, run PROJECT=orders, down", *CHECKS, "test-infra SUITE=bootstrap"),
    ),
}


def make(place: Path, command: str) -> None:
    """Run make as a user there would, and show what it prints."""
    for target in command.split(", "):
        print(f"\n{place.name}$ make {target}", flush=True)
        done = subprocess.run(["make", *target.split()], cwd=place, env=copies.environment())
        assert done.returncode == 0, target


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A clone of this checkout's commit; pip takes the toolkit from it."""
    place = tmp_path_factory.mktemp("template") / "template"
    cloned = copies.run(toolchain.ROOT, "git", "clone", "--quiet", toolchain.ROOT, place)
    assert cloned.returncode == 0, cloned.stderr
    return place


def copied(template: Path, place: Path, release: str, answers: dict[str, object]) -> Path:
    """Make a domain of a release of the template, in git and set up."""
    answers = {"repository": "acme-data/mesh", **answers}
    made = copies.copier("copy", template, f"--vcs-ref={release}", template, place, **answers)
    assert made.returncode == 0, made.stderr
    copies.run(place, "git", "init", "--quiet")
    copies.commit(place, "Start from the template")
    make(place, "setup")
    return place


@pytest.fixture(scope="module")
def domain(request, template, tmp_path_factory):
    """The folder of a team's domain."""
    team = TEAMS[request.param]
    where = tmp_path_factory.mktemp(request.param) / str(team.answers["domain_name"])
    place = copied(template, where, "HEAD", team.answers)
    for targets in team.begins:
        make(place, targets)
    copies.commit(place, "Begin")
    return place


@pytest.mark.parametrize(
    ("domain", "command"),
    [(name, command) for name, team in TEAMS.items() for command in team.commands],
    indirect=["domain"],
    scope="module",
)
def test_a_command_works(domain, command):
    make(domain, command)


def test_an_update_from_the_last_release_is_without_a_conflict(template, tmp_path):
    """The team has a project of its own by then, and has changed what is its to change."""
    place = copied(template, tmp_path / "mesh", last_release(template), TEAMS["renamed"].answers)
    make(place, "new-project NAME=orders")
    (place / "README.md").write_text("# Harbour\n")
    (place / "CHANGELOG.md").write_text("# Changelog\n")
    (place / "setup/tags.json").write_text(json.dumps({"CostCenter": "42"}, indent=2) + "\n")
    orders = place / "infrastructure/projects/orders/project.json"
    orders.write_text(orders.read_text().replace("orders@example.com", "sales@example.com"))
    copies.commit(place, "What is ours")

    updated = copies.copier("update", place, "--vcs-ref=HEAD")

    assert updated.returncode == 0, updated.stderr
    changed = copies.run(place, "git", "status", "--porcelain").stdout.splitlines()
    assert [line for line in changed if line.startswith(("U", "AA", "DD")) or line.endswith(".rej")] == []
    for targets in ("setup", "check-inputs", "lint", "test-unit", "test-infra SUITE=stacks"):
        make(place, targets)


def last_release(template: Path) -> str:
    """Return FROM, else the last tag; where there is none, the commit that many before this one."""
    if named := os.environ.get("FROM"):
        return named
    tagged = copies.run(template, "git", "describe", "--tags", "--abbrev=0", "HEAD^").stdout.strip()
    return tagged or f"HEAD~{UNTAGGED}"
