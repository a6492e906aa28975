"""What the Glue jobs run: a wheel and a zip a project, both importable from the archive."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest import artifacts

PROJECTS = ("project01", "test02")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("artifacts") / "built"
    artifacts.build(target, PROJECTS)
    return target


def test_every_build_keeps_a_versioned_wheel_beside_latest(built):
    wheels = sorted(file.name for file in (built / "wheels").iterdir())
    assert wheels == ["core-1.0.0-py3-none-any.whl", artifacts.LATEST]
    contents = {hashlib.sha256((built / "wheels" / name).read_bytes()).hexdigest() for name in wheels}
    assert len(contents) == 1


def test_core_is_imported_from_the_latest_archive_as_glue_does(built):
    """``core-latest`` is no wheel name that pip takes: the archive goes on the path, not into pip."""
    wheel = built / "wheels" / artifacts.LATEST
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import core; print(core.__file__)"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == f"{wheel}/core/__init__.py", result.stderr


@pytest.mark.parametrize("project", PROJECTS)
def test_the_projects_package_is_imported_from_its_zip(built, project):
    archive = built / "jobs" / project / f"{project}.zip"
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import jobs.{project} as p; print(p.__file__)"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == f"{archive}/jobs/{project}/__init__.py", result.stderr


def test_the_same_sources_give_the_same_zip(built, tmp_path):
    artifacts.build(tmp_path, ["test02"])
    name = "jobs/test02/test02.zip"
    assert (tmp_path / name).read_bytes() == (built / name).read_bytes()


def test_a_project_without_jobs_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="src/jobs/nothing: no jobs"):
        artifacts.build(tmp_path, ["nothing"])


def test_latest_is_uploaded_last(built):
    """A reader of ``latest`` must find the version that it is a copy of."""
    keys = []

    class Recorder:
        def upload_file(self, file: str, bucket: str, key: str) -> None:
            keys.append(key)

    artifacts.upload(built, Recorder(), "bucket")
    assert keys[-1] == f"wheels/{artifacts.LATEST}"
    assert "jobs/project01/refine_rates.py" in keys
