"""core.contract: what tables.json may say, and what differs from it."""

from __future__ import annotations

import json

import pytest

from core import audit, contract
from core.contract import Column, Rule, Table
from core.errors import ContractError
from meshtest import folders, toolchain

PROJECTS = toolchain.ROOT / "infrastructure" / "projects"
COLUMNS = [{"name": "id", "type": "string"}, {"name": "day", "type": "date"}, {"name": "n", "type": "string"}]
REJECTS = [{"name": name, "type": "string"} for name in ("record_id", "reasons", "source_file")]
OTHERS = {
    "r": {"description": "Rejects", "columns": REJECTS, "keys": ["record_id"]},
    "other": {"description": "Another table", "columns": COLUMNS},
    "keyless": {"description": "Rejects without a key", "columns": REJECTS},
}


def read(layer="refined", **changes):
    table = {"description": "A table", "columns": COLUMNS, **changes}
    return contract.read(json.dumps({layer: {"t": table, **OTHERS}}), "tables.json")


@pytest.mark.parametrize("project", folders.projects(toolchain.ROOT))
def test_the_jobs_read_the_file_that_terraform_reads(project):
    loaded = contract.load(project)
    described = json.loads((PROJECTS / project / "tables.json").read_text())
    assert {name: table.types for name, table in loaded.tables.items()} == {
        f"{layer}.{name}": {column["name"]: column["type"] for column in table["columns"]}
        for layer, tables in described.items()
        if layer != "$schema"
        for name, table in tables.items()
    }


@pytest.mark.parametrize("project", folders.projects(toolchain.ROOT))
def test_each_iceberg_table_has_keys_by_which_it_is_merged(project):
    tables = contract.load(project).tables.values()
    assert [table.label for table in tables if table.layer != "raw" and not table.keys] == []


def test_the_template_is_a_contract():
    contract.read((PROJECTS / "_template" / "tables.json").read_text(), "tables.json")


def test_the_audit_table_is_named_after_its_project():
    table = audit.table("orders")
    assert (table.label, table.partitioning) == ("refined.orders_job_runs", ("months(started_at)",))
    assert table.types["run_id"] == "string"


def test_a_table_is_what_the_file_says():
    table = read(
        keys=["id"],
        partitioning=["months(day)"],
        quality={
            "rules": [
                {"rule": "set", "column": "n", "values": ["a"], "reason": "no a", "except": ["N/A"]},
                {"rule": "not_null", "column": "id", "optional": True, "final": True},
                {"rule": "unique", "columns": ["id"]},
            ],
            "rejects": "r",
            "stop_above": {"share": 0.1, "rows": 5},
        },
    ).table("refined", "t")
    assert table == Table(
        "refined",
        "t",
        (Column("id", "string"), Column("day", "date"), Column("n", "string")),
        keys=("id",),
        partitioning=("months(day)",),
        rules=(
            Rule("set", "n", {"values": ["a"]}, reason="no a", exempt=("N/A",)),
            Rule("not_null", "id", {}, optional=True, final=True),
            Rule("unique", "", {"columns": ["id"]}),
        ),
        rejects="r",
        stop_share=0.1,
        stop_rows=5,
    )


def test_a_table_without_more_than_columns_never_stops_a_run():
    columns = (Column("id", "string"), Column("day", "date"), Column("n", "string"))
    assert read().table("refined", "t") == Table("refined", "t", columns, stop_share=1.0, stop_rows=0)


# ─── Mistakes ───

