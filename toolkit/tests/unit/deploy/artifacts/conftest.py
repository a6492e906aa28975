"""A checkout with a history of its own, builds of it, and an artifacts bucket to put them into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checkouts import PROJECT, copy_sources, git, python

from meshtest import emulator
from meshtest.deploy.artifacts import Release, building
from meshtest.emulator import Endpoint
from meshtest.terraform import workspace


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
    s3, name = endpoint.client("s3"), f"exa-artifacts-{endpoint.account_id}-dev"
    workspace.make_bucket(endpoint, name)
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
            script = folder / f"src/jobs/{PROJECT}/migrate.py"
            script.write_text(script.read_text() + "\n# new\n")
            (folder / f"src/jobs/{PROJECT}/added.py").write_text("# a job that came later\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", name)
        built = folder.parent / name
        result = python(folder, "-m", "meshtest.deploy.artifacts", "build", "--built", str(built))
        assert result.returncode == 0, result.stderr
        made[name] = built, building.built_release(built)
    return made.__getitem__
