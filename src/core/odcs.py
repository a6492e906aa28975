"""Read a contract in the Open Data Contract Standard 3.1 as the tables and rules that the jobs work by.

What does not fit together in it, `core.contract_mistakes` tells.

Source: https://bitol-io.github.io/open-data-contract-standard/v3.1.0/
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from core.contract import Column, Rule, Table

_TYPES = {
    "string": "string",
    "date": "date",
    "timestamp": "timestamp",
    "time": "string",
    "number": "double",
    "integer": "int",
    "boolean": "boolean",
}
# https://bitol-io.github.io/open-data-contract-standard/v3.1.0/schema/#logical-type-options
_FORMATS = {
    "number": {"f32": "float", "f64": "double"},
    "integer": {
        "i8": "tinyint",
        "i16": "smallint",
        "i32": "int",
        "i64": "bigint",
        "i128": "decimal(38,0)",
        "u8": "smallint",
        "u16": "int",
        "u32": "bigint",
        "u64": "decimal(20,0)",
        "u128": "decimal(38,0)",
    },
}
LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_LENGTHS = ("minLength", "maxLength")
OPERATORS = (
    *("mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan"),
    *("mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"),
)
_WARNINGS = ("info", "warning", "warn", "low", "minor", "trivial")
COUNT = re.compile(
    r"\s*SELECT\s+COUNT\s*\(\s*(?:\*|1)\s*\)\s+FROM\s+(?P<table>\$?\{\w+\}|[\w.]+)\s+WHERE\s+(?P<where>.+?)\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
COLUMN = re.compile(r"\$?\{(field|column|property)\}")
_SHORT = re.compile(r"(?P<object>\w+)\.(?P<property>\w+)$")
_LONG = re.compile(r"(?:(?P<file>[^#]+)#)?/?schema/(?P<object>[\w-]+)/properties/(?P<property>[\w-]+)$")
NESTED = ("array", "map", "struct")
_DAYS = ("date", "timestamp")
TRANSFORM = re.compile(r"(years|months|days|hours|identity)$|(bucket|truncate)\((\d+)\)$")
# Service levels that say how old data may be, and their units.
FRESHNESS = ("frequency", "latency")
MINUTES = {
    **dict.fromkeys(("minute", "minutes"), 1),
    **dict.fromkeys(("h", "hour", "hours"), 60),
    **dict.fromkeys(("d", "day", "days"), 1440),
    **dict.fromkeys(("w", "week", "weeks"), 10_080),
    **dict.fromkeys(("y", "yr", "year", "years"), 525_600),
}
# What the ingestion adds to the columns that a file has: nobody has written it, so no rule is about it.
_ADDED = frozenset({"corrupt_record", "source_file", "ingested_at", "ingestion_date"})


# ─── Parts ───


@functools.cache
def words() -> Mapping[str, Any]:
    """Return the schema of what is ours in a contract, which is packed with this package."""
    text = resources.files("core").joinpath("contract.schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def custom(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the customProperties of a part of the contract, by their names."""
    return {each["property"]: each.get("value") for each in part.get("customProperties") or []}


