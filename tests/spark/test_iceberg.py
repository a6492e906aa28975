"""core.iceberg: a merge writes what differs, and nothing else; snapshots, upkeep, two writers."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from chispa import assert_df_equality

from core import iceberg, incremental, maintenance
from core.contract import Column, Table
from core.errors import CatalogError, ConflictError, ContractError, InvariantError
from core.iceberg import Changes

SCHEMA = "id string, day date, value decimal(10,2), seen timestamp_ntz"
COLUMNS = (("id", "string"), ("day", "date"), ("value", "decimal(10,2)"), ("seen", "timestamp"))
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


@pytest.mark.parametrize(
    ("kind", "first", "again", "other"),
    [
        ("map<string,int>", "map('a', 1, 'b', 2)", "map('b', 2, 'a', 1)", "map('a', 1)"),
        ("map<string,int>", "map('a', null)", "map('a', null)", "null"),
        ("array<map<string,int>>", "array(map('a', 1, 'b', 2))", "array(map('b', 2, 'a', 1))", "array()"),
        (
            "struct<m:map<string,array<int>>>",
            "named_struct('m', map('a', array(1), 'b', array(2)))",
            "named_struct('m', map('b', array(2), 'a', array(1)))",
            "named_struct('m', map('a', array(1), 'b', array(3)))",
        ),
    ],
)
def test_maps_are_compared_by_what_they_hold(spark, kind, first, again, other):
    name = f"glue_catalog.merges.t{next(_number)}"
    spark.sql(f"CREATE TABLE {name} (id string, m {kind}) USING iceberg")

    def merge(value):
        return iceberg.merge(name, spark.sql(f"SELECT 'a' AS id, CAST({value} AS {kind}) AS m"), ["id"])

    assert merge(first) == Changes(inserted=1)
    assert merge(again) == Changes()
    assert merge(other) == Changes(updated=1)
    assert merge(other) == Changes()


def test_a_column_that_the_source_has_not_is_null_in_new_rows_and_stays_in_others(spark, table, some):
    iceberg.merge(table, some(("a", "1")).drop("seen"), ["id"])
    spark.sql(f"UPDATE {table} SET seen = TIMESTAMP_NTZ '2026-01-01 00:00:00'")
    changes = iceberg.merge(table, some(("a", "2"), ("b", "1")).drop("seen"), ["id"])
    assert changes == Changes(inserted=1, updated=1)
    found = {row.id: (str(row.value), row.seen is None) for row in spark.table(table).collect()}
    assert found == {"a": ("2.00", False), "b": ("1.00", True)}


def test_a_source_without_a_key_is_refused(table, some):
    with pytest.raises(CatalogError, match=r"missing columns \['id'\]"):
        iceberg.merge(table, some(("a", "1")).drop("id"), ["id"])


def test_keys_may_hold_what_is_a_format_to_python(spark, table, some):
    values = [("{0}", "1"), ("{x;y}", "1"), ("}{", "1"), ("a'\\b", "1")]
    iceberg.merge(table, some(*values), ["id"])
    again = some(*((key, "2") for key, _ in values))
    assert iceberg.merge(table, again, ["id"]) == Changes(updated=4)


def test_ties_are_updates_of_the_same_version(spark, table, some):
    iceberg.merge(table, some(("a", "1"), ("b", "1"), ("c", "1")), ["id"])
    newer = some(("a", "2"), ("b", "1"), ("d", "1"))
    found = iceberg.compare(table, newer, ["id"], version=["seen"])
    assert [row.id for row in found.ties(["id"]).collect()] == ["a"]
    later = some(("a", "2"), seen="2027-01-01 00:00:00")
    assert iceberg.compare(table, later, ["id"], version=["seen"]).ties(["id"]).isEmpty()
    assert iceberg.merge(table, newer, ["id"], compared=found) == Changes(inserted=1, updated=1)


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
    iceberg.merge(table, newer, ["id"], version=["seen"])
    assert iceberg.merge(table, older, ["id"], version=["seen"]) == Changes()
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
    with pytest.raises(CatalogError, match=rf"table {table}: missing columns \[\], unknown columns \['v'\]"):
        iceberg.merge(table, some(("a", "1")).withColumnRenamed("value", "v"), ["id"])


def test_an_overflowing_value_stops_the_merge(spark, table, some):
    """ANSI: a value that does not fit the table's type never becomes null."""
    wide = some(("a", "1")).selectExpr("id", "day", "CAST(123456789012 AS decimal(14,2)) AS value", "seen")
    with pytest.raises(Exception, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        iceberg.merge(table, wide, ["id"])
    assert snapshots(spark, table) == 0


# ─── Contract ───


def agreed(columns, *partitioning):
    return Table("refined", "t", tuple(Column(*column) for column in columns), partitioning=partitioning)


def test_partitioning_is_set_on_an_untouched_table_and_refused_on_any_other(spark, table, some):
    iceberg.align(spark, table, agreed(COLUMNS, "months(day)"), "orders")
    iceberg.align(spark, table, agreed(COLUMNS, "months(day)"), "orders")
    iceberg.merge(table, some(("a", "1")), ["id"])
    with pytest.raises(
        ContractError, match=r"it is partitioned by \['months\(day\)'\], expected \['days\(day\)'\]"
    ):
        iceberg.align(spark, table, agreed(COLUMNS, "days(day)"), "orders")
    partitions = spark.table(f"{table}.partitions").select("partition.*", "record_count")
    assert partitions.columns == ["day_month", "record_count"]


def test_a_new_column_is_added_and_is_null_in_the_rows_there_are(spark, table, some):
    iceberg.merge(table, some(("a", "1")), ["id"])
    iceberg.align(spark, table, agreed((*COLUMNS, ("note", "string"))), "orders")
    assert_df_equality(
        spark.table(table),
        some(("a", "1")).selectExpr("*", "CAST(NULL AS string) AS note"),
        ignore_nullable=True,
    )


def test_a_table_gets_the_properties_of_its_contract_and_keeps_others(spark, table):
    def aligned(**properties):
        wanted = dataclasses.replace(agreed(COLUMNS), properties=properties)
        iceberg.align(spark, table, wanted, "orders")
        assert iceberg.property_changes(spark, table, wanted) == []
        return {row.key: row.value for row in spark.sql(f"SHOW TBLPROPERTIES {table}").collect()}

    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('by.hand' = '1')")
    size, codec = "write.target-file-size-bytes", "write.parquet.compression-codec"
    assert aligned(**{size: "1000", codec: "gzip"}).items() >= {size: "1000", codec: "gzip"}.items()
    found = aligned(**{size: "2000"})
    assert (found[size], found.get(codec), found["by.hand"]) == ("2000", None, "1")
    found = aligned()
    assert (size in found, found["by.hand"]) == (False, "1")


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (COLUMNS[:3], "column seen timestamp is not in the contract"),
        ((("id", "bigint"), *COLUMNS[1:]), "column id is string, expected bigint"),
        (
            (*COLUMNS[:2], ("value", "decimal(12,2)"), COLUMNS[3]),
            r"value is decimal\(10,2\), expected decimal\(12,2\)",
        ),
    ],
    ids=["dropped", "retyped", "widened"],
)
def test_any_other_difference_is_refused_and_shown(spark, table, columns, named):
    with pytest.raises(
        ContractError, match=rf"^table {table} differs from its contract refined\.t: .*{named}"
    ):
        iceberg.align(spark, table, agreed((*columns, ("note", "string"))), "orders")
    assert "note" not in spark.table(table).columns


