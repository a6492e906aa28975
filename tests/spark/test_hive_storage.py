"""core.hive and core.storage: a partition is replaced at once; input files are found or named."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlparse

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import catalog, hive, storage
from core.errors import CatalogError, InputError

COLUMNS = "item_id day value corrupt_record source_file ingested_at"
RAW = ", ".join(f"{name} string" for name in COLUMNS.split())


@pytest.fixture
def table(lake):
    lake.deploy("template")
    return catalog.table(lake.glue, lake.databases["raw"], "template_records")


def raw(rows, *ids):
    return rows(RAW, *((name, *[None] * 5) for name in ids))


def partition_folder(partition):
    return Path(urlparse(partition.location).path)


def test_overwriting_a_day_replaces_it_and_keeps_the_others(spark, lake, table, rows):
    hive.overwrite_partition(lake.glue, table, "2026-11-01", raw(rows, "other day"))
    first = hive.overwrite_partition(lake.glue, table, "2026-11-02", raw(rows, "a", "b"))
    second = hive.overwrite_partition(lake.glue, table, "2026-11-02", raw(rows, "c"))
    read = hive.read(spark, table, catalog.partitions(lake.glue, table))
    expected = raw(rows, "other day", "c").withColumn(
        "ingestion_date", sf.when(sf.col("item_id") == "c", "2026-11-02").otherwise("2026-11-01")
    )
    assert_df_equality(read, expected, ignore_row_order=True, ignore_nullable=True)
    assert not partition_folder(first).exists()
    assert partition_folder(second).exists()


def test_a_write_that_fails_leaves_the_partition_as_it_was(spark, lake, table, rows):
    hive.overwrite_partition(lake.glue, table, "2026-11-02", raw(rows, "a"))
    dies = raw(rows, "b").withColumn("value", sf.raise_error(sf.lit("killed")))
    with pytest.raises(Exception, match="killed"):
        hive.overwrite_partition(lake.glue, table, "2026-11-02", dies)
    assert [
        row.item_id for row in hive.read(spark, table, catalog.partitions(lake.glue, table)).collect()
    ] == ["a"]
    # The next run takes away what the dead one left.
    last = hive.overwrite_partition(lake.glue, table, "2026-11-02", raw(rows, "c"))
    assert [entry.name for entry in partition_folder(last).parent.iterdir()] == [partition_folder(last).name]


def test_a_wrong_column_is_named(lake, table, rows):
    frame = raw(rows, "a").withColumnRenamed("value", "vaule")
    with pytest.raises(
        CatalogError, match=r"template_records: missing columns \['value'\], unknown columns \['vaule'\]"
    ):
        hive.overwrite_partition(lake.glue, table, "2026-11-02", frame)
    assert catalog.partitions(lake.glue, table) == []


def test_reading_a_table_without_partitions_says_what_to_do(spark, table):
    with pytest.raises(CatalogError, match=r"template_records has no partition: run the ingestion first"):
        hive.read(spark, table, [])


def test_files_are_listed_oldest_first(spark, tmp_path):
    for age, name in enumerate(["b.csv", "a.zip", "c.txt"]):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (1_700_000_000 - age, 1_700_000_000 - age))
    (tmp_path / "d.csv").mkdir()
    found, others = storage.list_files(spark, tmp_path.as_uri(), ["*.zip", "*.csv"])
    assert [file.name for file in found] == ["a.zip", "b.csv"]
    assert others == ["c.txt", "d.csv/"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_missing_file_is_named_by_its_uri(spark, tmp_path, exists):
    folder = (tmp_path if exists else tmp_path / "nowhere").as_uri()
    with pytest.raises(InputError, match=rf"^no input file {folder}/\*\.zip or {folder}/\*\.csv$"):
        storage.list_files(spark, folder, ["*.zip", "*.csv"])
