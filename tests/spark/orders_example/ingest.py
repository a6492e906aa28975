"""Glue job: the files that the shop dropped since the last run → raw.orders, as received."""

from __future__ import annotations

from core import formats, job, landing


def work(run: job.Job) -> None:
    """Add the files that were not received yet to the partition of the day."""
    landing.receive(run, "orders", ["*.csv", "*.csv.gz"], formats.csv(delimiter=";"))


if __name__ == "__main__":
    job.run(work)
