"""Domains that copier makes of a template, as a team does it, in git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

COPIER = toolchain.ROOT / ".tools" / "clients" / "bin" / "copier"
_WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "a"), ("EMAIL", "a@example.com"))
}


def environment() -> dict[str, str]:
    return {**surroundings.inherited(), "GIT_CONFIG_GLOBAL": os.devnull, **_WHO}


def run(where: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, cwd=where, env=environment(), text=True)


def commit(where: Path, subject: str) -> str:
    """Commit all that is there, and return the hash."""
    for command in (["add", "--all"], ["commit", "--quiet", "--message", subject]):
        done = run(where, "git", *command)
        assert done.returncode == 0, done.stderr
    return run(where, "git", "rev-parse", "HEAD").stdout.strip()


def copier(
    action: str, where: Path, *arguments: str | Path, **answers: object
) -> subprocess.CompletedProcess[str]:
    given = [f"--data={name}={value}" for name, value in answers.items()]
    return run(where, COPIER, action, "--trust", "--defaults", "--quiet", *given, *arguments)
