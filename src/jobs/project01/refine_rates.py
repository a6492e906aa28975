"""Glue job: raw.ecb_rates → refined.ecb_rates, its gaps and its rejects.

A file speaks for the dates and currencies that it holds; of several files the newest does. A rate that the
ECB has withdrawn (``N/A`` now) is deleted; one that can no longer be read is kept as it was.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from core import incremental, job, landing, parsing, quality
from core.landing import Batch
from jobs.project01 import transforms


def work(run: job.Job) -> None:
    """Sort every cell of what was received since into rate, gap or reject, and merge the three."""
    target = run.arguments.refined("ecb_rates")
    batch = landing.unread(run, "ecb_rates", target)
    if batch is None:
        return
    agreed = run.contract.table("refined", "ecb_rates")
    good, corrupt = transforms.by_form(batch.rows)
    classified = transforms.classified(transforms.cells(good), agreed)
    classified = transforms.newest_of(classified, batch.versions).persist()
    rates, gaps = transforms.rates(classified), transforms.gaps(classified)
    rejects = transforms.rejects(classified, corrupt)

    with run.log.stage("quarantine"):
        counts = quality.count_each(
            rates=rates, gaps=gaps, superseded=classified.where(quality.SUPERSEDED), rejected=rejects
        )
        run.merge(
            "refined",
            "ecb_rates_rejected",
            rejects,
            ignore=["ingestion_date", "source_file"],
            deleted=_mended(run, batch, classified, rejects),
        )
    with run.log.stage("check"):
        # Counted from the raw rows themselves, not from what the transforms made of them.
        read = good.select(sf.sum(transforms.cells_of_row(good))).head()
        run.check("refined", "ecb_rates", ((read and read[0]) or 0) + corrupt.count(), rejects, **counts)
    with run.log.stage("write"):
        run.merge("refined", "ecb_rates_gaps", gaps, deleted=rates.select("rate_date", "currency"))
        run.merge("refined", "ecb_rates", rates, ignore=["ingested_at"], deleted=gaps)
        incremental.set_watermark(run.spark, target, batch.marks, run.arguments.job_run_id)
    classified.unpersist()


def _mended(run: job.Job, batch: Batch, classified: DataFrame, rejects: DataFrame) -> DataFrame:
    """Return the ids of records in quarantine for whose date and currency, or file, there are newer ones."""
    there = run.spark.table(run.arguments.refined("ecb_rates_rejected"))
    day = parsing.parsed("rate_date", "date")
    cells = classified.where("day IS NOT NULL").select("day", "currency").distinct()
    again = there.withColumn("day", day).join(cells, ["day", "currency"], "left_semi").select("record_id")
    files = there.where(day.isNull() & sf.col("source_file").isin(*batch.repeated)).select("record_id")
    return again.union(files).join(rejects.select("record_id"), "record_id", "left_anti")


if __name__ == "__main__":
    job.run(work)
