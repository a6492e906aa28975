"""One Spark session for the suite, and a small lake: local Iceberg tables, and a Glue API for raw ones."""

from __future__ import annotations

import dataclasses
import datetime
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from moto import mock_aws
from pyspark.sql import DataFrame, SparkSession

from core import session
from core.arguments import LakeArguments
from core.job import Job
from core.log import JobLog
from meshtest import spark_runtime, toolchain

Rows = Callable[..., DataFrame]
_number = itertools.count()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session with Iceberg as glue_catalog, tuned to start fast and to keep small tables small."""
    workdir = tmp_path_factory.mktemp("spark")
    small = {
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.driver.memory": "1g",
    }
    before = dict(os.environ)
    os.environ.update(spark_runtime.spark_environment(None, small, workdir))
    # Iceberg's metadata tables and MERGE log warnings about each small table.
    built = session.build("tests")
    built.sparkContext.setLogLevel("ERROR")
    yield built
    built.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def rows(spark: SparkSession) -> Rows:
    """Make a DataFrame of a DDL schema and tuples: by Arrow, several times faster than from a list."""

    def make(schema: str, *values: Sequence[Any]) -> DataFrame:
        if not values:
            return spark.createDataFrame([], schema)
        frame = pd.DataFrame([list(value) for value in values], dtype=object)
        frame.columns = pd.Index([f"c{number}" for number in range(frame.shape[1])])
        return spark.createDataFrame(frame, schema)

    return make


def columns_of(project: str, layer: str, table: str) -> list[tuple[str, str]]:
    """Names and Glue types of a table, as Terraform creates it."""
    file = toolchain.ROOT / "infrastructure" / "projects" / project / "tables.json"
    described = json.loads(file.read_text())[layer][table]["columns"]
    return [(column["name"], column["type"]) for column in described]


@pytest.fixture(scope="session")
def declared() -> Callable[[str, str, str], list[tuple[str, str]]]:
    """The columns that tables.json declares, in Spark's types: Iceberg's timestamp has no zone."""

    def types(project: str, layer: str, table: str) -> list[tuple[str, str]]:
        found = columns_of(project, layer, table)
        return [(name, "timestamp_ntz" if kind == "timestamp" else kind) for name, kind in found]

    return types


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalArguments(LakeArguments):
    """A lake in a folder instead of buckets."""

    folder: Path

    @property
    def landing(self) -> str:
        return (self.folder / "landing" / self.project).as_uri()


class Lake:
    """The tables of some projects, deployed as Terraform would, and the jobs run on them."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        self.glue: Any = boto3.client("glue")
        number = next(_number)
        self.databases = {layer: f"{layer}_{number}" for layer in ("raw", "refined", "curated")}
        self.glue.create_database(DatabaseInput={"Name": self.databases["raw"]})

    def deploy(self, project: str) -> None:
        tables = json.loads(
            (toolchain.ROOT / "infrastructure" / "projects" / project / "tables.json").read_text()
        )
        for name in tables["raw"]:
            self._create_hive(project, name)
        for layer in ("refined", "curated"):
            for name in tables[layer]:
                types = ", ".join(
                    f"{column} {'timestamp_ntz' if kind == 'timestamp' else kind}"
                    for column, kind in columns_of(project, layer, name)
                )
                self.spark.sql(f"CREATE TABLE {self.name(layer, name)} ({types}) USING iceberg")

    def _create_hive(self, project: str, name: str) -> None:
        columns = [{"Name": column, "Type": kind} for column, kind in columns_of(project, "raw", name)]
        location = (self.folder / "raw" / project / name).as_uri() + "/"
        self.glue.create_table(
            DatabaseName=self.databases["raw"],
            TableInput={
                "Name": name,
                "StorageDescriptor": {"Columns": columns, "Location": location},
                "PartitionKeys": [{"Name": "ingestion_date", "Type": "string"}],
            },
        )

    def drop(self, project: str, name: str, content: bytes | str) -> Path:
        """Put a file into the project's landing folder."""
        file = self.folder / "landing" / project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def run(self, work: Callable[[Job], None], project: str, day: str = "2026-11-02") -> list[dict[str, Any]]:
        """Run a job's work; returns its log."""
        log = io.StringIO()
        arguments = LocalArguments(
            folder=self.folder,
            job_name="test",
            env="dev",
            project=project,
            ingestion_date=datetime.date.fromisoformat(day),
            **{f"{layer}_bucket": layer for layer in self.databases},
            **{f"{layer}_database": name for layer, name in self.databases.items()},
        )
        work(Job(arguments, JobLog("test", "run", log), self.spark))
        return [json.loads(line) for line in log.getvalue().splitlines()]

    def name(self, layer: str, table: str) -> str:
        return f"glue_catalog.{self.databases[layer]}.{table}"

    def table(self, layer: str, table: str) -> DataFrame:
        return self.spark.table(self.name(layer, table))

    def snapshots(self, layer: str, table: str) -> int:
        return self.spark.table(f"{self.name(layer, table)}.snapshots").count()


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """An empty lake of the test's own."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield Lake(spark, tmp_path)
