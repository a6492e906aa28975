"""core.quality: each row ends in one of accepted or rejected, with all its reasons."""

from __future__ import annotations

import dataclasses

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as sf

from core import contract, quality
from core.contract import load
from core.errors import ContractError, InvariantError, QualityError
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


def agreed(*properties, quality=(), **own):
    """A refined table of texts, with some properties as they are given, and its own customProperties."""
    described = {name: {"name": name, "logicalType": "string"} for name in ("id", "n", "day", "code", "ok")}
    text = {"logicalType": "string"}
    described |= {
        each["name"]: custom(each if "physicalType" in each else text | each) for each in properties
    }
    columns = [{"name": name, "logicalType": "string"} for name in ("record_id", "reasons", "source_file")]
    rejects = {"name": "r", "properties": [{**columns[0], "primaryKey": True}, *columns[1:]]}
    codes = {"name": "codes", "properties": [{"name": "name", "logicalType": "string"}]}
    table = {"name": "t", "properties": list(described.values()), "quality": list(quality), **own}
    tables = [custom({"layer": "refined", **each}) for each in (table, rejects, codes)]
    return contract.read({"schema": tables}, "contract.odcs.yaml").table("refined", "t")


OWN = {"decimal", "exempt", "final", "latestBy", "layer", "quarantine", "reasons", "stopAbove"}


def custom(part):
    """The same with what is ours among the customProperties."""
    own = [{"property": name, "value": value} for name, value in part.items() if name in OWN]
    return {**{name: value for name, value in part.items() if name not in OWN}, "customProperties": own}


def counted(where, **more):
    """A quality check that counts rows."""
    return custom(
        {"type": "sql", "query": f"SELECT COUNT(*) FROM ${{object}} WHERE {where}", "mustBe": 0, **more}
    )


def metric(name, **arguments):
    return {"metric": name, "mustBe": 0, "arguments": arguments}


def reasons(rows, table, *values, column="n", references=None):
    frame = rows(f"{column} string", *((value,) for value in values))
    return [row.reasons for row in evaluated(frame, table, references).collect()]


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        ({"required": True}, ["x", "0"], [None, "", "  "], "n is missing"),
        ({"quality": [metric("nullValues")]}, ["", "x"], [None], "n is null"),
        ({"quality": [metric("missingValues")]}, ["", "x"], [None], "n is missing"),
        (
            {"quality": [metric("missingValues", missingValues=[None, "", "N/A"])]},
            ["x", " "],
            [None, "", "N/A"],
            "n is missing",
        ),
        (
            {"quality": [metric("missingValues", missingValues=["N/A"])]},
            [None, "x"],
            ["N/A"],
            "n is missing",
        ),
        (
            {"required": True, "quality": [metric("invalidValues", validValues=["A", "B"])]},
            ["A"],
            ["a", "A ", None],
            "n is none of the known values",
        ),
        (
            {"required": True, "quality": [metric("invalidValues", pattern="^[0-9]+$")]},
            ["17"],
            ["x1", None],
            "n does not match ^[0-9]+$",
        ),
        (
            {"required": True, "logicalTypeOptions": {"pattern": "^[0-9]*$"}},
            ["17", ""],
            ["x1", None],
            "n does not match ^[0-9]*$",
        ),
        (
            {"logicalTypeOptions": {"minLength": 2, "maxLength": 3}},
            ["ab", "abc", None],
            ["a", "abcd", ""],
            "n is shorter than 2 or longer than 3 characters",
        ),
        (
            {"required": True, "physicalType": "INT"},
            ["1", " -7 ", "007"],
            ["1.0", "x", None],
            "n is not a whole number",
        ),
        ({"logicalType": "integer"}, ["2147483647"], ["2147483648"], "n does not fit int"),
        (
            {"physicalType": "decimal(4, 2)"},
            ["12.30", "0012.3", None],
            ["123", "1.234"],
            "n does not fit decimal(4,2)",
        ),
        (
            {"required": True, "logicalType": "date"},
            ["2024-02-29"],
            ["2023-02-29", "2024", "x", None],
            "n is not YYYY-MM-DD",
        ),
        (
            {"required": True, "logicalType": "date", "physicalType": "string"},
            ["2024-02-29"],
            ["2023-02-29"],
            "n is not YYYY-MM-DD",
        ),
        (
            {"logicalType": "timestamp"},
            ["2024-02-29T10:00:00Z", "2024-02-29T10:00:00.5+02:00"],
            ["2024-02-29T10:00:00", "2024-02-30T10:00:00Z"],
            "n is not an ISO 8601 timestamp with a zone",
        ),
        ({"logicalType": "number"}, ["1e3", "-1.5"], ["NaN", "1e", ""], "n is not a number"),
        ({"logicalType": "boolean"}, ["true", "False"], ["yes", "1"], "n is not true or false"),
        (
            {"required": True, "logicalTypeOptions": {"pattern": "x"}, "reasons": {"pattern": "odd"}},
            ["x"],
            ["y"],
            "odd",
        ),
        (
            {"required": True, "logicalTypeOptions": {"pattern": "x"}, "exempt": ["N/A"]},
            ["N/A"],
            ["NA", None],
            "n does not match x",
        ),
        ({"logicalTypeOptions": {"pattern": "x"}}, [None, "x"], ["y", ""], "n does not match x"),
        (
            {"logicalType": "date", "logicalTypeOptions": {"minimum": "2024-01-01"}},
            ["2024-01-01", None],
            ["2023-12-31"],
            "n is below 2024-01-01",
        ),
        ({"quality": [counted("${column} = 'x'")]}, ["y", None], ["x"], "n = 'x'"),
        ({"quality": [counted("n = 'x'", description="no x")]}, ["y", None], ["x"], "no x"),
    ],
)
def test_a_rule_lets_the_good_pass_and_names_the_bad(rows, rule, good, bad, reason):
    table = agreed({"name": "n", **rule})
    assert reasons(rows, table, *good) == [None] * len(good)
    assert reasons(rows, table, *bad) == [reason] * len(bad)