def named(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contract in which objects, properties and customProperties are found by their names.

    Fields are told as they are in it: ``schema.orders.properties.amount.logicalType``.
    """
    return {**content, "schema": _by_name(content.get("schema"), "properties")}


def _by_name(parts: Sequence[Mapping[str, Any]] | None, inner: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts or []:
        described = {**part, "customProperties": custom(part)}
        if inner in part:
            described[inner] = _by_name(part[inner], inner)
        found[part["name"]] = described
    return found


def layer(described: Mapping[str, Any]) -> str:
    """Return the layer of a schema object: what is offered to readers, if nothing is said."""
    return str(custom(described).get("layer", "curated"))


def physical_name(described: Mapping[str, Any]) -> str:
    """Return the name of an object's table, or of a property's column."""
    return str(described.get("physicalName") or described["name"])


def physical_type(described: Mapping[str, Any]) -> str:
    """Return a property's Glue type, made from the logical one if none is physical; empty if unknown."""
    said = re.sub(r"\s", "", described.get("physicalType") or "").lower()
    if said and said not in NESTED:
        return said
    logical = described.get("logicalType", "")
    if logical == "object" and described.get("properties"):
        inner = (f"{physical_name(each)}:{physical_type(each)}" for each in described["properties"])
        return f"struct<{','.join(inner)}>"
    if logical == "array" and described.get("items"):
        return f"array<{physical_type(described['items'])}>"
    form = described.get("logicalTypeOptions", {}).get("format", "")
    return said or _FORMATS.get(logical, {}).get(form) or _TYPES.get(logical, "")


def value_type(described: Mapping[str, Any]) -> str:
    """Return the type that a property's values are read as: a text may hold a date or a number."""
    physical, logical = physical_type(described), described.get("logicalType", "string")
    if physical == "string" and logical not in ("string", "time", "object", "array"):
        return physical_type({**described, "physicalType": ""})
    return physical


# ─── Tables ───


def tables(content: Mapping[str, Any]) -> tuple[dict[str, Table], dict[str, str]]:
    """Return a contract's tables by ``layer.table``, and the label of each object's table by its name."""
    described = {each["name"]: _table(each, content) for each in content.get("schema") or []}
    objects = {name: table.label for name, table in described.items()}
    return {table.label: table for table in described.values()}, objects


def max_ages(
    content: Mapping[str, Any], tables: Mapping[str, Table], objects: Mapping[str, str]
) -> dict[str, datetime.timedelta]:
    """Return how old each Iceberg table may be: its ``frequency``, and ``latency`` on top of it.

    A service level without ``element`` is about all tables but those of rejects.
    """
    rejects = {(each.layer, each.quarantine) for each in tables.values()}
    usual = [each.label for each in tables.values() if (each.layer, each.name) not in rejects]
    found: dict[tuple[str, str], datetime.timedelta] = {}
    # What names its tables comes after what does not: it counts instead.
    for level in sorted(content.get("slaProperties") or [], key=lambda each: "element" in each):
        if level.get("property") in FRESHNESS:
            amount = datetime.timedelta(minutes=level["value"] * MINUTES[level["unit"]])
            for label in [objects[name] for name in elements(level)] or usual:
                found[label, level["property"]] = amount
    return {
        label: amount + found.get((label, "latency"), datetime.timedelta())
        for (label, name), amount in found.items()
        if name == "frequency" and tables[label].layer != "raw"
    }


def elements(level: Mapping[str, Any]) -> list[str]:
    """Return the schema objects that a service level names, as table or as table.column."""
    return [
        each.strip().partition(".")[0] for each in str(level.get("element") or "").split(",") if each.strip()
    ]


def _table(described: Mapping[str, Any], content: Mapping[str, Any]) -> Table:
    own, place = custom(described), layer(described)
    properties = described.get("properties") or []
    is_raw = place == "raw"
    folders = [each for each in properties if is_raw and each.get("partitioned")]
    stop = own.get("stopAbove", {})
    quarantine = own.get("quarantine")
    return Table(
        place,
        physical_name(described),
        tuple(_column(each) for each in properties if each not in folders),
        keys=tuple(physical_name(each) for each in primary_key(properties)),
        partitioning=() if is_raw else tuple(_transforms(properties)),
        partition_keys=tuple(map(_column, _in_order(folders, "partitionKeyPosition"))),
        rules=tuple(_rules(described, content)),
        quarantine=_table_of(quarantine, content) if quarantine else None,
        stop_share=stop.get("share", 1.0),
        stop_rows=stop.get("rows", 0),
        row_count=tuple(_row_counts(described)),
        properties=own.get("tableProperties", {}),
    )


def _column(described: Mapping[str, Any]) -> Column:
    return Column(physical_name(described), physical_type(described))


def _in_order(properties: Sequence[Mapping[str, Any]], field: str) -> list[Mapping[str, Any]]:
    """Sort properties by their position; those without one come last, as they are written."""
    return sorted(
        properties, key=lambda each: each[field] if each.get(field, -1) > 0 else len(properties) + 1
    )


def primary_key(properties: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the properties of the primary key, by their positions."""
    return _in_order([each for each in properties if each.get("primaryKey")], "primaryKeyPosition")


def _transforms(properties: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in _in_order([each for each in properties if each.get("partitioned")], "partitionKeyPosition"):
        match = TRANSFORM.match(str(custom(each).get("partitionTransform", "identity")))
        name = physical_name(each)
        if match and match[3]:
            yield f"{match[2]}({match[3]}, {name})"
        else:
            yield name if match is None or match[1] == "identity" else f"{match[1]}({name})"


def _table_of(name: str, content: Mapping[str, Any]) -> str:
    described = next((each for each in content["schema"] if each["name"] == name), None)
    return physical_name(described) if described else name


# ─── Rules ───


def _rules(described: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Rule]:
    properties = described.get("properties") or []
    names = {each["name"]: physical_name(each) for each in properties}
    for each in properties:
        yield from _property_rules(each, described, content)
    for each in described.get("relationships") or []:
        yield from _relationship(each, names.get(last(each["from"]), ""), content)
    for each in described.get("quality") or []:
        yield from _quality_rules(each, described, None, Rule("", "", {}))
    by = custom(described).get("latestBy")
    if by:
        key = [physical_name(each) for each in primary_key(properties)]
        yield Rule("latestBy", "", {"properties": key, "by": [names.get(name, name) for name in by]})


def _property_rules(
    described: Mapping[str, Any], table: Mapping[str, Any], content: Mapping[str, Any]
) -> Iterator[Rule]:
    """Yield what a property's values keep. One that the job works out is not among what was received."""
    name, own = physical_name(described), custom(described)
    if described.get("transformLogic") or name in _ADDED:
        return
    reasons = own.get("reasons", {})
    is_required = bool(described.get("required") or described.get("primaryKey"))
    plain = Rule("", name, {}, exempt=tuple(own.get("exempt", ())), optional=not is_required)

    def rule(kind: str, options: Mapping[str, Any], field: str) -> Rule:
        return dataclasses.replace(plain, kind=kind, options=options, reason=reasons.get(field, ""))

    found = [rule(*each) for each in _value_rules(described, value_type(described))]
    for each in described.get("quality") or []:
        found += _quality_rules(each, table, described, plain)
    # A rule that null breaks says that the value is needed, and says it better.
    if is_required and not any(each.kind in _BREAK_ON_NULL for each in found):
        found.insert(0, rule("required", {}, "required"))
    for each in described.get("relationships") or []:
        found += _relationship(each, name, content, reasons.get("relationships", ""), plain.exempt)
    if described.get("unique"):
        found.append(Rule("duplicateValues", "", {"properties": [name]}, reasons.get("unique", "")))
    yield from found


def _value_rules(described: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield kind and options of the rules of a property by itself, and the field that says it."""
    options, own = described.get("logicalTypeOptions") or {}, custom(described)
    for rule, known in (("limits", LIMITS), ("length", _LENGTHS)):
        if said := {key: options[key] for key in known if key in options}:
            yield rule, said, next(iter(said))
    # Lists and structs are not written as text: the job makes them, and the table takes no other type.
    if kind != "string" and not kind.endswith(">"):
        # Of a number, format says how large it may be, not how it is written.
        written = {"format": options["format"]} if kind in _DAYS and "format" in options else {}
        written |= {"decimal": own["decimal"]} if "decimal" in own else {}
        yield "physicalType", {"physicalType": kind, **written}, "physicalType"
    if "pattern" in options:
        yield "pattern", {"pattern": options["pattern"]}, "pattern"


_BREAK_ON_NULL = ("physicalType", "pattern", "validValues")


def is_rule(check: Mapping[str, Any]) -> bool:
    """Tell whether a quality check rejects rows: a text is for people, and a warning rejects nothing."""
    return check.get("type") != "text" and str(check.get("severity", "")).lower() not in _WARNINGS


def _quality_rules(
    check: Mapping[str, Any], table: Mapping[str, Any], described: Mapping[str, Any] | None, plain: Rule
) -> Iterator[Rule]:
    """Yield the rules of one quality check."""
    if not is_rule(check):
        return
    own = {"reason": check.get("description", ""), "final": bool(custom(check).get("final"))}
    if check.get("type") == "sql":
        if match := COUNT.match(check.get("query", "")):
            yield Rule("sql", "", {"breaks": COLUMN.sub(plain.column, match["where"])}, **own)
        return
    arguments, metric = check.get("arguments") or {}, check.get("metric")
    if metric == "duplicateValues":
        names = {each["name"]: physical_name(each) for each in table.get("properties") or []}
        listed = [names.get(each, each) for each in arguments.get("properties", [])]
        yield Rule(metric, "", {"properties": [plain.column] if described else listed}, **own)
    elif metric == "nullValues":
        yield dataclasses.replace(plain, kind=metric, optional=False, **own)
    elif metric == "missingValues":
        options = {"values": arguments.get("missingValues", [None])}
        yield dataclasses.replace(plain, kind=metric, options=options, optional=False, **own)
    elif metric == "invalidValues":
        if "validValues" in arguments:
            options = {"values": arguments["validValues"]}
            yield dataclasses.replace(plain, kind="validValues", options=options, **own)
        if "pattern" in arguments:
            options = {"pattern": arguments["pattern"]}
            yield dataclasses.replace(plain, kind="pattern", options=options, **own)


def _row_counts(described: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for check in described.get("quality") or []:
        if check.get("metric") == "rowCount" and is_rule(check):
            yield from ((operator, check[operator]) for operator in OPERATORS if operator in check)


def target(relationship: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, str]:
    """Return what a relationship leads to: object, property, another contract's file; empty if unreadable."""
    to = relationship.get("to")
    match = (_SHORT.match(to) or _LONG.match(to)) if isinstance(to, str) else None
    if match is None:
        return {}
    found = {key: value for key, value in match.groupdict().items() if value}
    if "file" in found:
        return found
    for table in content.get("schema") or []:
        if found["object"] in (table.get("id"), table["name"]):
            for each in table.get("properties") or []:
                if found["property"] in (each.get("id"), each["name"]):
                    return {"object": table["name"], "property": physical_name(each)}
    return {}


def _relationship(
    described: Mapping[str, Any],
    column: str,
    content: Mapping[str, Any],
    reason: str = "",
    exempt: tuple[str, ...] = (),
) -> Iterator[Rule]:
    """Yield the rule of a foreign key: as in SQL, null refers to nothing and passes."""
    if found := target(described, content):
        yield Rule("relationship", column, found, reason, exempt, optional=True)


def last(name: Any) -> str:
    """Return the property that a reference such as ``table.column`` ends in."""
    return name.rpartition("/")[2].rpartition(".")[2] if isinstance(name, str) else ""
