"""Build a release: the same commit gives the same bytes, wherever and whenever it is built."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from meshtest.deploy.artifacts import LATEST, LATEST_ZIP, LIST, ArtifactsError, Release
from meshtest.tools import environment as surroundings
from meshtest.tools import folders, toolchain, version
from meshtest.tools.version import Version

# Zip has no earlier date; a fixed one makes the same sources give the same bytes.
_TOOLKIT = str(Path(version.__file__).parents[2])
CONTRACT = "contract.odcs.yaml"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def build(target: Path, projects: Iterable[str]) -> Release:
    """Build every artifact below `target` (emptied first), each at the path of its key in the bucket.

    Raises:
        ArtifactsError: the wheel does not build, or a project has no folder under src/jobs.
        VersionError: see `version.describe`.

    """
    shutil.rmtree(target, ignore_errors=True)
    described = version.describe(toolchain.ROOT)
    _build_wheel(target / "wheels", described)
    for project in projects:
        _collect_jobs(toolchain.ROOT / "src" / "jobs" / project, target / "jobs" / project)
    release = Release(described.text, described.commit, _digests(target))
    (target / LIST).write_text(release.as_json())
    return release


def projects() -> list[str]:
    """The projects that have jobs to deploy: those with a ``project.json``; the template is none."""
    return folders.projects(toolchain.ROOT)


def _build_wheel(target: Path, described: Version) -> None:
    # A copy: setuptools would put its build/lib beside the sources and reuse what lies there.
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shipped = sorted((toolchain.ROOT / "src" / "core").rglob("*"))
        for file in (toolchain.ROOT / "pyproject.toml", toolchain.ROOT / version.FILE, *shipped):
            if file.is_file() and "__pycache__" not in file.parts:
                copy = source / file.relative_to(toolchain.ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                copy.chmod(0o644)  # setuptools keeps the modes of data files
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
        environment = {
            **surroundings.inherited(),
            "SOURCE_DATE_EPOCH": str(described.seconds),
            version.VARIABLE: described.text,
            # setuptools asks meshtest.tools.version, wherever this toolkit is.
            "PYTHONPATH": _TOOLKIT,
        }
        # In the copy: a folder `build` where this was called would hide the module. The wheel keeps the modes
        # of the files that setuptools writes, hence the umask.
        result = subprocess.run(
            command, capture_output=True, cwd=folder, env=environment, text=True, umask=0o022
        )
    if result.returncode:
        raise ArtifactsError(f"the core wheel does not build:\n{result.stdout}{result.stderr}")
    wheel = next(target.glob("core-*.whl"))
    shutil.copy(wheel, target / LATEST)
    zipped = target / f"core-{described.text}.gluewheels.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(zipfile.ZipInfo(wheel.name, ZIP_EPOCH), wheel.read_bytes())
    shutil.copy(zipped, target / LATEST_ZIP)


def _collect_jobs(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise ArtifactsError(f"{source.relative_to(toolchain.ROOT)}: no jobs; expected one folder a project")
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
        # The contract travels with the code that relies on it; as JSON: Glue may bring no reader of YAML.
        for agreed in sorted(source.glob(CONTRACT)):
            name = f"jobs/{source.name}/{agreed.with_suffix('.json').name}"
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), _as_json(agreed))


def _as_json(agreed: Path) -> bytes:
    """A contract as the jobs get it; core itself, of this checkout, says what they can read.

    Raises:
        ArtifactsError: they cannot.

    """
    command = [sys.executable, "-m", "core.yaml_file", str(agreed)]
    environment = {**surroundings.inherited(), "PYTHONPATH": str(toolchain.ROOT / "src")}
    result = subprocess.run(command, capture_output=True, env=environment)
    if result.returncode:
        raise ArtifactsError(result.stderr.decode().strip())
    return result.stdout


def _digests(built: Path) -> dict[str, str]:
    """SHA-256 by key of everything that was built; ``latest`` is a copy and not among it."""
    files = sorted(file for file in built.rglob("*") if file.is_file())
    return {
        file.relative_to(built).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name not in (LATEST, LATEST_ZIP, LIST)
    }


def built_release(built: Path) -> Release:
    """The release that `build` made below `built`, its files held against its list.

    Raises:
        ArtifactsError: there is none, or a file is not the one that was built.
    """
    try:
        release = Release.from_json((built / LIST).read_text())
    except FileNotFoundError:
        raise ArtifactsError(f"{built} holds no build: run `make wheel` first") from None
    except (ValueError, KeyError, TypeError):
        raise ArtifactsError(f"{built / LIST} is no list of a build: run `make wheel` again") from None
    found = _digests(built)
    for key in sorted(found.keys() | release.digests.keys()):
        if found.get(key) != release.digests.get(key):
            state = "is missing" if key not in found else "is not what was built"
            raise ArtifactsError(f"{built / key} {state}: run `make wheel` again")
    for key, copy in release.latest.items():
        if hashlib.sha256((built / copy).read_bytes()).hexdigest() != found[key]:
            raise ArtifactsError(f"{built / copy} is no copy of {key}: run `make wheel` again")
    return release
