"""The console in a browser, over an embedded AWS with a small domain in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import lake
import pytest
from playwright.sync_api import expect

from meshtest import emulator

PAGES = (
    "/",
    "/buckets",
    f"/buckets/{lake.BUCKET}?prefix=landing/",
    "/controls",
    "/jobs",
    "/jobs/load",
    "/pipelines",
    "/pipelines/loading",
    "/tables",
    "/tables/lake/trips",
    "/tables/lake/landed",
    "/tables/lake/nothing",
    "/buckets/none",
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with emulator.running(tmp_path_factory.mktemp("console")) as running:
        environment = os.environ | running.environment() | {"SSL_CERT_FILE": str(running.ca_bundle)}
        subprocess.run([sys.executable, Path(lake.__file__)], check=True, env=environment)
        yield running


@pytest.fixture(scope="module")
def console(endpoint):
    """The address of a console, in a process of its own as by ``make console``."""
    command = [
        sys.executable,
        "-m",
        "meshtest.reports.console",
        "--port",
        "0",
        "--state-dir",
        str(endpoint.state_dir),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield re.search(r"http://[\d.:]+", server.stdout.readline())[0]
        server.terminate()


def start(endpoint, name: str) -> str:
    """Start a state machine; the path of the execution's page."""
    stepfunctions = endpoint.client("stepfunctions")
    arn = f"arn:aws:states:{endpoint.region}:{endpoint.account_id}:stateMachine:{name}"
    execution = stepfunctions.start_execution(stateMachineArn=arn)["executionArn"]
    return f"/pipelines/{name}/{execution.rpartition(':')[2]}"


@pytest.fixture(scope="module")
def failed(endpoint):
    """The page of an execution whose job failed."""
    path = start(endpoint, "loading")
    arn = f"arn:aws:states:{endpoint.region}:{endpoint.account_id}:execution:{path[11:].replace('/', ':')}"
    stepfunctions = endpoint.client("stepfunctions")
    while stepfunctions.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.2)
    return path


# ─── Every Page ───


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(page, console, violations, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(console + path)
    expect(page.locator("h1")).to_be_visible()
    assert violations() == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_narrow_screen(page, console, path):
    page.set_viewport_size({"width": 340, "height": 700})
    page.goto(console + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 340


def test_the_keyboard_gets_to_the_content_at_once(page, console):
    page.goto(console)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_every_part_is_a_link_away(page, console):
    page.goto(console)
    for name in ("Pipelines", "Jobs", "Tables", "Buckets", "Controls"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)


# ─── Tables and Buckets ───


def test_an_iceberg_table_shows_rows_columns_and_snapshots(page, console):
    page.goto(console + "/tables/lake/trips")
    rows = page.get_by_role("region", name="First rows")
    assert rows.locator("tbody tr").all_inner_texts() == [
        "Aachen\t3",
        "Aachen\t3",
        f"{lake.HOSTILE}\t2",
        "\t1",
    ]
    assert page.get_by_role("region", name="Columns").locator("tbody th").all_inner_texts() == [
        "city",
        "trips",
    ]
    snapshots = page.get_by_role("region", name="Snapshots").locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[2:] for row in snapshots] == [
        ["append", "1", "4", "2"],
        ["append", "3", "3", "1"],
    ]


def test_what_a_contract_hides_is_not_shown(endpoint):
    """In a process of its own: Arrow reads once which certificates to trust."""
    code = (
        "from pathlib import Path; from meshtest import emulator; "
        "from meshtest.reports.console import tables; "
        f"endpoint = emulator.find(Path({str(endpoint.state_dir)!r})); "
        "print(tables.table(endpoint, 'lake', 'trips', {'city'}).rows.to_pydict())"
    )
    environment = os.environ | {"SSL_CERT_FILE": str(endpoint.ca_bundle)}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, text=True)
    assert ended.stdout.strip() == "{'city': ['•••', '•••', '•••', '•••'], 'trips': [3, 3, 2, 1]}"


