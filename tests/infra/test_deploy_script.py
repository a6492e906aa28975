"""setup/deploy.sh and setup/validate.sh for real: plan, gate and apply on the embedded AWS; failures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest.deploy.github import comment
from meshtest.terraform import workspace
from meshtest.testing.plans import PROJECTS, REGION
from meshtest.tools import toolchain

ROOT = "infrastructure/environments/dev"
STATE_BUCKET = "exa-tfstate-123456789012-dev"
SETTINGS = f"""
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }}
  }}
  backend "s3" {{}}
}}

provider "aws" {{
  region            = "{REGION}"
  s3_use_path_style = true
}}
"""
GROUP = """
resource "aws_iam_group" "this" {
  name = "deployed"
}
"""
WHICH_ACCOUNT = 'import boto3; print(boto3.client("sts").get_caller_identity()["Account"])'
OPEN_BUCKET = 'resource "aws_s3_bucket" "this" { bucket = "stopped-by-the-gate" }\n'


@pytest.fixture
def deploy(endpoint, infrastructure, tmp_path):
    """deploy(action, configuration) → setup/deploy.sh on a checkout whose environment dev is that."""
    shutil.copytree(infrastructure.parent / "setup", tmp_path / "setup")
    root = tmp_path / ROOT
    root.mkdir(parents=True)
    shutil.copy(toolchain.ROOT / ROOT / ".terraform.lock.hcl", root)
    environment = {
        **workspace.environment(endpoint, tmp_path),
        "PYTHON": sys.executable,
        "TERRAFORM": str(toolchain.terraform()),
        "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
    }
    s3, state = endpoint.client("s3"), {"Bucket": STATE_BUCKET, "Key": "foundation/terraform.tfstate"}
    try:
        kept = s3.get_object(**state)["Body"].read()
    except s3.exceptions.NoSuchKey:
        kept = None
    s3.delete_object(**state)

    def deploy(action: str, configuration: str) -> subprocess.CompletedProcess:
        (root / "main.tf").write_text(SETTINGS + configuration)
        command = ["setup/deploy.sh", action, ROOT, "--env", "dev", "--account-id", endpoint.account_id]
        return subprocess.run(
            [*command, "--out", "out"], capture_output=True, cwd=tmp_path, env=environment, text=True
        )

    yield deploy
    if kept is not None:  # the state that other tests plan against
        s3.put_object(**state, Body=kept)


def groups(endpoint) -> list[str]:
    return [each["GroupName"] for each in endpoint.client("iam").list_groups()["Groups"]]


def test_a_plan_changes_nothing_and_an_apply_does_what_was_planned(deploy, endpoint, tmp_path):
    planned = deploy("plan", GROUP)
    assert planned.returncode == 0, planned.stderr
    assert "aws_iam_group.this will be created" in planned.stdout
    assert groups(endpoint) == []
    for name in ("plan.bin", "plan.json"):  # sensitive values in the clear
        assert oct((tmp_path / "out" / name).stat().st_mode)[-3:] == "600"

    assert deploy("apply", GROUP).returncode == 0
    assert groups(endpoint) == ["deployed"]

    again = deploy("apply", GROUP)
    assert again.returncode == 0
    assert "No changes." in again.stdout
    endpoint.client("iam").delete_group(GroupName="deployed")


def test_the_gate_stops_an_apply_and_says_where(deploy, endpoint, tmp_path):
    stopped = deploy("apply", OPEN_BUCKET)
    assert stopped.returncode == 3
    assert "CRITICAL s3-https-only" in stopped.stdout
    assert f"aws_s3_bucket.this  {ROOT}/main.tf:" in stopped.stdout
    assert f"deploy: the gate stopped {ROOT}" in stopped.stderr
    names = [each["Name"] for each in endpoint.client("s3").list_buckets()["Buckets"]]
    assert "stopped-by-the-gate" not in names
    text = comment.section(ROOT, tmp_path / "out")
    assert "❌ **infrastructure/environments/dev: stopped: " in text
    assert "`aws_s3_bucket.this`" in text


def test_what_terraform_refuses_is_shown_and_nothing_of_an_old_plan_is_left(deploy, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text("{}")
    failed = deploy("plan", 'resource "aws_sns_topic" "this" { nothing = 1 }\n')
    assert failed.returncode == 1
    assert "Unsupported argument" in failed.stdout + failed.stderr
    assert not (tmp_path / "out" / "plan.json").exists()
    assert "Unsupported argument" in comment.section(ROOT, tmp_path / "out")


# ─── Drift ───


@pytest.fixture
def drift(deploy, endpoint, tmp_path):
    """drift() → what .github/scripts/drift.sh says of the deployed checkout: summary, section, status."""
    # What setup/init-terraform.sh asks of it; Terraform must not get the bundle.
    aws = tmp_path / "bin" / "aws"
    aws.parent.mkdir()
    ask = f"AWS_CA_BUNDLE={endpoint.ca_bundle} exec {sys.executable} -c '{WHICH_ACCOUNT}'"
    aws.write_text(f"#!/bin/sh\n{ask}\n")
    aws.chmod(0o755)
    environment = {
        **workspace.environment(endpoint, tmp_path),
        "ENV": "dev",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "PATH": f"{aws.parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "TERRAFORM": str(toolchain.terraform()),
        "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
    }
    runner = tmp_path / "runner"
    for name in (".github/scripts", "setup"):
        shutil.copytree(toolchain.ROOT / name, runner / name)
    (runner / "toolkit").symlink_to(toolchain.ROOT / "toolkit")
    (runner / "deployed").symlink_to(tmp_path)

    def drift() -> tuple[str, str, int]:
        (tmp_path / "summary").write_text("")
        command = [".github/scripts/drift.sh", ROOT]
        done = subprocess.run(command, cwd=runner, env=environment, capture_output=True, text=True)
        section = runner / "build" / "drift" / ROOT / "section.md"
        left = section.read_text() if section.exists() else ""
        return (tmp_path / "summary").read_text(), left, done.returncode

    return drift


def test_drift_is_seen_and_seen_to_be_gone(deploy, drift, endpoint):
    iam = endpoint.client("iam")
    assert deploy("apply", GROUP).returncode == 0
    assert drift() == (f"### `{ROOT}`\n\nNo drift.\n\n", "", 0)

    iam.delete_group(GroupName="deployed")  # by hand
    summary, section, status = drift()
    assert status == 0
    assert "**1 to add, 0 to change, 0 to destroy.**" in section
    assert "`aws_iam_group.this`" in section
    assert summary == section + "\n"
    assert groups(endpoint) == []  # it only looks

    iam.create_group(GroupName="deployed")
    assert drift()[1:] == ("", 0)
    iam.delete_group(GroupName="deployed")


def test_what_cannot_be_planned_is_no_drift_but_a_failure(deploy, drift):
    deploy("plan", 'resource "aws_sns_topic" "this" { nothing = 1 }\n')
    summary, section, status = drift()
    assert "❌ **Terraform could not plan it**" in summary
    assert (section, status) == ("", 1)


@pytest.mark.parametrize("project", PROJECTS[-1:])
def test_a_fork_gets_the_same_plan_and_verdict_on_the_embedded_aws(project, tmp_path):
    root = f"infrastructure/projects/{project}"
    command = [sys.executable, "-m", "meshtest.deploy.github.embedded_plan", root]
    result = subprocess.run(
        [*command, "--env", "int", "--out", str(tmp_path)], capture_output=True, cwd=toolchain.ROOT, text=True
    )
    assert result.returncode == 0, result.stderr
    names = {
        each["change"]["after"].get("name") for each in planned(tmp_path) if each["type"] == "aws_glue_job"
    }
    assert names
    assert all(f"-{project}-" in name and name.endswith("-int") for name in names)
    gate = json.loads((tmp_path / "gate.json").read_text())
    assert (gate["name"], gate["passed"], gate["findings"]) == (root, True, [])


def planned(folder: Path) -> list[dict]:
    return json.loads((folder / "plan.json").read_text())["resource_changes"]


# ─── validate.sh ───


@pytest.fixture
def validate(endpoint, infrastructure, tmp_path):
    """validate(checkout, roots…) with Terraform's own environment."""

    def validate(checkout: Path, *roots: str) -> subprocess.CompletedProcess:
        environment = {
            **workspace.environment(endpoint, infrastructure.parent),
            "TERRAFORM": str(checkout / "terraform"),
            "TF_DATA_DIR": ".terraform.validate",
        }
        command = [str(checkout / "setup" / "validate.sh"), *roots]
        return subprocess.run(command, capture_output=True, env=environment, text=True)

    return validate


