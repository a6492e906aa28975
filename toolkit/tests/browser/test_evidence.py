"""The evidence page: made by its command from the real plans, read with mouse, keyboard and axe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest.check.controls import all_controls
from meshtest.domain.domain import Domain
from meshtest.tools import toolchain

COUNT = len(all_controls())
DOMAIN = Domain(None, Path())
TEST = "test_s3_bucket"
JUNIT = f"""<testsuites><testsuite>
<testcase classname="tests.infra.modules.{TEST}" name="test_nothing_is_public"/>
<testcase classname="tests.infra.modules.{TEST}" name="test_tls_before_1_2_is_denied"/>
</testsuite></testsuites>"""
MUTANT = {
    "id": "m1",
    "file": "infrastructure/foundation/kms.tf",
    "line": 3,
    "operator": "boolean flipped",
    "status": "killed",
    "controls": ["kms-rotation"],
}


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The page, of results of which most are missing."""
    folder = tmp_path_factory.mktemp("build")
    for name, content in (
        ("evidence/assertions.xml", JUNIT),
        ("mutation/report.json", json.dumps({"mutants": [MUTANT], "score": 0.96, "gate_score": 0.8})),
    ):
        (folder / name).parent.mkdir()
        (folder / name).write_text(content)
    file = folder / "index.html"
    command = [sys.executable, "-m", "meshtest.reports.evidence", "--from", str(folder), "--out", str(file)]
    ended = subprocess.run(command, cwd=toolchain.ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Live probes: no live probes run" in ended.stdout
    assert "Mutants: 1 mutants: 96.0% killed, 80.0% by the controls alone; 0 survived" in ended.stdout
    return file.as_uri()


@pytest.fixture
def evidence(page, address):
    page.goto(address)
    return page


def shown(page) -> int:
    return page.locator("details.control:visible").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(evidence, violations, scheme):
    """axe, with everything opened, in both colour schemes."""
    evidence.emulate_media(color_scheme=scheme)
    evidence.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert violations() == []


def test_the_search_finds_ids_titles_and_addresses(evidence):
    assert shown(evidence) == COUNT
    for words, control in (
        ("CKV_AWS_18", "s3-access-logging"),
        ("plain http", "s3-https-only"),
        ("aws_vpc.main EC2.6", "vpc-flow-log"),
    ):
        evidence.get_by_label("Search").fill(words)
        assert evidence.locator(f"#{control}").is_visible()
        assert 0 < shown(evidence) < 5
        assert evidence.locator("#count").inner_text() == f"{shown(evidence)} of {COUNT} controls"
    evidence.get_by_label("Search").fill("there is no such thing")
    assert shown(evidence) == 0
    assert evidence.get_by_text("No control is like that.").is_visible()
    evidence.get_by_role("button", name="Clear").click()
    evidence.wait_for_function(f"document.getElementById('count').textContent.startsWith('{COUNT}')")
    assert shown(evidence) == COUNT


def test_filters_join(evidence):
    critical = {each.id for each in all_controls() if each.severity == "critical"}
    evidence.get_by_label("Severity").select_option("critical")
    ids = evidence.locator("details.control:visible").evaluate_all("all => all.map((each) => each.id)")
    assert set(ids) == critical
    evidence.get_by_label("Named by").select_option("CIS 3.0")
    ids = evidence.locator("details.control:visible").evaluate_all("all => all.map((each) => each.id)")
    assert set(ids) == {
        each.id for each in all_controls() if each.id in critical and "cis" in each.references
    }
    evidence.locator("#gap").select_option("does not hold")
    assert shown(evidence) == 0


def test_what_has_not_run_is_told(evidence):
    source = evidence.locator(".source", has_text="Live probes")
    assert "missing" in source.inner_text()
    assert "no live probes run" in source.inner_text()
    control = evidence.locator("#s3-https-only")
    control.locator("summary").click()
    probes = control.locator(".strip li", has_text="Live probes")
    assert "not run" in probes.inner_text()
    assert "passed" not in probes.inner_text()


def test_a_result_and_a_mutant_are_shown_at_their_control(evidence):
    evidence.locator("#s3-tls-1-2 summary").click()
    passed = evidence.locator("#s3-tls-1-2 .tests li", has_text="s3 bucket: tls before 1 2 is denied")
    assert passed.locator(".badge").inner_text() == "passed"
    evidence.locator("#kms-rotation summary").click()
    assert evidence.locator("#kms-rotation", has_text="infrastructure/foundation/kms.tf:3").is_visible()


def test_the_keyboard_reaches_everything(evidence):
    evidence.keyboard.press("Tab")
    assert evidence.evaluate("document.activeElement.className") == "skip"
    evidence.keyboard.press("Enter")
    evidence.get_by_label("Search").focus()
    evidence.keyboard.type("s3-tls-1-2")
    for _ in range(12):
        evidence.keyboard.press("Tab")
        if evidence.evaluate("document.activeElement.closest('#s3-tls-1-2') !== null"):
            break
    evidence.keyboard.press("Enter")
    assert evidence.locator("#s3-tls-1-2").get_attribute("open") is not None
    assert evidence.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_link_opens_its_control_whatever_is_hidden(evidence):
    evidence.get_by_label("Search").fill("kms")
    evidence.locator("#lists table a", has_text="s3-versioning").click()
    control = evidence.locator("#s3-versioning")
    assert control.get_attribute("open") is not None
    assert control.is_visible()


def test_the_scheme_can_be_changed(evidence):
    evidence.emulate_media(color_scheme="light")
    before = evidence.evaluate("getComputedStyle(document.body).backgroundColor")
    evidence.get_by_role("button", name="Light or dark").click()
    assert evidence.evaluate("getComputedStyle(document.body).backgroundColor") != before


@pytest.mark.parametrize("width", [320, 768, 1600])
def test_nothing_sticks_out_of_a_screen(evidence, width):
    """Wide tables and pictures scroll in frames of their own."""
    evidence.set_viewport_size({"width": width, "height": 800})
    evidence.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert evidence.evaluate("document.documentElement.scrollWidth") <= width


def test_the_pictures_are_there(evidence):
    key = f"alias/{DOMAIN.abbreviation}-data-lake-dev"
    assert evidence.locator("#architecture svg").get_by_text(key).is_visible()
    machines = [name for project in DOMAIN.projects for name in DOMAIN.pipelines(project)]
    assert evidence.locator("#machines svg").count() == len(machines)
