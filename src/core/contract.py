"""A project's contract with its readers: ``infrastructure/projects/<project>/tables.json``.

Terraform makes the tables from it, the jobs check and write them by it, so that catalog and code cannot
drift. A table has ``description`` and ``columns``, and as needed

- ``partition_keys`` (raw, Hive) or ``partitioning`` (Iceberg transforms, such as ``months(payment_date)``),
- ``keys``: the columns that identify a row,
- ``properties``: Iceberg's own, such as ``write.target-file-size-bytes``,
- ``quality``: ``rules``, ``rejects`` (the quarantine table) and ``stop_above``: a run stops if more than
  ``rows`` rows and more than the fraction ``share`` of all are rejected.

The types are Glue's. Nothing here needs Spark.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from core import schema
from core.errors import ContractError
from core.mistakes import CONTENT, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LAYERS = ("raw", "refined", "curated")
_TRANSFORM = re.compile(
    r"((?P<timed>years|months|days|hours)\((?P<time>\w+)\)"
    r"|(?P<sizing>bucket|truncate)\(\d+, ?(?P<sized>\w+)\)|(?P<same>\w+))$"
)
# https://iceberg.apache.org/spec/#partition-transforms
_DAYS = ("date", "timestamp")
_SIZED = ("int", "smallint", "tinyint", "bigint", "decimal", "string", "binary")
_TRANSFORMED = {
    "years": _DAYS,
    "months": _DAYS,
    "days": _DAYS,
    "hours": ("timestamp",),
    "truncate": _SIZED,
    "bucket": (*_SIZED, *_DAYS),
    "identity": (*_SIZED, *_DAYS, "boolean"),
}
_NESTED = ("array<", "map<", "struct<")
_REJECTS_COLUMNS = ("record_id", "reasons", "source_file")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)$")
_NEEDS_VALUE = ("not_null", "range", "reference", "regex", "set", "type")
_LIMITS = ("min", "max", "above", "below")


@dataclass(frozen=True)
class Column:
    """A column: its name, its Glue type, and what it holds."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Rule:
    """One quality rule, as data.

    Attributes:
        kind: not_null, null, type, range, set, regex, sql, unique, latest or reference.
        column: the column of the received rows that it is about; empty for sql, unique and latest.
        options: what the kind takes, such as ``{"min": 0}``.
        reason: why a row that breaks it is rejected; a text made from the rule if empty.
        exempt: values that it does not ask about (JSON: ``except``), such as a mark of a missing value.
        optional: null passes. Otherwise null breaks the rule: one that cannot decide lets nothing pass.
        final: a row that breaks it gets no other reason.

    """

    kind: str
    column: str
    options: Mapping[str, Any]
    reason: str = ""
    exempt: tuple[str, ...] = ()
    optional: bool = False
    final: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the contract."""

    layer: str
    name: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()
    partitioning: tuple[str, ...] = ()
    partition_keys: tuple[Column, ...] = ()
    rules: tuple[Rule, ...] = ()
    rejects: str | None = None
    stop_share: float = 1.0
    stop_rows: int = 0
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def label(self) -> str:
        """``layer.table``, for messages."""
        return f"{self.layer}.{self.name}"

    @property
    def types(self) -> dict[str, str]:
        """The Glue type of each column."""
        return {column.name: column.type for column in self.columns}


@dataclass(frozen=True)
class Contract:
    """The tables of a project, by ``layer.table``."""

    file: str
    tables: Mapping[str, Table]

    @property
    def required_columns(self) -> frozenset[str]:
        """The received columns without which each row would be rejected."""
        rules = (rule for table in self.tables.values() for rule in table.rules)
        return frozenset(rule.column for rule in rules if rule.kind in _NEEDS_VALUE and not rule.optional)

    def table(self, layer: str, name: str) -> Table:
        """Return a table.

        Raises:
            ContractError: the contract has no such table.

        """
        try:
            return self.tables[f"{layer}.{name}"]
        except KeyError:
            known = ", ".join(sorted(self.tables))
            raise ContractError(f"{self.file}: no table {layer}.{name}; there are {known}") from None


# ─── Read ───


def load(project: str) -> Contract:
    """Read the contract that is packed with a project's jobs.

    Raises:
        ContractError: it is not there, or is not what it should be.

    """
    file = f"infrastructure/projects/{project}/tables.json"
    try:
        text = resources.files(f"jobs.{project}").joinpath("tables.json").read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError):
        raise ContractError(
            f"src/jobs/{project}/tables.json: {CONTENT} is missing; expected a link to {file}."
        ) from None
    return read(text, file)


def read(text: str, file: str) -> Contract:
    """Read a contract from JSON; ``file`` is its name in messages.

    Raises:
        ContractError: every mistake in one message, each with file, field, value and expectation.

    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        place, expected = f"{file}:{error.lineno}", table_schema()["expected"]
        raise ContractError(str(Mistake(place, CONTENT, f"no JSON ({error.msg})", expected))) from None
    found = schema.mistakes(content, table_schema(), file) or mistakes(content, file)
    if found:
        raise ContractError(" ".join(map(str, found)))
    return Contract(file, _tables(content))


