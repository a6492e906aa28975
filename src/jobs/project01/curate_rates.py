"""Glue job: refined.ecb_rates → curated.ecb_rates_monthly and curated.ecb_cross_rates_usd."""

from __future__ import annotations

from core import iceberg, incremental, job
from jobs.project01 import transforms


def work(run: job.Job) -> None:
    """Compute each table from all rates, if they have changed, and write what is other than before."""
    arguments, source = run.arguments, run.arguments.refined("ecb_rates")
    made_from = {"ecb_rates": iceberg.last_change(run.spark, source)}
    rates = run.spark.table(source)
    for name, compute in {
        "ecb_rates_monthly": transforms.monthly,
        "ecb_cross_rates_usd": transforms.cross_rates_usd,
    }.items():
        with run.log.stage(name):
            target = arguments.curated(name)
            if not arguments.full_rebuild and incremental.watermark(run.spark, target) == made_from:
                run.log.write("nothing new", table=target)
                continue
            frame = compute(rates).persist()
            run.merge("curated", name, frame, delete_missing=True)
            incremental.set_watermark(run.spark, target, made_from, arguments.job_run_id)
            frame.unpersist()


if __name__ == "__main__":
    job.run(work)
