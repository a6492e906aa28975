"""The local Spark configuration: what a job's own settings can and cannot change, and what stays outside."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshtest.emulator import Endpoint, domain_region
from meshtest.spark.runtime import S3A_REGION, glue_catalog_conf, spark_environment

REGION = domain_region()

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    store = tmp_path / "with space" / "truststore.p12"
    return Endpoint("http://127.0.0.1:1", "https://127.0.0.1:2", 0, tmp_path, tmp_path / "ca.pem", store)


def properties(environment: Mapping[str, str]) -> dict[str, str]:
    """Read what Spark will read."""
    words = shlex.split(environment["PYSPARK_SUBMIT_ARGS"])
    lines = Path(words[words.index("--properties-file") + 1]).read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_every_glue_catalog_is_pointed_at_the_endpoint(endpoint: Endpoint, tmp_path: Path) -> None:
    """A job may name its catalogs as it likes; its own settings win over the local ones."""
    conf = glue_catalog_conf("s3://one/") | glue_catalog_conf("s3://two/", "other")
    conf |= {"spark.sql.catalog.other.client.region": "eu-central-1", "spark.sql.shuffle.partitions": "9"}
    written = properties(spark_environment(endpoint, conf, tmp_path / "work"))
    assert written["spark.sql.catalog.glue_catalog.glue.endpoint"] == endpoint.https
    assert written["spark.sql.catalog.other.s3.endpoint"] == endpoint.https
    assert written["spark.sql.catalog.glue_catalog.client.region"] == REGION
    assert written["spark.sql.catalog.other.client.region"] == "eu-central-1"
    assert written["spark.sql.shuffle.partitions"] == "9"
    assert written["spark.hadoop.fs.s3a.endpoint"] == endpoint.https


def test_s3a_has_its_region_from_the_job_alone(endpoint: Endpoint, tmp_path: Path) -> None:
    """As on Glue 5.1, whose default is us-east-2 wherever the job runs."""
    assert properties(spark_environment(endpoint, {}, tmp_path / "none"))[S3A_REGION] == "us-east-2"
    written = properties(spark_environment(endpoint, {S3A_REGION: REGION}, tmp_path / "own"))
    assert written[S3A_REGION] == REGION


def test_jvm_options_of_a_job_do_not_replace_the_trust_store(endpoint: Endpoint, tmp_path: Path) -> None:
    conf = {"spark.driver.extraJavaOptions": "-Dmine=1", "spark.driver.extraClassPath": "/mine.jar"}
    written = properties(spark_environment(endpoint, conf, tmp_path / "work"))
    options = shlex.split(written["spark.driver.extraJavaOptions"])
    assert options[-1] == "-Dmine=1"
    assert f"-Djavax.net.ssl.trustStore={endpoint.truststore}" in options
    jars = written["spark.driver.extraClassPath"].split(os.pathsep)
    assert (jars[-1], len(jars) > 10) == ("/mine.jar", True)


def test_iceberg_is_loaded_only_for_its_data_lake_format(tmp_path: Path) -> None:
    """S3A is always there; without an endpoint glue_catalog is a local one."""
    without = properties(spark_environment(None, {}, tmp_path, frozenset()))
    assert "hadoop-aws" in without["spark.driver.extraClassPath"]
    assert "iceberg" not in without["spark.driver.extraClassPath"]
    assert not [key for key in without if key.startswith("spark.sql.catalog.")]
    with_iceberg = properties(spark_environment(None, {}, tmp_path))
    assert "iceberg-spark-runtime" in with_iceberg["spark.driver.extraClassPath"]
    assert with_iceberg["spark.sql.catalog.glue_catalog.warehouse"] == str(tmp_path / "warehouse")


def test_settings_of_the_caller_stay_outside(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an AWS profile nor a Python path reaches the run; no key is written to a file."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PYTHONPATH", "SPARK_SUBMIT_OPTS", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "leaked")
    environment = spark_environment(endpoint, {}, tmp_path / "work")
    assert "leaked" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == endpoint.https
    written = "\n".join(f"{key} {value}" for key, value in properties(environment).items())
    assert "access.key" not in written
    assert "secret" not in written.lower()


@pytest.mark.parametrize(
    ("conf", "formats", "message"),
    [
        ({}, {"iceberg", "delta"}, "datalake_formats=delta: expected iceberg"),
        ({"spark.a": "1\n2"}, set(), "Spark property spark.a: expected a value on one line"),
        ({"spark a": "1"}, set(), "Spark property 'spark a': expected a name without"),
    ],
)
def test_what_cannot_be_configured_is_named(
    tmp_path: Path, conf: dict[str, str], formats: set[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spark_environment(None, conf, tmp_path, formats)
