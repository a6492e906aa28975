"""Glue job: raw.orders → refined.orders, the latest version of each, and rejects."""

from __future__ import annotations

from core import job
from core.refine import refine
from jobs.orders import transforms


def work(run: job.Job) -> None:
    """Sort what was received since into orders, older versions and rejects, and merge orders and rejects."""
    refine(run, "orders", "orders", transforms.orders)


if __name__ == "__main__":
    job.run(work)