@functools.cache
def table_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a contract, which is packed with this package."""
    text = resources.files("core").joinpath("tables.schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def _tables(content: Mapping[str, Any]) -> dict[str, Table]:
    return {
        f"{layer}.{name}": _table(layer, name, described)
        for layer in LAYERS
        for name, described in content.get(layer, {}).items()
    }


def _table(layer: str, name: str, described: Mapping[str, Any]) -> Table:
    quality = described.get("quality", {})
    stop = quality.get("stop_above", {})
    return Table(
        layer,
        name,
        tuple(Column(**column) for column in described["columns"]),
        keys=tuple(described.get("keys", [])),
        partitioning=tuple(described.get("partitioning", [])),
        partition_keys=tuple(Column(**column) for column in described.get("partition_keys", [])),
        rules=tuple(_rule(rule) for rule in quality.get("rules", [])),
        rejects=quality.get("rejects"),
        stop_share=stop.get("share", 1.0),
        stop_rows=stop.get("rows", 0),
        properties=described.get("properties", {}),
    )


def _rule(described: Mapping[str, Any]) -> Rule:
    named = {"rule", "column", "reason", "except", "optional", "final"}
    return Rule(
        described["rule"],
        described.get("column", ""),
        {key: value for key, value in described.items() if key not in named},
        reason=described.get("reason", ""),
        exempt=tuple(described.get("except", [])),
        optional=described.get("optional", False),
        final=described.get("final", False),
    )


# ─── What no schema can say ───


def mistakes(content: Mapping[str, Any], file: str) -> list[Mistake]:
    """Return what does not fit together in a contract that is as its schema says."""
    tables = _tables(content)
    return [
        Mistake(file, f"{table.label}.{field}", value, expected)
        for table in tables.values()
        for field, value, expected in (
            *_column_mistakes(table),
            *_name_mistakes(table),
            *_partition_mistakes(table),
            *_rejects_mistakes(table, tables),
            *_rule_mistakes(table),
        )
    ]


def _column_mistakes(table: Table) -> Iterable[tuple[str, Any, str]]:
    seen: set[str] = set()
    for field, columns in (("columns", table.columns), ("partition_keys", table.partition_keys)):
        for number, column in enumerate(columns):
            if column.name in seen:
                yield f"{field}[{number}].name", column.name, "each name once"
            seen.add(column.name)
            if (decimal := _DECIMAL.match(column.type)) and int(decimal[2]) > int(decimal[1]):
                yield f"{field}[{number}].type", column.type, "a scale of at most the precision"


def _name_mistakes(table: Table) -> Iterable[tuple[str, Any, str]]:
    types = {column.name: column.type for column in (*table.columns, *table.partition_keys)}
    for number, key in enumerate(table.keys):
        if key not in types:
            yield f"keys[{number}]", key, f"one of {', '.join(types)}"
        elif types[key].startswith(_NESTED):
            yield (
                f"keys[{number}]",
                key,
                f"a column that is no {types[key].split('<')[0]}: a key is one value",
            )


def _partition_mistakes(table: Table) -> Iterable[tuple[str, Any, str]]:
    for number, transform in enumerate(table.partitioning):
        field, match = f"partitioning[{number}]", _TRANSFORM.match(transform)
        source = match and (match["time"] or match["sized"] or match["same"])
        if match is None or source not in table.types:
            names = ", ".join(table.types)
            yield field, transform, f'an Iceberg transform, such as "months(day)", of one of {names}'
            continue
        name, kind = (
            (match["timed"] or match["sizing"] or "identity"),
            table.types[str(source)].split("(")[0].split("<")[0],
        )
        if kind not in _TRANSFORMED[name]:
            yield (
                field,
                transform,
                f"a transform that fits a {kind}: {name} takes {', '.join(_TRANSFORMED[name])}",
            )


def _rejects_mistakes(table: Table, tables: Mapping[str, Table]) -> Iterable[tuple[str, Any, str]]:
    if table.rejects is None:
        return
    rejects = tables.get(f"{table.layer}.{table.rejects}")
    if rejects is None:
        yield "quality.rejects", table.rejects, "the name of a table of the same layer"
    elif missing := [name for name in _REJECTS_COLUMNS if name not in rejects.types]:
        expected = f"a table with the columns {', '.join(_REJECTS_COLUMNS)}; it has no {', '.join(missing)}"
        yield "quality.rejects", table.rejects, expected
    elif rejects.keys != _REJECTS_COLUMNS[:1]:
        yield "quality.rejects", table.rejects, f'a table whose keys are ["{_REJECTS_COLUMNS[0]}"]'


def _rule_mistakes(table: Table) -> Iterable[tuple[str, Any, str]]:
    typed = {rule.column for rule in table.rules if rule.kind == "type"}
    for number, rule in enumerate(table.rules):
        field = f"quality.rules[{number}]"
        if rule.kind == "range" and not set(rule.options) & set(_LIMITS):
            yield field, dict(rule.options), f"at least one of {', '.join(_LIMITS)}"
        if rule.kind == "range" and rule.column not in typed:
            yield (
                f"{field}.column",
                rule.column,
                "a rule of kind type for it, too, for text that is no number",
            )
        if rule.kind == "latest":
            if {*rule.options["columns"]} != {*table.keys}:
                yield (
                    f"{field}.columns",
                    rule.options["columns"],
                    f"the table's keys: {', '.join(table.keys)}",
                )
            for name in rule.options["by"]:
                if name not in table.types:
                    expected = f"columns of the table, too: one of {', '.join(table.types)}"
                    yield f"{field}.by", rule.options["by"], expected
        if rule.kind == "type":
            yield from _form_mistakes(rule, field)


def _form_mistakes(rule: Rule, field: str) -> Iterable[tuple[str, Any, str]]:
    kind = rule.options["type"]
    if kind.startswith(_NESTED):
        yield f"{field}.type", kind, "a type of one value: lists and structs are not written as text"
    if "decimal" in rule.options and not kind.startswith(("decimal", "double", "float")):
        yield f"{field}.decimal", rule.options["decimal"], f"no such field: {kind} has no decimal places"
    pattern = rule.options.get("format")
    if pattern is None:
        return
    if kind not in ("date", "timestamp"):
        yield (
            f"{field}.format",
            pattern,
            f"no such field: only a date or a timestamp has one, not of type {kind}",
        )
    elif kind == "timestamp" and not re.search(r"[VzOXxZ]", re.sub("'[^']*'", "", pattern)):
        yield f"{field}.format", pattern, "a zone in it, such as XXX: a timestamp is an instant"


# ─── Compare ───


@dataclass(frozen=True)
class Differences:
    """What a table in the catalog has otherwise than its contract, as texts."""

    missing: tuple[Column, ...] = ()
    other: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.other)

    def __str__(self) -> str:
        added = [f"column {column.name} {column.type} is missing" for column in self.missing]
        return "; ".join((*added, *self.other))


def differences(table: Table, found: Sequence[tuple[str, str]]) -> Differences:
    """Compare a table's columns with those in the catalog; their order is of no matter.

    Args:
        table: what is agreed.
        found: names and types in the catalog, Glue's or Spark's.

    """
    there = {name: glue_type(kind) for name, kind in found}
    retyped = [
        f"column {name} is {there[name]}, expected {kind}"
        for name, kind in table.types.items()
        if name in there and there[name] != glue_type(kind)
    ]
    unknown = [
        f"column {name} {kind} is not in the contract"
        for name, kind in there.items()
        if name not in table.types
    ]
    missing = tuple(column for column in table.columns if column.name not in there)
    return Differences(missing, (*retyped, *unknown))


def glue_type(kind: str) -> str:
    """Return a type in Glue's words: Iceberg's timestamp without zone is Glue's plain one."""
    return re.sub(r"\s", "", kind).replace("timestamp_ntz", "timestamp")


def spark_type(kind: str) -> str:
    """Return a Glue type of an Iceberg table in Spark's words: its timestamp has no zone."""
    return re.sub(r"\btimestamp\b", "timestamp_ntz", kind)
