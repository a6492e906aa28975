"""An outside witness: datacontract-cli finds in a table what core's checks find in the rows that go there.

Both read one contract in the open standard: core judges text as it is received, datacontract-cli the typed
table, through DuckDB.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter

import duckdb
import pytest
import yaml

from core import contract
from core.quality import evaluated
from meshtest.tools import toolchain

DATACONTRACT = toolchain.ROOT / ".tools" / "datacontract" / "bin" / "datacontract"


def library(metric, **arguments):
    return {"quality": [{"metric": metric, "mustBe": 0, "arguments": arguments}]}


# Each column has one rule: what it says, a good value, and bad ones.
BEFORE, FIRST = "2025-12-31", "2026-01-01"
COLUMNS = {
    "required": ({"logicalType": "string", "required": True}, "x", [None]),
    "minimum": ({"logicalType": "integer", "logicalTypeOptions": {"minimum": 2}}, "2", ["1", "-7"]),
    "maximum": ({"logicalType": "number", "logicalTypeOptions": {"maximum": 1.5}}, "1.5", ["1.6"]),
    "above": ({"physicalType": "decimal(9,2)", "logicalType": "number"}, "0.01", ["0", "-1"]),
    "below": ({"logicalType": "integer", "logicalTypeOptions": {"exclusiveMaximum": 5}}, "4", ["5", "6"]),
    "day": ({"logicalType": "date", "logicalTypeOptions": {"minimum": FIRST}}, FIRST, [BEFORE]),
    "shortest": ({"logicalType": "string", "logicalTypeOptions": {"minLength": 2}}, "ab", ["a"]),
    "longest": ({"logicalType": "string", "logicalTypeOptions": {"maxLength": 2}}, "ab", ["abc", "abcd"]),
    "pattern": ({"logicalType": "string", "logicalTypeOptions": {"pattern": "^[A-Z]+$"}}, "A", ["a", "A1"]),
    "valid": ({"logicalType": "string", **library("invalidValues", validValues=["A", "B"])}, "B", ["C"]),
    "formed": ({"logicalType": "string", **library("invalidValues", pattern="^[0-9]$")}, "7", ["17"]),
    "known": ({"logicalType": "string", **library("nullValues")}, "", [None]),
    "there": (library("missingValues", missingValues=[None, "N/A"]), "x", [None, "N/A"]),
    "code": ({"logicalType": "string", "relationships": [{"to": "codes.code"}]}, "A", ["Z"]),
    "once": ({"logicalType": "integer", "unique": True}, None, []),
    "counted": ({"logicalType": "integer"}, "1", ["-1", "-2"]),
}  # fmt: skip
COLUMNS["there"][0]["logicalType"] = "string"
COLUMNS["above"][0]["logicalTypeOptions"] = {"exclusiveMinimum": 0}
TYPES = {"string": "VARCHAR", "integer": "INT", "number": "DECIMAL(9,2)", "date": "DATE"}
QUERY = "SELECT COUNT(*) FROM ${object} WHERE counted < 0"


@pytest.fixture
def agreed(tmp_path):
    """The contract, whose tables are files of this test."""
    server = {"server": "here", "type": "local", "path": f"{tmp_path}/{{model}}.parquet", "format": "parquet"}
    codes = {"name": "codes", "properties": [{"name": "code", "logicalType": "string"}]}
    table = {
        "name": "t",
        "properties": [{"name": name, **said} for name, (said, *_) in COLUMNS.items()],
        "quality": [{"type": "sql", "query": QUERY, "mustBe": 0, "description": "counted is below zero"}],
        "customProperties": [{"property": "layer", "value": "refined"}],
    }
    known = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "t",
        "version": "1.0.0",
        "status": "active",
    }
    content = {**known, "servers": [server], "schema": [table, codes]}
    (tmp_path / "contract.odcs.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return content


def received(*, bad: bool) -> list[tuple]:
    """Rows as text: a good one, and then for each bad value one with nothing else wrong."""
    good = {name: value for name, (_, value, _) in COLUMNS.items()}
    found = [
        good,
        *({**good, name: value} for name, (_, _, values) in COLUMNS.items() for value in values if bad),
    ]
    numbered = [{**row, "once": str(number)} for number, row in enumerate(found)]
    # The key of the first row once more, and another content.
    again = [{**numbered[0], "valid": "A"}] if bad else []
    return [tuple(row.values()) for row in (*numbered, *again)]


def by_core(rows, content, values) -> dict[str, int]:
    """How many rows core rejects, by the column whose rule they break."""
    table = contract.read(content, "contract.odcs.yaml").table("refined", "t")
    schema = ", ".join(f"{name} string" for name in COLUMNS)
    found = evaluated(rows(schema, *values), table, {"codes": rows("code string", ("A",))})
    reasons = [row.reasons for row in found.where("reasons IS NOT NULL").select("reasons").collect()]
    assert not [reason for reason in reasons if ";" in reason]
    return dict(Counter(reason.split()[0].rstrip(":") for reason in reasons))


def by_witness(folder, values) -> dict[str, int]:
    """How many values datacontract-cli finds in the table, by the column whose check they break."""
    columns = ", ".join(f"{name} VARCHAR" for name in COLUMNS)
    typed = ", ".join(
        f"{name}::{TYPES[said['logicalType']]} AS {name}" for name, (said, *_) in COLUMNS.items()
    )
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE received ({columns})")
        database.executemany(f"INSERT INTO received VALUES ({', '.join('?' * len(COLUMNS))})", values)
        database.execute(f"COPY (SELECT {typed} FROM received) TO '{folder}/t.parquet'")
        database.execute(f"COPY (SELECT 'A' AS code) TO '{folder}/codes.parquet'")
    result = folder / "result.json"
    command = [
        DATACONTRACT,
        "test",
        folder / "contract.odcs.yaml",
        "--output-format",
        "json",
        "--output",
        result,
    ]
    subprocess.run(list(map(str, command)), capture_output=True, text=True)
    checks = json.loads(result.read_text())["checks"]
    # A file has no types of its own, which the witness says of each column.
    assert {check["type"] for check in checks if check["result"] == "warning"} <= {"field_type"}
    found: Counter[str] = Counter()
    for check in checks:
        assert check["result"] in ("failed", "passed", "warning"), check
        if check["result"] == "failed":
            found[check.get("field") or "counted"] += check["diagnostics"]["value"]
    return dict(found)


def test_the_witness_finds_what_core_finds_for_every_kind_of_rule(rows, agreed, tmp_path):
    assert DATACONTRACT.exists(), "expected datacontract-cli: run `make .tools/datacontract/.installed`"
    values = received(bad=True)
    found = by_core(rows, agreed, values)
    assert found == {**{name: len(bad) for name, (_, _, bad) in COLUMNS.items()}, "once": 1}
    assert by_witness(tmp_path, values) == found


def test_neither_finds_anything_in_good_rows(rows, agreed, tmp_path):
    assert DATACONTRACT.exists(), "expected datacontract-cli: run `make .tools/datacontract/.installed`"
    values = received(bad=False)
    assert (by_core(rows, agreed, values), by_witness(tmp_path, values)) == ({}, {})
