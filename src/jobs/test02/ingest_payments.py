"""Glue job: the files that the payment feed dropped since the last run → raw.payments, as received.

Which files a partition holds is noted with it in the catalog. A file that is dropped again with other
content is received again; running again on the same day adds to the day's partition.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from core import catalog, hive, job, storage
from core.catalog import Partition
from core.storage import StoredFile
from jobs.test02 import transforms

FILES = "files"


def work(run: job.Job) -> None:
    """Read the files that no partition holds, and add them to today's."""
    arguments, glue = run.arguments, catalog.glue_client()
    table = catalog.table(glue, arguments.raw_database, "payments")
    catalog.require_same(table, run.contract.table("raw", "payments"))
    today = arguments.ingestion_date.isoformat()
    with run.log.stage("list"):
        files = storage.list_files(run.spark, f"{arguments.landing}/payments", ["*.jsonl"])
        partitions = catalog.partitions(glue, table)
        new = files if arguments.full_rebuild else not_received(files, partitions)
        run.log.write("input files", new=[file.uri for file in new], bytes=sum(file.size for file in new))
    if not new:
        run.log.write("nothing new", files=len(files))
        return
    lines = transforms.parsed(_lines(run.spark, new))
    received = {file.uri: file.version for file in new}
    for partition in (found for found in partitions if found.values == (today,)):
        kept = hive.read(run.spark, table, [partition]).drop("ingestion_date")
        # By its name within the folder: Spark and Hadoop write one URI in different ways.
        again = [file.uri.rsplit("/", 1)[1] for file in new]
        name = sf.element_at(sf.split("source_file", "/"), -1)
        lines = lines.unionByName(kept.where(~name.isin(again)))
        received = noted(partition) | received
    with run.log.stage("write"):
        written = hive.overwrite_partition(glue, table, today, lines, {FILES: json.dumps(received)})
        rows = hive.read(run.spark, table, [written]).count()
        run.log.write("partition written", table=table.full_name, location=written.location, rows=rows)


def not_received(files: Sequence[StoredFile], partitions: Sequence[Partition]) -> list[StoredFile]:
    """Return the files that no partition holds in the version that is there now."""
    received = {(uri, version) for partition in partitions for uri, version in noted(partition).items()}
    return [file for file in files if (file.uri, file.version) not in received]


def noted(partition: Partition) -> dict[str, str]:
    """Return the files that a partition holds, each with its version."""
    files: dict[str, str] = json.loads(partition.notes.get(FILES, "{}"))
    return files


def _lines(spark: SparkSession, files: Sequence[StoredFile]) -> DataFrame:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return spark.read.text([file.uri for file in files]).select(
        sf.col("value").alias("raw_line"),
        sf.col("_metadata.file_path").alias("source_file"),
        sf.lit(now).alias("ingested_at"),
    )


if __name__ == "__main__":
    job.run(work)
