"""Every command that a page shows is run, by this test or by one that the page is read by."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from functools import cache

import botocore.session
import botocore.validate
import pages
import pytest
from botocore import xform_name

from meshtest.tools import toolchain

# Pages whose commands another test runs as they stand, in their order.
RUN_BY = {"docs/deploy.md": "tests/infra/bootstrap/test_from_nothing.py"}
# Blocks of text that begin like a command and are not run as they stand: page, first words, why.
SHOWN = {
    ("docs/adopt.md", "git switch"): "git of the reader's; toolkit/tests/unit/template updates a domain",
    ("docs/deploy.md", "gh api"): "needs GitHub; test_from_nothing.py holds bootstrap's output against it",
    (
        "docs/deploy.md",
        "make new-environment",
    ): "toolkit/tests/unit/domain/test_new_environment.py makes one",
    ("docs/deploy.md", "make rename"): "toolkit/tests/unit/domain/test_rename.py renames a copy",
    ("docs/deploy.md", "make rollback"): "toolkit/tests/unit/deploy/artifacts/test_deployment.py rolls back",
    (
        "docs/deploy.md",
        "rm infrastructure/bootstrap/backend_override.tf",
    ): "test_from_nothing.py, last of all",
}
PROGRAMS = {path.name for path in (toolchain.ROOT / ".venv/bin").iterdir()} | {
    "aws", "bash", "curl", "docker", "gh", "git", "make", "rm", "terraform"
}  # fmt: skip
COMMANDS = [
    (block.page, command)
    for block in pages.all_blocks()
    if block.language == "sh" and block.page not in RUN_BY
    for command in block.commands()
    if not pages.is_elsewhere(command)
]


def run(command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        cwd=toolchain.ROOT,
        env=environment,
        text=True,
    )


@cache
def shown_by_help() -> set[str]:
    """The targets that `make help` lists."""
    return set(re.findall(r"^  \x1b\[36m([a-z-]+)", run("make help").stdout, re.MULTILINE))


# ─── How each kind of command is tried ───


def try_make(command: str) -> None:
    """Resolved by make, and shown by `make help`: what the targets do is tested where they are."""
    targets = [word for word in shlex.split(command)[1:] if "=" not in word]
    assert targets
    assert [target for target in targets if target not in shown_by_help()] == []
    result = run(f"make --dry-run {command.removeprefix('make ')}")
    assert result.returncode == 0, result.stderr


def try_aws(command: str) -> None:
    """Held against AWS's own model of its API: the operation, its parameters, which are required."""
    service, operation, *words = shlex.split(command)[1:]
    model = botocore.session.get_session().get_service_model(service)
    (named,) = [each for each in model.operation_names if xform_name(each, "-") == operation]
    shape = model.operation_model(named).input_shape
    assert shape
    members = {f"--{xform_name(member, '-')}": member for member in shape.members}
    given = {
        members[option]: value(shape.members[members[option]].type_name, text)
        for option, text in zip(words[::2], words[1::2], strict=True)
    }
    report = botocore.validate.ParamValidator().validate(given, shape)
    assert not report.has_errors(), report.generate_report()


def value(kind: str, text: str) -> object:
    """An option of AWS's command line as its API takes it."""
    if kind in ("structure", "map", "list"):
        return json.loads(text)
    return int(text) if kind == "integer" else text


def try_pytest(command: str) -> None:
    """It selects tests; they run with all others."""
    result = run(f"{command} --collect-only -q")
    assert result.returncode == 0, result.stdout


def try_here(command: str) -> None:
    """Run as it stands: what only lists changes nothing. Everything else needs a test that runs it."""
    assert re.match(r"\.venv/bin/python -m meshtest\.[\w.]+ --list$", command), f"who runs this? {command}"
    result = run(command)
    assert result.returncode == 0, result.stderr


def trial(command: str):
    """The way in which a command is tried."""
    kinds = {"make ": try_make, "aws ": try_aws, ".venv/bin/python -m pytest ": try_pytest}
    return next((each for start, each in kinds.items() if command.startswith(start)), try_here)


# ─── All of them ───


@pytest.mark.parametrize(("page", "command"), sorted(set(COMMANDS)))
def test_a_command_does_what_the_page_says(page, command):
    trial(command)(command)


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_a_target_that_a_sentence_names_is_there(page):
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text()))
    assert named - shown_by_help() == set()


@pytest.mark.parametrize(("page", "test"), RUN_BY.items())
def test_a_page_that_another_test_runs_is_read_by_it(page, test):
    assert f'"{page}"' in (toolchain.ROOT / test).read_text()
    assert any(block.page == page and block.language == "sh" for block in pages.all_blocks())


def test_what_is_only_shown_is_listed_with_its_reason():
    """No command gets around this by standing in a block of text."""
    found = {
        (block.page, command)
        for block in pages.all_blocks()
        if block.language in ("text", "") and (command := next(iter(block.commands()), ""))
        if command.split()[0].rsplit("/")[-1] in PROGRAMS
    }
    unlisted = [each for each in found if not any(each[0] == p and each[1].startswith(c) for p, c in SHOWN)]
    assert unlisted == []
    assert [
        each for each in SHOWN if not any(f[0] == each[0] and f[1].startswith(each[1]) for f in found)
    ] == []


@pytest.mark.parametrize(
    "command",
    [
        "make no-such-target",
        "make installed",  # a target that help does not show
        "aws stepfunctions start-executions --state-machine-arn x",
        "aws stepfunctions start-execution --arn x",
        "aws stepfunctions start-execution --name x",
        "aws glue start-job-run --job-name x --number-of-workers ten",
        ".venv/bin/python -m pytest toolkit/tests/infra/controls -k no-such-control",
        "rm -rf build",
    ],
)
def test_a_wrong_command_is_noticed(command):
    with pytest.raises((AssertionError, KeyError, ValueError)):
        trial(command)(command)
