"""Discovery on real and made-up checkouts: what there is, what a change touches, a clear end if nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from meshtest.deploy.github import discover
from meshtest.tools import folders, toolchain


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    # As on a runner: any Python, the sources on the path, nothing installed.
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(toolchain.ROOT / "toolkit/src"), **environment}
    command = [sys.executable, "-S", "-m", "meshtest.deploy.github.discover", *arguments]
    return subprocess.run(command, capture_output=True, env=variables, text=True)


@pytest.fixture
def checkout(tmp_path):
    """A git checkout of infrastructure/ and setup/, with one commit."""
    for folder in ("infrastructure", "setup"):
        shutil.copytree(
            toolchain.ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns(".terraform", "backend.conf"),
        )
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(top, *arguments: str) -> None:
    settings = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *arguments], check=True, cwd=top)


def commit(top) -> None:
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "x")


def changed(top) -> list[str]:
    commit(top)
    return discover.changed_roots(top, "dev", discover.changed_files(top, "HEAD^1"))


FOUNDATION = "infrastructure/environments/dev"
PROJECTS = [f"infrastructure/projects/{name}" for name in discover.projects(toolchain.ROOT)]


def test_projects_are_those_with_a_project_json_and_never_the_template(tmp_path):
    result = run("projects", "--output", "projects", GITHUB_OUTPUT=str(tmp_path / "output"))
    found = json.loads(result.stdout)
    assert found == folders.projects(toolchain.ROOT)
    assert (tmp_path / "output").read_text() == f"projects={json.dumps(found)}\n"


def test_a_domain_may_have_no_project(tmp_path):
    result = run("projects", "--top", str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "[]\n")


def test_a_new_project_is_found(checkout):
    shutil.copytree(checkout / "infrastructure/projects/_template", checkout / "infrastructure/projects/new")
    assert set(discover.projects(checkout)) - set(discover.projects(toolchain.ROOT)) == {"new"}
    assert "infrastructure/projects/new" in changed(checkout)


def test_the_projects_read_the_foundations_outputs(checkout):
    (checkout / "infrastructure/modules/s3_bucket/main.tf").open("a").write("\n")
    assert changed(checkout) == [FOUNDATION, *PROJECTS]


def test_a_module_of_the_projects_touches_all_of_them(checkout):
    (checkout / "infrastructure/modules/glue_job/main.tf").open("a").write("\n")
    assert changed(checkout) == PROJECTS


def test_a_file_that_is_gone_counts(checkout):
    (checkout / "infrastructure/modules/glue_job/outputs.tf").unlink()
    assert changed(checkout) == PROJECTS


def test_a_file_that_moved_counts_at_both_ends(checkout):
    old = checkout / "infrastructure/modules/s3_bucket/outputs.tf"
    old.rename(checkout / "infrastructure/modules/glue_job/outputs_of_s3.tf")
    assert changed(checkout) == [FOUNDATION, *PROJECTS]


def test_the_domain_file_touches_everything_another_environment_nothing(checkout):
    (checkout / "infrastructure/environments/prod/main.tf").open("a").write("\n")
    assert changed(checkout) == []
    (checkout / "setup/domain.json").open("a").write("\n")
    assert changed(checkout) == [FOUNDATION, *PROJECTS]


def test_what_judges_plans_touches_everything(checkout):
    (checkout / "setup/gate-exceptions.toml").open("a").write("\n")
    assert changed(checkout) == [FOUNDATION, *PROJECTS]
    for name in discover.JUDGES:
        assert (toolchain.ROOT / name).exists(), name


def test_bootstrap_is_planned_if_it_is_asked_for_and_never_deployed(checkout):
    (checkout / "infrastructure/bootstrap/environment/roles.tf").open("a").write("\n")
    commit(checkout)
    found = run("changed-roots", "--bootstrap", "--base", "HEAD^1", "--top", str(checkout))
    assert json.loads(found.stdout) == [discover.BOOTSTRAP]
    for what in ("changed-foundation", "changed-projects"):
        assert run(what, "--base", "HEAD^1", "--top", str(checkout)).stdout == "[]\n"


@pytest.mark.parametrize(
    "name",
    [
        ".github/actions/aws/action.yml",
        ".github/workflows/_deploy.yml",
        ".terraform-version",
        "setup/deploy.sh",
        "setup/init-terraform.sh",
        "setup/python.sh",
    ],
)
def test_what_deploys_is_planned_before(checkout, name):
    assert (toolchain.ROOT / name).is_file()
    assert discover.changed_roots(checkout, "dev", [name]) == [FOUNDATION, *PROJECTS]


def test_without_a_recorded_commit_everything_is_deployed(checkout, tmp_path):
    top = ("--top", str(checkout))
    assert json.loads(run("changed-foundation", "--base", "", *top).stdout) == ["dev"]
    assert json.loads(run("changed-projects", "--base", "", *top).stdout) == discover.projects(checkout)
    assert run("changed-roots", *top).stderr.startswith("discover: --base is missing")


def test_an_unknown_commit_is_one_clear_line(checkout):
    result = run("changed-roots", "--base", "nothing", "--top", str(checkout))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("discover: git diff nothing HEAD: fatal: ")
    assert len(result.stderr.splitlines()) == 1


# ─── Matrices ───


@pytest.mark.parametrize("count", [0, 1, 3, 255, 256, 257, 1000, 10_001])
@pytest.mark.parametrize("per_job", [1, 4])
def test_no_matrix_is_larger_than_github_takes_and_nothing_is_lost(count, per_job):
    names = [f"name{number}" for number in range(count)]
    entries = discover.grouped(names, per_job)
    assert len(entries) <= 256
    assert " ".join(entries).split() == names
    sizes = {len(entry.split()) for entry in entries}
    assert not sizes or max(sizes) - min(sizes) <= 1
    if count <= 256 * per_job:
        assert max(sizes, default=0) <= per_job


def test_bootstrap_is_a_job_of_its_own():
    names = [*(f"name{number}" for number in range(300)), discover.BOOTSTRAP]
    entries = discover.grouped(names, 1)
    assert (len(entries), entries[-1]) == (256, discover.BOOTSTRAP)
    assert " ".join(entries).split() == names


def test_a_domain_of_many_projects_gets_entries_of_several(tmp_path):
    for number in range(300):
        folder = tmp_path / "infrastructure/projects" / f"p{number:03}"
        folder.mkdir(parents=True)
        (folder / "project.json").write_text("{}")
    entries = json.loads(run("projects", "--top", str(tmp_path)).stdout)
    assert len(entries) == 256
    assert entries[-1].split()[-1] == "p299"
    assert run("projects", "--per-job", "0").returncode == 2
