"""What the Glue jobs run: the ``core`` wheel, and each project's scripts and modules.

Objects in the artifacts bucket::

    wheels/core-<version>-py3-none-any.whl       kept for rollback
    wheels/core-latest-py3-none-any.whl          what the jobs name in --extra-py-files
    jobs/<project>/<job>.py                      the script of a Glue job
    jobs/<project>/<project>.zip                 the package jobs.<project>, imported by the scripts
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from meshtest import toolchain

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LATEST = "core-latest-py3-none-any.whl"
# Zip has no earlier date; a fixed one makes the same sources give the same bytes.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """The wheel could not be built; the message is the build's own."""


def build(target: Path, projects: Iterable[str]) -> None:
    """Build every artifact below `target` (emptied first), each at the path of its key in the bucket.

    Raises:
        BuildError: the wheel does not build.
        FileNotFoundError: a project has no folder under src/jobs.

    """
    shutil.rmtree(target, ignore_errors=True)
    _build_wheel(target / "wheels")
    for project in projects:
        _collect_jobs(toolchain.ROOT / "src" / "jobs" / project, target / "jobs" / project)


def upload(built: Path, s3: S3Client, bucket: str) -> None:
    """Put what `build` made below `built` into `bucket`; the ``latest`` wheel goes last."""
    files = (file for file in built.rglob("*") if file.is_file())
    for file in sorted(files, key=lambda file: (file.name == LATEST, file)):
        s3.upload_file(str(file), bucket, file.relative_to(built).as_posix())


def _build_wheel(target: Path) -> None:
    # A copy: setuptools would put its build/lib beside the sources and reuse what lies there.
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shutil.copy(toolchain.ROOT / "pyproject.toml", source)
        shutil.copytree(toolchain.ROOT / "src" / "core", source / "src" / "core")
        command = [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(target),
            folder,
        ]
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(f"the core wheel does not build:\n{result.stdout}{result.stderr}")
    wheel = next(target.glob("core-*.whl"))
    shutil.copy(wheel, target / LATEST)


def _collect_jobs(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise FileNotFoundError(
            f"{source.relative_to(toolchain.ROOT)}: no jobs; expected one folder a project"
        )
    target.mkdir(parents=True)
    modules = sorted(file for file in source.rglob("*.py") if "__pycache__" not in file.parts)
    for module in modules:
        if module.parent == source and module.name != "__init__.py":
            shutil.copy(module, target)
    with zipfile.ZipFile(target / f"{source.name}.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("jobs/__init__.py", ZIP_EPOCH), "")
        for module in modules:
            name = f"jobs/{module.relative_to(source.parent).as_posix()}"
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), module.read_bytes())
