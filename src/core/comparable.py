"""Values that Spark can compare: its maps have no order, and two of them no equality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Column
from pyspark.sql import functions as sf
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def comparable(frame: DataFrame, name: str) -> Column:
    """Return a column in a form that is equal exactly if the values are: a map is its sorted entries."""
    return _comparable(frame[name], frame.schema[name].dataType)


def _comparable(value: Column, kind: DataType) -> Column:
    if "map<" not in kind.simpleString():
        return value
    if isinstance(kind, MapType):
        entries = sf.transform(
            sf.map_entries(value),
            lambda entry: sf.struct(
                entry["key"].alias("key"), _comparable(entry["value"], kind.valueType).alias("value")
            ),
        )
        return sf.array_sort(entries)
    if isinstance(kind, ArrayType):
        return sf.transform(value, lambda each: _comparable(each, kind.elementType))
    if isinstance(kind, StructType):
        fields = [_comparable(value[field.name], field.dataType).alias(field.name) for field in kind]
        return sf.when(value.isNotNull(), sf.struct(*fields))
    return value
