"""Gap 12: Iceberg tables created by the Glue catalog."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from meshtest.emulator import domain_region
from meshtest.spark.runtime import glue_catalog_conf, spark_environment

REGION = domain_region()

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

COLUMNS = [
    {"Name": "rate_date", "Type": "date", "Comment": "Day of the rate"},
    {"Name": "currency", "Type": "string"},
    {"Name": "rate", "Type": "decimal(18,8)"},
    {"Name": "ingested_at", "Type": "timestamp"},
]


def create(aws: Any, name: str, location: str | None = None, **iceberg: Any) -> dict[str, Any]:
    """Create bucket, database and Iceberg table; returns the table as the catalog shows it."""
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    glue = aws("glue")
    glue.create_database(DatabaseInput={"Name": name})
    storage = {"Columns": COLUMNS, "Location": location or f"s3://{name}/project/rates"}
    glue.create_table(
        DatabaseName=name,
        TableInput={"Name": "rates", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage},
        OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"} | iceberg},
    )
    table: dict[str, Any] = glue.get_table(DatabaseName=name, Name="rates")["Table"]
    return table


def test_the_metadata_lies_where_the_catalog_says(aws: Any, name: str) -> None:
    parameters = create(aws, name)["Parameters"]
    assert parameters["table_type"] == "ICEBERG"
    place = urlsplit(parameters["metadata_location"])
    assert (place.netloc, place.path.startswith("/project/rates/metadata/00000-")) == (name, True)
    metadata = json.loads(aws("s3").get_object(Bucket=name, Key=place.path[1:])["Body"].read())
    assert metadata["location"] == f"s3://{name}/project/rates"
    assert [(field["name"], field["type"]) for field in metadata["schemas"][0]["fields"]] == [
        ("rate_date", "date"),
        ("currency", "string"),
        ("rate", "decimal(18, 8)"),
        ("ingested_at", "timestamp"),
    ]


def test_a_location_in_no_bucket_is_refused_and_leaves_no_table(aws: Any, name: str) -> None:
    glue = aws("glue")
    with pytest.raises(glue.exceptions.InvalidInputException, match="does not exist: absent-bucket"):
        create(aws, name, location="s3://absent-bucket/rates/")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table(DatabaseName=name, Name="rates")


@pytest.mark.parametrize("location", ["/tmp/rates", "https://bucket/rates"])
def test_a_location_that_is_not_in_s3_is_refused(aws: Any, name: str, location: str) -> None:
    with pytest.raises(aws("glue").exceptions.InvalidInputException, match="s3://"):
        create(aws, name, location=location)


def test_a_format_that_nobody_reads_is_refused(aws: Any, name: str) -> None:
    with pytest.raises(aws("glue").exceptions.InvalidInputException, match="Version 9"):
        create(aws, name, Version="9")


def test_a_second_table_of_a_name_writes_no_metadata(endpoint: Endpoint, name: str) -> None:
    create(endpoint.client, name)
    glue, s3 = endpoint.client("glue"), endpoint.client("s3")
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_table(
            DatabaseName=name,
            TableInput={
                "Name": "rates",
                "StorageDescriptor": {"Columns": COLUMNS, "Location": f"s3://{name}/again/"},
            },
            OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE"}},
        )
    assert s3.list_objects_v2(Bucket=name, Prefix="again/")["KeyCount"] == 0


SPARK_WRITER = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
table = f"glue_catalog.{sys.argv[1]}.rates"
assert spark.table(table).dtypes == [
    ("rate_date", "date"), ("currency", "string"), ("rate", "decimal(18,8)"), ("ingested_at", "timestamp_ntz")
], spark.table(table).dtypes
assert spark.table(table).count() == 0
row = "DATE'2026-01-0{}', '{}', CAST({} AS DECIMAL(18,8)), TIMESTAMP_NTZ'2026-01-09 12:00:00'"
spark.sql(f"INSERT INTO {table} VALUES ({row.format(1, 'USD', '1.1')}), ({row.format(2, 'USD', '1.2')})")
spark.sql(f"CREATE TEMPORARY VIEW late AS SELECT * FROM VALUES ({row.format(2, 'USD', '1.25')}), "
          f"({row.format(3, 'USD', '1.3')}) AS late(rate_date, currency, rate, ingested_at)")
spark.sql(f"MERGE INTO {table} t USING late s ON t.rate_date = s.rate_date AND t.currency = s.currency "
          "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
print(sorted(str(row.rate) for row in spark.table(table).collect()))
print(spark.sql(f"SELECT operation FROM {table}.snapshots ORDER BY committed_at").count())
"""


def test_spark_loads_it_appends_and_merges(endpoint: Endpoint, name: str, tmp_path: Path) -> None:
    """The whole way that a job goes: Iceberg's GlueCatalog and S3FileIO on what CreateTable made."""
    created = create(endpoint.client, name)["Parameters"]["metadata_location"]
    environment = spark_environment(endpoint, glue_catalog_conf(f"s3://{name}/"), tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", SPARK_WRITER, name],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.splitlines() == ["['1.10000000', '1.25000000', '1.30000000']", "2"]
    parameters = endpoint.client("glue").get_table(DatabaseName=name, Name="rates")["Table"]["Parameters"]
    assert parameters["metadata_location"] != created
