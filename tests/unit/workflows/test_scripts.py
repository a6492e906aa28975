"""The shell scripts that jobs call, run for real: verdicts, provenance, arguments."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from meshtest.tools import toolchain

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


# ─── Nothing to Deploy With ───


def has_role(tmp_path, role: str) -> tuple[str, str, str]:
    """Standard output, the step's outputs and the run's summary."""
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    result = run(SCRIPTS / "has-role.sh", ROLE=role, ENV="dev", **{k: str(v) for k, v in files.items()})
    assert result.returncode == 0, result.stderr
    return result.stdout, *(file.read_text() for file in files.values())


def test_a_push_before_bootstrap_is_a_notice(tmp_path):
    said, output, summary = has_role(tmp_path, "")
    assert output == "ready=false\n"
    assert said.startswith(
        "::notice title=Nothing is deployed to dev::The secret AWS_ROLE_ARN_DEV is not set"
    )
    assert "`AWS_ROLE_ARN_DEV` is not set" in summary


def test_a_push_after_it_says_nothing(tmp_path):
    assert has_role(tmp_path, "arn:aws:iam::1:role/x") == ("", "ready=true\n", "")


# ─── What Was Built ───


@pytest.fixture
def artifacts(tmp_path):
    folder = tmp_path / "artifacts"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "a b.whl").write_text("wheel")
    (folder / "jobs.py").write_text("job")
    return folder


def test_the_digest_is_of_every_file_and_its_place(artifacts):
    digest = run(SCRIPTS / "digest.sh", artifacts).stdout.strip()
    assert len(digest) == 64
    assert run(SCRIPTS / "digest.sh", artifacts, digest).returncode == 0
    (artifacts / "jobs.py").rename(artifacts / "moved.py")
    moved = run(SCRIPTS / "digest.sh", artifacts, digest)
    assert moved.returncode == 1
    assert moved.stderr.endswith(f"; expected {digest}\n")


def test_a_digest_that_is_not_there_equals_nothing(artifacts, tmp_path):
    assert run(SCRIPTS / "digest.sh", artifacts, "").returncode == 1
    (tmp_path / "empty").mkdir()
    assert run(SCRIPTS / "digest.sh", tmp_path / "empty").returncode == 1


# ─── Locks ───


@pytest.fixture
def renew(tmp_path):
    """renew() in a clone with a lock, its remote beside it, and a `gh` that keeps what it was asked."""
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ "$2" != list ] || cat {tmp_path}/open\n')
    gh.chmod(0o755)
    (tmp_path / "open").write_text("0")
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "remote"], check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", clone], check=True)
    (clone / "requirements.lock").write_text("a==1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "add", "."], cwd=clone, check=True)
    subprocess.run(["git", *who, "commit", "--quiet", "--message", "x"], cwd=clone, check=True)

    def renew() -> tuple[str, str]:
        (tmp_path / "calls").write_text("")
        environment = {
            **os.environ,
            "PATH": f"{gh.parent}:{os.environ['PATH']}",
            "GITHUB_REPOSITORY": "acme/example",
            "REMOTE": str(tmp_path / "remote"),
        }
        command = [str(SCRIPTS / "renewal.sh"), "renew-locks", "Renew the lock files"]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout, (tmp_path / "calls").read_text()

    renew.clone, renew.folder = clone, tmp_path
    return renew


def test_locks_that_are_new_are_asked_for_once(renew):
    assert renew() == ("nothing to renew\n", "")
    (renew.clone / "requirements.lock").write_text("a==2\n")
    _, calls = renew()
    assert "pr create --repo acme/example --base dev --head renew-locks --title Renew the lock files" in calls
    shown = ["git", "show", "renew-locks:requirements.lock"]
    pushed = subprocess.run(shown, cwd=renew.folder / "remote", capture_output=True, text=True)
    assert pushed.stdout == "a==2\n"

    (renew.folder / "open").write_text("1")
    (renew.clone / "requirements.lock").write_text("a==3\n")
    assert "pr create" not in renew()[1]


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
        (f"plan {ENVIRONMENTS}/dev", "--env is ''; expected a folder of infrastructure/environments"),
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
