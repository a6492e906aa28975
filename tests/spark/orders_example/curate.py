"""Glue job: refined.orders → curated.orders_daily."""

from __future__ import annotations

import dataclasses

from core import job
from core.arguments import LakeArguments
from jobs.orders import transforms


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments(LakeArguments):
    """What the job takes beside the common arguments."""

    zone: str = "Europe/Berlin"


def work(run: job.JobOf[Arguments]) -> None:
    """Sum all orders up by day and currency, and write the sums that are other than before."""
    orders = run.spark.table(run.arguments.refined("orders"))
    daily = transforms.daily(orders, run.arguments.zone)
    with run.log.stage("write"):
        run.merge("curated", "orders_daily", daily, delete_missing=True)


if __name__ == "__main__":
    job.run(work, declared=Arguments)