@pytest.fixture
def checkout(tmp_path):
    """A copy in a path with a space, where its Terraform is, too."""
    copy = tmp_path / "a copy"
    for folder in ("infrastructure", "setup"):
        skipped = shutil.ignore_patterns(".terraform*.d", ".terraform", "backend.conf", "*_override.tf")
        shutil.copytree(toolchain.ROOT / folder, copy / folder, ignore=skipped)
    (copy / "terraform").symlink_to(toolchain.terraform())
    return copy


def test_every_environment_and_every_project_is_validated(validate, checkout):
    # Three are enough to tell.
    for name in ("environments/int", "environments/prod", *(f"projects/{name}" for name in PROJECTS[1:])):
        shutil.rmtree(checkout / "infrastructure" / name)
    result = validate(checkout)
    assert result.returncode == 0, result.stdout + result.stderr
    shown = [line.removeprefix("── ") for line in result.stdout.splitlines() if line.startswith("── ")]
    roots = workspace.roots(checkout / "infrastructure")
    assert sorted(shown) == [root.relative_to(checkout).as_posix() for root in roots]
    assert result.stdout.splitlines()[-1] == f"validate: {len(roots)} roots are valid"


def test_a_broken_project_is_named_with_its_error_and_the_rest_still_tried(validate, checkout):
    broken, sound = "infrastructure/projects/_template", "infrastructure/environments/dev"
    (checkout / broken / "tables.tf").open("a").write('resource "aws_sns_topic" "x" {\n')
    result = validate(checkout, broken, sound)
    assert result.returncode == 1
    assert "Unclosed configuration block" in result.stdout
    assert "Success! The configuration is valid." in result.stdout
    assert result.stderr.splitlines()[-1] == f"validate: not valid: {broken}"


def test_finding_no_project_fails(validate, checkout):
    shutil.rmtree(checkout / "infrastructure" / "projects")
    result = validate(checkout)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "validate: infrastructure/projects holds no project.json\n"
