"""The command of the artifacts and the make targets over it: build to rollback, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from checkouts import PROJECT, git, python

from meshtest.tools import toolchain

COMMANDS = ("build", "upload", "deployed", "rollback", "sbom", "record", "last-commit")


@pytest.fixture
def artifacts(checkout, endpoint):
    """artifacts(words…) → a run of the command in the checkout, signed in to the embedded AWS."""

    def artifacts(*words: str) -> subprocess.CompletedProcess[str]:
        return python(checkout, "-m", "meshtest.deploy.artifacts", *words, **endpoint.environment())

    return artifacts


def release(checkout, artifacts, message: str) -> str:
    """Commit, build and upload; the version."""
    git(checkout, "commit", "--quiet", "--allow-empty", "--message", message)
    assert artifacts("build").returncode == 0
    answer = artifacts("upload", "--env", "dev")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()[-1].split()[0]


def test_from_build_to_rollback(checkout, artifacts, bucket):
    first = release(checkout, artifacts, "one")
    second = release(checkout, artifacts, "two")
    assert first != second

    answer = artifacts("deployed", "--env", "dev")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines()[:2] == [
        f"s3://{bucket}",
        f"  deployed   {second} (commit {git(checkout, 'rev-parse', 'HEAD')})",
    ]

    answer = artifacts("rollback", "--version", first, "--env", "dev")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1].startswith(f"{first} is deployed in s3://{bucket}")

    # Without --env: every environment that has its bucket in this account.
    (found,) = json.loads(artifacts("deployed", "--json").stdout)
    assert (found["bucket"], found["version"], found["problems"]) == (bucket, first, [])
    assert found["releases"] == [first, second]


def test_a_bucket_can_be_named_instead(checkout, artifacts, bucket):
    artifacts("build")
    assert artifacts("upload", "--bucket", bucket).returncode == 0
    assert artifacts("deployed", "--bucket", bucket).returncode == 0


def test_deployed_fails_if_something_does_not_belong_together(checkout, artifacts, bucket, s3):
    version = release(checkout, artifacts, "one")
    s3.put_object(Bucket=bucket, Key=f"jobs/{PROJECT}/migrate.py", Body=b"by hand")
    answer = artifacts("deployed", "--env", "dev")
    assert answer.returncode == 1
    assert f"  PROBLEM jobs/{PROJECT}/migrate.py is version unknown" in answer.stdout
    assert artifacts("rollback", "--version", version, "--env", "dev").returncode == 0
    assert artifacts("deployed", "--env", "dev").returncode == 0


# ─── Refusals ───


def test_what_is_not_committed_goes_to_dev_alone_and_only_when_asked_for(checkout, artifacts, bucket):
    with (checkout / "src/core/errors.py").open("a") as source:
        source.write("# changed\n")
    built = artifacts("build")
    assert built.returncode == 0
    assert "not exactly a commit" in built.stderr
    for words, remedy in (
        (("--env", "dev"), "commit and build again, or add --allow-dirty"),
        (("--env", "prod"), "commit and build again"),
        (("--env", "prod", "--allow-dirty"), "commit and build again"),
        (("--bucket", bucket.replace("dev", "prod"), "--allow-dirty"), "commit and build again"),
    ):
        answer = artifacts("upload", *words)
        assert answer.returncode == 1
        assert re.fullmatch(
            rf"artifacts: version 1\.0\.0\+g\w{{8}}\.d\w{{8}} is not exactly a commit: {remedy}\n",
            answer.stderr,
        )
    assert artifacts("upload", "--env", "dev", "--allow-dirty").returncode == 0


def test_a_version_that_is_not_there(checkout, artifacts, bucket):
    version = release(checkout, artifacts, "one")
    answer = artifacts("rollback", "--version", "2.0.0", "--env", "dev")
    assert (answer.returncode, answer.stderr) == (
        1,
        f"artifacts: s3://{bucket} has no version 2.0.0; there are: {version}\n",
    )


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["rollback", "--version", "1"], 1, "which environment? name it: --env dev"),
        (["rollback", "--env", "dev"], 2, "the following arguments are required: --version"),
        (["upload", "--env", "qa"], 2, "invalid choice: 'qa' (choose from 'dev', 'int', 'prod'"),
        (["deployed", "--env", "int"], 1, "NoSuchBucket"),
        (
            ["deployed", "--env", "int", "--bucket", "b"],
            2,
            "argument --bucket: not allowed with argument --env",
        ),
        (["deployed"], 1, "artifacts: none of exa-artifacts-123456789012-dev, "),
        (
            ["upload", "--env", "dev", "--built", "nowhere"],
            1,
            "nowhere holds no build: run `make wheel` first",
        ),
        ([], 2, "the following arguments are required: COMMAND"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(artifacts, words, status, message):
    answer = artifacts(*words)
    assert answer.returncode == status
    assert message in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr


def test_a_broken_domain_json_is_named(checkout, artifacts):
    (checkout / "setup/domain.json").write_text("{}")
    answer = artifacts("deployed", "--env", "dev")
    assert answer.stderr == (
        "artifacts: setup/domain.json: domain_abbr cannot be read; expected a JSON object with it\n"
    )


def test_without_credentials_it_says_so(checkout):
    nowhere = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    answer = python(checkout, "-m", "meshtest.deploy.artifacts", "deployed", "--env", "dev", **nowhere)
    assert (answer.returncode, answer.stderr) == (1, "artifacts: Unable to locate credentials\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(checkout, command):
    assert command in python(checkout, "-m", "meshtest.deploy.artifacts", "--help").stdout
    answer = python(checkout, "-m", "meshtest.deploy.artifacts", command, "--help")
    assert answer.returncode == 0
    assert len(answer.stdout.splitlines()) > 4


# ─── make ───


def make(endpoint, domain, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        capture_output=True,
        cwd=toolchain.ROOT,
        env={**os.environ, **endpoint.environment(), toolchain.ROOT_VARIABLE: str(domain)},
        text=True,
    )


def test_make_passes_version_and_environment_on(builds, endpoint, bucket, s3):
    from meshtest.deploy.artifacts import deployment

    for name in ("old", "new"):
        built, found = builds(name)
        deployment.upload(built, s3, bucket)
    old, domain = builds("old")[1].version, built.with_name("checkout")
    assert f"deployed   {found.version}" in make(endpoint, domain, "deployed", "ENV=dev").stdout
    answer = make(endpoint, domain, "rollback", f"VERSION={old}", "ENV=dev")
    assert answer.returncode == 0, answer.stderr
    assert deployment.deployed(s3, bucket).version == old
    answer = make(endpoint, domain, "rollback", "ENV=dev")
    assert answer.returncode != 0
    assert "has no version (empty); there are: " in answer.stderr


# ─── What Is Deployed Whole ───


def test_the_last_whole_deployment_is_told_if_this_clone_has_it(checkout, artifacts, bucket, tmp_path):
    assert artifacts("last-commit", "--env", "dev").stdout == "\n"
    head = git(checkout, "rev-parse", "HEAD")
    assert artifacts("record", "--env", "dev", "--commit", head).returncode == 0
    assert artifacts("last-commit", "--env", "dev").stdout == f"{head}\n"

    elsewhere = "0" * 40
    artifacts("record", "--env", "dev", "--commit", elsewhere)
    answer = artifacts("last-commit", "--env", "dev")
    assert answer.stdout == "\n"
    assert answer.stderr == f"s3://{bucket} records {elsewhere}, which this clone does not have\n"


def test_before_the_first_deployment_there_is_not_even_a_bucket(artifacts):
    answer = artifacts("last-commit", "--env", "prod")
    assert (answer.returncode, answer.stdout) == (0, "\n")
    assert answer.stderr.endswith("-prod records no deployment\n")


def test_a_record_is_of_a_whole_commit(artifacts):
    answer = artifacts("record", "--env", "dev", "--commit", "1a2b3c4d")
    assert answer.returncode == 1
    assert answer.stderr == "artifacts: --commit is '1a2b3c4d'; expected 40 hexadecimal digits\n"
