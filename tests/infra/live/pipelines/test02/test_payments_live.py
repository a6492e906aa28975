"""The payments: each line of the sample ends in one place."""

from __future__ import annotations

import pytest
from samples.test02 import make as sample

from meshtest.domain.backends import Ability

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS, Ability.LOCAL_SPARK)


def rows(report, label: str) -> int:
    return report.tables[label]["rows"]


def test_every_payment_line_is_a_payment_superseded_or_rejected(report, tmp_path):
    expected = sample.generate(tmp_path / "payments.jsonl")
    assert rows(report, "raw.payments") == expected.lines
    assert rows(report, "refined.payments") == expected.payments
    assert rows(report, "refined.payments_rejected") == expected.rejected
