"""Alter Iceberg tables that exist to what their contract says now: the job ``migrate`` of each project.

What nothing can be lost by is done: a column more, a wider type, another order. A rename, a drop and another
partitioning are done if they are allowed by a word; what Iceberg cannot do is said, with the way around it.

Source: https://iceberg.apache.org/docs/1.10.0/evolution/
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from core import contract, iceberg
from core.arguments import LakeArguments
from core.errors import ArgumentError, ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import SparkSession

    from core.contract import Table
    from core.job import JobOf

SAFE = ("add", "reorder", "widen")
ON_A_WORD = ("drop", "partition", "rename")
_WIDER = {("int", "bigint"), ("float", "double")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MigrationArguments(LakeArguments):
    """What the job ``migrate`` takes beside the common arguments.

    Attributes:
        dry_run: show the steps, and take none.
        allow: the steps to take beside the safe ones, separated by commas: drop, partition, rename.
        rename: columns that have another name now, as ``layer.table.old=new``, separated by commas.

    """

    dry_run: bool = False
    allow: str = ""
    rename: str = ""


@dataclasses.dataclass(frozen=True)
class Step:
    """One change of a table.

    Attributes:
        kind: one of `SAFE` or `ON_A_WORD`, or ``impossible``.
        what: in words.
        change: what follows ALTER TABLE and the name; empty if it is impossible.

    """

    kind: str
    what: str
    change: str = ""


# ─── The Job ───


def work(run: JobOf[MigrationArguments]) -> None:
    """Compare each Iceberg table of the project with its contract, and take the steps that may be taken.

    Raises:
        ArgumentError: ``allow`` or ``rename`` names something that there is not.
        ContractError: steps are left that need a word, or that Iceberg cannot do. The others are taken.

    """
    allowed = _words(run.arguments.allow)
    if unknown := sorted(allowed - set(ON_A_WORD)):
        raise ArgumentError(f"--allow {', '.join(unknown)!r}: expected some of {', '.join(ON_A_WORD)}")
    renames = _renames(run.arguments.rename, run.contract.tables)
    left = []
    for label, table in run.contract.tables.items():
        if table.layer == "raw":
            continue
        name = run.arguments.table(table.layer, table.name)
        for step in steps(run.spark, name, table, renames.get(label, {})):
            may = step.kind in SAFE or step.kind in allowed
            taken = may and not run.arguments.dry_run
            run.log.write("step", table=label, kind=step.kind, what=step.what, taken=taken)
            if taken:
                run.spark.sql(f"ALTER TABLE {name} {step.change}")
            elif not may:
                left.append((label, step))
    if left and not run.arguments.dry_run:
        said = "; ".join(f"{label}: {step.what}" for label, step in left)
        words = sorted({step.kind for _, step in left} & set(ON_A_WORD))
        word = f" (--allow {','.join(words)})" if words else ""
        raise ContractError(f"{len(left)} steps are not taken{word}: {said}")


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


def _renames(text: str, tables: Mapping[str, Table]) -> dict[str, dict[str, str]]:
    """Return the renamed columns, new to old, by table."""
    found: dict[str, dict[str, str]] = {}
    for word in sorted(_words(text)):
        match = re.fullmatch(r"(\w+\.\w+)\.(\w+)=(\w+)", word)
        if match is None or match[1] not in tables or match[3] not in tables[match[1]].types:
            raise ArgumentError(
                f"--rename {word!r}: expected layer.table.old=new, with a new name of the contract"
            )
        found.setdefault(match[1], {})[match[3]] = match[2]
    return found


# ─── Steps ───


def steps(spark: SparkSession, name: str, table: Table, renames: Mapping[str, str]) -> list[Step]:
    """Return what would make a table what its contract says, in the order in which it can be done.

    Args:
        spark: the session.
        name: the table's full name, the catalog first.
        table: its contract.
        renames: columns that have another name now, new to old.

    """
    there = {column: contract.glue_type(kind) for column, kind in spark.table(name).dtypes}
    renamed = {new: old for new, old in renames.items() if old in there and new not in there}
    found = [
        Step("rename", f"column {old} becomes {new}", f"RENAME COLUMN `{old}` TO `{new}`")
        for new, old in renamed.items()
    ]
    names = {old: new for new, old in renamed.items()}
    there = {names.get(column, column): kind for column, kind in there.items()}
    found += _partition_steps(iceberg.partitioning(spark, name), table, names)
    found += _column_steps(there, table)
    after = [column for column in there if column in table.types]
    after += [column for column in table.types if column not in there]
    return [*found, *_order_steps(after, list(table.types))]


def _column_steps(there: Mapping[str, str], table: Table) -> Iterator[Step]:
    for column, kind in table.types.items():
        wanted = contract.glue_type(kind)
        if column not in there:
            change = f"ADD COLUMNS (`{column}` {contract.spark_type(kind)})"
            yield Step("add", f"column {column} {kind} is new: null in the rows there are", change)
        elif there[column] != wanted and _is_wider(there[column], wanted):
            change = f"ALTER COLUMN `{column}` TYPE {contract.spark_type(kind)}"
            yield Step("widen", f"column {column} {there[column]} becomes {wanted}", change)
        elif there[column] != wanted:
            what = f"column {column} is {there[column]} and cannot become {wanted}"
            yield Step("impossible", f"{what}: add a column of another name, fill it, and drop this one")
    for column, kind in there.items():
        if column not in table.types:
            what = f"column {column} {kind} is not in the contract: its values go with it"
            yield Step("drop", what, f"DROP COLUMN `{column}`")


def _is_wider(old: str, new: str) -> bool:
    if (old, new) in _WIDER:
        return True
    pattern = r"decimal\((\d+),(\d+)\)"
    before, after = re.fullmatch(pattern, old), re.fullmatch(pattern, new)
    return bool(before and after and before[2] == after[2] and int(before[1]) < int(after[1]))


def _partition_steps(there: Sequence[str], table: Table, names: Mapping[str, str]) -> Iterator[Step]:
    wanted = [field.replace(" ", "") for field in table.partitioning]
    renamed = [re.sub(r"\w+(?=\)?$)", lambda word: names.get(word[0], word[0]), field) for field in there]
    old = "files written before stay as they are"
    for field in renamed:
        if field not in wanted:
            what = f"partitioning by {field} ends; {old}"
            yield Step("partition", what, f"DROP PARTITION FIELD {field}")
    for field in wanted:
        if field not in renamed:
            yield Step("partition", f"partitioning by {field} begins; {old}", f"ADD PARTITION FIELD {field}")


def _order_steps(there: Sequence[str], wanted: Sequence[str]) -> Iterator[Step]:
    order = list(there)
    for position, column in enumerate(wanted):
        if order[position] != column:
            order.remove(column)
            order.insert(position, column)
            place = f"AFTER `{wanted[position - 1]}`" if position else "FIRST"
            yield Step(
                "reorder",
                f"column {column} moves to place {position + 1}",
                f"ALTER COLUMN `{column}` {place}",
            )
