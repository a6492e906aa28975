"""The page: everything is in it, nothing from outside, and what has not run is not a pass."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import sample_evidence

from meshtest.check.controls import all_controls
from meshtest.reports.evidence import page
from meshtest.reports.evidence.aws_lists import demands
from meshtest.reports.evidence.model import shown


class Elements(HTMLParser):
    """Every element of a page: its tag and attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def good():
    return Elements(page.render(sample_evidence.evidence(mutation=sample_evidence.mutated())))


def test_every_control_is_there_with_its_ids(good):
    ids = [attributes["id"] for tag, attributes in good.found if attributes.get("class") == "control"]
    assert ids == [each.id for each in all_controls()]
    for control in all_controls():
        assert control.title in good.text
        assert all(ids in good.text for ids in control.references.values())


def test_every_demand_is_there_with_its_reason(good):
    for demand in demands():
        assert demand.title in good.text
        assert demand.reason in good.text


def test_names_are_text_and_never_markup(good):
    assert [tag for tag, attributes in good.found if tag == "img" or "onerror" in attributes] == []
    assert sample_evidence.HOSTILE in good.text


def test_nothing_comes_from_outside(good):
    loads = {"script", "link", "img", "iframe", "object", "embed", "source", "video", "audio", "image", "use"}
    for tag, attributes in good.found:
        if tag in loads:
            for name in ("src", "href", "data", "xlink:href"):
                assert (attributes.get(name) or "data:").startswith("data:")
    text = page.render(sample_evidence.evidence())
    assert "@import" not in text
    assert "url(" not in text


def test_no_id_is_there_twice(good):
    ids = [attributes["id"] for _, attributes in good.found if "id" in attributes]
    assert sorted(set(ids)) == sorted(ids)


def test_every_link_within_the_page_leads_somewhere(good):
    ids = {attributes.get("id") for _, attributes in good.found}
    goals = {(attributes.get("href") or "") for tag, attributes in good.found if tag == "a"}
    assert {goal[1:] for goal in goals if goal.startswith("#")} <= ids


def test_the_pictures_have_the_plan_s_resources(good):
    for words in (
        "State machine",
        "pipeline",
        "Tables in raw",
        "rates",
        "alias/data",
        "loads",
        "Glue job load",
    ):
        assert words in good.text
    classes = {attributes.get("class") for tag, attributes in good.found if tag == "g"}
    assert {
        "node machine",
        "node table",
        "node role",
        "node key",
        "node job",
        "node fail",
        "edge error",
    } <= classes


def test_versions_and_packages_are_there(good):
    assert "1.14" in good.text
    assert "moto 5" in good.text


def test_mutants_are_listed_where_a_control_noticed_them(good):
    assert "infrastructure/foundation/kms.tf:3" in good.text


def test_without_a_mutation_run_it_says_so():
    text = Elements(page.render(sample_evidence.evidence())).text
    assert text.count("No mutation run.") == len(all_controls())


# ─── What does not hold ───


def entry(evidence, control):
    return next(each for each in evidence.entries if each.control.id == control)


def test_a_control_that_does_not_hold_shows_found_and_expected():
    evidence = sample_evidence.evidence(rotates=False)
    assert entry(evidence, "kms-rotation").status == "failed"
    text = page.render(evidence)
    row = re.search(r'<tr class="bad">.*aws_kms_key\.data.*</tr>', text)
    assert row
    assert "<td>no</td><td>yes</td>" in row[0]


def test_a_failed_test_fails_its_control():
    evidence = sample_evidence.evidence(outcome="failed")
    assert entry(evidence, "kms-rotation").status == "failed"
    assert entry(evidence, "kms-rotation").holdings[0].holds


def test_a_control_that_saw_nothing_is_not_passed():
    evidence = sample_evidence.evidence()
    assert entry(evidence, "vpc-flow-log").status == "not applicable"
    assert entry(evidence, "vpc-flow-log") in evidence.failing


def test_tests_that_have_not_run_are_not_passed():
    evidence = sample_evidence.evidence(outcome="not run")
    assert page.outcomes(evidence.entries) == {"passed": 0, "failed": 0, "not run": 2}
    proofs = entry(evidence, "kms-rotation").proofs
    assert page.verdict(proofs) == "not run"
    assert page.told(proofs) == "2 not run"


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ((), "none"),
        (("passed", "passed"), "passed"),
        (("passed", "not run"), "incomplete"),
        (("passed", "cannot on this backend"), "incomplete"),
        (("cannot on this backend",), "not run"),
        (("passed", "failed", "not run"), "failed"),
    ],
)
def test_a_verdict_is_that_of_the_worst(outcomes, verdict):
    proofs = [sample_evidence.Proof("x", "probe", "t", outcome) for outcome in outcomes]
    assert page.verdict(proofs) == verdict


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "none"),
        (None, "none"),
        (0, "0"),
        (True, "yes"),
        ([("AES256", False)], "(AES256, no)"),
        ({"a": [1, 2]}, "a: (1, 2)"),
        ({"b", "a"}, "a, b"),
    ],
)
def test_values_are_shown_as_words(value, words):
    assert shown(value) == words
