"""Glue job: raw.payments → refined.payments (the latest version of each) and its rejects.

Only partitions that were written since the last run are read. Late records need nothing special: a
payment's day is in the payment, not in the file that brought it.
"""

from __future__ import annotations

from pyspark.sql import functions as sf

from core import catalog, hive, incremental, job, quality
from jobs.test02 import transforms


def work(run: job.Job) -> None:
    """Sort every new line into payment, superseded version or reject, and merge payments and rejects."""
    arguments, glue = run.arguments, catalog.glue_client()
    table, target = catalog.table(glue, arguments.raw_database, "payments"), arguments.refined("payments")
    partitions = catalog.partitions(glue, table)
    seen = {} if arguments.full_rebuild else incremental.watermark(run.spark, target)
    unread = incremental.unread(partitions, seen) if partitions else []
    if partitions and not unread:
        run.log.write("nothing new", table=table.full_name, partitions=len(partitions))
        return
    raw = hive.read(run.spark, table, unread)
    run.log.write("partitions read", table=table.full_name, partitions=["/".join(p.values) for p in unread])
    received = transforms.latest_reception(raw)
    classified = transforms.classified(received, run.contract.table("refined", "payments")).persist()
    payments, rejects = transforms.payments(classified), transforms.rejects(classified)

    with run.log.stage("quarantine"):
        rejected, superseded = sf.col(quality.REASONS).isNotNull(), sf.col("is_superseded")
        counts = quality.count_where(
            classified, payments=~rejected & ~superseded, superseded=superseded, rejected=rejected
        )
        run.merge("refined", "payments_rejected", rejects, ignore=["ingestion_date"])
    with run.log.stage("check"):
        run.check("refined", "payments", received.count(), rejects, **counts)
    with run.log.stage("write"):
        run.merge("refined", "payments", payments, ignore=["ingested_at"], version="updated_at")
        incremental.set_watermark(run.spark, target, incremental.marks(partitions), arguments.job_run_id)
    classified.unpersist()


if __name__ == "__main__":
    job.run(work)
