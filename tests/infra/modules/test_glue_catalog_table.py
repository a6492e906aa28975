"""glue_catalog_table: a Hive table on Parquet files."""

from __future__ import annotations

import pytest

from meshtest.testing.plans import the


@pytest.fixture(scope="module")
def table(planned):
    return the(planned(), "aws_glue_catalog_table")


def test_columns_and_partition_keys_keep_their_order(table):
    (storage,) = table["storage_descriptor"]
    assert [(c["name"], c["type"], c["comment"]) for c in storage["columns"]] == [
        ("record_id", "string", "Who it is"),
        ("value", "decimal(18,2)", None),
    ]
    assert [(k["name"], k["type"], k["comment"]) for k in table["partition_keys"]] == [
        ("ingestion_date", "string", "When it came")
    ]


def test_engines_read_it_as_parquet(table):
    (storage,) = table["storage_descriptor"]
    (serde,) = storage["ser_de_info"]
    assert table["table_type"] == "EXTERNAL_TABLE"
    assert table["parameters"] == {"EXTERNAL": "TRUE", "classification": "parquet"}
    assert storage["input_format"].endswith("MapredParquetInputFormat")
    assert storage["output_format"].endswith("MapredParquetOutputFormat")
    assert serde["serialization_library"].endswith("ParquetHiveSerDe")
    assert serde["parameters"] == {"serialization.format": "1"}


def test_it_lies_below_its_project(table):
    (storage,) = table["storage_descriptor"]
    assert storage["location"] == "s3://exa-raw-123456789012-dev/inventory/records/"
