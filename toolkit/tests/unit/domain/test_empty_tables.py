"""A table without rows is shown as that: by the reader of `make run`, and by the console."""

from __future__ import annotations

import subprocess
import sys

import pytest

from meshtest import emulator
from meshtest.domain.domain import Domain, DomainError, Table
from meshtest.terraform import workspace
from meshtest.tools import toolchain

SCHEMA = """
import pyarrow
from pyiceberg.catalog import load_catalog
schema = pyarrow.schema([("day", pyarrow.string())])
load_catalog().create_table(("db", "no_snapshot"), schema, location="s3://lake/no_snapshot")
emptied = load_catalog().create_table(("db", "emptied"), schema, location="s3://lake/emptied")
emptied.append(pyarrow.table({"day": ["2026-11-20"]}))
emptied.delete("day = '2026-11-20'")
"""
# What Spark, Glue or a person leave of a table that has no row: nothing, a mark of a folder, of success.
RAW = {
    "nothing": (),
    "folder": ("folder/",),
    "partition_folder": ("partition_folder/ingestion_date=2026-11-20/",),
    "success": ("success/_SUCCESS",),
}
ICEBERG = ("no_snapshot", "emptied")
TABLES = [
    *(Table("p", "raw", name, "db", f"s3://lake/{name}/") for name in RAW),
    *(
        Table("p", layer, name, "db", "")
        for layer in ("refined", "curated")
        for name in ("no_snapshot", "emptied")
    ),
]
CONSOLE = """
import sys
from pathlib import Path
from meshtest import emulator
from meshtest.reports.console.app import create_app
client = create_app(lambda: emulator.find(Path(sys.argv[1])), lambda _: []).test_client()
for name in sys.argv[2:]:
    answer = client.get(f"/tables/db/{name}")
    print(name, answer.status_code, "The table is empty." in answer.text, "ingestion_date" in answer.text)
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    place = tmp_path_factory.mktemp("emulator")
    with emulator.running(place) as running:
        workspace.make_bucket(running, "lake")
        glue = running.client("glue")
        glue.create_database(DatabaseInput={"Name": "db"})
        for name, keys in RAW.items():
            for key in keys:
                running.client("s3").put_object(Bucket="lake", Key=key)
            glue.create_table(
                DatabaseName="db",
                TableInput={
                    "Name": name,
                    "Parameters": {"classification": "parquet"},
                    "PartitionKeys": [{"Name": "ingestion_date", "Type": "string"}],
                    "StorageDescriptor": {
                        "Location": f"s3://lake/{name}/",
                        "Columns": [{"Name": "day", "Type": "string"}],
                    },
                },
            )
        python(running, SCHEMA)
        yield running


def python(endpoint: emulator.Endpoint, code: str, *arguments: str) -> str:
    pyiceberg = {
        "PYICEBERG_CATALOG__DEFAULT__TYPE": "glue",
        "PYICEBERG_CATALOG__DEFAULT__S3__ENDPOINT": endpoint.https,
        "SSL_CERT_FILE": str(endpoint.ca_bundle),
        "PYTHONPATH": str(toolchain.ROOT / "src"),
    }
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        env=endpoint.environment() | pyiceberg,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@pytest.fixture
def domain(endpoint, tmp_path, monkeypatch):
    """A domain with the empty tables."""
    monkeypatch.setattr(Domain, "tables", lambda _: iter(TABLES))
    return Domain(endpoint, tmp_path)


def test_they_are_read_back_as_no_rows(domain):
    found = domain.read_tables(samples=3)
    assert {label: (table["rows"], table["sample"]) for label, table in found.items()} == {
        table.label: (0, []) for table in TABLES
    }


def test_a_table_that_nobody_has_made_is_named(domain, monkeypatch):
    missing = Table("p", "refined", "missing", "db", "")
    monkeypatch.setattr(Domain, "tables", lambda _: iter([missing]))
    with pytest.raises(DomainError, match=r"there is no table refined\.missing here: `make up` makes it"):
        domain.read_tables()


def test_the_console_shows_their_columns_and_that_they_are_empty(endpoint):
    names = [*RAW, *ICEBERG]
    told = python(endpoint, CONSOLE, str(endpoint.state_dir), *names).splitlines()
    assert told == [f"{name} 200 True {name in RAW}" for name in names]
