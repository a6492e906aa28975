"""With the variables that `make up` prints, and no others, each client finds the running domain.

The AWS CLI and DuckDB's httpfs have an environment of their own (requirements-clients.lock).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meshtest import emulator
from meshtest.domain import clients
from meshtest.terraform import workspace
from meshtest.tools import toolchain

BOTO3 = """
import boto3
print(boto3.client("sts").get_caller_identity()["Account"], boto3.client("s3").list_objects_v2(
    Bucket="lake", Prefix="notes/")["Contents"][0]["Key"])
"""
PYICEBERG = """
from pyiceberg.catalog import load_catalog
table = load_catalog().load_table(("db", "numbers"))
print(table.scan().to_arrow()["n"].to_pylist())
"""
DUCKDB = """
import duckdb
from pyiceberg.catalog import load_catalog
numbers = load_catalog().load_table(("db", "numbers")).scan().to_arrow()
print(duckdb.sql("select sum(n) from numbers").fetchall()[0][0])
"""
SPARK = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.sql("select sum(n) from glue_catalog.db.numbers").first()[0],
      spark.read.text("s3://lake/notes/").first()[0])
"""
AWS_CLI = """
import pathlib, subprocess, sys
aws = pathlib.Path(sys.executable).with_name("aws")
subprocess.run([aws, "glue", "get-table", "--database-name", "db", "--name", "numbers",
                "--query", "Table.Name", "--output", "text"], check=True)
subprocess.run([aws, "s3", "cp", "--only-show-errors", "s3://lake/notes/a b.txt", "-"], check=True)
"""
HTTPFS = """
import pathlib
import duckdb, duckdb_extension_httpfs
(httpfs,) = pathlib.Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
database = duckdb.connect()
database.load_extension(str(httpfs))
database.execute(pathlib.Path("statements.sql").read_text())
print(database.sql("select content from read_text('s3://lake/notes/*.txt')").fetchall()[0][0])
"""
MAKE = """
import pyarrow
from pyiceberg.catalog import load_catalog
numbers = pyarrow.table({"n": [1, 2, 3]})
load_catalog().create_table(("db", "numbers"), numbers.schema, location="s3://lake/numbers").append(numbers)
"""


def shell(
    lines: list[str], code: str, python: str | Path = sys.executable, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run Python after these lines, in an environment that is empty but for them."""
    command = "\n".join((*lines, 'exec "$0" -c "$1"'))
    return subprocess.run(
        ["/bin/bash", "-euc", command, python, code], capture_output=True, env={}, text=True, **options
    )


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """The lines for a domain with a bucket, a text in it, and an Iceberg table."""
    place = tmp_path_factory.mktemp("a place")
    with emulator.running(place / "emulator") as endpoint:
        workspace.make_bucket(endpoint, "lake")
        endpoint.client("s3").put_object(Bucket="lake", Key="notes/a b.txt", Body=b"note")
        endpoint.client("glue").create_database(DatabaseInput={"Name": "db"})
        lines = list(clients.lines(endpoint, "lake", place / "client"))
        made = shell(lines, MAKE)
        assert made.returncode == 0, made.stderr
        yield lines


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        (BOTO3, f"{emulator.ACCOUNT_ID} notes/a b.txt"),
        (PYICEBERG, "[1, 2, 3]"),
        (DUCKDB, "6"),
        (SPARK, "6 note"),
    ],
    ids=["boto3", "pyiceberg", "duckdb", "spark"],
)
def test_a_client_finds_the_domain(printed, client, answer):
    found = shell(printed, client)
    assert (found.returncode, found.stdout.strip()) == (0, answer), found.stderr


@pytest.mark.parametrize(
    ("client", "answer"), [(AWS_CLI, "numbers\nnote"), (HTTPFS, "note")], ids=["aws", "httpfs"]
)
def test_a_client_with_an_environment_of_its_own_finds_it(printed, client, answer, tmp_path):
    (statements,) = [line.partition(" with ")[2] for line in printed if "DuckDB" in line]
    (tmp_path / "statements.sql").write_text(statements)
    found = shell(printed, client, toolchain.ROOT / ".tools/clients/bin/python", cwd=tmp_path)
    assert (found.returncode, found.stdout.strip()) == (0, answer), found.stderr


def test_the_region_is_that_of_the_domain_by_both_names(printed):
    region = emulator.domain_region()
    assert {f"export AWS_REGION={region}", f"export AWS_DEFAULT_REGION={region}"} <= set(printed)


def test_what_duckdb_takes_from_no_variable_is_told(tmp_path):
    endpoint = emulator.Endpoint("http://h", "https://h:1", 1, tmp_path, tmp_path / "ca.pem", tmp_path / "t")
    told = clients.settings(endpoint, "lake", tmp_path)
    (duckdb,) = [each for each in told if "DuckDB" in each]
    assert f"SET ca_cert_file = '{tmp_path / 'ca.pem'}'; SET s3_url_style = 'path';" in duckdb
    assert told[duckdb] == {"DUCKDB_S3_ENDPOINT": "h:1"}


def test_the_lines_are_of_a_shell(tmp_path):
    """Also where a path has a blank or a quote."""
    place = tmp_path / "it's here"
    place.mkdir()
    endpoint = emulator.Endpoint("http://h", "https://h:1", 1, place, place / "ca.pem", place / "t")
    lines = list(clients.lines(endpoint, "lake", Path(tmp_path)))
    told = shell(lines, "import os; print(os.environ['SSL_CERT_FILE'])")
    assert told.stdout.strip() == str(place / "ca.pem")
