"""make doctor: what is missing is a problem with its remedy, on a machine with nothing installed, too."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest import emulator
from meshtest.domain import doctor
from meshtest.tools import toolchain

CHECKED = {
    "Python",
    "bash",
    "make",
    "git",
    "packages",
    "Terraform",
    "AWS provider",
    "Java",
    "Spark",
    "Spark jars",
}


def program(place: Path, name: str, output: str) -> None:
    file = place / name
    file.write_text(f"#!/bin/sh\ncat <<'TEXT'\n{output}\nTEXT\n")
    file.chmod(0o755)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """The command by a Python without any package."""
    command = [sys.executable, "-S", "-m", "meshtest.domain.doctor", *arguments]
    source = {"PYTHONPATH": str(toolchain.ROOT / "toolkit/src")}
    return subprocess.run(
        command, capture_output=True, cwd=toolchain.ROOT, env=os.environ | source | environment, text=True
    )


# ─── Command ───


def test_it_needs_nothing_but_python():
    result = run("--json")
    lines = {line["topic"]: line for line in json.loads(result.stdout)}
    assert set(lines) >= CHECKED | {"disk", "memory", "cores", "proxy", "mirrors", "Docker", "Chromium"}
    assert [name for name in CHECKED if lines[name]["status"] != "ok"] == []
    assert (result.returncode, result.stderr) == (0, "")


def test_a_missing_program_is_a_problem(tmp_path):
    result = run("--json", PATH=str(tmp_path))
    problems = {each["topic"]: each for each in json.loads(result.stdout) if each["status"] == "problem"}
    assert result.returncode == 1
    assert set(problems) >= {"Python", "bash", "make", "git"}
    assert all(each["todo"] for each in problems.values())


def test_the_text_has_a_line_a_topic_and_a_verdict(tmp_path):
    lines = run(PATH=str(tmp_path)).stdout.splitlines()
    (git,) = [number for number, line in enumerate(lines) if line.split()[:2] == ["problem", "git"]]
    assert lines[git + 1].strip() == "→ install it by your system's packages"
    assert lines[-1].startswith(tuple("123456789"))
    assert " problems, " in lines[-1]


def test_without_a_problem_it_says_so():
    assert (
        doctor.text([doctor.Line("git", "ok", "2.39")], colour=False) == "ok      git  2.39\n\nAll is well."
    )


# ─── Programs ───


@pytest.mark.parametrize(
    ("says", "status"),
    [("GNU Make 4.3", "ok"), ("GNU Make 3.82", "ok"), ("GNU Make 3.81", "problem"), ("make", "problem")],
)
def test_make_is_needed_from_a_version_on(tmp_path, monkeypatch, says, status):
    program(tmp_path, "make", says)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    line = doctor.command("make", doctor.MAKE_MINIMUM, "install it")
    assert line.status == status
    assert bool(line.todo) == (status == "problem")


def test_another_python_is_a_problem(tmp_path, monkeypatch):
    for name in ("python3.11", "python3"):
        program(tmp_path, name, "3.9.2")
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + "/bin")
    line = doctor.python()
    assert (line.status, line.found) == ("problem", "no Python 3.11")
    assert "PYTHON=/path/to/python3.11" in line.todo


def test_what_setup_brings_is_a_problem_only_after_it():
    def find() -> str:
        raise toolchain.ToolMissing("Java 17 is missing: run `make setup`, or set JAVA_HOME")

    assert doctor.tool("Java", False, find).status == "warning"
    assert doctor.tool("Java", True, find).status == "problem"


def test_a_terraform_that_was_named_wrongly_is_a_problem_before_setup_too(tmp_path, monkeypatch):
    monkeypatch.setenv("TERRAFORM", str(tmp_path / "none"))
    toolchain.terraform.cache_clear()
    line = doctor.tool("Terraform", False, toolchain.terraform)
    toolchain.terraform.cache_clear()
    assert line.status == "problem"
    assert line.todo.startswith("TERRAFORM=")


# ─── The Domain ───


def test_a_taken_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert doctor.port(number, "the test").status == "warning"
    assert doctor.port(number, "the test").status == "ok"


def test_what_a_dead_emulator_left_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "ROOT", tmp_path)
    monkeypatch.setattr(toolchain, "BUILD", tmp_path / "build")
    (line,) = doctor.states()
    assert (line.status, line.todo) == ("ok", "")
    left = emulator.endpoint_file(tmp_path / "build" / "emulator")
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    (line,) = doctor.states()
    assert (line.status, line.todo) == ("warning", "make down")


def test_a_full_disk_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, "SETUP_GB", 1e9)
    assert doctor.disk(installed=True).status == "ok"
    assert doctor.disk(installed=False).status == "problem"


# ─── Network ───


@pytest.fixture
def _direct(monkeypatch):
    for name in ("NO_PROXY", *doctor.PROXIES, *doctor.MIRRORS):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.usefixtures("_direct")
def test_a_proxy_has_to_leave_this_machine_out(monkeypatch):
    assert [line.status for line in doctor.network()] == ["ok", "ok"]
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert next(doctor.network()).status == "problem"
    monkeypatch.setenv("no_proxy", "localhost, 127.0.0.1")
    assert next(doctor.network()).status == "ok"


@pytest.mark.usefixtures("_direct")
def test_a_configuration_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "terraformrc"))
    _, mirrors = doctor.network()
    assert (mirrors.status, mirrors.todo) == (
        "warning",
        "TF_CLI_CONFIG_FILE names no file: mend it, or unset it",
    )
    (tmp_path / "terraformrc").touch()
    assert [line.status for line in doctor.network()] == ["ok", "ok"]


@pytest.mark.usefixtures("_direct")
def test_what_signs_in_is_not_shown(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@pypi.example/simple")
    shown = doctor.text(list(doctor.network()), colour=False)
    assert "secret" not in shown
    assert "//…@proxy.example:3128" in shown
