"""Glue job: the newest file of the source → raw.template_records, as received.

Running again on the same day replaces the day's partition.
"""

from __future__ import annotations

import datetime

from core import catalog, hive, job, storage
from jobs.template import transforms


def work(run: job.Job) -> None:
    """Read the newest file in the landing folder and overwrite today's partition."""
    arguments, glue = run.arguments, catalog.glue_client()
    table = catalog.table(glue, arguments.raw_database, "template_records")
    catalog.require_same(table, run.contract.table("raw", "template_records"))
    newest = storage.list_files(run.spark, arguments.landing, ["*.csv"])[-1]
    run.log.write("input file", uri=newest.uri, bytes=newest.size)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with run.log.stage("write"):
        received = transforms.received(run.spark.read.csv(newest.uri, header=True), newest.uri, now)
        written = hive.overwrite_partition(glue, table, arguments.ingestion_date.isoformat(), received)
        run.log.write("partition written", table=table.full_name, location=written.location)


if __name__ == "__main__":
    job.run(work)
