"""Glue job: the files that the payment feed dropped since the last run → raw.payments, as received."""

from __future__ import annotations

from core import formats, job, landing


def work(run: job.Job) -> None:
    """Add the files that were not received yet to the partition of the day."""
    landing.receive(run, "payments", ["*.jsonl", "*.jsonl.gz"], formats.json_lines(), folder="payments")


if __name__ == "__main__":
    job.run(work)
