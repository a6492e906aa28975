"""checkov on the real plans of all stacks: nothing fails but what an inline exception gives a reason for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from meshtest.deploy.github import discover
from meshtest.tools import toolchain

CHECKOV = toolchain.ROOT / ".tools" / "checkov" / "bin" / "checkov"
STACKS = {
    "environments/dev": {},
    "environments/int": {},
    "environments/prod": {},
    **{f"projects/{name}": {"env": "dev"} for name in discover.projects(toolchain.ROOT)},
}
# Without its API checkov has no severities and needs no network.
OPTIONS = ("--framework", "terraform_plan", "--skip-download", "--quiet", "--compact", "--output", "json")


def failures(plans: dict[str, dict], folder: Path) -> list[str]:
    """The checks that fail on some plans, each with the resource's address."""
    for name, plan in plans.items():
        (folder / f"{name.replace('/', '-')}.json").write_text(json.dumps(plan))
    files = [word for file in sorted(folder.glob("*.json")) for word in ("--file", str(file))]
    enrichment = ("--repo-root-for-plan-enrichment", str(toolchain.ROOT / "infrastructure"))
    run = subprocess.run([str(CHECKOV), *files, *enrichment, *OPTIONS], capture_output=True, text=True)
    assert run.stdout.startswith("{"), run.stdout + run.stderr
    found = json.loads(run.stdout)
    assert found["summary"]["passed"] > 0
    return [f"{check['check_id']} {check['resource']}" for check in found["results"]["failed_checks"]]


@pytest.fixture(scope="module")
def plans(plan, infrastructure, foundation) -> dict[str, dict]:
    if not CHECKOV.exists():
        pytest.fail("checkov is not installed; run: make checkov")
    return {name: dict(plan(infrastructure / name, variables)) for name, variables in STACKS.items()}


def test_no_check_fails_on_any_stack(plans, tmp_path):
    assert failures(plans, tmp_path) == []


def test_a_fault_is_noticed(plans, tmp_path):
    broken = json.loads(json.dumps(plans["environments/dev"]))
    address = "module.foundation.aws_kms_key.data_lake"
    _resource(broken["planned_values"]["root_module"], address)["values"]["enable_key_rotation"] = False
    assert failures({"dev": broken}, tmp_path) == [f"CKV_AWS_7 {address}"]


def _resource(module: dict, address: str) -> dict:
    """The planned resource with an address, in any module."""
    for resource in module.get("resources", []):
        if resource["address"] == address:
            return resource
    inner = (child for child in module.get("child_modules", []) if address.startswith(child["address"] + "."))
    return _resource(next(inner), address)
