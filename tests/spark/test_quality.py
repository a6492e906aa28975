"""core.quality: each row ends in one of accepted or rejected, with all its reasons."""

from __future__ import annotations

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import quality
from core.errors import InvariantError
from core.quality import Rule


def test_a_row_gets_every_reason_and_ends_on_one_side(rows):
    frame = rows("id string, n int", ("a", 1), (None, 2), (None, -3), ("b", -4))
    rules = [Rule("no id", sf.col("id").isNull()), Rule("negative", sf.col("n") < 0)]
    checked = quality.with_reasons(frame, rules)
    assert_df_equality(quality.accepted(checked), rows("id string, n int", ("a", 1)))
    assert_df_equality(
        quality.rejected(checked),
        rows(
            "id string, n int, reasons string",
            (None, 2, "no id"),
            (None, -3, "no id; negative"),
            ("b", -4, "negative"),
        ),
    )


def test_a_rule_that_cannot_decide_rejects(rows):
    checked = quality.with_reasons(rows("n int", (None,)), [Rule("negative", sf.col("n") < 0)])
    assert [row.reasons for row in checked.collect()] == ["negative"]


def test_record_ids_are_stable_unique_and_do_not_depend_on_order(rows):
    schema = "a string, b string"
    values = [("x", None), ("x", ""), ("x", None), ("", "x"), ("x,", ""), ("x", ",")]
    first = quality.with_record_id(rows(schema, *values), ["a", "b"])
    again = quality.with_record_id(rows(schema, *reversed(values)), ["a", "b"])
    assert first.select("record_id").distinct().count() == len(values)
    assert_df_equality(first, again, ignore_row_order=True)


def test_rows_that_do_not_add_up_stop_the_run():
    quality.require_conserved("table t", 5, kept=3, rejected=2)
    with pytest.raises(InvariantError, match=r"^table t: 5 rows in, but 3 kept \+ 1 rejected = 4$"):
        quality.require_conserved("table t", 5, kept=3, rejected=1)
