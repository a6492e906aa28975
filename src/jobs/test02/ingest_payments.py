"""Glue job: every file dropped by the payment feed → raw.payments, all strings, as received.

Running again on the same day replaces the day's partition.
"""

from __future__ import annotations

import datetime

from pyspark.sql import functions as sf

from core import catalog, hive, job, storage
from jobs.test02 import transforms


def work(run: job.Job) -> None:
    """Read the files in the landing folder and overwrite today's partition."""
    arguments, glue = run.arguments, catalog.glue_client()
    table = catalog.table(glue, arguments.raw_database, "payments")
    with run.log.stage("read"):
        files = storage.list_files(run.spark, f"{arguments.landing}/payments", ["*.jsonl"])
        run.log.write(
            "input files", uris=[file.uri for file in files], bytes=sum(file.size for file in files)
        )
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    lines = run.spark.read.text([file.uri for file in files]).select(
        sf.col("value").alias("raw_line"),
        sf.col("_metadata.file_path").alias("source_file"),
        sf.lit(now).alias("ingested_at"),
    )
    with run.log.stage("write"):
        written = hive.overwrite_partition(
            glue, table, arguments.ingestion_date.isoformat(), transforms.parsed(lines)
        )
        rows = hive.read(run.spark, table, [written]).count()
        run.log.write("partition written", table=table.full_name, location=written.location, rows=rows)


if __name__ == "__main__":
    job.run(work)
