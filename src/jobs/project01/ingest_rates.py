"""Glue job: the files that the ECB feed dropped since the last run → raw.ecb_rates, as received."""

from __future__ import annotations

from core import job, landing
from jobs.project01 import source_file


def work(run: job.Job) -> None:
    """Add the files that were not received yet to the partition of the day."""
    landing.receive(run, "ecb_rates", ["*.zip", "*.csv"], source_file.read)


if __name__ == "__main__":
    job.run(work)
