"""core.iceberg: a merge writes what differs, and nothing else."""

from __future__ import annotations

import itertools

import pytest
from chispa import assert_df_equality

from core import iceberg
from core.errors import CatalogError, InvariantError
from core.iceberg import Changes

SCHEMA = "id string, day date, value decimal(10,2), seen timestamp_ntz"
_number = itertools.count()


@pytest.fixture
def table(spark):
    name = f"glue_catalog.merges.t{next(_number)}"
    spark.sql(f"CREATE TABLE {name} ({SCHEMA}) USING iceberg")
    return name


@pytest.fixture
def some(rows):
    """Rows of (id, value): the other columns are of no matter."""

    def make(*values, seen="2026-01-01 00:00:00"):
        frame = rows("id string, value string", *values)
        return frame.selectExpr(
            "id", "CAST('2026-01-01' AS date) AS day", "CAST(value AS decimal(10,2)) AS value",
            f"TIMESTAMP_NTZ '{seen}' AS seen",
        )  # fmt: skip

    return make


def snapshots(spark, table):
    return spark.table(f"{table}.snapshots").count()


def test_merge_inserts_updates_and_keeps_the_rest(spark, table, some):
    iceberg.merge(table, some(("a", "1"), ("b", "2")), ["id"])
    changes = iceberg.merge(table, some(("b", "3"), ("c", "4")), ["id"])
    assert changes == Changes(inserted=1, updated=1)
    assert_df_equality(
        spark.table(table),
        some(("a", "1"), ("b", "3"), ("c", "4")),
        ignore_row_order=True,
        ignore_nullable=True,
    )


def test_merge_of_the_same_rows_makes_no_snapshot(spark, table, some):
    iceberg.merge(table, some(("a", "1"), ("b", None)), ["id"])
    assert iceberg.merge(table, some(("b", None), ("a", "1")), ["id"]) == Changes()
    assert snapshots(spark, table) == 1


def test_merge_of_nothing_makes_no_snapshot(spark, table, some):
    assert iceberg.merge(table, some(), ["id"], delete_missing=True) == Changes()
    assert snapshots(spark, table) == 0


def test_an_ignored_column_makes_no_change_by_itself(spark, table, some):
    iceberg.merge(table, some(("a", "1")), ["id"], ignore=["seen"])
    later = some(("a", "1"), seen="2026-02-02 00:00:00")
    assert iceberg.merge(table, later, ["id"], ignore=["seen"]) == Changes()
    assert iceberg.merge(table, later, ["id"]) == Changes(updated=1)


def test_delete_missing_makes_the_table_the_source(spark, table, some):
    iceberg.merge(table, some(("a", "1"), ("b", "2"), ("c", "3")), ["id"])
    changes = iceberg.merge(table, some(("b", "2"), ("c", "4")), ["id"], delete_missing=True)
    assert changes == Changes(updated=1, deleted=1)
    assert_df_equality(
        spark.table(table), some(("b", "2"), ("c", "4")), ignore_row_order=True, ignore_nullable=True
    )


def test_deleted_keys_go_and_unknown_ones_are_no_change(spark, table, some):
    iceberg.merge(table, some(("a", "1"), ("b", "2")), ["id"])
    gone = some(("b", None), ("z", None))
    assert iceberg.merge(table, some(("a", "1")), ["id"], deleted=gone) == Changes(deleted=1)
    assert_df_equality(spark.table(table), some(("a", "1")), ignore_nullable=True)
    assert iceberg.merge(table, some(("a", "1")), ["id"], deleted=gone) == Changes()


def test_an_older_version_does_not_replace_a_newer_one(spark, table, some):
    newer, older = some(("a", "1"), seen="2026-01-02 00:00:00"), some(("a", "2"), seen="2026-01-01 00:00:00")
    iceberg.merge(table, newer, ["id"], version="seen")
    assert iceberg.merge(table, older, ["id"], version="seen") == Changes()
    assert_df_equality(spark.table(table), newer, ignore_nullable=True)


@pytest.mark.parametrize(
    ("bad", "named"),
    [((("a", "1"), ("a", "2")), "id=a is in 2 rows"), (((None, "1"),), "id=None is in 1 rows")],
)
def test_a_key_that_is_not_unique_or_null_stops_before_writing(spark, table, some, bad, named):
    with pytest.raises(InvariantError, match=rf"table {table}: key {named}; expected one, and no null"):
        iceberg.merge(table, some(*bad), ["id"])
    assert snapshots(spark, table) == 0


def test_a_wrong_column_is_named(table, some):
    with pytest.raises(
        CatalogError, match=rf"table {table}: missing columns \['value'\], unknown columns \['v'\]"
    ):
        iceberg.merge(table, some(("a", "1")).withColumnRenamed("value", "v"), ["id"])


def test_an_overflowing_value_stops_the_merge(spark, table, some):
    """ANSI: a value that does not fit the table's type never becomes null."""
    wide = some(("a", "1")).selectExpr("id", "day", "CAST(123456789012 AS decimal(14,2)) AS value", "seen")
    with pytest.raises(Exception, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        iceberg.merge(table, wide, ["id"])
    assert snapshots(spark, table) == 0


def test_partitioning_is_set_on_an_untouched_table_only(spark, table, some):
    iceberg.ensure_partitioning(spark, table, "months(day)")
    iceberg.ensure_partitioning(spark, table, "months(day)")
    iceberg.merge(table, some(("a", "1")), ["id"])
    iceberg.ensure_partitioning(spark, table, "days(day)")
    iceberg.merge(table, some(("a", "2"), ("b", "3")), ["id"])
    partitions = spark.table(f"{table}.partitions").select("partition.*", "record_count")
    assert partitions.columns == ["day_month", "record_count"]
    assert [row.record_count for row in partitions.collect()] == [2]


def test_a_table_with_rows_is_not_partitioned(spark, table, some):
    iceberg.merge(table, some(("a", "1")), ["id"])
    iceberg.ensure_partitioning(spark, table, "months(day)")
    assert "partition" not in spark.table(f"{table}.partitions").columns
