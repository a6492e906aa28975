"""Drift: a reusable workflow and its wrapper look at each environment with its own read-only role."""

from __future__ import annotations

import workflows

from meshtest.tools import folders, toolchain

DRIFT = workflows.workflow("_drift")
JOBS = DRIFT["jobs"]
(CALL,) = workflows.workflow("drift")["jobs"].values()


def test_the_wrapper_is_thin_and_lists_every_environment():
    wrapper = workflows.GITHUB / "workflows" / "drift.yml"
    assert len(wrapper.read_text().splitlines()) <= 20
    assert set(workflows.load(wrapper)["on"]) == {"schedule", "workflow_dispatch"}
    assert CALL["uses"] == "./.github/workflows/_drift.yml"
    assert sorted(CALL["strategy"]["matrix"]["environment"]) == sorted(folders.environments(toolchain.ROOT))


def test_it_waits_for_deployments_of_the_environment():
    group = CALL["concurrency"]["group"]
    (deploy,) = {
        workflows.workflow(f"deploy-{env}")["concurrency"]["group"].replace(env, "${{ matrix.environment }}")
        for env in workflows.WRAPPERS
    }
    assert (group, CALL["concurrency"]["queue"]) == (deploy, "max")


def test_the_wrapper_grants_what_the_reusable_workflow_asks_for_and_no_more():
    asked: dict[str, str] = {}
    for job in JOBS.values():
        for scope, access in job["permissions"].items():
            asked[scope] = "write" if "write" in (access, asked.get(scope)) else access
    assert CALL["permissions"] == asked


def test_each_environment_is_read_with_its_own_plan_role_and_nothing_deploys():
    for env in workflows.WRAPPERS:
        own = f"inputs.environment == '{env}' && vars.AWS_PLAN_ROLE_ARN_{env.upper()}"
        assert own in DRIFT["env"]["ROLE"]
    assert "secrets" not in DRIFT["on"]["workflow_call"]
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert not [script for script in scripts if "apply" in script]
    roles = [
        step["with"]["role-to-assume"]
        for job in JOBS.values()
        for step in job["steps"]
        if step.get("uses") == "./.github/actions/aws"
    ]
    assert roles == ["${{ env.ROLE }}"] * 2


def test_what_is_planned_is_the_commit_that_is_deployed():
    (deployed,) = [step for step in JOBS["plan"]["steps"] if step.get("with", {}).get("path") == "deployed"]
    assert deployed["with"]["ref"] == "${{ needs.deployed.outputs.commit }}"
    assert "deployed/setup/deploy.sh plan" in (workflows.GITHUB / "scripts" / "drift.sh").read_text()


def test_no_issue_is_closed_when_a_plan_failed():
    tell = JOBS["tell"]["steps"][-1]
    assert tell["env"]["PLANNED"] == "${{ needs.plan.result }}"
    assert '[ "$PLANNED" = success ] || incomplete=(--incomplete)' in tell["run"]
    assert "!cancelled()" in JOBS["tell"]["if"]
