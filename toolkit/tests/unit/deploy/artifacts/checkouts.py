"""Checkouts of this repository's sources, with a history of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from meshtest.deploy.artifacts import building
from meshtest.terraform import workspace
from meshtest.tools import toolchain

FILES = (
    ".gitattributes",
    "Dockerfile",
    "pyproject.toml",
    "requirements-build.lock",
    "requirements-container.lock",
    "setup/domain.json",
    "setup/jars.lock.json",
    "setup/version.toml",
)
FOLDERS = ("infrastructure/environments", "src/core", "src/jobs")
PROJECT = building.projects()[0]
WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "a"), ("EMAIL", "a@example.com"), ("DATE", "2026-11-01T12:00:00Z"))
}


def git(folder: Path, *arguments: str, **environment: str) -> str:
    return subprocess.run(
        ["git", *arguments],
        check=True,
        capture_output=True,
        cwd=folder,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **WHO, **environment},
        text=True,
    ).stdout.strip()


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the toolkit of a checkout, in that checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        cwd=folder,
        env={**clean, **environment},
        text=True,
    )


def copy_sources(target: Path) -> Path:
    """What a build reads of this checkout, without its history."""
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(toolchain.ROOT / name, target / name)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns(".terraform", "__pycache__", "*.egg-info")
        shutil.copytree(toolchain.ROOT / name, target / name, ignore=ignored)
    domain = target / "setup" / "domain.json"
    domain.write_text(json.dumps(json.loads(domain.read_text()) | workspace.EXAMPLE))
    for project in building.projects():
        (target / "infrastructure" / "projects" / project).mkdir(parents=True)
        (target / "infrastructure" / "projects" / project / "project.json").touch()
    (target / ".gitignore").write_text("build/\n__pycache__/\n*.egg-info/\n")
    return target
