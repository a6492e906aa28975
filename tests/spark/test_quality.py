"""core.quality: each row ends in one of accepted or rejected, with all its reasons."""

from __future__ import annotations

import dataclasses
import json

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import contract, quality
from core.contract import load
from core.errors import InvariantError, QualityError
from core.quality import Check, evaluated


def test_a_row_gets_every_reason_and_ends_on_one_side(rows):
    frame = rows("id string, n int", ("a", 1), (None, 2), (None, -3), ("b", -4))
    rules = [Check("no id", sf.col("id").isNull()), Check("negative", sf.col("n") < 0)]
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
    checked = quality.with_reasons(rows("n int", (None,)), [Check("negative", sf.col("n") < 0)])
    assert [row.reasons for row in checked.collect()] == ["negative"]


def test_record_ids_are_stable_unique_and_do_not_depend_on_order(rows):
    schema = "a string, b string"
    values = [("x", None), ("x", ""), ("x", None), ("", "x"), ("x,", ""), ("x", ",")]
    first = quality.with_record_id(rows(schema, *values), ["a", "b"])
    again = quality.with_record_id(rows(schema, *reversed(values)), ["a", "b"])
    assert first.select("record_id").distinct().count() == len(values)
    assert_df_equality(first, again, ignore_row_order=True)


def test_a_column_that_the_contract_gets_later_changes_no_record_id(rows):
    values = [("x", "1"), ("x", "1"), ("y", None)]
    before = quality.with_record_id(rows("a string, b string", *values), ["a", "b"])
    wider = rows("a string, b string, c string", *((*value, None) for value in values))
    after = quality.with_record_id(wider, ["a", "b", "c"])
    assert {row.record_id for row in before.collect()} == {row.record_id for row in after.collect()}


def test_rows_that_do_not_add_up_stop_the_run():
    quality.require_conserved("table t", 5, kept=3, rejected=2)
    with pytest.raises(InvariantError, match=r"^table t: 5 rows in, but 3 kept \+ 1 rejected = 4$"):
        quality.require_conserved("table t", 5, kept=3, rejected=1)


# ─── Rules as data ───


def agreed(*rules, **quality):
    names = ("id", "n", "day", "code", "ok")
    table = {
        "description": "t",
        "columns": [{"name": name, "type": "string"} for name in names],
        "keys": ["id"],
        "quality": {"rules": rules, "rejects": "r", **quality},
    }
    names = ("record_id", "reasons", "source_file")
    columns = [{"name": name, "type": "string"} for name in names]
    rejects = {"description": "r", "columns": columns, "keys": ["record_id"]}
    tables = {"refined": {"t": table, "r": rejects}}
    return contract.read(json.dumps(tables), "tables.json").table("refined", "t")


def reasons(rows, table, *values, column="n", references=None):
    frame = rows(f"{column} string", *((value,) for value in values))
    return [row.reasons for row in evaluated(frame, table, references).collect()]


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        ({"rule": "not_null"}, ["x", "0"], [None, "", "  "], "n is missing"),
        ({"rule": "null"}, [None], ["", "x"], "n is not empty"),
        ({"rule": "set", "values": ["A", "B"]}, ["A"], ["a", "A ", None], "n is none of the known values"),
        ({"rule": "regex", "pattern": "^[0-9]+$"}, ["17"], ["x1", None], "n does not match ^[0-9]+$"),
        ({"rule": "regex", "pattern": "^[0-9]*$"}, ["17", ""], ["x1", None], "n does not match ^[0-9]*$"),
        (
            {"rule": "type", "type": "int"},
            ["1", " -7 ", "007"],
            ["1.0", "x", None],
            "n is not a whole number",
        ),
        ({"rule": "type", "type": "int"}, ["2147483647"], ["2147483648"], "n does not fit int"),
        (
            {"rule": "type", "type": "decimal(4,2)"},
            ["12.30", "0012.3"],
            ["123", "1.234"],
            "n does not fit decimal(4,2)",
        ),
        (
            {"rule": "type", "type": "date"},
            ["2024-02-29"],
            ["2023-02-29", "2024", "x"],
            "n is not YYYY-MM-DD",
        ),
        (
            {"rule": "type", "type": "timestamp"},
            ["2024-02-29T10:00:00Z", "2024-02-29T10:00:00.5+02:00"],
            ["2024-02-29T10:00:00", "2024-02-30T10:00:00Z"],
            "n is not an ISO 8601 timestamp with a zone",
        ),
        ({"rule": "type", "type": "double"}, ["1e3", "-1.5"], ["NaN", "1e", ""], "n is not a number"),
        ({"rule": "type", "type": "boolean"}, ["true", "False"], ["yes", "1"], "n is not true or false"),
        ({"rule": "regex", "pattern": "x", "reason": "odd"}, ["x"], ["y"], "odd"),
        ({"rule": "regex", "pattern": "x", "except": ["N/A"]}, ["N/A"], ["NA", None], "n does not match x"),
        ({"rule": "regex", "pattern": "x", "optional": True}, [None, "x"], ["y", ""], "n does not match x"),
    ],
)
def test_a_rule_lets_the_good_pass_and_names_the_bad(rows, rule, good, bad, reason):
    table = agreed({"column": "n", **rule})
    assert reasons(rows, table, *good) == [None] * len(good)
    assert reasons(rows, table, *bad) == [reason] * len(bad)


