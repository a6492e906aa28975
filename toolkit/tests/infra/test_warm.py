"""The warm server answers as a fresh pytest would, and never for other files than those that are there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from meshtest.reports.mutation import running
from meshtest.testing import warm
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

MODULE = "tests/infra/modules/test_glue_catalog_database.py"
DESCRIPTION = "description  = var.description"
# A test that says in which process it runs, as a test of the module would be written.
WHERE = """
import os
from pathlib import Path

def test_where(terraform, infrastructure):
    Path("where").write_text(str(os.getppid()))
"""
SLOW = """
import os, time
from pathlib import Path

def test_slow():
    Path("slow").write_text(str(os.getpid()))
    time.sleep(600)
"""


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout, whose warm server ends with the tests."""
    top = tmp_path_factory.mktemp("warm") / "c"
    running.copy_committed(toolchain.ROOT, top)
    for name in (".tools", ".venv"):
        (top / name).symlink_to(toolchain.ROOT / name)
    (top / "tests/infra/modules/test_where.py").write_text(WHERE)
    (top / "tests/infra/modules/test_slow.py").write_text(SLOW)
    subprocess.run(["git", "init", "--quiet"], cwd=top, check=True)
    yield top
    subprocess.run([sys.executable, "-m", "meshtest.testing.warm", "stop"], check=True, env=environment(top))


def environment(top, **others):
    passed = {name: value for name, value in surroundings.inherited().items() if name != "CI"}
    return {**passed, toolchain.ROOT_VARIABLE: str(top), **others}


def started(top, *arguments, **others):
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=top,
        env=environment(top, **others),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(top, *arguments, **others):
    process = started(top, *arguments, **others)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def server(top, **others) -> int:
    """The process that a run is forked from."""
    status, said = run(top, "tests/infra/modules/test_where.py", **others)
    assert status == 0, said
    return int((top / "where").read_text())


def test_runs_of_unchanged_files_are_served_by_one_server_until_it_is_stopped(checkout):
    first = server(checkout)
    assert server(checkout) == first
    command = [sys.executable, "-m", "meshtest.testing.warm", "stop"]
    assert subprocess.run(command, env=environment(checkout), capture_output=True, text=True).stdout == (
        "the warm server ends\n"
    )
    assert server(checkout) != first


def test_a_change_of_terraform_or_of_a_test_is_seen_at_the_next_run(checkout):
    before = server(checkout)
    assert run(checkout, MODULE)[0] == 0
    file = checkout / "infrastructure/modules/glue_catalog_database/main.tf"
    right = file.read_text()
    assert DESCRIPTION in right
    file.write_text(right.replace(DESCRIPTION, 'description  = "other"'))
    status, said = run(checkout, MODULE)
    assert status == 1, said
    assert (
        "FAILED tests/infra/modules/test_glue_catalog_database.py::test_the_database_has_its_name_and_place"
        in said
    )
    file.write_text(right)
    assert run(checkout, MODULE)[0] == 0
    test = checkout / "tests/infra/modules/test_new.py"
    test.write_text("def test_new():\n    raise AssertionError('seen')\n")
    assert "AssertionError: seen" in run(checkout, "tests/infra/modules/test_new.py")[1]
    test.unlink()
    assert server(checkout) == before


@pytest.mark.parametrize("what", ["core", "domain", "environment"])
def test_a_change_of_what_is_loaded_takes_another_server(checkout, what):
    before = server(checkout)
    others = {}
    if what == "core":
        (checkout / "src/core/new.py").write_text("")
    elif what == "domain":
        file = checkout / "setup/domain.json"
        file.write_text(file.read_text() + "\n")
    else:
        others = {"TF_PLUGIN_MIRROR": str(toolchain.provider_mirror())}
    after = server(checkout, **others)
    assert after != before
    until(lambda: not Path(f"/proc/{before}/cwd").exists())


def test_modules_that_are_applied_may_be_tested_again_and_again(checkout):
    """What a run leaves in the embedded AWS is there for the next one."""
    files = [file for file in sorted((checkout / "tests/infra/modules").iterdir()) if applies(file)]
    assert files
    for _ in range(2):
        status, said = run(checkout, *files)
        assert status == 0, said


def applies(file: Path) -> bool:
    return file.suffix == ".py" and ".apply(" in file.read_text()


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_an_interrupted_run_ends_and_the_next_one_is_served(checkout, name):
    before = server(checkout)
    (checkout / "slow").unlink(missing_ok=True)
    client = started(checkout, "tests/infra/modules/test_slow.py")
    until((checkout / "slow").exists)
    client.send_signal(getattr(signal, name))
    said, _ = client.communicate(timeout=60)
    if name == "SIGINT":
        assert client.returncode == pytest.ExitCode.INTERRUPTED, said
        assert "KeyboardInterrupt" in said
    assert server(checkout) == before
    until(lambda: not Path(f"/proc/{(checkout / 'slow').read_text()}").exists())


PLAIN = {"usepdb": False, "trace": False, "capture": "fd", "numprocesses": None, "file_or_dir": [MODULE]}


@pytest.mark.parametrize(
    ("changed", "variables", "expected"),
    [
        ({}, {}, True),
        ({"file_or_dir": [f"{MODULE}::test_x", "tests/infra/stacks"]}, {}, True),
        ({"file_or_dir": []}, {}, False),
        ({"file_or_dir": [MODULE, "tests/infra/live"]}, {}, False),
        ({"file_or_dir": ["tests/infra"]}, {}, False),
        ({"usepdb": True}, {}, False),
        ({"trace": True}, {}, False),
        ({"capture": "no"}, {}, False),
        ({"numprocesses": 2}, {}, False),
        ({}, {"WARM": "0"}, False),
        ({}, {"CI": "true"}, False),
        ({}, {"BACKEND": "localstack"}, False),
        ({}, {"BACKEND": "embedded"}, True),
    ],
)
def test_plan_tests_alone_are_served(monkeypatch, changed, variables, expected):
    monkeypatch.chdir(toolchain.ROOT)
    for name in ("WARM", "CI", "BACKEND"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = SimpleNamespace(
        known_args_namespace=SimpleNamespace(**{**PLAIN, **changed}),
        invocation_params=SimpleNamespace(plugins=None),
    )
    assert warm.is_served(config) is expected
