"""The shell scripts that jobs call, run for real: verdicts, provenance, arguments."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from meshtest import toolchain

SCRIPTS = toolchain.ROOT / ".github" / "scripts"
DEPLOY = toolchain.ROOT / "setup" / "deploy.sh"


def run(script, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(script), *arguments], capture_output=True, env={**os.environ, **environment}, text=True
    )


# ─── The One Required Check ───


@pytest.mark.parametrize(
    ("results", "status"),
    [
        (["success", "success"], 0),
        (["success", "skipped"], 0),
        (["success", "failure"], 1),
        (["cancelled", "success"], 1),
        ([], 1),
    ],
)
def test_all_passed(results, status):
    needs = {f"job{position}": {"result": result} for position, result in enumerate(results)}
    result = run(SCRIPTS / "all-passed.sh", NEEDS=json.dumps(needs))
    assert result.returncode == status
    assert result.stdout.splitlines() == [f"{result}\tjob{n}" for n, result in enumerate(results)]


def test_all_passed_needs_the_results():
    assert run(SCRIPTS / "all-passed.sh", NEEDS="").returncode != 0


# ─── Provenance ───


@pytest.fixture
def verify(tmp_path):
    """verify() with a `gh` that knows the provenance of files named good* alone and keeps its arguments."""
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncase "$3" in */good*) exit 0 ;; esac\nexit 1\n')
    gh.chmod(0o755)
    built = tmp_path / "built"
    built.mkdir()

    def verify() -> subprocess.CompletedProcess:
        path = f"{gh.parent}:{os.environ['PATH']}"
        variables = {"PATH": path, "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": "abc"}
        return run(SCRIPTS / "verify-provenance.sh", str(built), **variables)

    return verify


def test_provenance_of_every_file_is_asked_for(verify, tmp_path):
    (tmp_path / "built" / "jobs").mkdir()
    (tmp_path / "built" / "good.whl").touch()
    (tmp_path / "built" / "jobs" / "good one.py").touch()
    result = verify()
    assert result.returncode == 0, result.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 2
    for call in calls:
        assert "--repo o/r --signer-workflow o/r/.github/workflows/_deploy.yml --source-digest abc" in call


def test_one_file_without_provenance_stops_the_upload(verify, tmp_path):
    for name in ("good.whl", "planted.py"):
        (tmp_path / "built" / name).touch()
    result = verify()
    assert result.returncode == 1
    assert "planted.py: no valid provenance of abc" in result.stderr


def test_nothing_to_verify_is_an_error(verify):
    assert verify().returncode == 1


# ─── deploy.sh ───


ENVIRONMENTS = "infrastructure/environments"
PROJECTS = "infrastructure/projects"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (f"destroy {ENVIRONMENTS}/dev --env dev", "the action is 'destroy'; expected plan or apply"),
        (f"plan {ENVIRONMENTS}/dev", "--env is ''; expected dev, int or prod"),
        (f"plan {ENVIRONMENTS}/prod --env dev", f"ROOT is '{ENVIRONMENTS}/prod', but --env is 'dev'"),
        (f"plan {PROJECTS}/_template --env dev", f"ROOT is '{PROJECTS}/_template'; expected"),
        (f"plan {PROJECTS}/nothing --env dev", f"ROOT is '{PROJECTS}/nothing'; there is no such folder"),
        ("plan --env", "--env has no value"),
        (f"plan {ENVIRONMENTS}/dev --env dev --force", "unknown argument '--force'"),
        (f"plan {ENVIRONMENTS}/dev more --env dev", "unexpected argument 'more'"),
    ],
)
def test_deploy_refuses_what_it_does_not_know(arguments, message):
    result = run(DEPLOY, *arguments.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"deploy: {message}")
    assert len(result.stderr.splitlines()) == 1


def test_every_exit_status_of_deploy_is_in_its_help():
    text = run(DEPLOY, "--help").stdout
    assert "0 done, 1 Terraform failed, 2 bad arguments, 3 the gate stopped it" in text