def test_a_parquet_table_shows_its_partition(page, console):
    page.goto(console + "/tables/lake/landed")
    rows = page.get_by_role("region", name="First rows").locator("tbody tr").all_inner_texts()
    assert rows[0] == "Aachen\t3\t2026-01-01"
    assert "partitioned by day" in page.locator("main").inner_text()


def test_a_table_that_nothing_was_written_to_is_empty(page, console):
    page.goto(console + "/tables/lake/nothing")
    expect(page.get_by_text("The table is empty.")).to_be_visible()


def test_a_bucket_is_browsed_by_its_folders(page, console):
    page.goto(console + "/buckets")
    page.get_by_role("link", name=lake.BUCKET).click()
    page.get_by_role("link", name="landed/").click()
    page.get_by_role("link", name="day=2026-01-01/").click()
    expect(page.get_by_role("row", name="part-0.parquet")).to_be_visible()


def test_hostile_names_and_values_stay_text(page, console, failed):
    for path in (f"/buckets/{lake.BUCKET}?prefix=landing/", "/tables/lake/trips"):
        page.goto(console + path)
        expect(page.get_by_text(lake.HOSTILE)).to_be_visible()
        assert page.locator("img").count() == 0
        assert page.title() != "owned"


# ─── Executions and Runs ───


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_execution_is_drawn_while_it_runs(page, console, endpoint, violations, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(console + start(endpoint, "slow"))
    expect(page.locator(".box.running text")).to_have_text("Wait")
    expect(page.locator(".lead .badge")).to_have_text("running")
    expect(page.locator(".lead .badge")).to_have_text("succeeded")
    assert page.locator(".box.succeeded text").all_text_contents() == ["Prepare", "Wait", "Finish"]
    assert page.locator(".way.taken").count() == 2
    expect(page.get_by_role("status")).to_have_text("The execution is succeeded, last entered Finish")
    assert page.locator("[data-live]").count() == 0
    assert violations() == []


def test_a_failed_execution_leads_to_the_log_of_its_job(page, console, failed, violations):
    page.goto(console + failed)
    expect(page.locator(".box.caught text")).to_have_text("Load")
    expect(page.locator(".box.failed text")).to_have_text("Failed")
    assert page.locator(".way.error.taken").count() == 1
    assert violations() == []
    page.get_by_role("link", name="log of load").click()
    expect(page.get_by_role("region", name="Log: output")).to_contain_text(lake.HOSTILE)
    assert page.title() != "owned"
    assert violations() == []


def test_the_place_of_the_keyboard_survives_an_update(page, console, endpoint):
    page.goto(console + "/pipelines")
    link = page.get_by_role("link", name="slow")
    link.focus()
    path = start(endpoint, "slow")
    expect(page.get_by_role("link", name=path.rpartition("/")[2])).to_be_visible()
    expect(link).to_be_focused()


# ─── Controls ───


def test_controls_without_a_plan_say_why(page, console):
    """What they say of a deployed domain is tests/infra/live."""
    page.goto(console + "/controls")
    expect(page.locator(".error")).to_contain_text("foundation: ")
    assert page.locator("[data-live]").count() == 0


# ─── Command ───


def test_without_a_domain_it_says_what_to_do(tmp_path):
    command = [sys.executable, "-m", "meshtest.reports.console", "--state-dir", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: the domain is not running: `make up` starts it\n"


@pytest.mark.parametrize("port", ["taken", "99999"])
def test_a_port_that_it_cannot_have_is_told(endpoint, console, port):
    number = console.rpartition(":")[2] if port == "taken" else port
    command = [
        sys.executable,
        "-m",
        "meshtest.reports.console",
        "--state-dir",
        str(endpoint.state_dir),
        "--port",
        number,
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: 127.0.0.1:{number}: ")
    assert result.stderr.count("\n") == 1
