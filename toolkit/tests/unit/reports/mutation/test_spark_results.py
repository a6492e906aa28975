"""What mutmut says of its mutants, as numbers of the report."""

from __future__ import annotations

import json
import os

import pytest

from meshtest.reports.mutation import equivalents, reporting, spark

SAID = """\
    core.asof.x_last_known__mutmut_1: killed
    core.asof.x_last_known__mutmut_2: caught by type check
    core.asof.x_last_known__mutmut_3: timeout
    core.asof.x_last_known__mutmut_4: segfault
    core.asof.x_last_known__mutmut_5: survived
    jobs.orders.transforms.xǁOrdersǁdaily__mutmut_6: no tests
    core.asof.x_last_known__mutmut_7: skipped
    core.asof.x_last_known__mutmut_8: not checked
    core.asof.x_last_known__mutmut_9: check was interrupted by user
    core.asof.x_last_known__mutmut_10: survived
"""
CASE = """\
--- src/core/asof.py
+++ src/core/asof.py
@@ -1,3 +1,3 @@
 def last_known(rate):
-    return rate.cast("double").alias("rate")
+    return rate.cast("{name}").alias("rate")
 # end
"""


def test_what_a_test_or_mypy_noticed_counts_and_the_rest_is_shown(monkeypatch):
    diffs = {
        "core.asof.x_last_known__mutmut_5": CASE.format(name="float"),
        "core.asof.x_last_known__mutmut_10": CASE.format(name="DOUBLE"),
    }
    monkeypatch.setattr(spark, "_told", lambda show, id_: diffs.get(id_, f"diff of {id_}"))
    found = spark.summarised(spark._results(SAID))
    lists = {name: [each["id"] for each in found.pop(name)] for name in ("survivors", "equivalents")}
    assert found == {"mutants": 7, "killed": 4, "score": 0.6667, "unjudged": 2}
    assert lists == {
        "survivors": [
            "core.asof.x_last_known__mutmut_5",
            "jobs.orders.transforms.xǁOrdersǁdaily__mutmut_6",
        ],
        "equivalents": ["core.asof.x_last_known__mutmut_10"],
    }


def test_a_run_that_has_judged_equivalent_ones_alone_has_a_score(monkeypatch):
    monkeypatch.setattr(spark, "_told", lambda show, id_: CASE.format(name="DOUBLE"))
    assert spark.summarised({"core.asof.x_last_known__mutmut_10": "survived"})["score"] == 1.0


def test_the_report_keeps_the_time_of_its_other_mutants(monkeypatch, tmp_path):
    """The evidence tells by it whether they are older than the sources."""
    monkeypatch.setattr(reporting, "FOLDER", tmp_path)
    file = tmp_path / "report.json"
    reporting.write(reporting.report([], None))
    os.utime(file, (1_000_000_000, 1_000_000_000))
    summary = {"mutants": 1, "killed": 1, "score": 1.0, "unjudged": 0, "survivors": [], "equivalents": []}
    spark._into_report(summary)
    assert json.loads(file.read_text())["spark"] == summary
    assert file.stat().st_mtime == 1_000_000_000


# ─── Equivalent ones ───


def entry(change: str, reason: str = "It is the same") -> str:
    return f"[[spark]]\nchange = '{change}'\nreason = '{reason}'\n"


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> list[equivalents.SparkEquivalent]:
        file = tmp_path / "equivalents.toml"
        file.write_text(text)
        return equivalents.for_spark(file)

    return load


def test_an_entry_is_about_the_whole_change_and_not_about_what_stands_around_it(load):
    (whole,) = load(entry(r'-.*"double".*\n\+.*"float".*'))
    (part,) = load(entry(r'-.*"double".*'))
    (around,) = load(entry(r" # end"))
    diff = CASE.format(name="float")
    assert [each.covers(diff) for each in (whole, part, around)] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry("a", " "), "entry 1 has change, reason; expected change and reason, neither of them empty"),
        ("[[spark]]\nchange = 'a'\n", "entry 1 has change; expected change and reason"),
        (entry("("), r"entry 1 of spark has the change '\('; expected a regular expression: missing \)"),
    ],
)
def test_an_entry_without_a_reason_or_expression_is_refused(load, text, message):
    with pytest.raises(equivalents.EquivalentsError, match=message):
        load(text)
