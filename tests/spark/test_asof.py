"""core.asof: the last value known on the day."""

from __future__ import annotations

import datetime

from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import asof


def days(frame, *names):
    return frame.withColumns({name: sf.col(name).cast("date") for name in names})


def last_known(rows, wanted, values, max_age=10):
    """(key, day) against (key, day, value); returns (key, day, value_day, value) ordered."""
    joined = asof.last_known(
        days(rows("k string, day string", *wanted), "day"),
        days(rows("k string, value_day string, v int", *values), "value_day"),
        key="k", day="day", value_day="value_day", columns=["v"], max_age=max_age,
    )  # fmt: skip
    return joined.orderBy("k", "day")


def test_weekend_takes_friday_and_a_day_takes_its_own(rows):
    values = [("A", "2026-10-30", 1), ("A", "2026-11-02", 2)]
    wanted = [("A", "2026-10-30"), ("A", "2026-10-31"), ("A", "2026-11-01"), ("A", "2026-11-02")]
    expected = rows(
        "k string, day string, value_day string, v int",
        ("A", "2026-10-30", "2026-10-30", 1),
        ("A", "2026-10-31", "2026-10-30", 1),
        ("A", "2026-11-01", "2026-10-30", 1),
        ("A", "2026-11-02", "2026-11-02", 2),
    )
    assert_df_equality(
        last_known(rows, wanted, values), days(expected, "day", "value_day"), ignore_nullable=True
    )


def test_no_value_before_too_old_or_of_another_key_is_null(rows):
    values = [("A", "2026-10-10", 1), ("B", "2026-10-01", 2)]
    wanted = [("A", "2026-10-09"), ("A", "2026-10-20"), ("A", "2026-10-21"), ("C", "2026-10-10")]
    found = [row.v for row in last_known(rows, wanted, values).collect()]
    assert found == [None, 1, None, None]


def test_a_null_value_is_a_value_and_its_day_is_its_own(rows):
    values = [("A", "2026-10-10", 1), ("A", "2026-10-11", None)]
    row = last_known(rows, [("A", "2026-10-12")], values).first()
    assert (row.value_day, row.v) == (datetime.date(2026, 10, 11), None)


def test_every_row_is_kept_also_equal_ones(rows):
    wanted = [("A", "2026-10-12"), ("A", "2026-10-12"), (None, "2026-10-12")]
    assert last_known(rows, wanted, [("A", "2026-10-10", 1)]).count() == 3


def test_the_plan_has_no_join(rows):
    """The cost is one sort a side: a range join would compare every row with every value."""
    joined = last_known(rows, [("A", "2026-10-12")], [("A", "2026-10-10", 1)])
    assert "Join" not in joined._jdf.queryExecution().optimizedPlan().toString()