@pytest.mark.parametrize("check", [{"type": "text"}, {**metric("nullValues"), "severity": "warning"}])
def test_a_text_for_people_and_a_warning_reject_nothing(rows, check):
    assert reasons(rows, agreed({"name": "n", "quality": [check]}), None, "x") == [None, None]


@pytest.mark.parametrize(
    ("limits", "reason", "good", "bad"),
    [
        (
            {"minimum": 1, "maximum": 3},
            "below 1 or above 3",
            ["1", "3", "2.5"],
            ["0.999", "3.000000000000000001", "-5", "9" * 40],
        ),
        ({"minimum": 1}, "below 1", ["9" * 40], ["-" + "9" * 40]),
        (
            {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "not above 0 or not below 1",
            ["0.5"],
            ["0", "1", "-" + "9" * 40],
        ),
    ],
)
def test_a_range_is_exact_and_leaves_text_that_is_no_number_to_its_type(rows, limits, reason, good, bad):
    table = agreed({"name": "n", "logicalType": "number", "logicalTypeOptions": limits})
    assert reasons(rows, table, *good) == [None] * len(good)
    assert reasons(rows, table, *bad) == [f"n is {reason}"] * len(bad)
    assert reasons(rows, table, "x") == ["n is not a number"]


def test_a_range_of_a_typed_column(rows):
    table = agreed(
        {"name": "n", "logicalType": "integer", "required": True, "logicalTypeOptions": {"minimum": 2}}
    )
    frame = rows("n int", (1,), (2,), (None,))
    assert [row.reasons for row in evaluated(frame, table).collect()] == [
        "n is below 2", None, "n is below 2; n is missing"
    ]  # fmt: skip


CODE = {"name": "code", "logicalType": "string", "relationships": [{"to": "codes.name"}]}


def test_a_relationship_is_looked_up_and_null_leads_nowhere(rows):
    known = rows("name string", ("A",), ("B",), ("A",))
    found = reasons(rows, agreed(CODE), "A", "C", None, column="code", references={"codes": known})
    assert sorted(found, key=str) == [None, None, "code is not in codes"]


def test_a_relationship_stands_among_other_rules_and_leaves_no_column(rows):
    table = agreed({"name": "n", "required": True}, CODE)
    frame = rows("n string, code string", ("1", "A"), ("2", "C"))
    checked = evaluated(frame, table, {"codes": rows("name string", ("A",))})
    assert checked.columns == ["n", "code", "typed", "reasons", "superseded"]
    assert sorted((row.n, row.reasons) for row in checked.collect()) == [
        ("1", None),
        ("2", "code is not in codes"),
    ]


def test_what_a_relationship_leads_to_has_to_be_given(rows):
    message = r"^refined\.t: code has a relationship to codes\.name; expected the rows of codes among the ref"
    with pytest.raises(ContractError, match=message):
        evaluated(rows("code string", ("A",)), agreed(CODE))


def test_a_rule_is_about_what_was_received(rows):
    message = r"^refined\.t: n has the rule physicalType; expected a received column: one of id, or tran"
    with pytest.raises(ContractError, match=message):
        evaluated(rows("id string", ("A",)), agreed({"name": "n", "logicalType": "integer"}))
    worked_out = agreed({"name": "n", "logicalType": "integer", "transformLogic": "length(id)"})
    assert reasons(rows, worked_out, "A", column="id") == [None]


def test_reasons_come_in_the_order_of_the_received_columns(rows):
    table = agreed(
        {"name": "id", "required": True}, {"name": "n", "required": True}, quality=[counted("id IS NULL")]
    )
    frame = rows("n string, id string", (None, None))
    assert [row.reasons for row in evaluated(frame, table).collect()] == [
        "n is missing; id is missing; id IS NULL"
    ]


def test_of_good_rows_with_the_same_key_one_counts_whatever_the_order_and_the_reception(rows):
    """The one that says least; one that says the same is superseded, and the others are rejected."""
    table = agreed(
        {"name": "n", "physicalType": "decimal(4,2)", "required": True},
        quality=[metric("duplicateValues", properties=["id"])],
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
    table = agreed(quality=[metric("duplicateValues", properties=["id", "n"])])
    frame = rows("id string, n string, code string", ("a", "1", "x"), ("a", "2", "x"), ("a", "1", "y"))
    assert sorted(row.reasons or "" for row in evaluated(frame, table).collect()) == [
        "", "", "id, n: there already"
    ]  # fmt: skip


def test_a_key_is_compared_as_a_value(rows):
    table = agreed({"name": "n", "logicalType": "integer", "unique": True})
    found = evaluated(rows("n string", ("7",), ("007",), (" 7 ",)), table).collect()
    assert [row.superseded for row in found] == [False, True, True]


def test_the_latest_version_of_a_key_counts(rows):
    """Of two versions of the same moment the one that says most; a later one that is rejected does not."""
    table = agreed(
        {"name": "id", "primaryKey": True},
        {"name": "n", "required": True},
        {"name": "day", "logicalType": "date", "required": True},
        latestBy=["day"],
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
    ("where", "expected"),
    [("id > n", ["broken", None, None]), ("NOT coalesce(id <= n, false)", ["broken", None, "broken"])],
)
def test_a_query_compares_values_and_what_it_does_not_count_passes(rows, where, expected):
    table = agreed(
        {"name": "n", "logicalType": "integer"},
        {"name": "id", "logicalType": "integer"},
        quality=[counted(where, description="broken")],
    )
    frame = rows("id string, n string", ("10", "9"), ("9", "10"), ("1", None))
    assert [row.reasons for row in evaluated(frame, table).collect()] == expected


def test_a_query_that_spark_does_not_read_is_named(rows):
    message = r"^refined\.t: a query counts WHERE x > 1, which Spark does not read .* on the columns n$"
    with pytest.raises(ContractError, match=message):
        reasons(rows, agreed(quality=[counted("x > 1")]), "1")


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        (
            {"physicalType": "decimal(6,2)", "decimal": ","},
            {"1234,5": "1234.50", " -0,1": "-0.10", "7": "7.00"},
            ["1.5", "1.234,5", "x", None],
            "n is not a decimal number with a decimal comma",
        ),
        ({"physicalType": "decimal(4,2)", "decimal": ","}, {}, ["1,234"], "n does not fit decimal(4,2)"),
        (
            {"logicalType": "date", "logicalTypeOptions": {"format": "dd.MM.yyyy"}},
            {"01.02.2026": "2026-02-01"},
            ["1.2.2026", "2026-02-01", "30.02.2026", "", None],
            "n is not a date written dd.MM.yyyy",
        ),
        (
            {"logicalType": "timestamp", "logicalTypeOptions": {"format": "dd.MM.yyyy HH:mm XXX"}},
            {"01.02.2026 00:30 +02:00": "2026-01-31 22:30:00"},
            ["01.02.2026 00:30", "x"],
            "n is not a timestamp written dd.MM.yyyy HH:mm XXX",
        ),
    ],
)
def test_a_value_may_be_written_otherwise(rows, rule, good, bad, reason):
    table = agreed({"name": "n", "required": True, **rule})
    frame = evaluated(rows("n string", *((value,) for value in good)), table)
    found = frame.select("reasons", sf.col("typed.n").cast("string").alias("value")).collect()
    assert [(row.reasons, row.value) for row in found] == [(None, value) for value in good.values()]
    assert reasons(rows, table, *bad) == [reason] * len(bad)


