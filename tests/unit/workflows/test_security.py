"""What no workflow may do: float, overreach, trust a fork, leave credentials, splice text into a shell."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict

import pytest
import workflows
import yaml

from meshtest.tools import toolchain

USES = re.compile(r"uses:\s*(?P<action>[^@\s]+)(?:@(?P<ref>\S+))?(?:\s+#\s*(?P<release>\S+))?\s*$")
# Whatever writes, with the jobs that may. Everything else is read.
WRITES = {
    ("_drift", "deployed"): {"id-token"},
    ("_drift", "plan"): {"id-token"},
    ("_drift", "tell"): {"issues"},
    ("_deploy", "artifacts"): {"id-token"},
    ("_deploy", "build"): {"attestations", "id-token"},
    ("_deploy", "foundation"): {"id-token"},
    ("_deploy", "changes"): {"id-token"},
    ("_deploy", "projects"): {"id-token"},
    ("_deploy", "record"): {"id-token"},
    ("ci", "report"): {"checks"},
    **{(f"deploy-{env}", "deploy"): {"attestations", "id-token"} for env in workflows.WRAPPERS},
    ("drift", "drift"): {"id-token", "issues"},
    ("renew-locks", "renew"): {"contents", "pull-requests"},
    ("rollback", "rollback"): {"id-token"},
    ("terraform-plan-pr", "code-scanning"): {"security-events"},
    ("terraform-plan-pr", "comment"): {"pull-requests"},
    ("terraform-plan-pr", "plan"): {"id-token"},
}
ALL = [*workflows.WORKFLOWS, *workflows.ACTIONS]


def used() -> list[tuple[str, re.Match[str]]]:
    lines = [(file, line) for file in ALL for line in file.read_text().splitlines() if "uses:" in line]
    return [(f"{file.name}: {line.strip()}", USES.search(line)) for file, line in lines]


def test_every_action_is_pinned_by_its_full_sha_with_the_release_beside_it():
    floating = [
        line
        for line, match in used()
        if not match
        or not (
            match["action"].startswith("./")
            or (
                re.fullmatch(r"[0-9a-f]{40}", match["ref"] or "")
                and re.fullmatch(r"v\d+\.\d+\.\d+", match["release"] or "")
            )
        )
    ]
    assert floating == []
    assert len(used()) > 40


def test_an_action_has_one_pin():
    pins = defaultdict(set)
    for _, match in used():
        if match["ref"]:
            owner_and_name = "/".join(match["action"].split("/")[:2])
            pins[owner_and_name].add((match["ref"], match["release"]))
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_local_actions_and_workflows_exist():
    local = [match["action"] for _, match in used() if match["action"].startswith("./")]
    assert local
    assert [name for name in local if not (toolchain.ROOT / name).exists()] == []


@pytest.mark.parametrize("file", workflows.WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_has_no_permission_of_its_own(file):
    assert workflows.load(file)["permissions"] == {}


def test_each_job_names_its_permissions_and_writes_only_what_it_must():
    found = {(file, name): job.get("permissions") for file, name, job in workflows.jobs()}
    assert [key for key, permissions in found.items() if not isinstance(permissions, dict)] == []
    writing = {
        key: {scope for scope, access in permissions.items() if access == "write"}
        for key, permissions in found.items()
    }
    assert {key: scopes for key, scopes in writing.items() if scopes} == WRITES


# Never pull_request_target or workflow_run: they run with the repository's secrets on what a stranger wrote.
SAFE = {"merge_group", "pull_request", "push", "schedule", "workflow_call", "workflow_dispatch"}


def test_triggers_are_safe_for_forks():
    triggers = {file.stem: workflows.load(file)["on"] for file in workflows.WORKFLOWS}
    for name, events in triggers.items():
        assert set(events) <= SAFE, name


def test_no_checkout_leaves_its_credentials():
    checkouts = [
        (where, step) for where, step in workflows.steps() if "actions/checkout@" in step.get("uses", "")
    ]
    assert len(checkouts) > 10
    assert [
        where for where, step in checkouts if step.get("with", {}).get("persist-credentials") is not False
    ] == []


def test_no_expression_is_spliced_into_a_script():
    scripts = [(where, step["run"]) for where, step in workflows.steps() if "run" in step]
    assert scripts
    assert [where for where, script in scripts if "${{" in script] == []


def test_secrets_are_read_only_where_a_deployment_needs_them():
    readers = {file.name for file in ALL if "secrets." in file.read_text()}
    wrappers = {f"deploy-{env}.yml" for env in workflows.WRAPPERS}
    assert readers == {"_deploy.yml", "rollback.yml", *wrappers}
    for file, name, job in workflows.jobs():
        if file == "_deploy" and "secrets." in json.dumps(job):
            assert job["environment"] == "${{ inputs.environment }}", name


def test_every_job_has_a_time_limit():
    endless = [
        (file, name)
        for file, name, job in workflows.jobs()
        if "uses" not in job and "timeout-minutes" not in job
    ]
    assert endless == []


def test_every_script_passes_shellcheck():
    scripts = {where: step["run"] for where, step in workflows.steps() if "run" in step}
    for where, script in scripts.items():
        result = subprocess.run(
            [toolchain.ROOT / ".venv/bin/shellcheck", "--shell=bash", "-"],
            capture_output=True,
            input=f"set -eo pipefail\n{script}",
            text=True,
        )
        assert result.returncode == 0, f"{where}:\n{result.stdout}"


def test_the_plan_itself_never_leaves_its_job():
    uploads = [
        path
        for where, step in workflows.steps()
        if where.startswith(("_drift", "terraform-plan-pr")) and "upload-artifact" in step.get("uses", "")
        for path in step["with"]["path"].split()
    ]
    assert uploads == [
        "build/drift/**/section.md",
        "build/plan/**/section.md",
        "build/plan/**/gate.sarif",
        "build/contracts/section.md",
    ]


def test_each_rule_that_is_off_in_zizmor_has_its_reason():
    file = workflows.GITHUB / "zizmor.yml"
    lines = file.read_text().splitlines()
    off = [name for name, rule in yaml.safe_load(file.read_text())["rules"].items() if rule.get("disable")]
    for name in off:
        position = lines.index(f"  {name}:")
        assert lines[position + 1].lstrip().startswith("# "), name
    assert "zizmor: ignore" not in "".join(file.read_text() for file in ALL)
