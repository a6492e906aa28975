"""Name what does not fit together in a contract, and what of the standard has no effect here.

What the standard's own schema says is checked before a contract is built, by ``make check-inputs``: the jobs
need no validator for it. What would change a result and is not looked at by any job is refused here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.contract import LAYERS
from core.mistakes import CONTENT, MISSING, Mistake
from core.odcs import (
    COUNT,
    FRESHNESS,
    MINUTES,
    NESTED,
    OPERATORS,
    TRANSFORM,
    custom,
    elements,
    is_rule,
    last,
    layer,
    physical_name,
    physical_type,
    primary_key,
    target,
    value_type,
    words,
)

Found = Iterator[tuple[str, Any, str]]

# What of logicalTypeOptions says something of the values, and is not looked at here.
_UNREAD = ("maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "multipleOf", "required")
_UTC = ("Etc/UTC", "UTC", "Z")
_NONE = (("mustBe", 0), ("mustBeLessThan", 1), ("mustBeLessOrEqualTo", 0))
_METRICS = ("duplicateValues", "invalidValues", "missingValues", "nullValues", "rowCount")
_TABLE = re.compile(r"\$?\{(model|table|object|schema)\}$")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)$")
_SIZED = ("int", "smallint", "tinyint", "bigint", "decimal", "string", "binary")
_DAYS = ("date", "timestamp")
# https://iceberg.apache.org/spec/#partition-transforms
_TRANSFORMED = {
    "years": _DAYS,
    "months": _DAYS,
    "days": _DAYS,
    "hours": ("timestamp",),
    "truncate": _SIZED,
    "bucket": (*_SIZED, *_DAYS),
    "identity": (*_SIZED, *_DAYS, "boolean"),
}
_REJECTS_COLUMNS = ("record_id", "reasons", "source_file")


def mistakes(content: Any, file: str) -> list[Mistake]:
    """Return what does not fit together in a contract, and what of the standard has no meaning here."""
    if not isinstance(content, Mapping) or not isinstance(content.get("schema"), list):
        value = MISSING if isinstance(content, Mapping) else content
        expected = str(words()["properties"]["schema"]["expected"])
        return [Mistake(file, "schema" if isinstance(content, Mapping) else CONTENT, value, expected)]
    if found := unnamed(content, file):
        return found
    levels = [Mistake(file, *each) for each in _service_level_mistakes(content)]
    return levels + [
        Mistake(file, f"schema.{described['name']}{field}", value, expected)
        for described in content["schema"]
        for field, value, expected in (
            *_object_mistakes(described, content),
            *_property_mistakes(described, content),
            *_check_mistakes(described),
            *_relationship_mistakes(described, content),
        )
    ]


def _service_level_mistakes(content: Mapping[str, Any]) -> Found:
    """A job measures by them: how often data comes, and how late it may be (`core.freshness`)."""
    names = [each["name"] for each in content["schema"]]
    for number, level in enumerate(content.get("slaProperties") or []):
        if level.get("property") not in FRESHNESS:
            continue
        place, value, unit = f"slaProperties[{number}]", level.get("value"), level.get("unit")
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            yield f"{place}.value", value if "value" in level else MISSING, "a number above 0"
        if unit not in MINUTES:
            yield f"{place}.unit", unit or MISSING, f"one of {', '.join(MINUTES)}"
        for name in elements(level):
            if name not in names:
                yield f"{place}.element", name, f"tables of schema: {', '.join(names)}"


def unnamed(content: Mapping[str, Any], file: str) -> list[Mistake]:
    """Return what has no name of its own, by which everything else is told."""
    return list(_unnamed(content, file))


def _unnamed(content: Mapping[str, Any], file: str) -> Iterator[Mistake]:
    lists = [("schema", content["schema"])]
    for number, described in enumerate(content["schema"]):
        if isinstance(described, Mapping) and "name" in described:
            lists.append((f"schema.{described['name']}.properties", described.get("properties") or []))
        else:
            yield Mistake(file, f"schema[{number}].name", MISSING, "the name of a table")
    for place, parts in lists:
        seen: set[str] = set()
        for number, part in enumerate(parts):
            if not isinstance(part, Mapping) or "name" not in part:
                if place != "schema":
                    yield Mistake(file, f"{place}[{number}].name", MISSING, "the name of a column")
                continue
            if part["name"] in seen:
                yield Mistake(file, f"{place}[{number}].name", part["name"], "each name once")
            seen.add(part["name"])


def _object_mistakes(described: Mapping[str, Any], content: Mapping[str, Any]) -> Found:
    own, name = custom(described), physical_name(described)
    field = ".physicalName" if described.get("physicalName") else ".name"
    yield from _unlike(words()["$defs"]["table_name"], name, field)
    same = [
        other
        for other in content["schema"]
        if (layer(other), physical_name(other)) == (layer(described), name)
    ]
    if same[0] is not described:
        yield field, name, f"each table once: {layer(described)}.{name} is {same[0]['name']}, too"
    if layer(described) not in LAYERS:
        yield ".customProperties.layer", layer(described), f"one of {', '.join(LAYERS)}"
    if str(described.get("physicalType", "table")).lower() != "table":
        yield ".physicalType", described["physicalType"], '"table": nothing else is made'
    if not described.get("properties"):
        yield ".properties", described.get("properties", MISSING), "a list of at least one property"
    yield from _misspelt(own, words()["$defs"]["object_custom"], "")
    yield from _quarantine_mistakes(described, content)
    yield from _own_mistakes(described, own)


def _own_mistakes(described: Mapping[str, Any], own: Mapping[str, Any]) -> Found:
    names = [each["name"] for each in described.get("properties") or []]
    by = own.get("latestBy", [])
    for number, each in enumerate(by if isinstance(by, list) else []):
        if each not in names:
            yield f".customProperties.latestBy[{number}]", each, f"one of {', '.join(names)}"
    if by and not any(each.get("primaryKey") for each in described.get("properties") or []):
        yield ".customProperties.latestBy", by, "a primary key, too: of the rows of a key the latest counts"
    if layer(described) == "raw":
        for each in ("optimizers", "snapshotRetention", "tableProperties"):
            if each in own:
                yield f".customProperties.{each}", own[each], "no such field: a raw table is none of Iceberg"


def _quarantine_mistakes(described: Mapping[str, Any], content: Mapping[str, Any]) -> Found:
    name, field = custom(described).get("quarantine"), ".customProperties.quarantine"
    if name is None:
        return
    other = next((each for each in content["schema"] if each["name"] == name), None)
    if other is None or layer(other) != layer(described):
        yield field, name, "the name of a schema object of the same layer"
        return
    columns = [physical_name(each) for each in other.get("properties") or []]
    key = [physical_name(each) for each in primary_key(other.get("properties") or [])]
    if missing := [each for each in _REJECTS_COLUMNS if each not in columns]:
        expected = f"a table with the columns {', '.join(_REJECTS_COLUMNS)}; it has no {', '.join(missing)}"
        yield field, name, expected
    elif key != list(_REJECTS_COLUMNS[:1]):
        yield field, name, f"a table whose primary key is {_REJECTS_COLUMNS[0]}"


def _property_mistakes(table: Mapping[str, Any], content: Mapping[str, Any]) -> Found:
    seen: dict[str, str] = {}
    for described in table.get("properties") or []:
        name, place = physical_name(described), f".properties.{described['name']}"
        yield from _unlike(
            words()["$defs"]["column_name"],
            name,
            f"{place}.{'physicalName' if 'physicalName' in described else 'name'}",
        )
        if name in seen:
            yield f"{place}.physicalName", name, f"each column once: it is that of {seen[name]}, too"
        seen[name] = described["name"]
        for field, value, expected in (
            *_type_mistakes(described),
            *_option_mistakes(described),
            *_key_mistakes(described, table),
            *_inner_mistakes(described),
        ):
            yield f"{place}{field}", value, expected
        yield from _misspelt(custom(described), words()["$defs"]["property_custom"], place)


_CHECKED = ("logicalTypeOptions", "primaryKey", "quality", "relationships", "required", "unique")


def _inner_mistakes(described: Mapping[str, Any]) -> Found:
    """Yield what is demanded of values within an object or a list: no job looks into one."""
    parts = [(f".properties.{each['name']}", each) for each in described.get("properties") or []]
    parts += [(".items", described["items"])] if described.get("items") else []
    for place, part in parts:
        for field in _CHECKED:
            is_size = field == "logicalTypeOptions" and set(part.get(field) or {}) <= {"format"}
            if part.get(field) and not is_size:
                expected = "nothing of the kind within an object or a list: no job looks into one"
                yield f"{place}.{field}", part[field], expected
        yield from ((f"{place}{field}", value, expected) for field, value, expected in _inner_mistakes(part))


def _unlike(words: Mapping[str, Any], value: str, field: str) -> Found:
    if not re.search(words["pattern"], value):
        yield field, value, words["expected"]


def _type_mistakes(described: Mapping[str, Any]) -> Found:
    kind, column_type = physical_type(described), words()["$defs"]["column_type"]
    if not re.search(column_type["pattern"], kind):
        said = next(
            (field for field in ("physicalType", "logicalType") if field in described), "physicalType"
        )
        yield f".{said}", described.get(said, MISSING), column_type["expected"]
    elif (decimal := _DECIMAL.match(kind)) and int(decimal[2]) > int(decimal[1]):
        yield ".physicalType", described.get("physicalType"), "a scale of at most the precision"
    text = described.get("description") or ""
    if len(re.sub(r"\s+", " ", text.strip())) > 255:
        yield ".description", text, "at most 255 characters, which is what Glue keeps of a column"


def _option_mistakes(described: Mapping[str, Any]) -> Found:
    options, kind = described.get("logicalTypeOptions") or {}, value_type(described)
    own = custom(described)
    for option in _UNREAD:
        if option in options:
            yield (
                f".logicalTypeOptions.{option}",
                options[option],
                "no such option: no job checks it; say it in quality",
            )
    if options.get("defaultTimezone", "UTC") not in _UTC:
        yield (
            ".logicalTypeOptions.defaultTimezone",
            options["defaultTimezone"],
            '"Etc/UTC": all timestamps are in UTC',
        )
    if "decimal" in own and not kind.startswith(("decimal", "double", "float")):
        yield ".customProperties.decimal", own["decimal"], f"no such field: {kind} has no decimal places"
    form = options.get("format", "")
    if kind == "timestamp" and form and not re.search(r"[VzOXxZ]", re.sub("'[^']*'", "", form)):
        yield ".logicalTypeOptions.format", form, "a zone in it, such as XXX: a timestamp is an instant"
    if own.get("partitionTransform") and not described.get("partitioned"):
        yield ".customProperties.partitionTransform", own["partitionTransform"], "partitioned: true, too"


def _key_mistakes(described: Mapping[str, Any], table: Mapping[str, Any]) -> Found:
    kind = physical_type(described).split("(")[0].split("<")[0]
    if described.get("primaryKey") and kind in NESTED:
        yield ".primaryKey", True, f"a column that is no {kind}: a key is one value"
    for flag, field in (("primaryKey", "primaryKeyPosition"), ("partitioned", "partitionKeyPosition")):
        if not described.get(flag) or (position := described.get(field, -1)) < 1:
            continue
        first = next(
            each["name"] for each in table["properties"] if each.get(flag) and each.get(field) == position
        )
        if first != described["name"]:
            yield f".{field}", position, f"a position of its own: {first} has it"
    if not described.get("partitioned") or layer(table) == "raw":
        return
    said = custom(described).get("partitionTransform", "identity")
    match, field = TRANSFORM.match(str(said)), ".customProperties.partitionTransform"
    if match is None:
        yield field, said, words()["$defs"]["property_custom"]["properties"]["partitionTransform"]["expected"]
    elif kind not in (fitting := _TRANSFORMED[match[1] or match[2]]):
        yield (
            field,
            said,
            f"a transform that fits a {kind}: {match[1] or match[2]} takes {', '.join(fitting)}",
        )


def _check_mistakes(table: Mapping[str, Any]) -> Found:
    places = [("", None, table.get("quality"))]
    places += [
        (f".properties.{each['name']}", each, each.get("quality")) for each in table.get("properties") or []
    ]
    for place, described, checks in places:
        for number, check in enumerate(checks or []):
            for field, value, expected in _quality_mistakes(check, table, described):
                yield f"{place}.quality[{number}]{field}", value, expected


def _quality_mistakes(
    check: Mapping[str, Any], table: Mapping[str, Any], described: Mapping[str, Any] | None
) -> Found:
    kind = check.get("type", "library")
    if not is_rule(check):
        return
    if kind not in ("library", "sql"):
        yield ".type", kind, "library, sql or text: no job runs a check of another engine"
        return
    yield from _misspelt(custom(check), words()["$defs"]["quality_custom"], "")
    metric = check.get("metric")
    if kind == "library" and metric not in _METRICS:
        yield ".metric", check.get("metric", MISSING), f"one of {', '.join(_METRICS)}"
        return
    if metric == "rowCount":
        if described is not None:
            yield ".metric", metric, "a place in the quality of the table: a column has no rows"
        return
    if not any(check.get(operator) == value and operator in check for operator, value in _NONE):
        operator = next((each for each in OPERATORS if each in check), "mustBe")
        yield (
            f".{operator}",
            check.get(operator, MISSING),
            "mustBe: 0, for a row that breaks a rule is rejected; how many may be is stopAbove",
        )
    if kind == "sql":
        yield from _query_mistakes(check, table)
    else:
        yield from _argument_mistakes(check, table, described)


def _query_mistakes(check: Mapping[str, Any], table: Mapping[str, Any]) -> Found:
    match = COUNT.match(check.get("query", ""))
    if match is None or not (
        _TABLE.match(match["table"]) or match["table"] in (table["name"], physical_name(table))
    ):
        expected = "SELECT COUNT(*) FROM ${object} WHERE …, which counts the rows that break the rule"
        yield ".query", check.get("query", MISSING), expected


def _argument_mistakes(
    check: Mapping[str, Any], table: Mapping[str, Any], described: Mapping[str, Any] | None
) -> Found:
    arguments, metric = check.get("arguments") or {}, check["metric"]
    known = {"invalidValues": ("pattern", "validValues"), "missingValues": ("missingValues",)}.get(metric, ())
    if metric == "duplicateValues" and described is None:
        known = ("properties",)
    elif described is None:
        yield ".metric", metric, "a place in the quality of a property"
    for name in arguments:
        if name not in known:
            expected = (
                f"no such argument: there are {', '.join(known)}"
                if known
                else f"no arguments: {metric} has none"
            )
            yield f".arguments.{name}", arguments[name], expected
    if known and not any(name in arguments for name in known) and metric != "missingValues":
        yield (
            f".arguments.{known[-1]}",
            MISSING,
            f"one of {', '.join(known)}" if len(known) > 1 else "a list of properties",
        )
    yield from _list_mistakes(arguments, table)


def _list_mistakes(arguments: Mapping[str, Any], table: Mapping[str, Any]) -> Found:
    for name in ("validValues", "missingValues"):
        for number, value in enumerate(arguments.get(name, [])):
            if not isinstance(value, str) and not (value is None and name == "missingValues"):
                yield (
                    f".arguments.{name}[{number}]",
                    value,
                    "a text, in quotes: values are compared as they are written",
                )
    names = [each["name"] for each in table.get("properties") or []]
    for number, name in enumerate(arguments.get("properties", [])):
        if name not in names:
            yield f".arguments.properties[{number}]", name, f"one of {', '.join(names)}"


def _relationship_mistakes(table: Mapping[str, Any], content: Mapping[str, Any]) -> Found:
    names = [each["name"] for each in table.get("properties") or []]
    for number, each in enumerate(table.get("relationships") or []):
        field = f".relationships[{number}]"
        if last(each.get("from")) not in names:
            yield (
                f"{field}.from",
                each.get("from", MISSING),
                f"one property of this table: one of {', '.join(names)}",
            )
        yield from _target_mistakes(each, content, field)
    for described in table.get("properties") or []:
        for number, each in enumerate(described.get("relationships") or []):
            yield from _target_mistakes(
                each, content, f".properties.{described['name']}.relationships[{number}]"
            )


def _target_mistakes(relationship: Mapping[str, Any], content: Mapping[str, Any], field: str) -> Found:
    if not target(relationship, content):
        expected = "one property of a schema object, such as table.column"
        yield f"{field}.to", relationship.get("to", MISSING), expected


def _misspelt(own: Mapping[str, Any], known: Mapping[str, Any], place: str) -> Found:
    """Yield names near to ours: nobody reads them, and their writer thinks that they are read."""
    ours = list(known["properties"])
    for name in own:
        near = difflib.get_close_matches(name.lower(), [each.lower() for each in ours], n=1, cutoff=0.8)
        if name not in ours and near:
            expected = next(each for each in ours if each.lower() == near[0])
            yield (
                f"{place}.customProperties.{name}",
                own[name],
                f"the name {expected}, or one that is less like it",
            )
