"""Glue job: raw.template_records → refined.template_records and rejects."""

from __future__ import annotations

from core import catalog, hive, job, quality
from jobs.template import transforms


def work(run: job.Job) -> None:
    """Sort the newest partition into records and rejects by the contract, and merge both."""
    glue = catalog.glue_client()
    table = catalog.table(glue, run.arguments.raw_database, "template_records")
    raw = hive.read(run.spark, table, catalog.partitions(glue, table)[-1:])
    checked = quality.evaluated(raw, run.contract.table("refined", "template_records")).persist()
    records, rejects = transforms.records(checked), transforms.rejects(checked)

    with run.log.stage("quarantine"):
        counts = quality.count_each(records=records, rejected=rejects)
        run.merge("refined", "template_records_rejected", rejects, ignore=["source_file"])
    with run.log.stage("check"):
        run.check("refined", "template_records", raw.count(), rejects, **counts)
    with run.log.stage("write"):
        run.merge("refined", "template_records", records, ignore=["ingested_at"])
    checked.unpersist()


if __name__ == "__main__":
    job.run(work)
