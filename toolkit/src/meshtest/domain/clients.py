"""What a client of one's own needs to find the running domain, as environment variables."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from meshtest.emulator import Endpoint
from meshtest.spark.runtime import S3A_REGION, glue_catalog_conf, spark_environment

# What the Spark of this checkout takes from its environment, beside the AWS_* variables.
_SPARK = (
    "JAVA_HOME",
    "PYSPARK_DRIVER_PYTHON",
    "PYSPARK_PYTHON",
    "PYSPARK_SUBMIT_ARGS",
    "SPARK_CONF_DIR",
    "SPARK_HOME",
    "SPARK_LOCAL_DIRS",
    "SPARK_LOCAL_IP",
)


def settings(endpoint: Endpoint, warehouse: str, workdir: Path) -> dict[str, dict[str, str]]:
    """Return the variables by the clients that read them; Spark's refer to files that are written here.

    Args:
        endpoint: the running domain's.
        warehouse: the bucket in which Spark makes new Iceberg tables.
        workdir: takes Spark's configuration and its scratch files.
    """
    conf = glue_catalog_conf(f"s3://{warehouse}/") | {S3A_REGION: endpoint.region}
    spark = spark_environment(endpoint, conf, workdir)
    common = {name: value for name, value in spark.items() if name.startswith("AWS_")}
    # boto3 trusts AWS_CA_BUNDLE; Arrow, Go and whoever else asks OpenSSL SSL_CERT_FILE.
    common["SSL_CERT_FILE"] = str(endpoint.ca_bundle)
    return {
        "boto3, the AWS CLI": dict(sorted(common.items())),
        "pyiceberg: load_catalog()": {
            "PYICEBERG_CATALOG__DEFAULT__TYPE": "glue",
            "PYICEBERG_CATALOG__DEFAULT__S3__ENDPOINT": endpoint.https,
            "PYICEBERG_CATALOG__DEFAULT__S3__REGION": endpoint.region,
        },
        "Spark of this checkout: the catalog is glue_catalog": {name: spark[name] for name in _SPARK},
        f"DuckDB's httpfs, with {duckdb_statements(endpoint)}": {
            "DUCKDB_S3_ENDPOINT": endpoint.https.removeprefix("https://")
        },
    }


def duckdb_statements(endpoint: Endpoint) -> str:
    """Return what DuckDB takes from no variable: whom to trust, and that a bucket is in the path."""
    return f"SET ca_cert_file = '{endpoint.ca_bundle}'; SET s3_url_style = 'path';"


def lines(endpoint: Endpoint, warehouse: str, workdir: Path) -> Iterator[str]:
    """Yield the settings as lines for a shell; see `settings`."""
    for client, variables in settings(endpoint, warehouse, workdir).items():
        yield f"# {client}"
        for name, value in variables.items():
            yield f"export {name}={shlex.quote(value)}"
