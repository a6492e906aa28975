"""setup/glue-5.1.toml says what a job finds on AWS; what runs it here agrees, or is listed as different."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pyspark
import pytest

from meshtest.tools import toolchain

FILE = toolchain.ROOT / "setup" / "glue-5.1.toml"
GLUE = tomllib.loads(FILE.read_text())
RUNTIME = GLUE["runtime"]
HERE = {each["part"]: each["version"] for each in GLUE["here"]}
COORDINATES = [name.split(":") for name in json.loads((toolchain.ROOT / "setup/jars.lock.json").read_text())]


def locked(file: str) -> dict[str, str]:
    text = (toolchain.ROOT / file).read_text()
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-container.lock"])
def test_packages_are_locked_as_on_glue(lock: str) -> None:
    packages = GLUE["packages"] | {"pyspark": RUNTIME["spark"]}
    assert {name: version for name, version in locked(lock).items() if name in packages} == packages


def test_packages_are_installed_as_locked() -> None:
    assert {name: metadata.version(name) for name in GLUE["packages"]} == GLUE["packages"]


def test_iceberg_and_scala_are_those_of_the_jars() -> None:
    [(name, version)] = [
        (name, version) for _, name, version in COORDINATES if "iceberg-spark-runtime" in name
    ]
    assert name.endswith(f"-{RUNTIME['spark'].rpartition('.')[0]}_{RUNTIME['scala']}")
    assert version == HERE["iceberg"]


def test_hadoop_is_the_one_in_pyspark() -> None:
    [jar] = (Path(pyspark.__file__).parent / "jars").glob("hadoop-client-api-*.jar")
    assert jar.stem.rpartition("-")[2] == HERE["hadoop"]


def test_java_and_python_are_of_its_release() -> None:
    assert str(toolchain.JAVA_MAJOR) == RUNTIME["java"]
    python = tomllib.loads((toolchain.ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert python == f">={RUNTIME['python']}"


def test_what_differs_here_does_differ() -> None:
    assert {part: RUNTIME[part] for part in HERE if RUNTIME[part] == HERE[part]} == {}


def test_jobs_ask_for_this_release() -> None:
    variables = (toolchain.ROOT / "infrastructure/modules/glue_job/variables.tf").read_text()
    assert f'default     = "{GLUE["glue"]}"' in variables
