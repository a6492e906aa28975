"""Glue job: refined.template_records → curated.template_daily."""

from __future__ import annotations

from core import job
from jobs.template import transforms


def work(run: job.Job) -> None:
    """Sum all records up and write the days that are other than before."""
    daily = transforms.daily(run.spark.table(run.arguments.refined("template_records")))
    with run.log.stage("write"):
        run.merge("curated", "template_daily", daily, delete_missing=True)


if __name__ == "__main__":
    job.run(work)
