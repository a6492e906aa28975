"""The hooks: each is a line of `make lint`, and each line of it has a hook; a bad file is held back."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from meshtest.tools import toolchain

CONFIG = toolchain.ROOT / ".pre-commit-config.yaml"
HOOKS = [hook for repo in yaml.safe_load(CONFIG.read_text())["repos"] for hook in repo["hooks"]]
PRE_COMMIT = toolchain.ROOT / ".venv" / "bin" / "pre-commit"


def lint() -> list[str]:
    """The commands of `make lint`, without what installs the tools."""
    result = subprocess.run(
        ["make", "--dry-run", "lint"], capture_output=True, check=True, cwd=toolchain.ROOT, text=True
    )
    return [line for line in result.stdout.splitlines() if not line.startswith("setup/bootstrap.sh")]


def test_every_hook_is_a_line_of_make_lint_or_waits_to_be_called():
    commands = lint()
    assert commands
    other = {hook["id"] for hook in HOOKS if not any(line.startswith(hook["entry"]) for line in commands)}
    assert other == {hook["id"] for hook in HOOKS if hook.get("stages") == ["manual"]} == {"checkov"}


def test_every_line_of_make_lint_has_a_hook():
    assert [line for line in lint() if not any(line.startswith(hook["entry"]) for hook in HOOKS)] == []


def test_hooks_bring_no_tools_of_their_own():
    """Versions stand in the locks alone."""
    assert {repo["repo"] for repo in yaml.safe_load(CONFIG.read_text())["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system"}
    programs = [shlex.split(hook["entry"])[0] for hook in HOOKS]
    assert [name for name in programs if name != "make" and not (toolchain.ROOT / name).exists()] == []


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with these hooks and the tools of this one."""
    shutil.copy(CONFIG, tmp_path)
    for name in (".venv", ".tools"):
        (tmp_path / name).symlink_to(toolchain.ROOT / name)
    (tmp_path / ".gitignore").write_text(".venv\n.tools\ncache\n")
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.hooksPath=.git/hooks")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        ["git", *settings, *arguments],
        capture_output=True,
        cwd=folder,
        env=environment | {"PRE_COMMIT_HOME": str(folder / "cache")},
        text=True,
    )


def test_a_commit_with_a_bad_script_or_a_dead_link_is_refused(clone):
    installed = subprocess.run([str(PRE_COMMIT), "install"], capture_output=True, cwd=clone, text=True)
    assert installed.returncode == 0, installed.stderr
    (clone / "run.sh").write_text("#!/bin/sh\ncat $1\n")
    (clone / "page.md").write_text("# Page\n\n[gone](gone.md)\n")
    git(clone, "add", ".")
    refused = git(clone, "commit", "--message", "x")
    assert refused.returncode == 1
    assert "SC2086" in refused.stderr + refused.stdout
    assert "Relative link 'gone.md' does not exist" in refused.stderr + refused.stdout

    (clone / "run.sh").write_text('#!/bin/sh\ncat "$1"\n')
    (clone / "page.md").write_text("# Page\n")
    git(clone, "add", ".")
    accepted = git(clone, "commit", "--message", "x")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "checkov" not in accepted.stderr + accepted.stdout
