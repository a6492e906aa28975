"""Glue job: refined.payments and project01's refined.ecb_rates → curated.payments_daily_eur."""

from __future__ import annotations

from pyspark.sql import functions as sf

from core import iceberg, job, quality
from jobs.test02 import transforms


def work(run: job.Job) -> None:
    """Compute the daily totals of all payments and write those that have changed."""
    arguments = run.arguments
    payments = run.spark.table(arguments.refined("payments"))
    rates = run.spark.table(arguments.refined("ecb_rates"))
    with run.log.stage("payments_daily_eur"):
        daily = transforms.daily_eur(payments, rates).persist()
        total, unconverted = daily.agg(sf.sum("payments"), sf.sum("unconverted")).first() or (0, 0)
        quality.require_conserved("curated payments", payments.count(), in_daily_totals=total or 0)
        target = arguments.curated("payments_daily_eur")
        changes = iceberg.merge(target, daily, ["payment_date", "currency"], delete_missing=True)
        run.log.write("merged", table=target, unconverted_payments=unconverted or 0, **vars(changes))
        daily.unpersist()


if __name__ == "__main__":
    job.run(work)