@pytest.mark.parametrize(
    ("limits", "reason", "good", "bad"),
    [
        (
            {"min": 1, "max": 3},
            "below 1 or above 3",
            ["1", "3", "2.5"],
            ["0.999", "3.000000000000000001", "-5", "9" * 40],
        ),
        ({"min": 1}, "below 1", ["9" * 40], ["-" + "9" * 40]),
        ({"above": 0, "below": 1}, "not above 0 or not below 1", ["0.5"], ["0", "1", "-" + "9" * 40]),
    ],
)
def test_a_range_is_exact_and_leaves_text_that_is_no_number_to_its_type(rows, limits, reason, good, bad):
    table = agreed(
        {"column": "n", "rule": "type", "type": "double"}, {"column": "n", "rule": "range", **limits}
    )
    assert reasons(rows, table, *good) == [None] * len(good)
    assert reasons(rows, table, *bad) == [f"n is {reason}"] * len(bad)
    assert reasons(rows, table, "x") == ["n is not a number"]


def test_a_range_of_a_typed_column(rows):
    table = agreed({"column": "n", "rule": "type", "type": "int"}, {"column": "n", "rule": "range", "min": 2})
    frame = rows("n int", (1,), (2,), (None,))
    assert [row.reasons for row in evaluated(frame, table).collect()] == [
        "n is below 2", None, "n is missing; n is below 2"
    ]  # fmt: skip


def test_a_reference_is_looked_up(rows):
    table = agreed({"column": "code", "rule": "reference", "table": "refined.codes", "references": "name"})
    known = rows("name string", ("A",), ("B",), ("A",))
    found = reasons(rows, table, "A", "C", None, column="code", references={"refined.codes": known})
    assert sorted(found, key=str) == [None, "code is not in refined.codes", "code is not in refined.codes"]


def test_a_reference_stands_among_other_rules_and_leaves_no_column(rows):
    """Without a name for the column there, it is called as it is here."""
    table = agreed(
        {"column": "n", "rule": "not_null"}, {"column": "code", "rule": "reference", "table": "refined.codes"}
    )
    frame = rows("n string, code string", ("1", "A"), ("2", "C"))
    checked = evaluated(frame, table, {"refined.codes": rows("code string", ("A",))})
    assert checked.columns == ["n", "code", "typed", "reasons", "superseded"]
    assert sorted((row.n, row.reasons) for row in checked.collect()) == [
        ("1", None),
        ("2", "code is not in refined.codes"),
    ]