# ─── Append and overwrite ───


def test_a_run_appends_once(spark, table, some):
    assert iceberg.append_once(table, some(("a", "1")), "jr_1")
    assert not iceberg.append_once(table, some(("a", "1")), "jr_1")
    assert iceberg.append_once(table, some(("a", "1")), "jr_2")
    assert spark.table(table).count() == 2


def day(frame, value):
    return frame.selectExpr("id", f"DATE '{value}' AS day", "value", "seen")


def test_overwriting_replaces_the_partitions_that_are_given(spark, table, some):
    iceberg.align(spark, table, agreed(COLUMNS, "months(day)"), "orders")
    kept, old, new = (
        day(some(("a", "1")), "2026-01-01"),
        day(some(("b", "2")), "2026-02-01"),
        day(some(("c", "3")), "2026-02-09"),
    )
    iceberg.append(table, kept.union(old))
    for _ in range(2):
        iceberg.overwrite_partitions(table, new)
        assert_df_equality(spark.table(table), kept.union(new), ignore_row_order=True, ignore_nullable=True)


def test_overwriting_is_refused_without_partitions_and_after_their_evolution(spark, table, some):
    with pytest.raises(CatalogError, match="is not partitioned; expected partitions to overwrite"):
        iceberg.overwrite_partitions(table, some(("a", "1")))
    iceberg.align(spark, table, agreed(COLUMNS, "months(day)"), "orders")
    iceberg.append(table, some(("a", "1")))
    spark.sql(f"ALTER TABLE {table} REPLACE PARTITION FIELD day_month WITH days(day)")
    iceberg.append(table, some(("b", "1")))
    with pytest.raises(CatalogError, match="has files of 2 partitionings; rewrite its data files first"):
        iceberg.overwrite_partitions(table, some(("a", "2")))
    maintenance.compact(spark, table, everything=True)
    iceberg.overwrite_partitions(table, some(("a", "2")))
    assert_df_equality(spark.table(table), some(("a", "2")), ignore_nullable=True)


