"""Glue job: the newest ingestion of raw.ecb_rates → refined.ecb_rates, its gaps and its rejects.

The history is received whole, so gaps and rejects are those of the newest file. A rate that the ECB has
withdrawn (``N/A`` now) is deleted; one that can no longer be read is kept as it was. An ingestion that was
refined already is not read again.
"""

from __future__ import annotations

from pyspark.sql import functions as sf

from core import catalog, hive, incremental, job, quality
from jobs.project01 import transforms


def work(run: job.Job) -> None:
    """Sort every cell into rate, gap or reject, and merge the three."""
    arguments, glue = run.arguments, catalog.glue_client()
    table, target = catalog.table(glue, arguments.raw_database, "ecb_rates"), arguments.refined("ecb_rates")
    newest = catalog.partitions(glue, table)[-1:]
    seen = {} if arguments.full_rebuild else incremental.watermark(run.spark, target)
    if newest and not incremental.unread(newest, seen):
        run.log.write("nothing new", table=table.full_name, newest="/".join(newest[0].values))
        return
    raw = hive.read(run.spark, table, newest)
    classified = transforms.classified(
        transforms.cells(raw), run.contract.table("refined", "ecb_rates")
    ).persist()
    rates, gaps = transforms.rates(classified), transforms.gaps(classified)
    rejects = transforms.rejects(classified)

    with run.log.stage("quarantine"):
        counts = quality.count_each(rates=rates, gaps=gaps, rejected=rejects)
        ignored = ["ingestion_date", "source_file"]
        run.merge("refined", "ecb_rates_rejected", rejects, ignore=ignored, delete_missing=True)
    with run.log.stage("check"):
        # Counted from the raw rows themselves, not from what the transforms made of them.
        read = raw.select(sf.sum(transforms.cells_of_row(raw))).head()
        run.check("refined", "ecb_rates", (read and read[0]) or 0, rejects, **counts)
    with run.log.stage("write"):
        run.merge("refined", "ecb_rates_gaps", gaps, delete_missing=True)
        run.merge("refined", "ecb_rates", rates, ignore=["ingested_at"], deleted=gaps)
        incremental.set_watermark(run.spark, target, incremental.marks(newest), arguments.job_run_id)
    classified.unpersist()


if __name__ == "__main__":
    job.run(work)
