"""What is read of the suite's results, and what is said of files that are none."""

from __future__ import annotations

import json
import os

import pytest

from meshtest.reports.evidence import results
from meshtest.reports.evidence.results import Proof, ResultsError

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.infra.modules.test_x" name="test_a[one]"/>
<testcase classname="tests.infra.modules.test_x" name="test_b"><failure message="no"/></testcase>
<testcase classname="tests.infra.modules.test_x" name="test_c"><skipped message="cannot"/></testcase>
<testcase classname="tests.infra.modules.test_x" name="test_d"><error message="no"/></testcase>
</testsuite></testsuites>"""


def test_a_junit_report_is_outcomes_by_test(tmp_path):
    file = tmp_path / "report.xml"
    file.write_text(JUNIT)
    where = "tests/infra/modules/test_x.py::"
    assert results.junit(file) == {
        f"{where}test_a[one]": "passed",
        f"{where}test_b": "failed",
        f"{where}test_c": "cannot",
        f"{where}test_d": "failed",
    }


def test_live_results_are_joined_by_the_test(tmp_path):
    file = tmp_path / "probes.json"
    file.write_text(json.dumps({"backend": "aws", "probes": {"test_keys.py::test_a": "passed"}}))
    assert results.probes(file) == ("aws", {"tests/infra/live/test_keys.py::test_a": "passed"})


def test_a_test_that_left_no_result_has_not_run():
    live, plan = "tests/infra/live/test_x.py::test_a", "tests/infra/stacks/test_y.py::test_b[c]"
    declared = {
        live: {"proves": ["kms-rotation"], "notices": []},
        plan: {"proves": ["kms-alias"], "notices": ["kms-rotation"]},
    }
    found = results.proofs(declared, {plan: "passed"})
    assert found == {
        "kms-rotation": [
            Proof("kms-rotation", "probe", live, "not run"),
            Proof("kms-rotation", "fault", plan, "passed"),
        ],
        "kms-alias": [Proof("kms-alias", "assertion", plan, "passed")],
    }


def test_a_mutation_report_is_read(tmp_path):
    mutant = {
        "id": "m",
        "file": "kms.tf",
        "line": 3,
        "operator": "flip",
        "status": "killed",
        "controls": ["kms-rotation"],
    }
    file = tmp_path / "report.json"
    file.write_text(json.dumps({"mutants": [mutant], "score": 0.96, "gate_score": 0.8}))
    found = results.mutation(file)
    assert (found.score, found.gate_score) == (0.96, 0.8)
    assert found.mutants[0].controls == ("kms-rotation",)


def test_a_result_is_old_once_a_source_has_changed(tmp_path):
    for name in ("infrastructure/x.tf", "toolkit/src/meshtest/check/controls/s3.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000, 1000))
    assert results.changed(tmp_path) == 1000
    for name in (
        "infrastructure/.terraform/p",
        "toolkit/src/meshtest/__pycache__/s3.pyc",
        "toolkit/src/meshtest/reports/evidence/page.css",
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert results.changed(tmp_path) == 1000
    os.utime(tmp_path / "infrastructure/x.tf", (2000, 2000))
    assert results.changed(tmp_path) == 2000


@pytest.mark.parametrize(
    ("read", "content", "words"),
    [
        (results.junit, "no XML", "no JUnit report"),
        (results.probes, "no JSON", "no JSON"),
        (results.probes, "{}", "expected backend and probes"),
        (results.probes, "[]", "expected backend and probes"),
        (
            results.mutation,
            '{"mutants": [{}], "score": 1, "gate_score": 1}',
            "expected mutants, score and gate_score",
        ),
    ],
)
def test_another_file_is_named(tmp_path, read, content, words):
    file = tmp_path / "given"
    file.write_text(content)
    with pytest.raises(ResultsError, match=f"{file}: {words}"):
        read(file)
