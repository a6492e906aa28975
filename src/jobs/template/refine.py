"""Glue job: raw.template_records → refined.template_records and rejects."""

from __future__ import annotations

from core import job
from core.refine import refine
from jobs.template import transforms


def work(run: job.Job) -> None:
    """Sort what was received since into records and rejects by the contract, and merge both."""
    refine(run, "template_records", "template_records", transforms.records)


if __name__ == "__main__":
    job.run(work)
