"""What each event of GitHub makes the workflows do, run on this machine by act (`make workflows-test`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import runner

from meshtest import emulator

NOBODY = "0" * 40
MODULE = "infrastructure/modules/s3_bucket/main.tf"
PROJECT = "infrastructure/projects/_template"
INFRASTRUCTURE = {"infra", "localstack"}


@pytest.fixture(autouse=True, scope="session")
def act_is_there():
    assert runner.ACT.is_file(), "act is missing: run `make workflows-test`"


@pytest.fixture
def top(tmp_path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return runner.checkout(folder)


def request(top: Path, before: str, *, base: str = "dev", fork: bool = False) -> dict[str, Any]:
    source = "somebody/example" if fork else runner.REPOSITORY
    head = {"ref": "feature", "sha": runner.git(top, "rev-parse", "HEAD"), "repo": {"full_name": source}}
    return {
        "action": "opened",
        "number": 7,
        "pull_request": {"number": 7, "head": head, "base": {"ref": base, "sha": before}},
    }


def push(top: Path, before: str, branch: str = "dev") -> dict[str, Any]:
    after = runner.git(top, "rev-parse", "HEAD")
    return {"ref": f"refs/heads/{branch}", "before": before, "after": after}


def group(top: Path, before: str) -> dict[str, Any]:
    sha = runner.git(top, "rev-parse", "HEAD")
    head = {"base_ref": "refs/heads/dev", "base_sha": before, "head_sha": sha}
    return {"action": "checks_requested", "merge_group": head}


def ran(run: runner.Run) -> set[str]:
    """The jobs that ran, all of them green."""
    assert {job: result for job, result in run.jobs.items() if result != "success"} == {}, run.log[-4000:]
    return set(run.jobs)


# ─── CI ───


def test_a_pull_request_runs_what_it_changes(top):
    run = runner.act(top, "ci", "pull_request", request(top, runner.change(top, MODULE)))
    assert ran(run) == {"browser", "changes", "lint", "mutation", "passed", "report", "unit", *INFRASTRUCTURE}
    suites = [line for line in run.made if line.startswith("test-infra") and "BACKEND" not in line]
    assert len(suites) == 4
    assert {"lint-files", "validate-roots", "check-inputs"} <= set(run.made)
    assert not [line for line in run.made if line.startswith(("evidence", "wheel"))]


def test_a_pull_request_of_docs_starts_three_jobs(top):
    run = runner.act(top, "ci", "pull_request", request(top, runner.change(top, "docs/testing.md")))
    assert ran(run) == {"changes", "lint", "passed", "report", "unit"}
    assert "validate-roots" not in run.made


def test_a_pull_request_of_jobs_builds_the_wheel_and_runs_spark(top):
    run = runner.act(top, "ci", "pull_request", request(top, runner.change(top, "src/core/x.py")))
    assert {"spark", *INFRASTRUCTURE} <= ran(run)
    assert "wheel" in run.made


@pytest.mark.parametrize("who", ["fork", "dependabot"])
def test_a_strangers_pull_request_runs_the_same_and_writes_no_check(top, who):
    event = request(top, runner.change(top, MODULE), fork=who == "fork")
    actor = ["--actor", "dependabot[bot]"] if who == "dependabot" else []
    run = runner.act(top, "ci", "pull_request", event, *actor)
    assert ran(run) == {"browser", "changes", "lint", "mutation", "passed", "unit", *INFRASTRUCTURE}


def test_a_push_writes_the_evidence_instead_of_mutants(top):
    run = runner.act(top, "ci", "push", push(top, runner.change(top, MODULE)))
    assert "evidence" in ran(run)
    assert "mutation" not in run.jobs
    assert {"evidence", "contracts"} <= set(run.made)


def test_a_new_branch_that_equals_main_runs_what_every_run_runs(top):
    run = runner.act(top, "ci", "push", push(top, NOBODY))
    assert ran(run) == {"changes", "lint", "passed", "report"}


def test_a_merge_group_is_tested_against_its_base(top):
    run = runner.act(top, "ci", "merge_group", group(top, runner.change(top, MODULE)))
    assert ran(run) == {"browser", "changes", "lint", "passed", "unit", *INFRASTRUCTURE}


def test_one_red_job_makes_the_required_check_red(top):
    before = runner.change(top, MODULE)
    run = runner.act(top, "ci", "pull_request", request(top, before), failing="test-unit")
    assert run.jobs["unit"] == run.jobs["passed"] == "failure"
    assert run.jobs["lint"] == run.jobs["infra"] == "success"


# ─── Plan ───


@pytest.mark.parametrize("kind", ["fork", "dependabot", "merge_group"])
def test_what_changes_no_root_is_not_planned(top, kind):
    before = runner.change(top, "docs/testing.md")
    if kind == "merge_group":
        run = runner.act(top, "terraform-plan-pr", kind, group(top, before))
        assert ran(run) == {"discover", "passed"}
        return
    options = ["--actor", "dependabot[bot]"] if kind == "dependabot" else []
    event = request(top, before, fork=kind == "fork")
    run = runner.act(top, "terraform-plan-pr", "pull_request", event, *options)
    assert ran(run) == {"discover", "passed"}


@pytest.mark.parametrize("who", ["fork", "team"])
def test_who_gets_no_role_is_planned_and_gated_on_the_embedded_aws_really(top, who):
    """The environment has a role; no fork gets it, nor does bootstrap, which is no environment's."""
    before = runner.change(top, "infrastructure/bootstrap/outputs.tf")
    variable = ["--var", "AWS_PLAN_ROLE_ARN_DEV=arn:aws:iam::123456789012:role/plan"]
    event = request(top, before, fork=who == "fork") | public(top)
    # Without the comment, which GitHub itself would have to take. A team's public repository gets alerts.
    last = "passed" if who == "fork" else "code-scanning"
    run = runner.act(top, "terraform-plan-pr", "pull_request", event, "--job", last, *variable)
    assert ran(run) == {"discover", "plan", last}
    assert "infrastructure/bootstrap: passed: 0 findings" in run.log
    (section,) = (top.parent / "act" / "artifacts").rglob("section.md")
    assert "Planned on the embedded AWS, from nothing" in section.read_text()


