"""An archive of Spark's loaded classes, with which a local session starts in half the time or less.

Java's application class-data sharing maps classes that were parsed and verified once; Spark, Iceberg and
the AWS SDKs load some 20,000 of them. ``python -m meshtest.spark_class_archive`` makes the archive by
running a session that does what jobs do. Without it, or with one that does not fit, sessions start slowly
and work just the same.

Source: https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html (dynamic archive).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark

from meshtest import toolchain

BUILD_TIMEOUT_S = 600

_DIRECTORY = toolchain.ROOT / ".tools" / "spark-classes"

# The JVM says on standard output when an archive does not fit; that is the script's, so it stays silent.
_SILENT = "-Xlog:cds=off -Xlog:cds+dynamic=off"

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


def java_options() -> str:
    """Return the JVM options that use the archive, "" if there is none for this Java and these jars."""
    archive = _path()
    return f"-XX:SharedArchiveFile={archive} {_SILENT}" if archive.exists() else ""


def empty_conf_dir() -> Path:
    """Return the directory to name as SPARK_CONF_DIR.

    It is on the class path, which an archive takes only if all directories in it are empty and the same.
    """
    directory = _DIRECTORY / "conf"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def build() -> Path:
    """Make the archive for this Java and these jars, if there is none, and return it.

    Raises:
        ToolMissing: no Java 17, or the jars have not been fetched.
        RuntimeError: the training session failed; the message ends with its last lines.

    """
    archive = _path()
    if archive.exists():
        return archive
    empty_conf_dir()
    for outdated in _DIRECTORY.glob("*.jsa"):
        outdated.unlink()
    with tempfile.TemporaryDirectory(dir=_DIRECTORY) as workdir:
        draft = Path(workdir, "classes.jsa")
        _train(Path(workdir), draft)
        draft.rename(archive)
    return archive


def _path() -> Path:
    return _DIRECTORY / f"{_key()}.jsa"


def _key() -> str:
    """Identify what an archive depends on: the JVM checks each jar's path, size and time, too."""
    jars = sorted((*toolchain.spark_jars().glob("*.jar"), *Path(pyspark.__file__).parent.glob("jars/*.jar")))
    parts = [
        (toolchain.java_home() / "release").read_text(),
        *(f"{jar} {jar.stat().st_mtime_ns}" for jar in jars),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _train(workdir: Path, archive: Path) -> None:
    from meshtest import emulator
    from meshtest.spark_runtime import S3A_REGION, glue_catalog_conf, spark_environment
    from meshtest.terraform import workspace

    with emulator.running(workdir / "emulator") as endpoint:
        bucket, database = "training", "training"
        workspace.make_bucket(endpoint, bucket)
        endpoint.client("glue").create_database(DatabaseInput={"Name": database})
        dump = {"spark.driver.extraJavaOptions": f"-XX:ArchiveClassesAtExit={archive} {_SILENT}"}
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
