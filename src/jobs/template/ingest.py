"""Glue job: new files of the source → raw.template_records, as received."""

from __future__ import annotations

from core import formats, job, landing


def work(run: job.Job) -> None:
    """Add the files that were not received yet to the partition of the day."""
    landing.receive(run, "template_records", ["*.csv", "*.csv.gz"], formats.csv())


if __name__ == "__main__":
    job.run(work)