def test_a_range_of_numbers_with_a_comma(rows):
    limited = {
        "name": "n",
        "physicalType": "decimal(6,2)",
        "logicalTypeOptions": {"maximum": 1.5},
        "decimal": ",",
    }
    assert reasons(rows, agreed(limited), "1,5", "1,51") == [None, "n is above 1.5"]


def test_after_a_final_reason_no_other_is_asked(rows):
    table = agreed(
        {"name": "n", "required": True}, quality=[counted("ok IS NULL", final=True, description="unreadable")]
    )
    frame = rows("n string, ok string", (None, None), (None, "x"))
    assert [row.reasons for row in evaluated(frame, table).collect()] == ["unreadable", "n is missing"]


def test_rules_are_evaluated_in_one_pass(rows):
    """One projection over the scan: no exchange, no second scan."""
    table = load("template").judging("template_records", "template_records")
    table = dataclasses.replace(table, rules=[rule for rule in table.rules if rule.kind != "duplicateValues"])
    columns = {rule.column for rule in table.rules if rule.column} | {"corrupt_record"}
    frame = rows(", ".join(f"{name} string" for name in sorted(columns)), ("x",) * len(columns))
    plan = evaluated(frame, table)._jdf.queryExecution().executedPlan().toString()
    assert "Exchange" not in plan
    assert plan.count("Scan") == 1