def test_of_good_rows_with_the_same_key_one_counts_whatever_the_order_and_the_reception(rows):
    """The one that says least; one that says the same is superseded, and the others are rejected."""
    table = agreed(
        {"column": "n", "rule": "type", "type": "decimal(4,2)"}, {"rule": "unique", "columns": ["id"]}
    )
    values = [("a", "10"), ("a", "9.5"), ("a", None), ("b", "3"), ("a", "9.50"), ("a", "11")]
    for given in (values, values[::-1]):
        for moment in ("1", "2"):
            frame = rows("id string, n string", *given).withColumn(
                "ingested_at", sf.xxhash64("n", sf.lit(moment))
            )
            checked = evaluated(frame, table)
            found = sorted(
                (row.id, str(row.typed.n), row.reasons or "", row.superseded) for row in checked.collect()
            )
            assert found == [
                ("a", "10.00", "id: there already", False),
                ("a", "11.00", "id: there already", False),
                ("a", "9.50", "", False),
                ("a", "9.50", "", True),
                ("a", "None", "n is not a decimal number", False),
                ("b", "3.00", "", False),
            ]
            assert sorted((row.id, str(row.typed.n)) for row in quality.accepted(checked).collect()) == [
                ("a", "9.50"),
                ("b", "3.00"),
            ]
            assert quality.count_judged(checked) == {"accepted": 2, "superseded": 1, "rejected": 3}


def test_a_key_may_have_several_columns(rows):
    table = agreed({"rule": "unique", "columns": ["id", "n"]})
    frame = rows("id string, n string, code string", ("a", "1", "x"), ("a", "2", "x"), ("a", "1", "y"))
    assert sorted(row.reasons or "" for row in evaluated(frame, table).collect()) == [
        "", "", "id, n: there already"
    ]  # fmt: skip


def test_a_key_is_compared_as_a_value(rows):
    table = agreed({"column": "n", "rule": "type", "type": "int"}, {"rule": "unique", "columns": ["n"]})
    found = evaluated(rows("n string", ("7",), ("007",), (" 7 ",)), table).collect()
    assert [row.superseded for row in found] == [False, True, True]


def test_the_latest_version_of_a_key_counts(rows):
    """Of two versions of the same moment the one that says most; a later one that is rejected does not."""
    table = agreed(
        {"column": "n", "rule": "not_null"},
        {"column": "day", "rule": "type", "type": "date"},
        {"rule": "latest", "columns": ["id"], "by": ["day"]},
    )
    values = [
        ("a", "9", "2026-01-01"),
        ("a", "1", "2026-01-02"),
        ("a", "2", "2026-01-02"),
        ("a", None, "2026-01-03"),
        ("b", "1", "2026-01-01"),
    ]
    for given in (values, values[::-1]):
        checked = evaluated(rows("id string, n string, day string", *given), table)
        assert sorted((row.id, row.n) for row in quality.accepted(checked).collect()) == [
            ("a", "2"),
            ("b", "1"),
        ]
        assert quality.count_judged(checked) == {"accepted": 2, "superseded": 2, "rejected": 1}


@pytest.mark.parametrize(
    ("optional", "expected"), [(False, ["broken", None, "broken"]), (True, ["broken", None, None])]
)
def test_a_condition_compares_columns(rows, optional, expected):
    table = agreed(
        {"column": "n", "rule": "type", "type": "int", "optional": True},
        {"column": "id", "rule": "type", "type": "int"},
        {"rule": "sql", "condition": "typed.id <= typed.n", "reason": "broken", "optional": optional},
    )
    frame = rows("id string, n string", ("10", "9"), ("9", "10"), ("1", None))
    assert [row.reasons for row in evaluated(frame, table).collect()] == expected


def test_a_condition_without_a_reason_is_told_itself(rows):
    table = agreed({"rule": "sql", "condition": "n = 'x'"})
    assert reasons(rows, table, "x", "y") == [None, "not n = 'x'"]


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        (
            {"type": "decimal(6,2)", "decimal": ","},
            {"1234,5": "1234.50", " -0,1": "-0.10", "7": "7.00"},
            ["1.5", "1.234,5", "x", None],
            "n is not a decimal number with a decimal comma",
        ),
        ({"type": "decimal(4,2)", "decimal": ","}, {}, ["1,234"], "n does not fit decimal(4,2)"),
        (
            {"type": "date", "format": "dd.MM.yyyy"},
            {"01.02.2026": "2026-02-01"},
            ["1.2.2026", "2026-02-01", "30.02.2026", "", None],
            "n is not a date written dd.MM.yyyy",
        ),
        (
            {"type": "timestamp", "format": "dd.MM.yyyy HH:mm XXX"},
            {"01.02.2026 00:30 +02:00": "2026-01-31 22:30:00"},
            ["01.02.2026 00:30", "x"],
            "n is not a timestamp written dd.MM.yyyy HH:mm XXX",
        ),
    ],
)
def test_a_value_may_be_written_otherwise(rows, rule, good, bad, reason):
    table = agreed({"column": "n", "rule": "type", **rule})
    frame = evaluated(rows("n string", *((value,) for value in good)), table)
    found = frame.select("reasons", sf.col("typed.n").cast("string").alias("value")).collect()
    assert [(row.reasons, row.value) for row in found] == [(None, value) for value in good.values()]
    assert reasons(rows, table, *bad) == [reason] * len(bad)


