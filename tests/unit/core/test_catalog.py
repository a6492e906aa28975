"""core.catalog: Hive tables and their partitions through the Glue API."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from core import catalog
from core.catalog import Partition
from core.contract import Column, Table
from core.errors import CatalogError, ContractError
from meshtest.emulator import domain_region

REGION = domain_region()

LOCATION = "s3://raw/inventory/t"


@pytest.fixture
def glue(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws():
        client = boto3.client("glue", region_name=REGION)
        client.create_database(DatabaseInput={"Name": "raw"})
        client.create_table(
            DatabaseName="raw",
            TableInput={
                "Name": "t",
                "StorageDescriptor": {
                    "Columns": [{"Name": "a", "Type": "string"}, {"Name": "b", "Type": "int"}],
                    "Location": f"{LOCATION}/",
                    "SerdeInfo": {"SerializationLibrary": "parquet"},
                },
                "PartitionKeys": [{"Name": "ingestion_date", "Type": "string"}],
            },
        )
        # As a job makes it: the region comes from what Glue sets for Spark.
        yield catalog.glue_client()


def test_a_table_has_columns_keys_and_location(glue):
    table = catalog.table(glue, "raw", "t")
    assert table.full_name == "raw.t"
    assert table.location == LOCATION
    assert table.columns == (("a", "string"), ("b", "int"))
    assert table.partition_keys == (("ingestion_date", "string"),)


def test_a_table_may_have_no_partition_keys(glue):
    storage = {"Columns": [{"Name": "a", "Type": "string"}], "Location": LOCATION}
    glue.create_table(DatabaseName="raw", TableInput={"Name": "whole", "StorageDescriptor": storage})
    assert catalog.table(glue, "raw", "whole").partition_keys == ()


@pytest.mark.parametrize(("database", "name"), [("raw", "nowhere"), ("nowhere", "t")])
def test_a_missing_table_is_named_with_what_to_do(glue, database, name):
    message = rf"^table {database}\.{name} is not in the Glue catalog: apply the project's Terraform$"
    with pytest.raises(CatalogError, match=message):
        catalog.table(glue, database, name)


# ─── Contract ───


def agreed(columns=("a", "b"), keys=("ingestion_date",)):
    described = tuple(Column(name, "int" if name == "b" else "string") for name in columns)
    return Table("raw", "t", described, partition_keys=tuple(Column(name, "string") for name in keys))


def test_a_table_as_agreed_is_let_pass(glue):
    catalog.require_same(catalog.table(glue, "raw", "t"), agreed())


@pytest.mark.parametrize(
    ("table", "differences"),
    [
        (agreed(["a", "b", "c"]), "column c string is missing"),
        (agreed(["a"]), "column b int is not in the contract"),
        (
            agreed(["a", "b", "c"], ["day"]),
            "column c string is missing; "
            "partition keys are [('ingestion_date', 'string')], expected [('day', 'string')]",
        ),
    ],
)
def test_a_table_that_is_not_as_agreed_is_told_with_what_to_do(glue, table, differences):
    with pytest.raises(ContractError) as error:
        catalog.require_same(catalog.table(glue, "raw", "t"), table)
    assert str(error.value) == (
        f"table raw.t differs from its contract raw.t: {differences}: apply the project's Terraform"
    )


# ─── Partitions ───


def test_a_partition_is_registered_once_and_then_moved(glue):
    table = catalog.table(glue, "raw", "t")
    catalog.put_partition(glue, table, ["2026-11-02"], f"{LOCATION}/2")
    catalog.put_partition(glue, table, ["2026-11-01"], f"{LOCATION}/1")
    catalog.put_partition(glue, table, ["2026-11-02"], f"{LOCATION}/3")
    assert catalog.partitions(glue, table) == [
        Partition(("2026-11-01",), f"{LOCATION}/1"),
        Partition(("2026-11-02",), f"{LOCATION}/3"),
    ]
    found = glue.get_partition(DatabaseName="raw", TableName="t", PartitionValues=["2026-11-02"])["Partition"]
    assert found["StorageDescriptor"]["SerdeInfo"] == {"SerializationLibrary": "parquet"}


def test_a_partitions_notes_are_kept_with_it(glue):
    table = catalog.table(glue, "raw", "t")
    catalog.put_partition(glue, table, ["2026-11-01"], f"{LOCATION}/1/", {"rows": "3"})
    (found,) = catalog.partitions(glue, table)
    assert (found.location, found.notes) == (f"{LOCATION}/1", {"rows": "3"})


def test_partitions_of_a_table_without_any(glue):
    assert catalog.partitions(glue, catalog.table(glue, "raw", "t")) == []
