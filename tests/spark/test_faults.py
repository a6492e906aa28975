"""What goes wrong in production: killed runs, and two runs at once.

Killed and competing runs are processes of their own, on Iceberg's GlueCatalog and the embedded AWS. A gate
before the Glue API holds their commits, so that a kill hits the moment that it is meant for.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from meshtest import emulator
from meshtest.spark.runtime import glue_catalog_conf, spark_environment
from meshtest.terraform import workspace
from meshtest.tools import toolchain

BUCKET, TABLE = "exa-refined-123456789012-dev", "glue_catalog.refined.records"
WAIT_S = 120
CHILD = """
import json, sys, time
from pyspark.sql import functions as sf
from core import iceberg, session
table, mode = sys.argv[1:]
spark = session.build("child")
rows = spark.range(0, 200, 1, 2).select(sf.format_string("k%d", "id").alias("id"), "id")
rows = rows.toDF("id", "value")
if mode == "slow":  # the second of the two tasks never ends
    stuck = sf.udf(lambda value: time.sleep(600) if value == 150 else value, "bigint")
    rows = rows.withColumn("value", stuck("value"))
if mode == "merge":
    iceberg.merge(table, rows, ["id"])
else:
    iceberg.append_once(table, rows, "jr_1")
found = spark.table(table).selectExpr("count(*)", "count(distinct id)", "sum(value)").first()
print(json.dumps(list(found)))
"""
WHOLE = [200, 200, sum(range(200))]


class Gate:
    """Passes requests on to the emulator's Glue, and holds commits while it is closed."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.arrived = threading.Semaphore(0)
        self.is_closed = False
        self.held: list[queue.SimpleQueue[bool]] = []
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                is_commit = self.headers.get("X-Amz-Target", "").endswith(".UpdateTable")
                if is_commit and gate.is_closed and not gate.hold():
                    self.close_connection = True
                    return
                connection = http.client.HTTPConnection(gate.target.hostname, gate.target.port)
                connection.request("POST", self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                # A held client may have been killed.
                with contextlib.suppress(OSError):
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hold(self) -> bool:
        """Wait until the gate opens; whether the commit goes on."""
        verdict: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.held.append(verdict)
        self.arrived.release()
        return verdict.get(timeout=WAIT_S)

    def open(self, *, commits_pass: bool = True) -> None:
        """Let everything pass from now on, and what is held go on or be lost."""
        self.is_closed = False
        while self.held:
            self.held.pop().put(commits_pass)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulator.Endpoint]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as endpoint:
        workspace.make_bucket(endpoint, BUCKET)
        endpoint.client("glue").create_database(DatabaseInput={"Name": "refined"})
        yield endpoint


@pytest.fixture
def gate(aws):
    made = Gate(aws.http)
    yield made
    made.open()
    made.server.shutdown()


@pytest.fixture
def table(aws):
    """An empty Iceberg table, as Terraform makes it."""
    columns = [{"Name": "id", "Type": "string"}, {"Name": "value", "Type": "bigint"}]
    aws.client("glue").create_table(
        DatabaseName="refined",
        TableInput={
            "Name": "records",
            "StorageDescriptor": {"Columns": columns, "Location": f"s3://{BUCKET}/example/records/"},
        },
        OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
    )
    yield TABLE
    aws.client("glue").delete_table(DatabaseName="refined", Name="records")
    for key in keys(aws):
        aws.client("s3").delete_object(Bucket=BUCKET, Key=key)


def keys(aws, ending=""):
    found = aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [entry["Key"] for entry in found if entry["Key"].endswith(ending)]


@pytest.fixture
def child(aws, gate, tmp_path):
    """Start a run in a process of its own; all that were started end with the test."""
    started = []

    def start(mode):
        workdir = tmp_path / str(len(started))
        conf = glue_catalog_conf(f"s3://{BUCKET}/") | {"spark.sql.shuffle.partitions": "2"}
        environment = spark_environment(aws, conf, workdir)
        defaults = workdir / "spark-conf" / "spark-defaults.conf"
        lines = [
            line
            for line in defaults.read_text().splitlines()
            if not line.startswith("spark.sql.catalog.glue_catalog.glue.endpoint ")
        ]
        lines.append(f"spark.sql.catalog.glue_catalog.glue.endpoint {gate.url}")
        defaults.write_text("\n".join(lines) + "\n")
        environment["PYTHONPATH"] = str(toolchain.ROOT / "src")
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, TABLE, mode],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=(workdir / "stderr").open("w"),
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def result(process):
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


def test_a_run_killed_while_it_writes_leaves_nothing_and_is_repeated(aws, table, child):
    dying = child("slow")
    deadline = time.monotonic() + WAIT_S
    while not keys(aws, ".parquet"):
        assert dying.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline, "no file was written"
        time.sleep(0.2)
    kill(dying)
    assert len(keys(aws, ".metadata.json")) == 1
    assert result(child("append")) == WHOLE


def test_a_run_killed_between_write_and_commit_leaves_nothing_and_is_repeated(aws, table, child, gate):
    gate.is_closed = True
    dying = child("merge")
    assert gate.arrived.acquire(timeout=WAIT_S), "no commit was tried"
    assert keys(aws, ".parquet"), "the rows are written before the commit"
    before = aws.client("glue").get_table(DatabaseName="refined", Name="records")["Table"]
    assert "/00000-" in before["Parameters"]["metadata_location"]
    kill(dying)
    gate.open(commits_pass=False)
    assert result(child("merge")) == WHOLE


def test_two_runs_that_commit_at_the_same_moment_both_succeed_and_double_nothing(table, child, gate):
    gate.is_closed = True
    runs = [child("merge"), child("merge")]
    for _ in runs:
        assert gate.arrived.acquire(timeout=WAIT_S), "no commit was tried"
    gate.open()
    assert [result(run) for run in runs] == [WHOLE, WHOLE]
