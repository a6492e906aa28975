"""Glue job: the newest ingestion of raw.ecb_rates → refined.ecb_rates, its gaps and its rejects.

The history is received whole, so gaps and rejects are those of the newest file. A rate that the ECB has
withdrawn (``N/A`` now) is deleted; one that can no longer be read is kept as it was.
"""

from __future__ import annotations

from pyspark.sql import functions as sf

from core import catalog, hive, iceberg, job, quality
from jobs.project01 import transforms


def work(run: job.Job) -> None:
    """Sort every cell into rate, gap or reject, and merge the three."""
    arguments, glue = run.arguments, catalog.glue_client()
    table = catalog.table(glue, arguments.raw_database, "ecb_rates")
    raw = hive.read(run.spark, table, catalog.partitions(glue, table)[-1:])
    cells = transforms.cells(raw)
    classified = transforms.classified(cells).persist()
    rates, gaps = transforms.rates(classified), transforms.gaps(classified)
    rejects = transforms.rejects(classified)

    with run.log.stage("check"):
        counts = quality.count_each(rates=rates, gaps=gaps, rejected=rejects)
        # Counted from the raw rows themselves, not from what the transforms made of them.
        read = raw.select(sf.sum(transforms.cells_of_row(raw))).head()
        quality.require_conserved(table.full_name, read[0] if read else 0, **counts)
        run.log.write("cells sorted", table=table.full_name, **counts)
    with run.log.stage("write"):
        for name, changes in {
            "ecb_rates": iceberg.merge(
                arguments.refined("ecb_rates"),
                rates,
                ["rate_date", "currency"],
                ignore=["ingested_at"],
                deleted=gaps,
            ),
            "ecb_rates_gaps": iceberg.merge(
                arguments.refined("ecb_rates_gaps"), gaps, ["rate_date", "currency"], delete_missing=True
            ),
            "ecb_rates_rejected": iceberg.merge(
                arguments.refined("ecb_rates_rejected"),
                rejects,
                ["record_id"],
                ignore=["ingestion_date", "source_file"],
                delete_missing=True,
            ),
        }.items():
            run.log.write("merged", table=arguments.refined(name), **vars(changes))
    classified.unpersist()


if __name__ == "__main__":
    job.run(work)
