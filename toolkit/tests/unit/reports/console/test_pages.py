"""The console's pages over an embedded AWS with a few things in it."""

from __future__ import annotations

import json

import pytest

from meshtest import emulator
from meshtest.reports.console import aws
from meshtest.reports.console.app import PAGES, create_app, in_bytes, in_seconds
from meshtest.terraform import workspace

NASTY = "<img src=x onerror=alert(1)>&\"'.txt"
ROLE = "arn:aws:iam::123456789012:role/states"
DEFINITION = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        s3, glue = running.client("s3"), running.client("glue")
        workspace.make_bucket(running, "shelf")
        for key in ("a/1.csv", "a/b/2.csv", "c.csv", f"n/{NASTY}", *(f"many/{n:03}" for n in range(201))):
            s3.put_object(Bucket="shelf", Key=key, Body=b"x" * 1234)
        glue.create_database(DatabaseInput={"Name": "lake"})
        glue.create_table(
            DatabaseName="lake",
            TableInput={
                "Name": "trips",
                "Parameters": {"classification": "parquet"},
                "StorageDescriptor": {"Location": "s3://shelf/trips/", "Columns": []},
            },
        )
        for name, parameters in (
            ("pathless", {}),
            ("lost", {"metadata_location": "s3://shelf/lost/metadata/1.metadata.json"}),
        ):
            glue.create_table(
                DatabaseName="lake",
                TableInput={
                    "Name": name,
                    "Parameters": {"table_type": "ICEBERG", **parameters},
                    "StorageDescriptor": {"Location": f"s3://shelf/{name}", "Columns": []},
                },
            )
        glue.create_job(Name="load", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://x/y.py"})
        running.client("stepfunctions").create_state_machine(
            name="nightly", definition=json.dumps(DEFINITION), roleArn=ROLE
        )
        yield running


@pytest.fixture
def client(endpoint):
    return create_app(lambda: endpoint, lambda _: []).test_client()


# ─── What the Pages Show ───


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/", ["nightly", "not run yet"]),
        ("/buckets", ["shelf"]),
        ("/buckets/shelf", ["a/", "n/", "c.csv", "1.2 kB"]),
        ("/buckets/shelf?prefix=a/", ["1.csv", "b/"]),
        ("/jobs", ["load"]),
        ("/jobs/load", ["It has not run yet"]),
        ("/pipelines", ["nightly", "It has not run yet"]),
        ("/pipelines/nightly", ["<svg", "Only not entered"]),
        ("/tables", ["trips", "lake", "Parquet", "s3://shelf/trips/"]),
    ],
)
def test_a_page_shows_what_is_there(client, address, expected):
    answer = client.get(address)
    assert answer.status_code == 200
    assert [text for text in expected if text not in answer.text] == []


def test_a_folder_shows_its_own_level_only(client):
    text = client.get("/buckets/shelf?prefix=a/").text
    assert "2.csv" not in text
    assert "c.csv" not in text


def test_a_long_folder_has_pages(client):
    import re
    from html import unescape

    first = client.get("/buckets/shelf?prefix=many/").text
    assert (">000<" in first, ">199<" in first, ">200<" in first) == (True, True, False)
    second = client.get(unescape(re.search(r'href="([^"]*after=[^"]*)"', first)[1])).text
    assert (">199<" in second, ">200<" in second) == (False, True)


@pytest.mark.parametrize(
    ("address", "missing"),
    [
        ("/buckets/none", "There is no bucket none."),
        ("/jobs/none", "There is no job none."),
        ("/jobs/load/none", "The job load has no run none."),
        ("/pipelines/none", "There is no state machine none."),
        ("/pipelines/nightly/none", "The state machine nightly has no execution none."),
        ("/tables/lake/none", "There is no table lake.none."),
        ("/tables/lake/lost", "The table lake.lost has no metadata file s3://shelf/lost/metadata/1.metadata"),
        ("/tables/lake/pathless", "The table lake.pathless does not say where its metadata is."),
        ("/none", "There is no such page."),
    ],
)
def test_what_is_not_there_is_named(client, address, missing):
    answer = client.get(address)
    assert answer.status_code == 404
    assert missing in answer.text


def test_a_domain_that_does_not_run_is_told():
    answer = create_app(lambda: None, lambda _: []).test_client().get("/")
    assert answer.status_code == 503
    assert "Start the domain by make up" in answer.text


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2.5e9, "2.5 GB")])
def test_sizes_in_words(size, words):
    assert in_bytes(size) == words


@pytest.mark.parametrize(("seconds", "words"), [(None, ""), (1.25, "1.2 s"), (61, "1 min 1 s")])
def test_durations_in_words(seconds, words):
    assert in_seconds(seconds) == words


# ─── What They Refuse ───


def test_names_are_text(client):
    text = client.get("/buckets/shelf?prefix=n/").text
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;&#34;&#39;.txt" in text


def test_an_address_is_text(client):
    text = client.get("/buckets/shelf?prefix=<script>alert(1)</script>/").text
    assert "<script>alert" not in text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5090", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:5090", "localhost:5090"])
def test_this_machine_is_not(client, host):
    assert client.get("/buckets", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("rule", PAGES)
def test_no_page_takes_anything_but_a_get(client, rule, method):
    assert client.open(rule.replace("<", "").replace(">", ""), method=method).status_code == 405


@pytest.mark.parametrize("address", ["/buckets", "/none", "/static/live.js"])
def test_every_answer_forbids_foreign_content(client, address):
    headers = client.get(address).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_client_of_the_console_cannot_write(endpoint):
    s3 = aws.reader(endpoint, "s3")
    with pytest.raises(aws.WriteRefused, match="DeleteObject: the console only reads"):
        s3.delete_object(Bucket="shelf", Key="c.csv")
    with pytest.raises(aws.WriteRefused, match="StartExecution"):
        aws.reader(endpoint, "stepfunctions").start_execution(stateMachineArn="arn:x")
    assert s3.head_object(Bucket="shelf", Key="c.csv")["ContentLength"] == 1234