def test_a_range_of_numbers_with_a_comma(rows):
    table = agreed(
        {"column": "n", "rule": "type", "type": "decimal(6,2)", "decimal": ","},
        {"column": "n", "rule": "range", "max": "1.5"},
    )
    assert reasons(rows, table, "1,5", "1,51") == [None, "n is above 1.5"]


def test_after_a_final_reason_no_other_is_asked(rows):
    table = agreed(
        {"column": "ok", "rule": "not_null", "final": True, "reason": "unreadable"},
        {"column": "n", "rule": "not_null"},
    )
    frame = rows("ok string, n string", (None, None), ("x", None))
    assert [row.reasons for row in evaluated(frame, table).collect()] == ["unreadable", "n is missing"]


def test_a_number_that_does_not_fit_is_as_final_as_one_that_is_none(rows):
    table = agreed(
        {"column": "n", "rule": "type", "type": "int", "final": True}, {"column": "ok", "rule": "not_null"}
    )
    frame = rows("n string, ok string", ("x", None), ("2147483648", None))
    found = [row.reasons for row in evaluated(frame, table).collect()]
    assert found == ["n is not a whole number", "n does not fit int"]


def test_rules_are_evaluated_in_one_pass(rows):
    """One projection over the scan: no exchange, no second scan."""
    table = load("template").table("refined", "template_records")
    table = dataclasses.replace(table, rules=[rule for rule in table.rules if rule.kind != "unique"])
    columns = {rule.column for rule in table.rules}
    frame = rows(", ".join(f"{name} string" for name in sorted(columns)), ("x",) * len(columns))
    plan = evaluated(frame, table)._jdf.queryExecution().executedPlan().toString()
    assert "Exchange" not in plan
    assert plan.count("Scan") == 1


@pytest.mark.parametrize(("rejected", "rows_in"), [(3, 10), (3, 100), (5, 100)])
def test_a_run_goes_on_within_either_limit(rows, rejected, rows_in):
    table = agreed(stop_above={"share": 0.05, "rows": 3})
    quality.require_within(table, rows_in, rows("reasons string", *[("a",)] * rejected), rejected)


def test_a_run_stops_above_both_limits_and_names_the_three_most_frequent_reasons(rows):
    table = agreed(stop_above={"share": 0.05, "rows": 3})
    given = ["d", "c; d", "d; b", "d; b; c", "a; d", "d; a; c"]
    rejects = rows("reasons string", *((reasons,) for reasons in given))
    with pytest.raises(QualityError) as error:
        quality.require_within(table, 100, rejects, 6)
    assert str(error.value) == (
        "refined.t: 6 of 100 rows are rejected; expected at most 3 rows or 5%; most often: "
        "d (6), c (3), a (2); see refined.r, "
        "then mend the source or the contract and run again: nothing else was written"
    )


# ─── Counts ───


def test_rows_are_counted_by_condition_and_by_frame(rows):
    frame = rows("n int", (1,), (2,), (None,))
    assert quality.count_where(frame, small=sf.col("n") < 2, known=sf.col("n").isNotNull()) == {
        "small": 1,
        "known": 2,
    }
    assert quality.count_where(frame.where("n > 9"), small=sf.col("n") < 2) == {"small": 0}
    assert quality.count_each(all=frame, known=frame.where("n > 0"), none=frame.where("n > 9")) == {
        "all": 3,
        "known": 2,
        "none": 0,
    }