# ─── Deployments ───


def public(top: Path) -> dict[str, Any]:
    return {"repository": {"full_name": runner.REPOSITORY, "default_branch": "main", "visibility": "public"}}


@pytest.fixture(scope="module")
def account(tmp_path_factory) -> Iterator[list[str]]:
    """act's arguments that sign the jobs in to an embedded AWS, and say that there is a role."""
    folder = tmp_path_factory.mktemp("account")
    with emulator.running(folder / "emulator") as endpoint:
        variables = {**endpoint.environment(), "AWS_CA_BUNDLE": str(endpoint.ca_bundle)}
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        yield [*given, "--secret", "AWS_ROLE_ARN_DEV=arn:aws:iam::123456789012:role/deploy"]


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_before_bootstrap_nothing_is_deployed_and_a_notice_says_so(top, event):
    run = runner.act(top, "deploy-dev", event, push(top, NOBODY))
    assert ran(run) - {"deploy"} == {"changes"}
    assert "Nothing is deployed to dev" in run.log


def test_another_branch_deploys_nothing_by_hand(top):
    run = runner.act(top, "deploy-dev", "workflow_dispatch", push(top, NOBODY, "feature"))
    assert ran(run) == set()


@pytest.mark.parametrize(
    ("repository", "variables", "is_attested"),
    [("public", [], True), ("private", [], False), ("private", ["--var", "ATTESTATIONS=true"], True)],
    ids=["public", "private, Team", "private, Enterprise"],
)
def test_the_first_push_brings_everything_in_each_kind_of_repository(
    top, account, repository, variables, is_attested
):
    """As far as the build: applying takes GitHub's Terraform, and is tested in tests/infra."""
    event = push(top, NOBODY) | (public(top) if repository == "public" else {})
    run = runner.act(top, "deploy-dev", "push", event, *account, *variables)
    assert {run.jobs[job] for job in ("changes", "discover", "build")} == {"success"}, run.log[-4000:]
    assert "records no deployment" in run.log
    assert ("Success - Main Attest provenance" in run.log) is is_attested
    assert ("Success - Main No provenance" in run.log) is not is_attested
    assert list((top.parent / "act" / "artifacts" / "artifacts").rglob("*.whl"))


def test_drift_is_not_looked_for_where_there_is_no_role(top):
    run = runner.act(top, "drift", "workflow_dispatch", push(top, NOBODY, "main"))
    assert not {"plan", "tell"} & set(run.jobs)
    assert set(run.jobs.values()) == {"success"}
