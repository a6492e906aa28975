"""Glue job: raw.payments → refined.payments, the latest version of each, and rejects."""

from __future__ import annotations

from core import job
from core.refine import refine
from jobs.test02 import transforms


def work(run: job.Job) -> None:
    """Sort every new line into payment, superseded version or reject, and merge payments and rejects."""
    refine(run, "payments", "payments", transforms.payments)


if __name__ == "__main__":
    job.run(work)
