"""Stacks run in a copy: it follows the sources, and the sources stay as they are."""

from __future__ import annotations

import subprocess

import pytest

from meshtest.emulator import Endpoint
from meshtest.terraform import workspace
from meshtest.tools import toolchain

TERRAFORM = toolchain.terraform()


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A small repository in place of this one."""
    root = tmp_path / "repository"
    for name, text in {
        "setup/domain.json": "{}",
        "infrastructure/environments/dev/main.tf": "# dev",
        "infrastructure/projects/payments/project.json": "{}",
        "infrastructure/projects/payments/.terraform.lock.hcl": "# lock",
        "infrastructure/projects/payments/.terraform/big": "a provider",
        "infrastructure/projects/payments/backend.conf": "bucket",
        "infrastructure/projects/payments/terraform.tfstate": "{}",
        "infrastructure/projects/payments/payments.tfplan": "a plan",
        "infrastructure/bootstrap/main.tf": "# bootstrap",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(toolchain, "ROOT", root)
    return root


def test_the_copy_holds_the_sources_and_nothing_local(sources, tmp_path):
    infrastructure = workspace.prepare(tmp_path / "copy")
    project = infrastructure / "projects" / "payments"
    assert sorted(file.name for file in project.iterdir()) == [
        ".terraform.lock.hcl",
        "embedded_override.tf",
        "project.json",
    ]
    assert not list(sources.rglob("*_override.tf"))


def test_a_second_copy_follows_changes_and_keeps_what_terraform_made(sources, tmp_path):
    infrastructure = workspace.prepare(tmp_path / "copy")
    provider = infrastructure / "environments" / "dev" / ".terraform" / "provider"
    provider.parent.mkdir()
    provider.touch()
    (sources / "infrastructure/environments/dev/main.tf").write_text("# changed")
    (sources / "infrastructure/projects/payments/project.json").unlink()
    workspace.prepare(tmp_path / "copy")
    assert (infrastructure / "environments/dev/main.tf").read_text() == "# changed"
    assert not (infrastructure / "projects/payments/project.json").exists()
    assert provider.exists()


def test_only_projects_override_the_remote_state(sources, tmp_path):
    infrastructure = workspace.prepare(tmp_path / "copy")
    overridden = {
        root.name: "terraform_remote_state" in (root / workspace.OVERRIDE).read_text()
        for root in workspace.roots(infrastructure)
    }
    assert overridden == {"bootstrap": False, "dev": False, "payments": True}


def test_overrides_are_formatted_terraform(sources, tmp_path):
    infrastructure = workspace.prepare(tmp_path / "copy")
    files = list(infrastructure.rglob(workspace.OVERRIDE))
    command = [str(TERRAFORM), "fmt", "-check", *map(str, files)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == ""


def test_the_environment_holds_no_other_account_and_no_ca_bundle(tmp_path, monkeypatch):
    """The provider fails with AWS_CA_BUNDLE when one process is configured twice."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/somewhere")
    monkeypatch.setenv("TF_VAR_env", "prod")
    endpoint = Endpoint("http://h", "https://h", 1, tmp_path, tmp_path / "ca.pem", tmp_path / "trust.p12")
    environment = workspace.environment(endpoint, tmp_path)
    assert not {"AWS_PROFILE", "TF_VAR_env"} & set(environment)
    assert environment["AWS_CA_BUNDLE"] == ""
    assert environment["AWS_ENDPOINT_URL"] == "https://h"
    assert environment["SSL_CERT_FILE"] == str(tmp_path / "ca.pem")


def test_without_a_mirror_the_registry_serves_and_its_provider_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "PROVIDER_CACHE", tmp_path / ".tools" / "providers")
    monkeypatch.setattr(toolchain, "provider_mirror", lambda: None)
    endpoint = Endpoint("http://h", "https://h", 1, tmp_path, tmp_path / "ca.pem", tmp_path / "trust.p12")
    file = workspace.environment(endpoint, tmp_path / "build")["TF_CLI_CONFIG_FILE"]
    configuration = (tmp_path / "build" / "terraform.rc").read_text()
    assert file == str(tmp_path / "build" / "terraform.rc")
    assert configuration == f'plugin_cache_dir = "{tmp_path}/.tools/providers"\n'
    assert (tmp_path / ".tools" / "providers").is_dir()
