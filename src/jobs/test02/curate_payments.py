"""Glue job: refined.payments and project01's refined.ecb_rates → curated.payments_daily_eur.

Only the months in which payments have changed are summed up again. New or corrected rates need no payment:
the totals of the other months are converted anew as they are.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from core import iceberg, incremental, job, quality
from jobs.test02 import transforms

TOTALS = ("payment_date", "currency", "payments", "amount")


def work(run: job.Job) -> None:
    """Compute the daily totals of what has changed and write those that are other than before."""
    arguments = run.arguments
    names = {name: arguments.refined(name) for name in ("payments", "ecb_rates")}
    target = arguments.curated("payments_daily_eur")
    made_from: dict[str, Any] = {name: iceberg.last_change(run.spark, full) for name, full in names.items()}
    before = {} if arguments.full_rebuild else incremental.watermark(run.spark, target)
    if before == made_from:
        run.log.write("nothing new", table=target)
        return
    months = incremental.changed_partitions(run.spark, names["payments"], before.get("payments"))
    rates_changed = before.get("ecb_rates") != made_from["ecb_rates"]
    run.log.write("changed", months="all" if months is None else len(months), rates=rates_changed)
    payments = run.spark.table(names["payments"])
    with run.log.stage("payments_daily_eur"):
        changed = payments if months is None else payments.where(_in_months(months))
        totals = transforms.daily_totals(changed).persist()
        summed = totals.agg(sf.sum("payments")).first()
        quality.require_conserved(
            "curated payments", changed.count(), in_daily_totals=(summed and summed[0]) or 0
        )
        if months is not None and rates_changed:
            kept = run.spark.table(target).where(~_in_months(months)).select(*TOTALS)
            totals = totals.unionByName(kept)
        daily = transforms.converted(totals, run.spark.table(names["ecb_rates"])).persist()
        run.merge(
            "curated",
            "payments_daily_eur",
            daily,
            **({"delete_missing": True} if months is None else {"deleted": _gone(run, months, totals)}),
        )
        unconverted = daily.agg(sf.sum("unconverted")).first()
        run.log.write("converted", unconverted_payments=(unconverted and unconverted[0]) or 0)
        incremental.set_watermark(run.spark, target, made_from, arguments.job_run_id)
        daily.unpersist()
        totals.unpersist()


def _in_months(months: list[int]) -> Any:
    """Return the days of some months, counted from 1970 as Iceberg does, so that only they are read."""
    day, first = sf.col("payment_date"), [f"{1970 + month // 12}-{month % 12 + 1:02}-01" for month in months]
    spans = [(day >= sf.lit(start).cast("date")) & (day <= sf.last_day(sf.lit(start))) for start in first]
    return reduce(or_, spans, sf.lit(False))


def _gone(run: job.Job, months: list[int], totals: DataFrame) -> DataFrame:
    """Return the days and currencies of the months that have no payment any more."""
    there = run.spark.table(run.arguments.curated("payments_daily_eur")).where(_in_months(months))
    keys = ["payment_date", "currency"]
    return there.select(*keys).join(totals.select(*keys), keys, "left_anti")


if __name__ == "__main__":
    job.run(work)
