"""The one place that builds a SparkSession: on Glue, in the container and in the tests.

Where a session runs (catalog, endpoint, memory) is given from outside: by the ``--conf`` of the Glue job
or by ``spark-defaults.conf``. Here is only what the code relies on, wherever it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SETTINGS = {
    # A day is a day in UTC, whatever the machine's zone.
    "spark.sql.session.timeZone": "UTC",
    # Overflow and failing casts raise instead of turning into null; what may fail is written try_cast.
    "spark.sql.ansi.enabled": "true",
    # A pattern of a date means one thing: Spark 2 would have taken more, and that must not stop a job.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # Rows read on the driver (a downloaded file) go to Spark in columns, several times faster.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # What is cached is read a few times and dropped: compressing it took as long as computing it. What
    # does not fit into memory goes to disk.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
}


def build(name: str) -> SparkSession:
    """Return the process's SparkSession with `SETTINGS`; ``name`` is what the Spark UI shows."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name)
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
