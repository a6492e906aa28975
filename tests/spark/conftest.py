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

from core import audit, job
from core.arguments import LakeArguments
from core.contract import Contract, Table, load, spark_type
from core.job import Job
from core.log import JobLog
from meshtest.spark import session

Rows = Callable[..., DataFrame]
_number = itertools.count()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session with Iceberg as glue_catalog, tuned to start fast and to keep small tables small."""
    with session.for_tests(tmp_path_factory.mktemp("spark")) as built:
        yield built


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


@pytest.fixture(scope="session")
def declared() -> Callable[[str, str, str], list[tuple[str, str]]]:
    """The columns that the contract declares, in Spark's types: Iceberg's timestamp has no zone."""

    def types(project: str, layer: str, table: str) -> list[tuple[str, str]]:
        found = load(project).table(layer, table).types
        return [(name, spark_type(kind)) for name, kind in found.items()]

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
        # Several processes may share the warehouse.
        own = f"{os.getpid()}_{next(_number)}"
        self.databases = {layer: f"{layer}_{own}" for layer in ("raw", "refined", "curated")}
        self.glue.create_database(DatabaseInput={"Name": self.databases["raw"]})

    def deploy(self, project: str) -> None:
        for table in load(project).tables.values():
            if table.layer == "raw":
                self._create_hive(project, table)
            else:
                self.create(table)
        self.create(audit.table(project))

    def create(self, table: Table) -> None:
        """An Iceberg table as Terraform makes it: unpartitioned."""
        types = ", ".join(f"`{name}` {spark_type(kind)}" for name, kind in table.types.items())
        self.spark.sql(f"CREATE TABLE {self.name(table.layer, table.name)} ({types}) USING iceberg")

    def _create_hive(self, project: str, table: Table) -> None:
        location = (self.folder / "raw" / project / table.name).as_uri() + "/"
        self.glue.create_table(
            DatabaseName=self.databases["raw"],
            TableInput={
                "Name": table.name,
                "StorageDescriptor": {
                    "Columns": [{"Name": name, "Type": kind} for name, kind in table.types.items()],
                    "Location": location,
                },
                "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in table.partition_keys],
            },
        )

    def drop(self, project: str, name: str, content: bytes | str) -> Path:
        """Put a file into the project's landing folder."""
        file = self.folder / "landing" / project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def run(
        self,
        work: Callable[[Job], None],
        project: str,
        day: str = "2026-11-02",
        *,
        run_id: str | None = None,
        contract: Contract | None = None,
        full_rebuild: bool = False,
        declared: type[LakeArguments] = LakeArguments,
        **own: Any,
    ) -> list[dict[str, Any]]:
        """Run a job's work; returns its log. With a run id it is recorded in the audit table, too.

        A job that declares arguments gets their class, and those of them that are given.
        """
        log = io.StringIO()
        local = dataclasses.make_dataclass(
            "Arguments", [], bases=(LocalArguments, declared), frozen=True, kw_only=True
        )
        arguments = local(
            folder=self.folder,
            job_name="test",
            job_run_id=run_id or "run",
            env="dev",
            project=project,
            ingestion_date=datetime.date.fromisoformat(day),
            full_rebuild=full_rebuild,
            **{f"{layer}_bucket": layer for layer in self.databases},
            **{f"{layer}_database": name for layer, name in self.databases.items()},
            **own,
        )
        made = Job(arguments, JobLog("test", "run", log), self.spark, contract or load(project))
        if run_id:
            job.execute(work, made)
        else:
            work(made)
        return [json.loads(line) for line in log.getvalue().splitlines()]

    def name(self, layer: str, table: str) -> str:
        return f"glue_catalog.{self.databases[layer]}.{table}"

    def table(self, layer: str, table: str) -> DataFrame:
        return self.spark.table(self.name(layer, table))

    def snapshots(self, layer: str, table: str) -> int:
        """Snapshots that changed rows: a watermark is committed without any."""
        found = self.spark.table(f"{self.name(layer, table)}.snapshots")
        return found.where("summary['changed-partition-count'] <> '0'").count()


@pytest.fixture
def new_lake(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Lake]]:
    """Make empty lakes of the test's own: a property test needs one for each example."""
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    with mock_aws():
        yield lambda: Lake(spark, tmp_path / str(next(_number)))


@pytest.fixture
def lake(new_lake: Callable[[], Lake]) -> Lake:
    """An empty lake of the test's own."""
    return new_lake()
