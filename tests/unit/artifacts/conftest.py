"""A checkout with a history of its own, builds of it, and an artifacts bucket to put them into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshtest import emulator, toolchain
from meshtest.artifacts import Release, building
from meshtest.emulator import Endpoint

FILES = (".gitattributes", "pyproject.toml", "requirements-build.lock", "setup/domain.json")
FOLDERS = ("src/core", "src/jobs", "src/meshtest")
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
        env={**clean, "PYTHONPATH": str(folder / "src"), **environment},
        text=True,
    )


def copy_sources(target: Path) -> Path:
    """What a build reads of this checkout, without its history."""
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(toolchain.ROOT / name, target / name)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(toolchain.ROOT / name, target / name, ignore=ignored)
    for project in building.projects():
        (target / "infrastructure" / "projects" / project).mkdir(parents=True)
        (target / "infrastructure" / "projects" / project / "project.json").touch()
    (target / ".gitignore").write_text("build/\n__pycache__/\n*.egg-info/\n")
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout of this repository's sources, with one commit."""
    folder = copy_sources(tmp_path / "checkout")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def bucket(endpoint: Endpoint) -> Iterator[str]:
    """The artifacts bucket of dev, empty."""
    s3, name = endpoint.client("s3"), f"f01-artifacts-{endpoint.account_id}-dev"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": endpoint.region})
    yield name
    for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def s3(endpoint: Endpoint) -> Any:
    return endpoint.client("s3")


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Release]]:
    """builds(name) → where the build of one of two commits is, and what it is: "old" or "new".

    The new one has another core, another job and one job more.
    """
    folder = copy_sources(tmp_path_factory.mktemp("history") / "checkout")
    git(folder, "init", "--quiet")
    made: dict[str, tuple[Path, Release]] = {}
    for name in ("old", "new"):
        if name == "new":
            (folder / "src/core/errors.py").write_text(
                (folder / "src/core/errors.py").read_text() + '\nNEWS = "new"\n'
            )
            script = folder / "src/jobs/project01/refine_rates.py"
            script.write_text(script.read_text() + "\n# new\n")
            (folder / "src/jobs/project01/added.py").write_text("# a job that came later\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", name)
        built = folder.parent / name
        result = python(folder, "-m", "meshtest.artifacts", "build", "--built", str(built))
        assert result.returncode == 0, result.stderr
        made[name] = built, building.built_release(built)
    return made.__getitem__
