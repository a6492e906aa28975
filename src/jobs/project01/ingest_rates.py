"""Glue job: the newest file dropped by the ECB feed → raw.ecb_rates, all strings, as received.

The file is the whole history each time, so the newest one replaces the others. Running again on the same
day replaces the day's partition.
"""

from __future__ import annotations

import datetime

import pandas as pd

from core import catalog, hive, job, storage
from jobs.project01 import source_file
from jobs.project01.transforms import RAW_OTHER_COLUMNS


def work(run: job.Job) -> None:
    """Read the newest file in the landing folder and overwrite today's partition."""
    arguments, glue = run.arguments, catalog.glue_client()
    with run.log.stage("read"):
        *older, newest = storage.list_files(run.spark, arguments.landing, ["*.zip", "*.csv"])
        run.log.write(
            "input file", uri=newest.uri, bytes=newest.size, older_files=[file.uri for file in older]
        )
        table = catalog.table(glue, arguments.raw_database, "ecb_rates")
        catalog.require_same(table, run.contract.table("raw", "ecb_rates"))
        currencies = [name for name, _ in table.columns if name not in RAW_OTHER_COLUMNS]
        rows = source_file.parse(newest.uri, storage.read_bytes(run.spark, newest.uri), currencies)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    received = pd.DataFrame(rows).assign(source_file=newest.uri, ingested_at=now)
    with run.log.stage("write"):
        frame = run.spark.createDataFrame(received).coalesce(1)
        written = hive.overwrite_partition(glue, table, arguments.ingestion_date.isoformat(), frame)
        run.log.write("partition written", table=table.full_name, location=written.location, rows=len(rows))


if __name__ == "__main__":
    job.run(work)
