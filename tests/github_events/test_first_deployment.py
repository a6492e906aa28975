"""The table of docs/deploy.md: each line by hand is one that the workflows ask for.

`gh` itself needs GitHub. What its lines set is held against what the workflows read, and against what
bootstrap prints; what the switches do is run in test_events.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

from meshtest.tools import folders, toolchain

PAGE = (toolchain.ROOT / "docs" / "deploy.md").read_text()
TABLE = [
    [cell.strip() for cell in row.split("|")[1:-1]]
    for row in re.findall(r"^\|.*\|$", PAGE.partition("## 1.")[0], re.M)
]
KINDS, ROWS = TABLE[0][2:], TABLE[2:]
COMMANDS = {row[0]: shlex.split(row[1].strip("`")) for row in ROWS}
WORKFLOWS = "".join(
    file.read_text() for file in sorted((toolchain.ROOT / ".github" / "workflows").glob("*.yml"))
)
SETTINGS = {
    name: words
    for name, words in COMMANDS.items()
    if words[:3] in (["gh", "secret", "set"], ["gh", "variable", "set"])
}


def test_the_table_is_for_each_kind_of_repository():
    assert KINDS == ["public", "private, Team", "private, Enterprise"]
    assert {cell for row in ROWS for cell in row[2:]} == {"do", "", "lost"}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_set_is_what_the_workflows_read(name):
    kind, variable = SETTINGS[name][1], SETTINGS[name][3]
    context = {"secret": "secrets", "variable": "vars"}[kind]
    assert f"{context}.{variable}" in WORKFLOWS
    for env in folders.environments(toolchain.ROOT):
        assert f"{context}.{variable.replace('_DEV', f'_{env.upper()}')}" in WORKFLOWS


def test_nothing_that_the_workflows_read_is_missing():
    read = set(re.findall(r"(?:secrets|vars)\.(\w+)", WORKFLOWS)) - {
        "AWS_ROLE_ARN"
    }  # a reusable workflow's own
    told = {words[3] for words in SETTINGS.values()}
    environments = [env.upper() for env in folders.environments(toolchain.ROOT)]
    assert read == {name.replace("_DEV", f"_{env}") for name in told for env in environments}


def test_what_is_lost_in_a_private_team_is_lost_nowhere_else():
    lost = {row[0] for row in ROWS if row[3] == "lost"}
    assert lost == {"ask for a reviewer", "switch on provenance", "switch on alerts"}
    assert not [row for row in ROWS if "lost" in (row[2], row[4])]


@pytest.mark.parametrize("name", ["name the domain", "make roles and state buckets", "deploy"])
def test_the_programs_take_these_arguments(name):
    words = COMMANDS[name]
    if words[0] == "make":
        command = ["make", "--dry-run", *words[1:]]
    elif words[0] == "git":
        command = ["git", "push", "-h"]
        assert words[-1] in {"dev"}
    else:
        command = [*words[:2], "--help"]
        assert "--repository" in words
    done = subprocess.run(command, cwd=toolchain.ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 129), done.stderr


def test_the_committed_file_is_the_one_that_bootstrap_writes():
    from meshtest.deploy import bootstrap

    written = bootstrap.SUBJECTS.relative_to(toolchain.ROOT).as_posix()
    assert COMMANDS["commit who may deploy"][-1] == written
