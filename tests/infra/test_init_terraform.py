"""setup/init-terraform.sh: a backend.conf for each environment, and clear words when it cannot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest.terraform import workspace
from meshtest.testing.plans import REGION
from meshtest.tools import toolchain

ACCOUNT = "123456789012"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script, domain.json and three environments."""
    shutil.copytree(toolchain.ROOT / "setup" / "schemas", tmp_path / "setup" / "schemas")
    shutil.copy(toolchain.ROOT / "setup" / "init-terraform.sh", tmp_path / "setup")
    domain = {**workspace.EXAMPLE, "aws_region": REGION}
    (tmp_path / "setup" / "domain.json").write_text(json.dumps(domain, indent=2) + "\n")
    for env in ("dev", "int", "prod"):
        folder = tmp_path / "infrastructure" / "environments" / env
        folder.mkdir(parents=True)
        (folder / "main.tf").touch()
    return tmp_path


def run(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "setup" / "init-terraform.sh", *arguments],
        capture_output=True,
        cwd="/",
        env={**os.environ, **environment},
        text=True,
    )


def files(checkout: Path) -> dict[str, Path]:
    return {file.parent.name: file for file in checkout.glob("infrastructure/environments/*/backend.conf")}


def settings(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {key.strip(): value.strip().strip('"') for key, value in (line.split("=", 1) for line in lines)}


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with what the script needs but the aws CLI, which a test may add."""
    folder = tmp_path_factory.mktemp("bin")
    for tool in ("bash", "cat", "dirname", "env", "tail"):
        (folder / tool).symlink_to(shutil.which(tool))
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    return folder


def test_each_environment_gets_its_backend_with_native_locking(checkout):
    assert run(checkout, "--account-id", ACCOUNT).returncode == 0
    assert {env: settings(file) for env, file in files(checkout).items()} == {
        env: {
            "bucket": f"exa-tfstate-{ACCOUNT}-{env}",
            "key": "foundation/terraform.tfstate",
            "region": REGION,
            "use_lockfile": "true",
        }
        for env in ("dev", "int", "prod")
    }


def test_files_that_are_right_are_left_alone_and_others_are_not(checkout):
    run(checkout, "--account-id", ACCOUNT)
    written = files(checkout)
    written["int"].write_text('bucket = "elsewhere"\n')
    os.utime(written["dev"], (0, 0))
    answer = run(checkout, "--account-id", ACCOUNT)
    assert written["dev"].stat().st_mtime == 0
    assert settings(written["int"])["bucket"] == f"exa-tfstate-{ACCOUNT}-int"
    assert [line.split()[0] for line in answer.stdout.splitlines()] == ["unchanged", "written", "unchanged"]


def test_one_environment_alone(checkout):
    run(checkout, "--account-id", ACCOUNT, "--env", "int")
    assert list(files(checkout)) == ["int"]


def test_the_account_is_asked_from_the_cli(checkout, tools):
    cli = tools / "aws"
    cli.write_text(
        f'#!/bin/sh\n[ "$*" = "sts get-caller-identity --query Account --output text" ] && echo {ACCOUNT}\n'
    )
    cli.chmod(0o755)
    assert run(checkout, PATH=str(tools)).returncode == 0
    assert settings(files(checkout)["dev"])["bucket"] == f"exa-tfstate-{ACCOUNT}-dev"


def test_terraform_reads_the_file(checkout, terraform, infrastructure, endpoint):
    """The file is what `init -backend-config` takes, key and all."""
    run(checkout, "--account-id", ACCOUNT)
    runner = terraform(infrastructure / "environments" / "dev")
    shutil.copy(files(checkout)["dev"], Path(runner.tfdir))
    answer = runner.execute_command(
        "init",
        "-reconfigure",
        "-input=false",
        "-backend-config=backend.conf",
        "-backend-config=use_path_style=true",
    )
    assert "Successfully configured the backend" in answer.out


# ─── Refusals ───


def test_without_an_account_and_without_the_cli(checkout, tools):
    answer = run(checkout, PATH=str(tools))
    assert answer.returncode == 1
    assert answer.stderr == (
        "init-terraform: the aws CLI is missing; install it, or name the account with --account-id\n"
    )


def test_a_cli_that_is_not_signed_in(checkout, tools):
    cli = tools / "aws"
    cli.write_text("#!/bin/sh\necho 'Unable to locate credentials.' >&2\nexit 253\n")
    cli.chmod(0o755)
    answer = run(checkout, PATH=str(tools))
    assert answer.returncode == 1
    assert "the aws CLI is not signed in (Unable to locate credentials.)" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--account-id", "42"], "the account id is '42'; expected 12 digits"),
        (["--account-id"], "--account-id has no value"),
        (["--account-id", ""], "--account-id is empty; expected 12 digits"),
        (["--env", "qa"], "--env is 'qa'; expected a folder of infrastructure/environments"),
        (["--force"], "unknown argument '--force'; expected --account-id, --env or --help"),
    ],
)
def test_bad_arguments(arguments, message, checkout):
    answer = run(checkout, *arguments)
    assert (answer.returncode, answer.stderr) == (1, f"init-terraform: {message}\n")
    assert files(checkout) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "setup/domain.json: content is no JSON object"),
        ("[]", "setup/domain.json: domain_abbr is missing; expected 2 to 8 lower-case"),
        ('{"domain_abbr": "F1"}', 'setup/domain.json: domain_abbr is "F1"; expected 2 to 8 lower-case'),
        ('{"domain_abbr": "exa"}', "setup/domain.json: aws_region is missing; expected an AWS Region"),
    ],
)
def test_a_bad_domain_json(content, message, checkout):
    (checkout / "setup" / "domain.json").write_text(content)
    answer = run(checkout, "--account-id", ACCOUNT)
    assert answer.returncode == 1
    assert message in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert files(checkout) == {}


def test_help_names_every_argument(checkout):
    answer = run(checkout, "--help")
    assert answer.returncode == 0
    assert all(argument in answer.stdout for argument in ("--account-id", "--env", "--help"))
