"""A project's contract with its readers: ``infrastructure/projects/<project>/tables.json``.

Terraform makes the tables from it, the jobs check and write them by it, so that catalog and code cannot
drift. A table has ``description`` and ``columns``, and as needed

- ``partition_keys`` (raw, Hive) or ``partitioning`` (Iceberg transforms, such as ``months(payment_date)``),
- ``keys``: the columns that identify a row,
- ``quality``: ``rules``, ``rejects`` (the quarantine table) and ``stop_above``: a run stops if more than
  ``rows`` rows and more than the fraction ``share`` of all are rejected.

The types are Glue's. Nothing here needs Spark.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LAYERS = ("raw", "refined", "curated")
_TYPE = re.compile(
    r"(string|boolean|tinyint|smallint|int|bigint|float|double|date|timestamp|binary"
    r"|decimal\(\d+,\d+\)|(array|map|struct)<.+>)$"
)
_TRANSFORM = re.compile(
    r"((years|months|days|hours)\((?P<time>\w+)\)|(bucket|truncate)\(\d+, ?(?P<sized>\w+)\)|(?P<same>\w+))$"
)
# What each kind of rule takes besides column, kind, reason, except, optional and final.
_OPTIONS: Mapping[str, frozenset[str]] = {
    "null": frozenset(),
    "not_null": frozenset(),
    "type": frozenset({"type"}),
    "range": frozenset({"min", "max", "above", "below"}),
    "set": frozenset({"values"}),
    "regex": frozenset({"pattern"}),
    "unique": frozenset({"columns"}),
    "reference": frozenset({"table", "references"}),
}
_REQUIRED = {"type": "type", "set": "values", "regex": "pattern", "unique": "columns", "reference": "table"}


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
        kind: not_null, null, type, range, set, regex, unique or reference.
        column: the column of the received rows that it is about; empty for unique.
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
    try:
        text = resources.files(f"jobs.{project}").joinpath("tables.json").read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError):
        raise ContractError(
            f"project {project}: no tables.json in the package jobs.{project}; "
            "link it: src/jobs/<project>/tables.json → infrastructure/projects/<project>/tables.json"
        ) from None
    return read(text, f"{project}/tables.json")


def read(text: str, file: str) -> Contract:
    """Read a contract from JSON; ``file`` is its name in messages.

    Raises:
        ContractError: every problem in one message, each with table, field, value and expectation.

    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ContractError(f"{file}:{error.lineno}: no valid JSON: {error.msg}") from None
    problems: list[str] = []
    tables = {
        f"{layer}.{name}": _table(layer, name, described, problems)
        for layer in LAYERS
        for name, described in content.get(layer, {}).items()
    }
    problems += [f"{layer}: expected one of {', '.join(LAYERS)}" for layer in content if layer not in LAYERS]
    for table in tables.values():
        problems += _problems(table, tables)
    if problems:
        raise ContractError("; ".join(f"{file}: {problem}" for problem in problems))
    return Contract(file, tables)


def _table(layer: str, name: str, described: Mapping[str, Any], problems: list[str]) -> Table:
    known = {"description", "columns", "keys", "partitioning", "partition_keys", "quality"}
    problems += [
        f"{layer}.{name}: unknown field {field}; expected one of {', '.join(sorted(known))}"
        for field in sorted(set(described) - known)
    ]
    quality = described.get("quality", {})
    stop = quality.get("stop_above", {})
    return Table(
        layer,
        name,
        tuple(_column(column) for column in described.get("columns", [])),
        keys=tuple(described.get("keys", [])),
        partitioning=tuple(described.get("partitioning", [])),
        partition_keys=tuple(_column(column) for column in described.get("partition_keys", [])),
        rules=tuple(_rule(rule) for rule in quality.get("rules", [])),
        rejects=quality.get("rejects"),
        stop_share=stop.get("share", 1.0),
        stop_rows=stop.get("rows", 0),
    )


def _column(described: Mapping[str, Any]) -> Column:
    return Column(
        str(described.get("name", "")), str(described.get("type", "")), str(described.get("comment", ""))
    )


def _rule(described: Mapping[str, Any]) -> Rule:
    named = {"rule", "column", "reason", "except", "optional", "final"}
    return Rule(
        str(described.get("rule", "")),
        str(described.get("column", "")),
        {key: value for key, value in described.items() if key not in named},
        reason=str(described.get("reason", "")),
        exempt=tuple(described.get("except", [])),
        optional=bool(described.get("optional", False)),
        final=bool(described.get("final", False)),
    )


def _problems(table: Table, tables: Mapping[str, Table]) -> Iterable[str]:
    names = [column.name for column in (*table.columns, *table.partition_keys)]
    yield from _column_problems(table, names)
    for key in table.keys:
        if key not in names:
            yield f"{table.label}: keys name {key}; expected one of {', '.join(names)}"
    for field in table.partitioning:
        match = _TRANSFORM.match(field)
        source = match and (match["time"] or match["sized"] or match["same"])
        if table.layer == "raw" or source not in names:
            yield (
                f"{table.label}: partitioning {field!r}; expected an Iceberg transform of a column of a "
                "refined or curated table, such as months(day)"
            )
    if table.rejects is not None and f"{table.layer}.{table.rejects}" not in tables:
        yield f"{table.label}: rejects {table.rejects}; expected a table of the same layer"
    if not 0 <= table.stop_share <= 1 or table.stop_rows < 0:
        yield (
            f"{table.label}: stop_above share {table.stop_share}, rows {table.stop_rows}; "
            "expected a fraction from 0 to 1, and a number of rows"
        )
    for rule in table.rules:
        yield from (f"{table.label}: {problem}" for problem in _rule_problems(rule, table))


def _column_problems(table: Table, names: Sequence[str]) -> Iterable[str]:
    if not table.columns:
        yield f"{table.label}: no columns; expected at least one"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{table.label}: column {name} is there {names.count(name)} times; expected once"
    for column in (*table.columns, *table.partition_keys):
        if not _TYPE.match(column.type):
            yield f"{table.label}: column {column.name} has type {column.type!r}; expected a Glue type"


def _rule_problems(rule: Rule, table: Table) -> Iterable[str]:
    where = f"rule {rule.kind} of {rule.column or rule.options.get('columns')}"
    if rule.kind not in _OPTIONS:
        yield f"{where}: unknown; expected one of {', '.join(sorted(_OPTIONS))}"
        return
    if (rule.kind == "unique") == bool(rule.column):
        yield f"{where}: expected columns for unique, and a column for every other rule"
    for option in sorted(set(rule.options) - _OPTIONS[rule.kind]):
        yield f"{where}: unknown option {option}; expected {', '.join(sorted(_OPTIONS[rule.kind])) or 'none'}"
    if (needed := _REQUIRED.get(rule.kind)) and not rule.options.get(needed):
        yield f"{where}: {needed} is missing"
    if rule.kind == "range":
        if not rule.options:
            yield f"{where}: expected at least one of min, max, above, below"
        if not any(other.kind == "type" and other.column == rule.column for other in table.rules):
            yield f"{where}: expected a rule type of the same column, for text that is no number"


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