# ─── Snapshots ───


def test_a_run_is_read_again_and_rolled_back_to_watermark_and_all(spark, table, some):
    for number in (1, 2):
        iceberg.merge(table, some(("a", str(number))), ["id"])
        incremental.set_watermark(spark, table, {"day": number}, f"jr_{number}")
        iceberg.tag(spark, table, f"jr_{number}")
    assert_df_equality(iceberg.as_of_run(spark, table, "jr_1"), some(("a", "1")), ignore_nullable=True)
    now = datetime.datetime.now(datetime.UTC)
    assert_df_equality(iceberg.as_of(spark, table, now), some(("a", "2")), ignore_nullable=True)
    iceberg.rollback_to_run(spark, table, "jr_1")
    assert_df_equality(spark.table(table), some(("a", "1")), ignore_nullable=True)
    assert incremental.watermark(spark, table) == {"day": 1}
    with pytest.raises(CatalogError, match="the snapshot of run jr_2 is no ancestor of the current one"):
        iceberg.rollback_to_run(spark, table, "jr_2")
    with pytest.raises(CatalogError, match=r"has no tag jr_9; there are jr_1, jr_2$"):
        iceberg.as_of_run(spark, table, "jr_9")


def test_a_watermark_is_committed_once_and_found_behind_a_compaction(spark, table, some):
    assert incremental.watermark(spark, table) == {}
    for number in (1, 2):
        iceberg.merge(table, some((f"a{number}", "1")), ["id"])
        incremental.set_watermark(spark, table, {"day": "x"}, "jr_1")
    assert snapshots(spark, table) == 3
    assert maintenance.compact(spark, table) == 2
    assert incremental.watermark(spark, table) == {"day": "x"}


def test_changed_partitions_are_those_since_a_snapshot(spark, table, some):
    iceberg.align(spark, table, agreed(COLUMNS, "months(day)"), "orders")
    iceberg.append(table, some(("a", "1")).union(day(some(("b", "1")), "2026-03-01")))
    first = iceberg.current_snapshot(spark, table)
    assert incremental.changed_partitions(spark, table, first) == []
    iceberg.merge(table, day(some(("b", "2")), "2026-03-01"), ["id"])
    assert incremental.changed_partitions(spark, table, first) == [56 * 12 + 2]
    assert incremental.changed_partitions(spark, table, None) is None
    assert incremental.changed_partitions(spark, table, 17) is None


# ─── Maintenance ───


def test_maintenance_joins_files_and_drops_what_nothing_needs(spark, table, some):
    for number in range(3):
        iceberg.append(table, some((f"a{number}", "1")))
    iceberg.tag(spark, table, "jr_1")
    assert maintenance.compact(spark, table) == 3
    assert maintenance.rewrite_manifests(spark, table) >= 1
    assert maintenance.expire_snapshots(spark, table, days=0) == 0
    assert iceberg.as_of_run(spark, table, "jr_1").count() == spark.table(table).count() == 3
    spark.sql(f"ALTER TABLE {table} DROP TAG jr_1")
    assert maintenance.expire_snapshots(spark, table, days=0) == 3
    assert maintenance.remove_orphans(spark, table) == 0
    with pytest.raises(ValueError, match=r"^days=1: expected at least 3"):
        maintenance.remove_orphans(spark, table, days=1)


# ─── Two writers ───


@pytest.mark.parametrize("delete_missing", [False, True], ids=["some rows", "the whole table"])
def test_two_writers_of_the_same_rows_at_once_double_none(spark, table, some, delete_missing):
    source = some(*((f"k{number}", "1") for number in range(50))).persist()
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(iceberg.merge, table, source, ["id"], delete_missing=delete_missing) for _ in range(2)
        ]
    assert [run.result() is not None for run in runs] == [True, True]
    assert_df_equality(spark.table(table), source, ignore_row_order=True, ignore_nullable=True)


def test_a_writer_that_is_always_overtaken_fails_with_what_to_do(spark, table, monkeypatch):
    monkeypatch.setattr(iceberg.time, "sleep", lambda seconds: None)
    attempts = []

    def overtaken():
        attempts.append(1)
        raise RuntimeError("org.apache.iceberg.exceptions.CommitFailedException: stale")

    with pytest.raises(ConflictError, match=r"committed first in each of 5 attempts; run again"):
        iceberg.retried(spark, table, overtaken)
    assert len(attempts) == iceberg.ATTEMPTS