# What a schema can say, and how Terraform and the others tell it: tests/infra/stacks/bad_inputs.yaml.
A_NUMBER = {"rule": "range", "column": "n", "min": 1}


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"columns": [*COLUMNS, COLUMNS[0]]}, 'columns[3].name is "id"; expected each name once.'),
        (
            {"layer": "raw", "partition_keys": COLUMNS[:1]},
            'partition_keys[0].name is "id"; expected each name once.',
        ),
        (
            {"columns": [{"name": "a", "type": "decimal(2,3)"}]},
            'columns[0].type is "decimal(2,3)"; expected a scale of at most the precision.',
        ),
        ({"keys": ["id", "no"]}, 'keys[1] is "no"; expected one of id, day, n.'),
        (
            {"quality": {"rules": [], "rejects": "no"}},
            'quality.rejects is "no"; expected the name of a table of the same layer.',
        ),
        (
            {"quality": {"rejects": "other"}},
            'quality.rejects is "other"; expected a table with the columns record_id, reasons, source_file; '
            "it has no record_id, reasons, source_file.",
        ),
        (
            {"quality": {"rejects": "keyless"}},
            'quality.rejects is "keyless"; expected a table whose keys are ["record_id"].',
        ),
        (
            {"columns": [{"name": "m", "type": "map<string,int>"}], "keys": ["m"]},
            'keys[0] is "m"; expected a column that is no map: a key is one value.',
        ),
        (
            {"partitioning": ["months(n)"]},
            'partitioning[0] is "months(n)"; expected a transform that fits a string: '
            "months takes date, timestamp.",
        ),
        (
            {"partitioning": ["hours(day)"]},
            'partitioning[0] is "hours(day)"; expected a transform that fits a date: hours takes timestamp.',
        ),
        (
            {"columns": [{"name": "x", "type": "double"}], "partitioning": ["bucket(4, x)"]},
            'partitioning[0] is "bucket(4, x)"; expected a transform that fits a double: bucket takes '
            "int, smallint, tinyint, bigint, decimal, string, binary, date, timestamp.",
        ),
        (
            {"keys": ["id"], "quality": {"rules": [{"rule": "latest", "columns": ["n"], "by": ["day"]}]}},
            'quality.rules[0].columns is ["n"]; expected the table\'s keys: id.',
        ),
        (
            {"keys": ["id"], "quality": {"rules": [{"rule": "latest", "columns": ["id"], "by": ["x"]}]}},
            'quality.rules[0].by is ["x"]; expected columns of the table, too: one of id, day, n.',
        ),
        (
            {"quality": {"rules": [{"rule": "type", "column": "n", "type": "int", "decimal": ","}]}},
            'quality.rules[0].decimal is ","; expected no such field: int has no decimal places.',
        ),
        (
            {"quality": {"rules": [{"rule": "type", "column": "n", "type": "int", "format": "dd"}]}},
            'quality.rules[0].format is "dd"; expected no such field: '
            "only a date or a timestamp has one, not of type int.",
        ),
        (
            {
                "quality": {
                    "rules": [{"rule": "type", "column": "n", "type": "timestamp", "format": "dd 'X'"}]
                }
            },
            "quality.rules[0].format is \"dd 'X'\"; expected a zone in it, such as XXX: "
            "a timestamp is an instant.",
        ),
        (
            {"quality": {"rules": [{"rule": "type", "column": "n", "type": "array<int>"}]}},
            'quality.rules[0].type is "array<int>"; expected a type of one value: '
            "lists and structs are not written as text.",
        ),
        (
            {"quality": {"rules": [{"rule": "range", "column": "n"}], "rejects": "r"}},
            "quality.rules[0] is {}; expected at least one of min, max, above, below.",
        ),
        (
            {"quality": {"rules": [{"rule": "not_null", "column": "id"}, A_NUMBER], "rejects": "r"}},
            'quality.rules[1].column is "n"; '
            "expected a rule of kind type for it, too, for text that is no number.",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(changes, mistake):
    with pytest.raises(ContractError) as error:
        read(**changes)
    assert f"tables.json: {changes.get('layer', 'refined')}.t.{mistake}" in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": [{"name": "a", "type": "decimal(3,3)"}]},
        {"layer": "raw", "partition_keys": [{"name": "hour", "type": "string"}]},
        {"partitioning": ["id", "days(day)", "bucket(4, n)", "truncate(2,n)"]},
        {"keys": ["id"], "quality": {"rules": [{"rule": "latest", "columns": ["id"], "by": ["day"]}]}},
        {
            "quality": {
                "rules": [
                    {"rule": "type", "column": "n", "type": "timestamp", "format": "dd.MM.yyyy HH:mm XXX"},
                    {"rule": "type", "column": "id", "type": "double", "decimal": ","},
                ]
            }
        },
        {"quality": {"rules": [{"rule": "type", "column": "n", "type": "int"}, A_NUMBER], "rejects": "r"}},
    ],
)
def test_what_fits_together_is_a_contract(changes):
    read(**changes)


def test_what_is_no_json_is_named_with_its_line():
    with pytest.raises(ContractError) as error:
        contract.read('{\n  "refined": {,\n', "tables.json")
    told = str(error.value)
    assert told.startswith('tables.json:2: content is "no JSON (Expecting property name')
    assert told.endswith(f"; expected {contract.table_schema()['expected']}.")


def test_every_problem_is_named_at_once():
    with pytest.raises(ContractError) as error:
        read(keys=["no"], partitioning=["weeks(day)"])
    assert str(error.value) == (
        'tables.json: refined.t.keys[0] is "no"; expected one of id, day, n. '
        'tables.json: refined.t.partitioning[0] is "weeks(day)"; '
        'expected an Iceberg transform, such as "months(day)", of one of id, day, n.'
    )


def test_an_unknown_table_and_an_unknown_project_are_named():
    table = {"description": "A table", "columns": COLUMNS}
    two = contract.read(json.dumps({"refined": {"u": table, "t": table}}), "tables.json")
    with pytest.raises(
        ContractError, match=r"^tables\.json: no table raw\.t; there are refined\.t, refined\.u$"
    ):
        two.table("raw", "t")
    with pytest.raises(
        ContractError, match=r"^src/jobs/nothing/tables\.json: content is missing; expected a link to "
    ):
        contract.load("nothing")


# ─── Compare ───


def test_the_same_columns_in_another_order_and_in_sparks_words_do_not_differ():
    table = read(columns=[{"name": "at", "type": "timestamp"}, {"name": "a", "type": "decimal(9,2)"}])
    found = [("a", "decimal(9, 2)"), ("at", "timestamp_ntz")]
    assert not contract.differences(table.table("refined", "t"), found)


@pytest.mark.parametrize(
    "found", [[("id", "string"), ("day", "date")], [("id", "int"), ("day", "date"), ("n", "string")]]
)
def test_one_difference_of_either_kind_is_one(found):
    assert contract.differences(read().table("refined", "t"), found)


def test_what_differs_is_shown():
    found = contract.differences(
        read().table("refined", "t"), [("id", "bigint"), ("day", "date"), ("x", "int")]
    )
    assert found
    assert found.missing == (Column("n", "string"),)
    assert str(found) == (
        "column n string is missing; column id is bigint, expected string; "
        "column x int is not in the contract"
    )


def test_the_columns_that_no_row_can_do_without_are_known():
    rules = [
        {"rule": "not_null", "column": "id"},
        {"rule": "type", "column": "day", "type": "date", "optional": True},
        {"rule": "null", "column": "n"},
        {"rule": "unique", "columns": ["id"]},
    ]
    assert read(quality={"rules": rules}).required_columns == {"id"}
