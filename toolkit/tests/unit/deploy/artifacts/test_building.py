"""What the Glue jobs run: a wheel and a zip a project, importable from the archive, reproducible."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from checkouts import git, python

from meshtest.deploy.artifacts import LATEST, LATEST_ZIP, ArtifactsError, building
from meshtest.tools import toolchain

PROJECTS = building.projects()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("artifacts") / "built"
    building.build(target, PROJECTS)
    return target


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


# ─── The same commit, the same bytes ───


def test_the_same_commit_gives_the_same_bytes_elsewhere_and_later(checkout, tmp_path):
    """Another folder, clone, umask, time zone, working directory, time of the files and of the build."""
    one, other = tmp_path / "one", tmp_path / "elsewhere" / "other"
    build = ("-m", "meshtest.deploy.artifacts", "build", "--built")
    answer = python(checkout, *build, str(one))
    assert answer.returncode == 0, answer.stderr

    clone = tmp_path / "a longer name"
    before = os.umask(0o077)
    try:
        git(tmp_path, "clone", "--quiet", str(checkout), str(clone))
        for file in clone.rglob("*.py"):
            os.utime(file, (2_000_000_000, 2_000_000_000))
        answer = python(
            clone, *build, str(other), TZ="Pacific/Auckland", PYTHONHASHSEED="7", SOURCE_DATE_EPOCH="1"
        )
    finally:
        os.umask(before)
    assert answer.returncode == 0, answer.stderr
    assert digests(other) == digests(one)


def test_wheel_and_archive_are_there_by_version_and_as_latest(built):
    release, found = building.built_release(built), digests(built)
    assert {f"wheels/{file.name}" for file in (built / "wheels").iterdir()} == {
        *release.latest,
        *release.latest.values(),
    }
    assert {found[key] == found[copy] for key, copy in release.latest.items()} == {True}


def test_the_archive_holds_the_wheel_under_its_own_name(built):
    """pip takes no other: ``core-latest`` is none."""
    release = building.built_release(built)
    with zipfile.ZipFile(built / "wheels" / LATEST_ZIP) as archive:
        assert archive.namelist() == [Path(release.wheel).name]
        assert archive.read(Path(release.wheel).name) == (built / release.wheel).read_bytes()


def test_the_list_names_every_file_with_its_digest(built):
    content = json.loads((built / "release.json").read_text())
    found = digests(built)
    assert content["files"] == {
        name: digest
        for name, digest in found.items()
        if name not in ("release.json", f"wheels/{LATEST}", f"wheels/{LATEST_ZIP}")
    }


def test_the_build_leaves_nothing_in_the_sources(checkout):
    assert python(checkout, "-m", "meshtest.deploy.artifacts", "build").returncode == 0
    assert git(checkout, "status", "--porcelain", "--ignored").splitlines() == [
        "!! build/",
        *(
            line
            for line in git(checkout, "status", "--porcelain", "--ignored").splitlines()
            if "__pycache__" in line
        ),
    ]


def test_contract_and_audit_table_travel_with_the_code_that_reads_them(built):
    """Links in the sources, files in the archives: the contract as JSON, as Glue reads no YAML."""
    sources = toolchain.ROOT / "infrastructure" / "projects"
    for project in PROJECTS:
        with zipfile.ZipFile(built / "jobs" / project / f"{project}.zip") as archive:
            packed = archive.read(f"jobs/{project}/contract.odcs.json")
        assert json.loads(packed) == yaml.safe_load((sources / project / "contract.odcs.yaml").read_text())
    with zipfile.ZipFile(built / "wheels" / LATEST) as wheel:
        assert wheel.read("core/job_runs.json") == (sources / "job_runs.json").read_bytes()


def test_a_contract_that_the_jobs_cannot_read_is_not_built(tmp_path):
    agreed = tmp_path / "contract.odcs.yaml"
    agreed.write_text("schema: [{name: A}]")
    with pytest.raises(ArtifactsError, match=r'schema\.A\.name is "A"; expected at most 255 lower-case'):
        building._as_json(agreed)


# ─── Imported as Glue does ───


def test_core_is_installed_from_the_archive_as_glue_does(built, tmp_path):
    """By pip, from what is in the archive alone; what is imported then tells its version."""
    zipfile.ZipFile(built / "wheels" / LATEST_ZIP).extractall(tmp_path / "wheels")
    (wheel,) = (tmp_path / "wheels").iterdir()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", tmp_path / "site"]
    subprocess.run([*pip, "--no-index", "--no-deps", wheel], check=True)
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import core; print(core.version())"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == building.built_release(built).version, result.stderr


def test_a_jobs_log_says_which_core_it_ran(built):
    """In an interpreter that sees the archive alone, and in one that sees the sources without a version."""
    code = "import core; print(core.version())"
    for path, expected in (
        (built / "wheels" / LATEST, building.built_release(built).version),
        (building.toolchain.ROOT / "src", "not packaged"),
    ):
        script = f"import sys; sys.path.insert(0, {str(path)!r}); {code}"
        result = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)
        assert result.stdout.strip() == expected, result.stderr


@pytest.mark.parametrize("project", PROJECTS)
def test_the_projects_package_is_imported_from_its_zip(built, project):
    archive = built / "jobs" / project / f"{project}.zip"
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import jobs.{project} as p; print(p.__file__)"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == f"{archive}/jobs/{project}/__init__.py", result.stderr


# ─── What cannot be built, or is not what was built ───


def test_a_shells_python_settings_decide_nothing(tmp_path, monkeypatch):
    """They would end every Python that is started."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    building.build(tmp_path / "built", PROJECTS[:1])
    assert list((tmp_path / "built" / "wheels").glob("core-*.whl"))


def test_a_project_without_jobs_is_named(tmp_path):
    with pytest.raises(ArtifactsError, match="src/jobs/nothing: no jobs"):
        building.build(tmp_path, ["nothing"])


def test_a_wheel_that_does_not_build_says_why(checkout):
    (checkout / "pyproject.toml").write_text("[project\n")
    answer = python(checkout, "-m", "meshtest.deploy.artifacts", "build")
    assert answer.returncode == 1
    assert "artifacts: the core wheel does not build" in answer.stderr
    assert "Traceback" not in answer.stderr.splitlines()[0]


def test_without_a_build_the_remedy_is_named(tmp_path):
    with pytest.raises(ArtifactsError, match="holds no build: run `make wheel` first"):
        building.built_release(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"jobs/{PROJECTS[0]}/migrate.py", "is not what was built"),
        (f"jobs/{PROJECTS[0]}/added.py", "is not what was built"),
        (f"wheels/{LATEST}", "is no copy of"),
        (f"wheels/{LATEST_ZIP}", "is no copy of"),
    ],
)
def test_a_file_that_changed_since_the_build_is_named(built, tmp_path, name, message):
    shutil.copytree(built, tmp_path / "built")
    (tmp_path / "built" / name).write_text("something else")
    with pytest.raises(ArtifactsError, match=f"{name} {message}"):
        building.built_release(tmp_path / "built")


def test_a_file_that_is_gone_is_named(built, tmp_path):
    shutil.copytree(built, tmp_path / "built")
    (tmp_path / f"built/jobs/{PROJECTS[0]}/migrate.py").unlink()
    with pytest.raises(ArtifactsError, match=rf"jobs/{PROJECTS[0]}/migrate\.py is missing"):
        building.built_release(tmp_path / "built")
