"""The demo's order of work and its verdict; the domain itself is tests/infra/live."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from meshtest.domain import demo
from meshtest.domain.demo import Report
from meshtest.domain.domain import Domain, DomainError, Execution


def domain(dependencies: dict[str, list[str]], tmp_path) -> Domain:
    """A domain with these projects, by the projects that each depends on."""
    made = Domain(endpoint=None, directory=tmp_path)
    made.__dict__["projects"] = {name: {"depends_on": needed} for name, needed in dependencies.items()}
    return made


# ─── Order ───


def test_a_project_runs_after_those_it_depends_on(tmp_path):
    chain = domain({"a": ["b"], "b": ["c"], "c": []}, tmp_path)
    assert demo.in_order(chain, chain.projects) == ["c", "b", "a"]


def test_a_dependency_that_is_not_asked_for_does_not_hold_a_project_up(tmp_path):
    assert demo.in_order(domain({"a": ["b"], "b": []}, tmp_path), ["a"]) == ["a"]


def test_a_circle_is_named(tmp_path):
    circle = domain({"a": ["b"], "b": ["a"], "c": []}, tmp_path)
    with pytest.raises(DomainError, match="depends_on runs in a circle between a, b"):
        demo.in_order(circle, circle.projects)


def test_a_dependency_that_is_no_project_is_named_with_its_file(tmp_path):
    with pytest.raises(DomainError, match=r"projects/a/project\.json: depends_on names x; expected one of"):
        demo.in_order(domain({"a": ["x"]}, tmp_path), ["a"])


def test_all_work_is_done_even_if_some_fails_and_the_failure_is_raised():
    done = threading.Event()

    def fail() -> None:
        raise DomainError("no")

    with pytest.raises(DomainError, match="no"):
        demo.side_by_side([fail, done.set])
    assert done.is_set()


# ─── Verdict ───


def good() -> Report:
    return Report(
        stacks={"foundation": {"resources": 3, "second_plan_changes": 0}},
        executions={"a": Execution("arn", "SUCCEEDED", "")},
        tables={
            "refined.rates": {"rows": 2, "sample": []},
            "refined.rates_rejected": {"rows": 0, "sample": []},
        },
        to_be_filled=frozenset({"refined.rates", "raw.a"}),
    )


def test_a_good_report_has_no_failure():
    """No rejected row is no failure."""
    assert good().failures() == []


def test_the_report_has_the_promised_form():
    assert good().as_json() == {
        "stacks": {"foundation": {"resources": 3, "second_plan_changes": 0}},
        "executions": {"a": "SUCCEEDED"},
        "tables": {"refined.rates": 2, "refined.rates_rejected": 0},
        "rejected": {"rates": 0},
        "seconds": {},
    }


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("executions", {"a": Execution("arn", "FAILED", "why")}, "a: the execution ended FAILED: why"),
        (
            "stacks",
            {"a": {"resources": 3, "second_plan_changes": 1}},
            "a: a second plan would change 1 resources",
        ),
        ("tables", {"raw.a": {"rows": 0, "sample": []}}, "raw.a: no rows"),
    ],
)
def test_what_is_wrong_is_a_failure(part, value, message):
    report = good()
    setattr(report, part, value)
    assert report.failures() == [message]


def test_a_table_that_may_be_empty_is_shown_as_that_and_is_no_failure():
    report = good()
    report.tables["refined.rates_gaps"] = {"rows": 0, "sample": []}
    console = Console(file=io.StringIO(), width=120)
    assert demo.conclude(report, console) == 0
    shown = console.file.getvalue()
    assert re.search(r"refined\.rates_gaps +│ no rows", shown)
    assert "FAILED" not in shown


def test_a_picture_shows_the_summary(tmp_path):
    picture = tmp_path / "demo.svg"
    demo.draw(good(), picture)
    text = picture.read_text()
    assert text.startswith("<svg")
    for word in ("Stacks", "Executions", "SUCCEEDED", "Tables"):
        assert word in text
