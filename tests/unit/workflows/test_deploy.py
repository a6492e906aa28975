"""The deployment: one reusable workflow, three thin wrappers that behave alike."""

from __future__ import annotations

import json

import pytest
import workflows

DEPLOY = workflows.workflow("_deploy")
JOBS = DEPLOY["jobs"]
WRAPPERS = {env: workflows.GITHUB / "workflows" / f"deploy-{env}.yml" for env in workflows.WRAPPERS}


@pytest.mark.parametrize("env", WRAPPERS)
def test_a_wrapper_has_at_most_20_lines(env):
    assert len(WRAPPERS[env].read_text().splitlines()) <= 20


@pytest.mark.parametrize(("env", "branch"), workflows.WRAPPERS.items())
def test_a_wrapper_says_and_does_its_own_branch_and_environment(env, branch):
    text, wrapper = WRAPPERS[env].read_text(), workflows.load(WRAPPERS[env])
    assert text.startswith(f"# Triggered on push to the `{branch}` branch")
    assert wrapper["on"]["push"]["branches"] == [branch]
    assert wrapper["concurrency"] == {"group": f"deploy-{env}", "queue": "max"}
    (job,) = wrapper["jobs"].values()
    assert job["if"] == f"github.ref == 'refs/heads/{branch}'"
    assert job["with"] == {"environment": env}
    assert job["secrets"] == {"AWS_ROLE_ARN": f"${{{{ secrets.AWS_ROLE_ARN_{env.upper()} }}}}"}


def test_the_wrappers_differ_in_nothing_else():
    texts = []
    for env, branch in workflows.WRAPPERS.items():
        text = WRAPPERS[env].read_text()
        for own, common in (
            (f"`{branch}` branch", "`BRANCH` branch"),
            (f"[{branch}]", "[BRANCH]"),
            (f"refs/heads/{branch}'", "refs/heads/BRANCH'"),
            (f"Deploy - {env.title()}", "Deploy - ENV"),
            (f"group: deploy-{env},", "group: deploy-ENV,"),
            (f"environment: {env}\n", "environment: ENV\n"),
            (f"ROLE_ARN_{env.upper()}", "ROLE_ARN_ENV"),
        ):
            assert own in text, (env, own)
            text = text.replace(own, common)
        texts.append(text)
    assert texts[0] == texts[1] == texts[2]


def test_the_environment_alone_tells_the_deployments_apart():
    inputs = DEPLOY["on"]["workflow_call"]
    assert set(inputs["inputs"]) == {"environment"}
    assert set(inputs["secrets"]) == {"AWS_ROLE_ARN"}
    # Nothing in it may ask which environment it is.
    for word in ("== 'dev'", "== 'int'", "== 'prod'", "refs/heads/"):
        assert word not in json.dumps(DEPLOY)


@pytest.mark.parametrize("env", WRAPPERS)
def test_a_wrapper_grants_what_the_reusable_workflow_asks_for_and_no_more(env):
    asked: dict[str, str] = {}
    for job in JOBS.values():
        for scope, access in job["permissions"].items():
            asked[scope] = "write" if "write" in (access, asked.get(scope)) else access
    (job,) = workflows.load(WRAPPERS[env])["jobs"].values()
    assert job["permissions"] == asked


def test_the_order_is_foundation_artifacts_projects():
    assert set(JOBS) == {
        "changes",
        "discover",
        "foundation",
        "build",
        "sbom",
        "artifacts",
        "projects",
        "record",
    }
    assert "foundation" in JOBS["artifacts"]["needs"]
    assert {"discover", "foundation", "artifacts"} <= set(JOBS["projects"]["needs"])
    # A predecessor that had nothing to do must not stop them, one that failed must.
    for name in ("artifacts", "projects"):
        assert "!cancelled() && !failure()" in JOBS[name]["if"]


def test_projects_are_discovered_and_deployed_side_by_side():
    strategy = JOBS["projects"]["strategy"]
    assert strategy["fail-fast"] is False
    assert "max-parallel" not in strategy
    assert strategy["matrix"] == {"projects": "${{ fromJSON(needs.discover.outputs.projects) }}"}


def test_whatever_signs_in_is_protected_by_the_environment():
    for name, job in JOBS.items():
        signs_in = any(step.get("uses") == "./.github/actions/aws" for step in job["steps"])
        assert signs_in == ("environment" in job), name


def test_provenance_is_made_without_credentials_and_verified_before_they_are_there():
    build = [step.get("uses", step.get("run", "")).split("@")[0] for step in JOBS["build"]["steps"]]
    assert build.index("actions/attest-build-provenance") < build.index("actions/upload-artifact")
    upload = [step.get("uses", step.get("run", "")) for step in JOBS["artifacts"]["steps"]]
    verify = upload.index(".github/scripts/verify-provenance.sh build/artifacts")
    assert verify < upload.index("./.github/actions/aws") < len(upload) - 1
    assert upload.index('.github/scripts/digest.sh build/artifacts "$DIGEST"') < verify
    assert "meshtest.deploy.artifacts upload" in upload[-1]


def test_a_private_repository_below_enterprise_deploys_without_provenance():
    conditions = {
        step["name"]: step.get("if")
        for name in ("build", "artifacts")
        for step in JOBS[name]["steps"]
        if "rovenance" in step.get("name", "") or "what was built" in step.get("name", "")
    }
    assert conditions == {
        "No provenance": "env.ATTESTED != 'true'",
        "Attest provenance": "env.ATTESTED == 'true'",
        "Verify that it is what was built": None,
        "Verify provenance": "env.ATTESTED == 'true'",
    }
    assert "vars.ATTESTATIONS == 'true'" in DEPLOY["env"]["ATTESTED"]


def test_no_cache_feeds_a_deployment():
    # A pull request may write a cache that a later run of the branch reads.
    for job in JOBS.values():
        assert [
            step
            for step in job["steps"]
            if "cache" in step.get("uses", "") or "toolkit" in step.get("uses", "")
        ] == []


def test_by_hand_everything_is_deployed():
    outputs = JOBS["changes"]["outputs"]
    assert outputs["artifacts"].endswith("|| github.event_name == 'workflow_dispatch' }}")
    assert outputs["commit"].startswith("${{ github.event_name != 'workflow_dispatch' && ")


def test_a_commit_is_recorded_when_nothing_failed_and_after_everything():
    record = JOBS["record"]
    assert set(record["needs"]) == set(JOBS) - {"record", "sbom"}
    assert "!cancelled() && !failure()" in record["if"]
    assert record["steps"][-1]["run"].endswith('--commit "$GITHUB_SHA"')


def test_a_domain_without_projects_and_one_without_a_role_deploy_what_there_is():
    assert "needs.discover.outputs.projects != '[]'" in JOBS["projects"]["if"]
    assert JOBS["discover"]["if"] == "needs.changes.outputs.ready == 'true'"
    assert JOBS["build"]["if"].startswith("needs.changes.outputs.ready == 'true' && ")
    for step in JOBS["changes"]["steps"][2:]:
        assert step["if"] in ("steps.role.outputs.ready == 'true'", "steps.deployed.outputs.commit != ''")
