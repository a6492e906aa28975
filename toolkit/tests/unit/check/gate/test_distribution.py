"""The gate outside this repository: installed by pip from its folder, with nothing but Python beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import plans
import pytest

from meshtest.check.controls import all_controls
from meshtest.tools import toolchain


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the distribution in it and its command."""
    place = tmp_path_factory.mktemp("gate")
    # A copy: setuptools builds in the folder that it is given.
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(toolchain.ROOT / "toolkit", place / "source", ignore=skipped)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*command, "--target", place / "target", place / "source"], check=True)
    return place / "target"


def run(installed, *arguments: str, plan: dict) -> subprocess.CompletedProcess:
    # -S: no site-packages; what it imports is in the folder or in Python.
    command = [sys.executable, "-S", str(installed / "bin" / "meshtest-gate"), *arguments]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    return subprocess.run(
        command, capture_output=True, cwd=installed, env=variables, input=json.dumps(plan), text=True
    )


def test_the_command_judges_a_plan(installed):
    result = run(installed, "-", "--fail-on", "high", "--format", "sarif", plan=plans.plan(plans.KEY))
    assert (result.returncode, result.stderr) == (1, "")
    assert json.loads(result.stdout)["version"] == "2.1.0"


def test_it_has_every_control(installed):
    listed = run(installed, "--list", plan={}).stdout.splitlines()
    assert len(listed) == len(all_controls())


def test_it_requires_nothing_without_an_extra(installed):
    metadata = (next(installed.glob("meshtest-*.dist-info")) / "METADATA").read_text()
    required = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    assert [each for each in required if "extra ==" not in each] == []
