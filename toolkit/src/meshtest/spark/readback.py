"""Count tables with a Spark of their own: ``python -m meshtest.spark.readback TABLES_JSON SAMPLES``.

It runs in the environment of `meshtest.spark.runtime`, as any consumer of the tables would, and
prints one line of JSON: ``{"layer.table": {"rows": n, "digest": text, "sample": [{column: text}]}}``.
The digest is the same for the same rows, in whatever order or files they lie.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

# What Spark says of a folder that is not there, or that no file of a table is in: the table is empty.
NO_FILES = ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA")


def main(tables: list[dict[str, str]], samples: int) -> dict[str, dict[str, Any]]:
    """Read each table (Iceberg by the catalog, raw Parquet by its location) and count its rows."""
    spark = SparkSession.builder.appName("readback").getOrCreate()
    return {table["label"]: _describe(_frame(spark, table), table["layer"], samples) for table in tables}


def _frame(spark: SparkSession, table: dict[str, str]) -> DataFrame:
    try:
        if table["layer"] == "raw":
            return spark.read.parquet(table["location"])
        return spark.table(f"glue_catalog.{table['name']}")
    except AnalysisException as error:
        if error.getErrorClass() in NO_FILES:
            return spark.createDataFrame([], "nothing string")
        if error.getErrorClass() == "TABLE_OR_VIEW_NOT_FOUND":
            sys.exit(f"there is no table {table['label']} here: `make up` makes it")
        raise


def _describe(frame: DataFrame, layer: str, samples: int) -> dict[str, Any]:
    shown = samples if layer == "curated" else 0
    # The newest rows say most: the first column of a curated table is its date.
    rows = frame.orderBy(frame.columns[0], ascending=False).limit(shown).collect() if shown else []
    sample = [{name: str(value) for name, value in row.asDict().items()} for row in rows]
    # Sums of 64-bit hashes, as decimals: no order, no overflow, and duplicates count.
    digest = sf.sum(sf.xxhash64(*frame.columns).cast("decimal(38,0)"))
    totals = frame.agg(sf.count("*").alias("rows"), digest.alias("digest")).first()
    return {"rows": totals["rows"], "digest": str(totals["digest"]), "sample": sample} if totals else {}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]), int(sys.argv[2]))))
