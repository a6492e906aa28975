"""A project's contract with its readers: ``infrastructure/projects/<project>/contract.odcs.yaml``.

It is written in the Open Data Contract Standard (ODCS 3.1). Terraform makes the tables from it, the jobs
check and write them by it, so that catalog and code cannot drift. This module holds what the jobs need of it;
`core.odcs` reads it. docs/contracts.md tells what of the standard does what. The types are Glue's.
Nothing here needs Spark.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from core.errors import ContractError
from core.mistakes import CONTENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAYERS = ("raw", "refined", "curated")
FILE = "contract.odcs.yaml"
# The same, as the build packs it for Glue, which may bring no reader of YAML.
PACKED = "contract.odcs.json"


@dataclass(frozen=True)
class Column:
    """A column: its name and its Glue type."""

    name: str
    type: str


@dataclass(frozen=True)
class Rule:
    """One quality rule, as data.

    Attributes:
        kind: in the words of ODCS required, physicalType, pattern, sql, relationship, or a metric of its
            library: nullValues, missingValues, validValues, duplicateValues; limits (minimum and the like),
            length (minLength, maxLength), and our own latestBy.
        column: the column of the received rows that it is about; empty for sql, duplicateValues and latestBy.
        options: what the kind takes, such as ``{"minimum": 0}``.
        reason: why a row that breaks it is rejected; a text made from the rule if empty.
        exempt: values that it does not ask about, such as a mark of a missing value.
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
    """One table of the contract.

    Attributes:
        layer: raw, refined or curated.
        name: its name in the catalog.
        columns: in their order, without the partition keys of a raw table.
        keys: the columns of the primary key.
        partitioning: Iceberg's transforms, such as ``months(day)``.
        partition_keys: the columns of a raw table that are folders.
        rules: what a row has to keep.
        quarantine: the table of the same layer that takes the rejected rows.
        stop_share: a run stops if more than this fraction of the rows is rejected,
        stop_rows: and more rows than these.
        row_count: what the number of the table's rows has to keep: operators of ODCS, with their values.
        properties: Iceberg's own, such as ``write.target-file-size-bytes``.

    """

    layer: str
    name: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()
    partitioning: tuple[str, ...] = ()
    partition_keys: tuple[Column, ...] = ()
    rules: tuple[Rule, ...] = ()
    quarantine: str | None = None
    stop_share: float = 1.0
    stop_rows: int = 0
    row_count: tuple[tuple[str, Any], ...] = ()
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
    """The tables of a project, by ``layer.table``, and the name of each schema object's table.

    Attributes:
        file: the contract's name in messages.
        tables: by ``layer.table``.
        objects: the table (``layer.table``) of each schema object, by the object's name.
        max_ages: how old an Iceberg table may be, by ``layer.table``, where a service level says so.

    """

    file: str
    tables: Mapping[str, Table]
    objects: Mapping[str, str] = dataclasses.field(default_factory=dict)
    max_ages: Mapping[str, datetime.timedelta] = dataclasses.field(default_factory=dict)

    @property
    def required_columns(self) -> frozenset[str]:
        """The received columns without which each row would be rejected."""
        judged = (table for table in self.tables.values() if table.quarantine or table.layer == "raw")
        rules = (rule for table in judged for rule in table.rules)
        return frozenset(rule.column for rule in rules if rule.column and not rule.optional)

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

    def judging(self, raw: str, refined: str) -> Table:
        """Return a refined table with what its rows have to keep on the way there: a raw table's rules, too.

        Raises:
            ContractError: the contract has no such table.

        """
        table = self.table("refined", refined)
        return dataclasses.replace(table, rules=(*self.table("raw", raw).rules, *table.rules))


# ─── Read ───


def load(project: str) -> Contract:
    """Read the contract that is packed with a project's jobs, or that lies in the checkout.

    Raises:
        ContractError: it is not there, or is not what it should be.

    """
    file = f"infrastructure/projects/{project}/{FILE}"
    try:
        folder = resources.files(f"jobs.{project}")
        packed = folder.joinpath(PACKED)
        if packed.is_file():
            return read(json.loads(packed.read_text(encoding="utf-8")), file)
        text = folder.joinpath(FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError):
        raise ContractError(
            f"src/jobs/{project}/{FILE}: {CONTENT} is missing; expected a link to {file}."
        ) from None
    from core.yaml_file import parsed

    return read(parsed(text, file), file)


def read(content: Any, file: str) -> Contract:
    """Read a contract from its parsed content; ``file`` is its name in messages.

    Raises:
        ContractError: every mistake in one message, each with file, field, value and expectation.

    """
    from core import contract_mistakes, odcs

    if found := contract_mistakes.mistakes(content, file):
        raise ContractError(" ".join(map(str, found)))
    tables, objects = odcs.tables(content)
    return Contract(file, tables, objects, odcs.max_ages(content, tables, objects))


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
