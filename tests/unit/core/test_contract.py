"""core.contract: what a data contract says to the jobs, and what differs from it."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from types import ModuleType

import pytest

from core import audit, contract, odcs, yaml_file
from core.contract import Column, Rule, Table
from core.errors import ContractError
from meshtest.tools import folders, toolchain

PROJECTS = toolchain.ROOT / "infrastructure" / "projects"


def own(**values):
    return {"customProperties": [{"property": name, "value": value} for name, value in values.items()]}


ID = {"name": "id", "logicalType": "string"}
DAY = {"name": "day", "logicalType": "date"}
N = {"name": "n", "logicalType": "string"}
REJECTS = [{"name": name, "logicalType": "string"} for name in ("record_id", "reasons", "source_file")]
OTHERS = (
    {"name": "r", "properties": [REJECTS[0] | {"primaryKey": True}, *REJECTS[1:]], **own(layer="refined")},
    {"name": "t_raw", "physicalName": "t", "properties": [N], **own(layer="raw")},
)


def read(*properties, name="t", quality=(), relationships=(), **custom):
    """A contract with the table refined.t of some properties."""
    table = {
        "name": name,
        "physicalName": "t",
        "properties": list(properties or (ID, DAY, N)),
        "quality": list(quality),
        "relationships": list(relationships),
        **own(**{"layer": "refined", **custom}),
    }
    return contract.read({"schema": [table, *OTHERS]}, "contract.odcs.yaml")


def rules(*properties, **more):
    return read(*properties, **more).table("refined", "t").rules


@pytest.mark.parametrize("project", folders.projects(toolchain.ROOT))
def test_the_jobs_read_the_file_that_terraform_reads(project):
    loaded = contract.load(project)
    described = yaml_file.parsed((PROJECTS / project / contract.FILE).read_text(), project)
    assert loaded == contract.read(described, f"infrastructure/projects/{project}/{contract.FILE}")
    assert set(loaded.objects) == {each["name"] for each in described["schema"]}


def test_what_is_packed_as_json_is_read_without_yaml(tmp_path, monkeypatch):
    """As on Glue, which brings no PyYAML."""
    package = tmp_path / "jobs" / "packed"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / contract.PACKED).write_text(json.dumps({"schema": [{"name": "t", "properties": [ID]}]}))
    jobs = ModuleType("jobs")
    jobs.__path__ = [str(tmp_path / "jobs")]
    monkeypatch.setitem(sys.modules, "jobs", jobs)
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert contract.load("packed").objects == {"t": "curated.t"}


@pytest.mark.parametrize("project", folders.projects(toolchain.ROOT))
def test_each_iceberg_table_has_a_key_by_which_it_is_merged(project):
    tables = contract.load(project).tables.values()
    assert [table.label for table in tables if table.layer != "raw" and not table.keys] == []


def test_the_audit_table_is_named_after_its_project():
    table = audit.table("orders")
    assert (table.label, table.partitioning) == ("refined.orders_job_runs", ("months(started_at)",))
    assert table.types["run_id"] == "string"


def test_a_table_is_what_the_file_says():
    known = {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["a"]}}
    known["description"] = "no a"
    table = read(
        ID | {"primaryKey": True},
        DAY | {"partitioned": True, **own(partitionTransform="months")},
        N | {"required": True, **own(exempt=["N/A"])}
        | {"quality": [known]},
        quarantine="r",
        stopAbove={"share": 0.1, "rows": 5},
        latestBy=["day"],
        tableProperties={"write.format.default": "parquet"},
    )  # fmt: skip
    assert table.table("refined", "t") == Table(
        "refined",
        "t",
        (Column("id", "string"), Column("day", "date"), Column("n", "string")),
        keys=("id",),
        partitioning=("months(day)",),
        rules=(
            Rule("required", "id", {}),
            Rule("physicalType", "day", {"physicalType": "date"}, optional=True),
            Rule("validValues", "n", {"values": ["a"]}, reason="no a", exempt=("N/A",)),
            Rule("latestBy", "", {"properties": ["id"], "by": ["day"]}),
        ),
        quarantine="r",
        stop_share=0.1,
        stop_rows=5,
        properties={"write.format.default": "parquet"},
    )


def test_a_table_is_offered_to_readers_unless_its_layer_is_said():
    (table,) = contract.read({"schema": [{"name": "t", "properties": [ID]}]}, "c").tables.values()
    assert table == Table("curated", "t", (Column("id", "string"),), stop_share=1.0, stop_rows=0)


def test_partitions_of_a_raw_table_are_folders_in_their_order():
    parts = [{"name": name, "logicalType": "string", "partitioned": True} for name in ("b", "a", "c")]
    for part, position in zip(parts, (2, 1, -1), strict=True):
        part["partitionKeyPosition"] = position
    described = {"name": "t", "properties": [*parts, ID], **own(layer="raw")}
    table = contract.read({"schema": [described]}, "c").table("raw", "t")
    assert [key.name for key in table.partition_keys] == ["a", "b", "c"]
    assert table.columns == (Column("id", "string"),)


def test_keys_and_partitions_come_by_their_positions():
    table = read(
        ID | {"primaryKey": True, "primaryKeyPosition": 2, "partitioned": True, "partitionKeyPosition": 2}
        | own(partitionTransform="bucket(4)"),
        DAY | {"partitioned": True, "partitionKeyPosition": 1, **own(partitionTransform="days")},
        N | {"primaryKey": True, "primaryKeyPosition": 1, "partitioned": True},
    ).table("refined", "t")  # fmt: skip
    assert (table.keys, table.partitioning) == (("n", "id"), ("days(day)", "bucket(4, id)", "n"))


@pytest.mark.parametrize(
    ("described", "kind"),
    [
        ({"physicalType": "DECIMAL(18, 2)"}, "decimal(18,2)"),
        ({"physicalType": "ARRAY<STRUCT<A: INT>>"}, "array<struct<a:int>>"),
        ({"logicalType": "time"}, "string"),
        ({"logicalType": "number"}, "double"),
        ({"logicalType": "number", "logicalTypeOptions": {"format": "f32"}}, "float"),
        ({"logicalType": "integer"}, "int"),
        ({"logicalType": "integer", "logicalTypeOptions": {"format": "u32"}}, "bigint"),
        ({"logicalType": "array", "items": {"logicalType": "date"}}, "array<date>"),
        (
            {
                "logicalType": "object",
                "physicalType": "STRUCT",
                "properties": [N, DAY | {"physicalName": "d"}],
            },
            "struct<n:string,d:date>",
        ),
        ({"logicalType": "object"}, ""),
    ],
)
def test_a_type_is_gluess_whatever_is_said_of_it(described, kind):
    assert odcs.physical_type({"name": "x", **described}) == kind


# ─── Rules ───


@pytest.mark.parametrize(
    ("described", "found"),
    [
        ({}, []),
        ({"required": True}, [Rule("required", "n", {})]),
        ({"unique": True}, [Rule("duplicateValues", "", {"properties": ["n"]})]),
        (
            {"logicalType": "integer", "required": True, "logicalTypeOptions": {"minimum": 1, "maximum": 2}},
            [
                Rule("limits", "n", {"minimum": 1, "maximum": 2}),
                Rule("physicalType", "n", {"physicalType": "int"}),
            ],
        ),
        (
            {"logicalType": "date", "physicalType": "string", "logicalTypeOptions": {"format": "dd.MM.yyyy"}},
            [Rule("physicalType", "n", {"physicalType": "date", "format": "dd.MM.yyyy"}, optional=True)],
        ),
        (
            {"logicalTypeOptions": {"maxLength": 3}, "required": True},
            [Rule("required", "n", {}), Rule("length", "n", {"maxLength": 3})],
        ),
        ({"logicalType": "date", "transformLogic": "to_date(x)"}, []),
        ({"physicalType": "array<int>"}, []),
        ({"physicalType": "array<int>", "required": True}, [Rule("required", "n", {})]),
        (
            {"relationships": [{"to": "r.reasons"}]},
            [Rule("relationship", "n", {"object": "r", "property": "reasons"}, optional=True)],
        ),
        (
            {"relationships": [{"to": "../a/contract.odcs.yaml#/schema/b/properties/c"}]},
            [
                Rule(
                    "relationship",
                    "n",
                    {"file": "../a/contract.odcs.yaml", "object": "b", "property": "c"},
                    optional=True,
                )
            ],
        ),
    ],
)
def test_a_property_says_what_its_values_keep(described, found):
    assert list(rules(N | described)) == found


def test_columns_are_told_by_their_physical_names():
    checks = [{"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["number", "id"]}}]
    related = [{"from": "t.number", "to": "r.reasons"}]
    found = rules(
        ID,
        N | {"name": "number", "physicalName": "n", "required": True},
        quality=checks,
        relationships=related,
    )
    assert [(rule.kind, rule.column, rule.options.get("properties")) for rule in found] == [
        ("required", "n", None),
        ("relationship", "n", None),
        ("duplicateValues", "", ["n", "id"]),
    ]


@pytest.mark.parametrize("expected", [{"mustBe": 0}, {"mustBeLessThan": 1}, {"mustBeLessOrEqualTo": 0}])
@pytest.mark.parametrize("table", ["${object}", "{table}", "t", "${model}"])
def test_a_query_counts_the_rows_that_break_the_rule(expected, table):
    query = f"select count(*)\n  from {table}\n where ${{property}} < 0;"
    (rule,) = rules(N | {"quality": [{"type": "sql", "query": query, **expected}]})
    assert rule == Rule("sql", "", {"breaks": "n < 0"})


def test_the_number_of_rows_is_the_tables():
    table = read(quality=[{"metric": "rowCount", "mustBeGreaterThan": 0}]).table("refined", "t")
    assert (table.rules[1:], table.row_count) == ((), (("mustBeGreaterThan", 0),))


def test_the_rules_of_the_raw_table_hold_on_the_way_to_the_refined_one():
    corrupt = {"type": "sql", "query": "SELECT COUNT(*) FROM ${object} WHERE n = 'x'", "mustBe": 0}
    raw = OTHERS[1] | {"quality": [corrupt]}
    described = {"name": "t", "properties": [N | {"required": True}], **own(layer="refined")}
    judging = contract.read({"schema": [raw, described]}, "c").judging("t", "t")
    assert [rule.kind for rule in judging.rules] == ["sql", "required"]


def test_the_columns_that_no_row_can_do_without_are_known():
    found = read(ID | {"required": True}, DAY, N | {"unique": True}, quarantine="r")
    assert found.required_columns == {"id"}
    assert read(ID | {"required": True}).required_columns == frozenset()


# ─── Mistakes ───
# The others, and how everyone tells them: tests/infra/stacks/bad_inputs.yaml.


def test_every_problem_is_named_at_once():
    with pytest.raises(ContractError) as error:
        read(N | {"logicalType": "text"}, DAY | {"partitioned": True, **own(partitionTransform="weeks")})
    assert str(error.value) == (
        'contract.odcs.yaml: schema.t.properties.n.logicalType is "text"; expected a Glue type such as '
        '"string", "bigint", "date" or "decimal(18,2)". '
        'contract.odcs.yaml: schema.t.properties.day.customProperties.partitionTransform is "weeks"; '
        "expected an Iceberg transform: years, months, days, hours, identity, bucket(n) or truncate(n)."
    )


@pytest.mark.parametrize(
    ("inner", "field"),
    [
        ({"properties": [N | {"required": True}]}, "properties.n.required is true"),
        (
            {"properties": [N | {"logicalTypeOptions": {"maxLength": 3}}]},
            "properties.n.logicalTypeOptions is {...}",
        ),
        ({"logicalType": "array", "items": {"logicalType": "date", "unique": True}}, "items.unique is true"),
        (
            {"properties": [{"name": "o", "logicalType": "object", "properties": [N | {"quality": [{}]}]}]},
            "properties.o.properties.n.quality is [{}]",
        ),
    ],
)
def test_what_no_job_looks_at_within_an_object_is_refused(inner, field):
    with pytest.raises(ContractError) as error:
        read(ID, {"name": "x", "logicalType": "object", **inner})
    assert str(error.value) == (
        f"contract.odcs.yaml: schema.t.properties.x.{field}; "
        "expected nothing of the kind within an object or a list: no job looks into one."
    )


def test_how_large_a_number_within_an_object_is_may_be_said():
    inner = {"name": "i", "logicalType": "integer", "logicalTypeOptions": {"format": "i64"}}
    table = read({"name": "x", "logicalType": "object", "properties": [inner]}).table("refined", "t")
    assert table.types == {"x": "struct<i:bigint>"}


@pytest.mark.parametrize("content", [None, [], "text", {}, {"schema": {"a": 1}}, {"schema": [{}]}])
def test_what_is_no_contract_is_refused(content):
    with pytest.raises(ContractError, match=r"^c: (content|schema|schema\[0\]\.name) is .*; expected "):
        contract.read(content, "c")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\n", "c:2: content is \"no YAML (expected ',' or ']'"),
        ("a: 1\na: 2\n", 'c:2: content is "no YAML (the key a twice)"'),
        ("a: \x01\n", 'c: content is "no YAML ('),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(text, told):
    with pytest.raises(ContractError) as error:
        yaml_file.parsed(text, "c")
    assert str(error.value).startswith(told)
    assert str(error.value).endswith("; expected a data contract (ODCS) in YAML.")


def test_a_day_stays_a_text():
    assert yaml_file.parsed("day: 2026-01-01", "c") == {"day": "2026-01-01"}


def test_an_unknown_table_and_an_unknown_project_are_named():
    with pytest.raises(
        ContractError, match=r"^contract\.odcs\.yaml: no table raw\.x; there are raw\.t, refined\.r"
    ):
        read().table("raw", "x")
    with pytest.raises(
        ContractError,
        match=r"^src/jobs/nothing/contract\.odcs\.yaml: content is missing; expected a link to ",
    ):
        contract.load("nothing")


# ─── Compare ───


def test_the_same_columns_in_another_order_and_in_sparks_words_do_not_differ():
    table = Table("refined", "t", (Column("at", "timestamp"), Column("a", "decimal(9,2)")))
    assert not contract.differences(table, [("a", "decimal(9, 2)"), ("at", "timestamp_ntz")])


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


# ─── Service Levels ───

FREQUENCY = {"property": "frequency", "value": 1, "unit": "d"}
# What a table of rejects is, the contract says of the table whose rejects it takes.
TABLES = (
    {"name": "t", "properties": [ID | {"primaryKey": True}], **own(layer="refined", quarantine="r")},
    OTHERS[0],
    {"name": "daily", "properties": [DAY | {"primaryKey": True}]},
    OTHERS[1],
)


def leveled(*levels):
    return contract.read({"schema": list(TABLES), "slaProperties": list(levels)}, "contract.odcs.yaml")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], {}),
        ([{"property": "retention", "value": 3, "unit": "y"}], {}),
        ([FREQUENCY], {"refined.t": timedelta(days=1), "curated.daily": timedelta(days=1)}),
        (
            [FREQUENCY, {"property": "latency", "value": 4, "unit": "h"}],
            {"refined.t": timedelta(hours=28), "curated.daily": timedelta(hours=28)},
        ),
        ([FREQUENCY | {"element": "daily.day"}], {"curated.daily": timedelta(days=1)}),
        (
            [FREQUENCY | {"element": "t, r", "value": 0.5}, FREQUENCY],
            {
                "refined.t": timedelta(hours=12),
                "refined.r": timedelta(hours=12),
                "curated.daily": timedelta(days=1),
            },
        ),
    ],
    ids=[
        "none",
        "another",
        "all but rejects and raw ones",
        "and latency",
        "one by its column",
        "some otherwise",
    ],
)
def test_a_table_may_be_as_old_as_its_service_level_says(levels, expected):
    assert leveled(*levels).max_ages == expected


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ({"value": 0}, "slaProperties[0].value is 0; expected a number above 0."),
        ({"value": "daily"}, 'slaProperties[0].value is "daily"; expected a number above 0.'),
        ({"unit": "fortnight"}, 'slaProperties[0].unit is "fortnight"; expected one of minute, minutes, h,'),
        (
            {"element": "other.day"},
            'slaProperties[0].element is "other"; expected tables of schema: t, r, daily',
        ),
    ],
    ids=["nothing", "a word", "a unit", "a table"],
)
def test_a_service_level_that_nobody_can_measure_is_refused(level, message):
    with pytest.raises(ContractError) as caught:
        leveled(FREQUENCY | level)
    assert f"contract.odcs.yaml: {message}" in str(caught.value)
