"""The metadata of a new, empty Apache Iceberg table, from the Hive columns of a Glue table.

Follows the table specification (https://iceberg.apache.org/spec/#table-metadata, formats 1 and 2) and
Iceberg's own mapping of Hive types (HiveSchemaUtil): a Hive timestamp has no time zone.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FORMATS = (1, 2)
FIRST_PARTITION_FIELD = 1000
# What Iceberg's own libraries write for a new table since 1.4.
PROPERTIES = {"write.parquet.compression-codec": "zstd"}

_PRIMITIVES = {
    "binary": "binary",
    "bigint": "long",
    "boolean": "boolean",
    "char": "string",
    "date": "date",
    "double": "double",
    "float": "float",
    "int": "int",
    "integer": "int",
    "long": "long",
    "smallint": "int",
    "string": "string",
    "timestamp": "timestamp",
    "timestamp with local time zone": "timestamptz",
    "timestamptz": "timestamptz",
    "tinyint": "int",
    "varchar": "string",
}
_DECIMAL = re.compile(r"decimal(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?$")
_PARAMETRISED = re.compile(r"(char|varchar)\(\s*\d+\s*\)$")
_NESTED = re.compile(r"(array|map|struct)<(.*)>$")
_MAX_PRECISION = 38


class HiveTypeError(ValueError):
    """A column's type that Iceberg has no type for; the message names column and type."""


def new_metadata(
    location: str,
    columns: Sequence[Mapping[str, Any]],
    partition_keys: Sequence[Mapping[str, Any]] = (),
    format_version: int = 2,
) -> dict[str, Any]:
    """Return the content of the first metadata.json of a table without snapshots.

    Args:
        location: the table's URI.
        columns: Glue columns (``Name``, ``Type``, optionally ``Comment``) in their order.
        partition_keys: Glue partition keys; they become columns, partitioned by identity.
        format_version: 1 or 2.

    Raises:
        HiveTypeError: a column's type is not a Hive type that Iceberg can hold.

    """
    fields = _Fields().of_columns([*columns, *partition_keys])
    last_column_id = max(_ids(fields), default=0)
    schema = {"type": "struct", "schema-id": 0, "fields": fields}
    partition_fields = _identity_partitions(fields, partition_keys)
    metadata: dict[str, Any] = {
        "format-version": format_version,
        "table-uuid": str(uuid.uuid4()),
        "location": location,
        "last-updated-ms": int(time.time() * 1000),
        "last-column-id": last_column_id,
        "current-schema-id": 0,
        "schemas": [schema],
        "default-spec-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": partition_fields}],
        "last-partition-id": FIRST_PARTITION_FIELD - 1 + len(partition_fields),
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": dict(PROPERTIES),
        "current-snapshot-id": -1,
        "refs": {},
        "snapshots": [],
        "statistics": [],
        "partition-statistics": [],
        "snapshot-log": [],
        "metadata-log": [],
    }
    if format_version == 1:
        return metadata | {"schema": schema, "partition-spec": partition_fields}
    return metadata | {"last-sequence-number": 0}


def _identity_partitions(
    fields: list[dict[str, Any]], keys: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    ids = {field["name"]: field["id"] for field in fields}
    return [
        {"name": key["Name"], "transform": "identity", "source-id": ids[key["Name"]], "field-id": number}
        for number, key in enumerate(keys, FIRST_PARTITION_FIELD)
    ]


def _ids(value: Any) -> Iterator[int]:
    """Every field id below a schema's fields."""
    if isinstance(value, list):
        for item in value:
            yield from _ids(item)
    elif isinstance(value, dict):
        yield from (value[key] for key in ("id", "element-id", "key-id", "value-id") if key in value)
        for key in ("type", "fields", "element", "key", "value"):
            yield from _ids(value.get(key))


# ─── Hive Types ───


class _Fields:
    """Turns Hive columns into Iceberg fields; ids grow level by level, as Iceberg assigns them."""

    def __init__(self) -> None:
        self._last_id = 0

    def of_columns(self, columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        described = [(column["Name"], column.get("Type") or "", column.get("Comment")) for column in columns]
        return self._struct_fields(described, "")

    def _struct_fields(
        self, described: Sequence[tuple[str, str, str | None]], within: str
    ) -> list[dict[str, Any]]:
        ids = [self._next_id() for _ in described]
        fields = []
        for number, (name, hive_type, comment) in zip(ids, described, strict=True):
            iceberg_type = self._type(hive_type.strip().lower(), f"{within}{name}")
            field = {"id": number, "name": name, "required": False, "type": iceberg_type}
            fields.append(field | ({"doc": comment} if comment else {}))
        return fields

    def _type(self, hive_type: str, column: str) -> Any:
        if match := _NESTED.match(hive_type):
            return self._nested(match[1], match[2], column)
        if match := _DECIMAL.match(hive_type):
            precision, scale = int(match[1] or 10), int(match[2] or 0)
            if not 1 <= precision <= _MAX_PRECISION or scale > precision:
                raise _unknown(column, hive_type)
            return f"decimal({precision}, {scale})"
        if match := _PARAMETRISED.match(hive_type):
            return "string"
        if hive_type not in _PRIMITIVES:
            raise _unknown(column, hive_type)
        return _PRIMITIVES[hive_type]

    def _nested(self, kind: str, inner: str, column: str) -> dict[str, Any]:
        parts = _split(inner)
        if kind == "struct":
            members = [part.partition(":") for part in parts]
            described = [(name.strip(), hive_type, None) for name, _, hive_type in members]
            return {"type": "struct", "fields": self._struct_fields(described, f"{column}.")}
        if len(parts) != {"array": 1, "map": 2}[kind]:
            raise _unknown(column, f"{kind}<{inner}>")
        if kind == "array":
            number = self._next_id()
            element = self._type(parts[0], f"{column}.element")
            return {"type": "list", "element-id": number, "element": element, "element-required": False}
        key_id, value_id = self._next_id(), self._next_id()
        return {
            "type": "map",
            "key-id": key_id,
            "key": self._type(parts[0], f"{column}.key"),
            "value-id": value_id,
            "value": self._type(parts[1], f"{column}.value"),
            "value-required": False,
        }

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _split(inner: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth, current = [], 0, ""
    for character in inner:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()]


def _unknown(column: str, hive_type: str) -> HiveTypeError:
    return HiveTypeError(
        f"column {column} has type {hive_type!r}: expected a Hive type that Iceberg can hold"
    )
