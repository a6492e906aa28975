"""glue_job: one PySpark script, in the VPC, encrypted, observed, with Iceberg."""

from __future__ import annotations

import pytest

from meshtest.testing.plans import REGION, the


@pytest.fixture(scope="module")
def job(planned):
    return the(planned(), "aws_glue_job")


@pytest.mark.proves("glue-version")
def test_it_runs_pyspark_on_glue_5_1(job):
    (command,) = job["command"]
    assert job["glue_version"] == "5.1"
    assert (command["name"], command["python_version"]) == ("glueetl", "3")
    assert command["script_location"] == "s3://artifacts/jobs/p/refine.py"
    assert (job["worker_type"], job["number_of_workers"]) == ("G.1X", 2)


@pytest.mark.proves("glue-job-security-configuration", "glue-in-the-vpc")
def test_it_is_encrypted_and_in_the_vpc(job):
    assert job["security_configuration"] == "exa-glue-dev"
    assert job["connections"] == ["exa-network-a-dev", "exa-network-b-dev"]


@pytest.mark.proves("glue-limits")
def test_it_ends_and_leaves_retries_to_the_pipeline(job):
    assert (job["timeout"], job["max_retries"]) == (60, 0)
    assert job["execution_property"] == [{"max_concurrent_runs": 1}]


@pytest.mark.proves("glue-arguments")
def test_iceberg_is_configured_in_one_conf_argument(job):
    arguments = job["default_arguments"]
    assert arguments["--datalake-formats"] == "iceberg"
    assert dict(setting.split("=", 1) for setting in arguments["--conf"].split(" --conf ")) == {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue_catalog.warehouse": "s3://refined/p/",
        "spark.sql.catalog.glue_catalog.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        "spark.sql.catalog.glue_catalog.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "spark.hadoop.fs.s3a.endpoint.region": REGION,
    }


def test_core_is_installed_from_its_archive_and_the_package_put_on_the_path(job):
    """A wheel among the files for the path would not be imported: docs/adr/0046."""
    arguments = job["default_arguments"]
    assert arguments["--additional-python-modules"] == "s3://artifacts/wheels/core-latest.gluewheels.zip"
    assert arguments["--python-modules-installer-option"] == "--no-index --no-deps"
    assert arguments["--extra-py-files"] == "s3://artifacts/jobs/p/p.zip"


def test_a_job_may_have_neither(planned):
    arguments = the(planned(extra_py_files=[], additional_python_modules=[]), "aws_glue_job")[
        "default_arguments"
    ]
    assert not {"--additional-python-modules", "--extra-py-files", "--python-modules-installer-option"} & {
        *arguments
    }


def test_it_waits_for_spare_capacity_only_if_asked(planned, job):
    assert job["execution_class"] == "STANDARD"
    assert the(planned(execution_class="FLEX"), "aws_glue_job")["execution_class"] == "FLEX"


@pytest.mark.proves("glue-s3a-region")
def test_s3a_asks_in_the_domains_region(job):
    settings = job["default_arguments"]["--conf"].split(" --conf ")
    assert f"spark.hadoop.fs.s3a.endpoint.region={REGION}" in settings


@pytest.mark.proves("glue-arguments")
def test_it_is_observed_and_keeps_no_bookmark_unless_asked(job):
    arguments = job["default_arguments"]
    on = {name: value for name, value in arguments.items() if name.startswith("--enable-")}
    assert on == dict.fromkeys(
        (
            "--enable-continuous-cloudwatch-log",
            "--enable-job-insights",
            "--enable-metrics",
            "--enable-observability-metrics",
        ),
        "true",
    )
    assert arguments["--job-language"] == "python"
    assert arguments["--job-bookmark-option"] == "job-bookmark-disable"
    assert (arguments["--TempDir"], arguments["--env"]) == ("s3://artifacts/temp/p/", "dev")
