"""Glue job: raw.payments → refined.payments (the latest version of each) and its rejects.

Late records need nothing special: a payment's day is in the payment, not in the file that brought it.
"""

from __future__ import annotations

from pyspark.sql import functions as sf

from core import catalog, hive, iceberg, job, quality
from jobs.test02 import transforms


def work(run: job.Job) -> None:
    """Sort every line into payment, superseded version or reject, and merge payments and rejects."""
    arguments, glue = run.arguments, catalog.glue_client()
    table = catalog.table(glue, arguments.raw_database, "payments")
    raw = hive.read(run.spark, table, catalog.partitions(glue, table))
    received = transforms.latest_reception(raw)
    classified = transforms.classified(received).persist()
    payments, rejects = transforms.payments(classified), transforms.rejects(classified)

    with run.log.stage("check"):
        superseded = classified.where(sf.col("is_superseded"))
        counts = quality.count_each(
            received=received, payments=payments, superseded=superseded, rejected=rejects
        )
        quality.require_conserved(table.full_name, counts.pop("received"), **counts)
        run.log.write("lines sorted", table=table.full_name, **counts)
    with run.log.stage("write"):
        target = arguments.refined("payments")
        iceberg.ensure_partitioning(run.spark, target, "months(payment_date)")
        merged = iceberg.merge(target, payments, ["payment_id"], ignore=["ingested_at"], version="updated_at")
        run.log.write("merged", table=target, **vars(merged))
        target = arguments.refined("payments_rejected")
        merged = iceberg.merge(target, rejects, ["record_id"], ignore=["ingestion_date"])
        run.log.write("merged", table=target, **vars(merged))
    classified.unpersist()


if __name__ == "__main__":
    job.run(work)
