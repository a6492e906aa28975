"""A folder of infrastructure/projects that git ignores is no project, to nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from meshtest.deploy.artifacts import building
from meshtest.deploy.github import discover
from meshtest.domain import inputs, projects
from meshtest.domain.domain import Domain
from meshtest.terraform import workspace
from meshtest.tools import folders, toolchain

COPIED = ("setup", "infrastructure", "src/jobs", "samples/template")


def make_project(top: Path, name: str) -> Path:
    """A project with what discovery looks at."""
    folder = top / folders.PROJECTS / name
    folder.mkdir(parents=True)
    (folder / "project.json").write_text("{}")
    return folder


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with the project `orders`, a template, and an ignored folder `scratch`."""
    top = tmp_path / "checkout"
    for name in ("orders", "scratch", "_template"):
        make_project(top, name)
    (top / ".gitignore").write_text("scratch/\n.terraform/\n")
    subprocess.run(["git", "init", "--quiet"], check=True, cwd=top)
    monkeypatch.setattr(toolchain, "ROOT", top)
    return top


@pytest.mark.parametrize(
    "found",
    [
        folders.projects,
        discover.projects,
        lambda _: building.projects(),
        lambda _: list(Domain(endpoint=None, directory=Path()).projects),
    ],
)
def test_an_ignored_folder_is_no_project(checkout, found):
    assert found(checkout) == ["orders"]


def test_what_terraform_left_of_a_project_of_another_branch_is_no_project(checkout):
    left = checkout / folders.PROJECTS / "gone" / ".terraform" / "provider"
    left.parent.mkdir(parents=True)
    left.touch()
    assert folders.project_folders(checkout) == ["_template", "orders"]


def test_an_ignored_folder_is_not_in_the_working_copy(checkout, tmp_path):
    (checkout / "setup").mkdir()
    infrastructure = workspace.prepare(tmp_path / "copy")
    found = sorted(folder.name for folder in (infrastructure / "projects").iterdir())
    assert found == ["_template", "orders"]
    assert [root.name for root in workspace.roots(infrastructure)] == found


def test_a_copy_that_git_does_not_keep_has_all_its_folders(checkout, tmp_path):
    """Also where it lies in a folder that a repository around it ignores."""
    (checkout / ".gitignore").write_text("copy/\n")
    copy = checkout / "copy"
    make_project(copy, "orders")
    assert folders.projects(copy) == ["orders"]


def test_without_git_every_folder_counts(checkout, monkeypatch):
    monkeypatch.setenv("PATH", str(checkout))
    assert folders.projects(checkout) == ["orders", "scratch"]


# ─── Checks ───


@pytest.fixture
def whole(tmp_path):
    """What `check-inputs` reads of this checkout, kept by git."""
    top = tmp_path / "whole"
    for folder in COPIED:
        shutil.copytree(toolchain.ROOT / folder, top / folder, symlinks=True, ignore=projects.LOCAL)
    for generated in top.glob("infrastructure/environments/*/backend.conf"):
        generated.unlink()
    (top / ".gitignore").write_text("scratch/\n")
    subprocess.run(["git", "init", "--quiet"], check=True, cwd=top)
    assert inputs.check(top) == []
    return top


def test_check_inputs_does_not_look_at_an_ignored_folder(whole):
    (make_project(whole, "scratch") / "contract.odcs.yaml").write_text("{no YAML")
    assert inputs.check(whole) == []
    (whole / ".gitignore").write_text("")
    assert {each.file.split("/")[2] for each in inputs.check(whole) if "scratch" in each.file} == {"scratch"}


def test_an_environment_of_another_name_is_told(whole):
    place = whole / "infrastructure/environments"
    shutil.copytree(place / "dev", place / "pre-prod")
    found = inputs.check(whole)
    assert [each.file for each in found] == [
        "infrastructure/environments/pre-prod",
        "infrastructure/environments/pre-prod/main.tf",
    ]
    assert 'name is "pre-prod"; expected 2 to 8 lower-case letters and digits' in str(found[0])
    (whole / ".gitignore").write_text("pre-prod/\n")
    assert inputs.check(whole) == []


def test_validate_leaves_an_ignored_folder_out(whole, tmp_path):
    make_project(whole, "scratch")
    terraform = tmp_path / "terraform"
    terraform.write_text("#!/bin/sh\n")
    terraform.chmod(0o755)
    environment = os.environ | {"TERRAFORM": str(terraform)}
    told = subprocess.run(["setup/validate.sh"], capture_output=True, cwd=whole, env=environment, text=True)
    assert told.returncode == 0, told.stderr
    assert "infrastructure/projects/_template" in told.stdout
    assert "scratch" not in told.stdout
