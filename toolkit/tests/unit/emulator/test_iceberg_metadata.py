"""The first metadata of an Iceberg table."""

from __future__ import annotations

from typing import Any

import pytest

from meshtest.emulator.iceberg_metadata import HiveTypeError, new_metadata

PRIMITIVES = {
    "string": "string",
    "varchar(20)": "string",
    "char(3)": "string",
    "tinyint": "int",
    "smallint": "int",
    "int": "int",
    "bigint": "long",
    "float": "float",
    "double": "double",
    "boolean": "boolean",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "decimal": "decimal(10, 0)",
    "decimal(18,8)": "decimal(18, 8)",
    "DECIMAL( 38 , 0 )": "decimal(38, 0)",
}


def fields(*columns: tuple[str, str]) -> list[dict[str, Any]]:
    metadata = new_metadata("s3://lake/t", [{"Name": name, "Type": kind} for name, kind in columns])
    schema: list[dict[str, Any]] = metadata["schemas"][0]["fields"]
    return schema


@pytest.mark.parametrize(("hive", "iceberg"), PRIMITIVES.items())
def test_a_primitive_type_has_its_iceberg_type(hive: str, iceberg: str) -> None:
    assert fields(("a", hive)) == [{"id": 1, "name": "a", "required": False, "type": iceberg}]


def test_nested_types_get_ids_after_their_level() -> None:
    nested = fields(("a", "struct<x:int,y:array<decimal(9,2)>>"), ("b", "map<string,bigint>"))
    assert [field["id"] for field in nested] == [1, 2]
    assert nested[0]["type"] == {
        "type": "struct",
        "fields": [
            {"id": 3, "name": "x", "required": False, "type": "int"},
            {
                "id": 4,
                "name": "y",
                "required": False,
                "type": {
                    "type": "list",
                    "element-id": 5,
                    "element": "decimal(9, 2)",
                    "element-required": False,
                },
            },
        ],
    }
    assert nested[1]["type"] == {
        "type": "map",
        "key-id": 6,
        "key": "string",
        "value-id": 7,
        "value": "long",
        "value-required": False,
    }


def test_the_last_column_id_counts_nested_fields() -> None:
    columns = [{"Name": "a", "Type": "struct<x:int,y:array<int>>"}, {"Name": "b", "Type": "int"}]
    assert new_metadata("s3://lake/t", columns)["last-column-id"] == 5


def test_a_comment_becomes_the_doc() -> None:
    metadata = new_metadata("s3://lake/t", [{"Name": "a", "Type": "int", "Comment": "how many"}])
    assert metadata["schemas"][0]["fields"][0]["doc"] == "how many"


@pytest.mark.parametrize(
    "hive",
    [
        "",
        "uniontype<int,string>",
        "decimal(39,0)",
        "decimal(2,3)",
        "array<>",
        "map<string>",
        "struct<a>",
        "text",
    ],
)
def test_a_type_that_iceberg_lacks_is_named_with_its_column(hive: str) -> None:
    with pytest.raises(HiveTypeError, match="column amount"):
        fields(("amount", hive))


def test_a_new_table_has_no_snapshot_and_no_partition() -> None:
    metadata = new_metadata("s3://lake/t", [{"Name": "a", "Type": "int"}])
    assert (metadata["format-version"], metadata["location"]) == (2, "s3://lake/t")
    assert (metadata["current-snapshot-id"], metadata["snapshots"], metadata["refs"]) == (-1, [], {})
    assert (metadata["partition-specs"], metadata["last-partition-id"]) == (
        [{"spec-id": 0, "fields": []}],
        999,
    )


def test_partition_keys_are_columns_partitioned_by_identity() -> None:
    metadata = new_metadata("s3://lake/t", [{"Name": "a", "Type": "int"}], [{"Name": "day", "Type": "date"}])
    assert [field["name"] for field in metadata["schemas"][0]["fields"]] == ["a", "day"]
    assert metadata["partition-specs"][0]["fields"] == [
        {"name": "day", "transform": "identity", "source-id": 2, "field-id": 1000}
    ]
    assert metadata["last-partition-id"] == 1000


def test_format_1_names_its_schema_as_that_format_asks() -> None:
    metadata = new_metadata("s3://lake/t", [{"Name": "a", "Type": "int"}], format_version=1)
    assert metadata["schema"] == metadata["schemas"][0]
    assert metadata["partition-spec"] == []
    assert "last-sequence-number" not in metadata
