"""Nothing in a shell or a home decides a result: the real thing in a process of its own, a row a variable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshtest.tools import toolchain

GONE = "/nowhere/at/all"
PLAN = """
from meshtest import emulator
from meshtest.tools import environment
environment.clean()
from pathlib import Path
import sys
from meshtest.terraform import workspace
from meshtest.terraform.engine import TerraformTest
root = Path(sys.argv[1])
output = 'output "region" { value = data.aws_region.here.name }'
(root / "main.tf").write_text('data "aws_region" "here" {}\\n' + output)
with emulator.running(root / "emulator") as endpoint:
    runner = TerraformTest(root, env=workspace.environment(endpoint, root))
    runner.init()
    assert runner.plan(output=True).outputs["region"] == endpoint.region
    assert endpoint.client("s3").list_buckets()["Buckets"] == []
"""
ROWS = {
    "AWS_PROFILE": {"AWS_PROFILE": "gone"},
    "AWS_CONFIG_FILE": {"AWS_PROFILE": "dev", "AWS_CONFIG_FILE": "{home}/config"},
    "AWS_CA_BUNDLE": {"AWS_CA_BUNDLE": GONE},
    "AWS_USE_DUALSTACK_ENDPOINT": {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"},
    "AWS_ENDPOINT_URL": {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    },
    "AWS_REGION": {"AWS_REGION": "us-gov-west-1", "AWS_DEFAULT_REGION": "us-gov-west-1"},
    "TF_CLI_ARGS": {"TF_CLI_ARGS_plan": "-var-file=x", "TF_CLI_ARGS": "-no-such-option"},
    "TF_CLI_CONFIG_FILE": {"TF_CLI_CONFIG_FILE": GONE},
    "TF_DATA_DIR": {"TF_DATA_DIR": GONE, "TF_WORKSPACE": "other", "TF_VAR_env": "x", "TF_LOG": "trace"},
    "PYTHONPATH": {"PYTHONPATH": "{home}/spark/python", "SPARK_HOME": "{home}/spark"},
    "SPARK": {"SPARK_HOME": GONE, "SPARK_CONF_DIR": GONE, "PYSPARK_PYTHON": GONE, "SPARK_MASTER": "x"},
    "JAVA": {
        "JAVA_TOOL_OPTIONS": "-Duser.timezone=Asia/Tokyo",
        "JDK_JAVA_OPTIONS": "-XX:NoSuch",
        "_JAVA_OPTIONS": "-Xmx1m",
    },
    "TZ": {"TZ": "America/New_York"},
    "locale": {"LC_ALL": "de_DE.ISO-8859-1", "LANG": "C"},
    "proxy": {
        "HTTP_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
    },
    "CDPATH": {"CDPATH": "{home}", "NAME": "WINBOX", "PIP_USER": "yes", "VIRTUAL_ENV": GONE},
    "HOME": {"HOME": GONE},
    "profiles at home": {"HOME": "{home}"},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with settings of other work: an AWS profile, files of Terraform and pip, a false Spark."""
    place = tmp_path / "home of ü"
    for folder in (".aws", ".config/pip", "spark/python/pyspark", "setup"):
        (place / folder).mkdir(parents=True)
    profile = "[default]\nregion = us-gov-west-1\nendpoint_url = http://127.0.0.1:1\nca_bundle = /nowhere\n"
    for name in (".aws/config", "config"):
        (place / name).write_text(profile + "[profile dev]\nsso_session = none\n")
    (place / ".terraformrc").write_text('plugin_cache_dir = "/nowhere"\n')
    (place / ".config/pip/pip.conf").write_text("[install]\nuser = true\n")
    (place / "spark/python/pyspark/__init__.py").write_text('raise ImportError("another pyspark")\n')
    return place


@pytest.fixture(params=ROWS, ids=str)
def shell(request, home) -> dict[str, str]:
    """The environment of a row: this one's, and what the row sets."""
    return {**os.environ, **{name: value.format(home=home) for name, value in ROWS[request.param].items()}}


def run(shell: dict[str, str], *command: str | Path) -> str:
    ended = subprocess.run(
        list(map(str, command)), capture_output=True, cwd=toolchain.ROOT, env=shell, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_plan(shell, tmp_path):
    (tmp_path / "root").mkdir()
    run(shell, sys.executable, "-c", PLAN, tmp_path / "root")


def test_check_inputs(shell):
    plain = run(dict(os.environ), sys.executable, "-m", "meshtest.domain.inputs")
    assert run(shell, sys.executable, "-m", "meshtest.domain.inputs") == plain


# One row has a Spark start for the whole of them: it takes seconds each.
SPARK_ROWS = ("PYTHONPATH", "SPARK", "JAVA", "TZ", "locale", "HOME")


@pytest.mark.parametrize("shell", SPARK_ROWS, indirect=True)
def test_a_spark_test(shell):
    run(shell, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/spark/test_parsing.py")


@pytest.mark.parametrize("shell", ["PYTHONPATH", "AWS_PROFILE"], indirect=True)
def test_doctor_names_what_is_passed_over(shell):
    ended = subprocess.run(
        [sys.executable, "-m", "meshtest.domain.doctor"],
        capture_output=True,
        cwd=toolchain.ROOT,
        env=shell,
        text=True,
    )
    (line,) = [line for line in ended.stdout.splitlines() if line.split()[1:2] == ["shell"]]
    assert "PYTHONPATH has other versions" in line or "AWS_PROFILE" in line


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter; pytest's own lie below one that they may not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv"), reason="takes root to become another user"
)
@pytest.mark.parametrize("uid", ["65534", "54321"])  # nobody, and one that passwd does not know
def test_doctor_of_a_user_without_a_home_passes_unreadable_folders_over(uid, open_folder):
    """Only the verdict is asked for: what the user may not run is a problem, and no traceback."""
    locked = open_folder / "locked"
    locked.mkdir(mode=0o700)
    sources = open_folder / "sources"
    shutil.copytree(toolchain.ROOT / "toolkit" / "src", sources)
    domain = open_folder / "domain"
    (domain / "setup").mkdir(parents=True)
    for name in ("setup/domain.json", "setup/bootstrap.sh", ".python-version"):
        shutil.copy(toolchain.ROOT / name, domain / name)
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    for environment in ({}, {"HOME": str(locked)}):
        ended = subprocess.run(
            [
                "setpriv",
                "--reuid",
                uid,
                "--regid",
                uid,
                "--clear-groups",
                python,
                "-m",
                "meshtest.domain.doctor",
            ],
            capture_output=True,
            cwd=domain,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(sources), **environment},
            text=True,
        )
        assert "Traceback" not in ended.stderr
        assert "AWS provider" in ended.stdout
