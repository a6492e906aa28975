"""What mutmut says of its mutants, as numbers of the report."""

from __future__ import annotations

from meshtest.mutation import spark

SAID = """\
    core.asof.x_last_known__mutmut_1: killed
    core.asof.x_last_known__mutmut_2: caught by type check
    core.asof.x_last_known__mutmut_3: timeout
    core.asof.x_last_known__mutmut_4: segfault
    core.asof.x_last_known__mutmut_5: survived
    jobs.test02.transforms.xǁPaymentsǁdaily__mutmut_6: no tests
    core.asof.x_last_known__mutmut_7: skipped
    core.asof.x_last_known__mutmut_8: not checked
    core.asof.x_last_known__mutmut_9: check was interrupted by user
"""


def test_what_a_test_or_mypy_noticed_counts_and_the_rest_is_shown(monkeypatch):
    monkeypatch.setattr(spark, "_told", lambda *arguments: f"diff of {arguments[-1]}")
    assert spark.summarised(spark._results(SAID)) == {
        "mutants": 6,
        "killed": 4,
        "score": 0.6667,
        "unjudged": 2,
        "survivors": [
            {"id": id_, "diff": f"diff of {id_}"}
            for id_ in (
                "core.asof.x_last_known__mutmut_5",
                "jobs.test02.transforms.xǁPaymentsǁdaily__mutmut_6",
            )
        ],
    }
