"""Glue job: refined.ecb_rates → curated.ecb_rates_monthly and curated.ecb_cross_rates_usd."""

from __future__ import annotations

from core import iceberg, job
from jobs.project01 import transforms


def work(run: job.Job) -> None:
    """Compute both tables from all rates and write what has changed."""
    arguments = run.arguments
    rates = run.spark.table(arguments.refined("ecb_rates"))
    curated = {
        "ecb_rates_monthly": (transforms.monthly(rates), ["month", "currency"]),
        "ecb_cross_rates_usd": (transforms.cross_rates_usd(rates), ["rate_date", "currency"]),
    }
    for name, (frame, keys) in curated.items():
        with run.log.stage(name):
            frame.persist()
            changes = iceberg.merge(arguments.curated(name), frame, keys, delete_missing=True)
            frame.unpersist()
            run.log.write("merged", table=arguments.curated(name), **vars(changes))


if __name__ == "__main__":
    job.run(work)
