"""Make the archive of Spark's loaded classes: ``python -m meshtest.domain.class_archive``.

A session that does what jobs do, on an embedded AWS of its own, tells the JVM which classes those are
(`meshtest.spark.class_archive`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from meshtest import emulator
from meshtest.spark import class_archive
from meshtest.spark.runtime import S3A_REGION, glue_catalog_conf, spark_environment
from meshtest.terraform import workspace
from meshtest.tools import toolchain

BUILD_TIMEOUT_S = 600

_TRAINING = """
import sys
import pandas as pd
from pyspark import SparkContext
from pyspark.sql import SparkSession, Window, functions as f

bucket, database = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
texts = [str(number / 3) for number in range(20)]
rows = spark.createDataFrame(pd.DataFrame({"id": range(20), "text": texts}))
typed = rows.select("id", f.col("text").cast("decimal(18,8)").alias("rate"), f.current_date().alias("day"))
for kind in ("parquet", "json", "csv"):
    rows.write.mode("overwrite").format(kind).save(f"s3://{bucket}/plain/{kind}")
    spark.read.schema(rows.schema).format(kind).load(f"s3://{bucket}/plain/{kind}").count()
spark.sparkContext.binaryFiles(f"s3://{bucket}/plain/json").count()
table = f"glue_catalog.{database}.trained"
typed.writeTo(table).using("iceberg").partitionedBy(f.months("day")).create()
typed.writeTo(table).append()
typed.createOrReplaceTempView("changes")
spark.sql(f"MERGE INTO {table} t USING (SELECT DISTINCT * FROM changes WHERE id < 9) s "
          "ON t.id = s.id AND t.id < 5 WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
typed.writeTo(table).overwritePartitions()
ranked = spark.table(table).withColumn("n", f.row_number().over(Window.partitionBy("day").orderBy("id")))
ranked.join(rows, "id").groupBy("day").agg(f.avg("rate"), f.max_by("rate", "n"), f.stddev("rate")).toPandas()
spark.table(f"{table}.snapshots").collect()
spark.stop()
gateway = SparkContext._gateway
gateway.shutdown()
gateway.proc.stdin.close()
gateway.proc.wait()  # the archive is written when the JVM ends
"""


def build() -> Path:
    """Make the archive for this Java and these jars, if there is none, and return it.

    Raises:
        ToolMissing: no Java 17, or the jars have not been fetched.
        RuntimeError: the training session failed; the message ends with its last lines.

    """
    archive = class_archive.path()
    if archive.exists():
        return archive
    class_archive.empty_conf_dir()
    for outdated in class_archive.DIRECTORY.glob("*.jsa"):
        outdated.unlink()
    with tempfile.TemporaryDirectory(dir=class_archive.DIRECTORY) as workdir:
        draft = Path(workdir, "classes.jsa")
        _train(Path(workdir), draft)
        draft.rename(archive)
    return archive


def _train(workdir: Path, archive: Path) -> None:
    with emulator.running(workdir / "emulator") as endpoint:
        bucket, database = "training", "training"
        workspace.make_bucket(endpoint, bucket)
        endpoint.client("glue").create_database(DatabaseInput={"Name": database})
        dump = {"spark.driver.extraJavaOptions": f"-XX:ArchiveClassesAtExit={archive} {class_archive.SILENT}"}
        conf = glue_catalog_conf(f"s3://{bucket}/warehouse") | {S3A_REGION: endpoint.region} | dump
        session = subprocess.run(
            [sys.executable, "-c", _TRAINING, bucket, database],
            env=spark_environment(endpoint, conf, workdir),
            cwd=workdir,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_TIMEOUT_S,
        )
    if session.returncode or not archive.exists():
        raise RuntimeError(f"the training session ended with {session.returncode}:\n{session.stdout[-2000:]}")


if __name__ == "__main__":
    print(f"Spark class archive: {build().relative_to(toolchain.ROOT)}")