@pytest.mark.parametrize(("rejected", "rows_in"), [(3, 10), (3, 100), (5, 100)])
def test_a_run_goes_on_within_either_limit(rows, rejected, rows_in):
    table = agreed(stopAbove={"share": 0.05, "rows": 3}, quarantine="r")
    quality.require_within(table, rows_in, rows("reasons string", *[("a",)] * rejected), rejected)


def test_a_run_stops_above_both_limits_and_names_the_three_most_frequent_reasons(rows):
    table = agreed(stopAbove={"share": 0.05, "rows": 3}, quarantine="r")
    given = ["d", "c; d", "d; b", "d; b; c", "a; d", "d; a; c"]
    rejects = rows("reasons string", *((reasons,) for reasons in given))
    with pytest.raises(QualityError) as error:
        quality.require_within(table, 100, rejects, 6)
    assert str(error.value) == (
        "refined.t: 6 of 100 rows are rejected; expected at most 3 rows or 5%; most often: "
        "d (6), c (3), a (2); see refined.r, "
        "then mend the source or the contract and run again: nothing else was written"
    )


@pytest.mark.parametrize(
    ("operator", "value", "good", "bad"),
    [
        ("mustBe", 2, 2, 3),
        ("mustNotBe", 2, 3, 2),
        ("mustBeGreaterThan", 0, 1, 0),
        ("mustBeGreaterOrEqualTo", 2, 2, 1),
        ("mustBeLessThan", 2, 1, 2),
        ("mustBeLessOrEqualTo", 2, 2, 3),
        ("mustBeBetween", [1, 3], 3, 4),
        ("mustNotBeBetween", [1, 3], 4, 1),
    ],
)
def test_the_number_of_rows_is_what_the_contract_says(operator, value, good, bad):
    table = agreed(quality=[{"metric": "rowCount", operator: value}])
    quality.require_row_count(table, good)
    with pytest.raises(QualityError, match=rf"^refined\.t: it has {bad} rows now; expected "):
        quality.require_row_count(table, bad)


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
