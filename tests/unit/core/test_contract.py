"""core.contract: what tables.json may say, and what differs from it."""

from __future__ import annotations

import json

import pytest

from core import audit, contract
from core.contract import Column
from core.errors import ContractError
from meshtest import toolchain

PROJECTS = toolchain.ROOT / "infrastructure" / "projects"
COLUMNS = [{"name": "id", "type": "string"}, {"name": "day", "type": "date"}, {"name": "n", "type": "string"}]


def read(layer="refined", rules=(), stop_above=None, **changes):
    quality = {"rules": list(rules), **({"stop_above": stop_above} if stop_above else {})}
    table = {"description": "A table", "columns": COLUMNS, "quality": quality, **changes}
    return contract.read(json.dumps({layer: {"t": table}}), "tables.json")


@pytest.mark.parametrize("project", ["project01", "test02"])
def test_the_jobs_read_the_file_that_terraform_reads(project):
    loaded = contract.load(project)
    described = json.loads((PROJECTS / project / "tables.json").read_text())
    assert {name: table.types for name, table in loaded.tables.items()} == {
        f"{layer}.{name}": {column["name"]: column["type"] for column in table["columns"]}
        for layer, tables in described.items()
        for name, table in tables.items()
    }


@pytest.mark.parametrize("project", ["project01", "test02"])
def test_each_iceberg_table_has_keys_by_which_it_is_merged(project):
    tables = contract.load(project).tables.values()
    assert [table.label for table in tables if table.layer != "raw" and not table.keys] == []


def test_the_template_is_a_contract():
    contract.read((PROJECTS / "_template" / "tables.json").read_text(), "tables.json")


def test_the_audit_table_is_named_after_its_project():
    table = audit.table("project01")
    assert (table.label, table.partitioning) == ("refined.project01_job_runs", ("months(started_at)",))
    assert table.types["run_id"] == "string"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": []}, "refined.t: no columns; expected at least one"),
        ({"columns": [*COLUMNS, COLUMNS[0]]}, "refined.t: column id is there 2 times; expected once"),
        ({"columns": [{"name": "id", "type": "text"}]}, "column id has type 'text'; expected a Glue type"),
        ({"keys": ["no"]}, "refined.t: keys name no; expected one of id, day, n"),
        ({"partitioning": ["weeks(day)"]}, "partitioning 'weeks(day)'; expected an Iceberg transform"),
        ({"partitioning": ["days(no)"]}, "partitioning 'days(no)'; expected an Iceberg transform"),
        ({"layer": "raw", "partitioning": ["days(day)"]}, "of a refined or curated table"),
        ({"colour": "red"}, "refined.t: unknown field colour; expected one of columns, description"),
        ({"quality": {"rejects": "no"}}, "refined.t: rejects no; expected a table of the same layer"),
        ({"stop_above": {"share": 2}}, "stop_above share 2, rows 0; expected a fraction from 0 to 1"),
        ({"rules": [{"column": "id", "rule": "nice"}]}, "rule nice of id: unknown; expected one of not_null"),
        ({"rules": [{"rule": "not_null"}]}, "expected columns for unique, and a column for every other"),
        ({"rules": [{"column": "id", "rule": "set"}]}, "rule set of id: values is missing"),
        ({"rules": [{"column": "n", "rule": "range", "max": 9}]}, "expected a rule type of the same column"),
        ({"rules": [{"column": "n", "rule": "regex", "pattern": "a", "flags": "i"}]}, "unknown option flags"),
    ],
)
def test_what_is_wrong_is_named_with_table_field_and_expectation(changes, message):
    with pytest.raises(ContractError) as error:
        read(**changes)
    assert str(error.value).startswith("tables.json: ")
    assert message in str(error.value)


def test_every_problem_is_named_at_once():
    with pytest.raises(ContractError) as error:
        read(keys=["no"], colour="red")
    assert str(error.value).count("tables.json: ") == 2


def test_text_that_is_no_json_is_named_by_its_line():
    with pytest.raises(ContractError, match=r"^tables\.json:2: no valid JSON: "):
        contract.read('{\n"raw": }', "tables.json")


def test_an_unknown_table_and_an_unknown_project_are_named():
    with pytest.raises(ContractError, match=r"^tables\.json: no table raw\.t; there are refined\.t$"):
        read().table("raw", "t")
    with pytest.raises(
        ContractError, match=r"^project nothing: no tables\.json in the package jobs\.nothing"
    ):
        contract.load("nothing")


# ─── Compare ───


def test_the_same_columns_in_another_order_and_in_sparks_words_do_not_differ():
    table = read(columns=[{"name": "at", "type": "timestamp"}, {"name": "a", "type": "decimal(9,2)"}])
    found = [("a", "decimal(9, 2)"), ("at", "timestamp_ntz")]
    assert not contract.differences(table.table("refined", "t"), found)


def test_what_differs_is_shown():
    found = contract.differences(
        read().table("refined", "t"), [("id", "bigint"), ("day", "date"), ("x", "int")]
    )
    assert found.missing == (Column("n", "string"),)
    assert str(found) == (
        "column n string is missing; column id is bigint, expected string; "
        "column x int is not in the contract"
    )
