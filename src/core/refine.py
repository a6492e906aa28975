"""Raw rows into a refined table: judged by its contract, one row a key, the others in quarantine.

The table is a function of what was received, not of when: in whatever order and files rows arrive, and
however often, the same row of a key counts (`core.quality`). Most rows are judged by themselves and by the
table. Where a row differs from the table's, and no version says which is newer, all raw rows of its key are
judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from core import iceberg, incremental, landing, quality
from core.errors import ContractError
from core.formats import CORRUPT, RAW_LINE
from core.quality import REASONS
from core.storage import SOURCE_FILE

if TYPE_CHECKING:
    from core.contract import Rule, Table
    from core.iceberg import Comparison
    from core.job import JobOf
    from core.landing import Batch

RECORD_ID = "record_id"


def refine(
    run: JobOf[Any],
    raw: str,
    table: str,
    rows: Callable[[DataFrame], DataFrame],
    references: Mapping[str, DataFrame] | None = None,
) -> None:
    """Bring a refined table and its quarantine up to date with what a raw table received since.

    Args:
        run: the job.
        raw: the raw table, as `landing.receive` fills it.
        table: the refined table; its contract has a primary key, and a quarantine for the rejects.
        rows: makes the table's rows of accepted ones, whose column ``typed`` holds the values of the columns
            that have another type than text. The keys stay as they are typed.
        references: the rows that relationships lead to, by the name of the schema object; those of the
            project's own tables are read if they are not given.

    Raises:
        ContractError: a table is not as its contract says.
        QualityError: more rows are rejected than the contract allows: they are in quarantine, and nothing
            else was written.

    """
    agreed, target = run.contract.judging(raw, table), run.arguments.refined(table)
    if agreed.quarantine is None or not agreed.keys:
        raise ContractError(f"{agreed.label}: the contract has no primaryKey or no quarantine; expected both")
    for name in (table, agreed.quarantine):
        run.align("refined", name)
    batch = landing.unread(run, raw, target)
    if batch is None:
        return

    references = {**_own_references(run, agreed), **(references or {})}
    received = batch.rows
    checked = quality.evaluated(received, agreed, references).persist()
    rule = _key_rule(agreed)
    version = rule.options.get("by", []) if rule else []
    compared = (
        _compared(run, target, agreed, batch, rows(quality.accepted(checked)), version) if rule else None
    )
    again = None if compared is None else _ties(run, compared, agreed, batch)
    if again is not None:
        compared = None
        checked.unpersist()
        received = received.unionByName(again)
        checked = quality.evaluated(received, agreed, references).persist()

    rejects, identity = quality.rejected(checked), _identity(received.columns)
    rejects = quality.with_record_id(rejects, identity)
    with run.log.stage("quarantine"):
        counts = quality.count_judged(checked)
        quarantine = run.contract.table("refined", agreed.quarantine)
        kept = rejects.select(*(name for name in quarantine.types if name in rejects.columns))
        mended = _mended(run, quarantine, batch, rejects, checked if again is not None else None, identity)
        run.merge("refined", quarantine.name, kept, ignore=[landing.INGESTION_DATE], deleted=mended)
    with run.log.stage("check"):
        run.check("refined", table, received.count(), rejects, **counts)
    with run.log.stage("write"):
        new, ignored = rows(quality.accepted(checked)), [landing.INGESTED_AT]
        run.merge("refined", table, new, ignore=ignored, version=version, compared=compared)
        incremental.set_watermark(run.spark, target, batch.marks, run.arguments.job_run_id)
    checked.unpersist()


def _key_rule(agreed: Table) -> Rule | None:
    """Return the rule that tells which row of a key counts; without one a later run's row does."""
    kinds = ("latestBy", "duplicateValues")
    rules = (
        rule
        for rule in agreed.rules
        if rule.kind in kinds and {*rule.options["properties"]} == {*agreed.keys}
    )
    return next(rules, None)


def _own_references(run: JobOf[Any], agreed: Table) -> dict[str, DataFrame]:
    """Return the rows of the project's own tables that relationships lead to, by the schema object's name."""
    names = {rule.options["object"] for rule in agreed.rules if rule.kind == "relationship"}
    own = {name: run.contract.objects[name] for name in names if name in run.contract.objects}
    return {name: run.spark.table(run.arguments.table(*label.split("."))) for name, label in own.items()}


def _compared(
    run: JobOf[Any], target: str, agreed: Table, batch: Batch, new: DataFrame, version: Sequence[str]
) -> Comparison | None:
    """Compare the accepted rows with the table's; None if it was made from nothing else than they were."""
    if batch.rest is None or not iceberg.has_snapshot(run.spark, target):
        return None
    return iceberg.compare(target, new, agreed.keys, ignore=[landing.INGESTED_AT], version=version)


def _ties(run: JobOf[Any], compared: Comparison, agreed: Table, batch: Batch) -> DataFrame | None:
    """Return the other raw rows of keys that cannot be judged without them; None if there is no such key."""
    keys = compared.ties(agreed.keys)
    number = keys.count()
    if not number or batch.rest is None:
        return None
    run.log.write("judged with all rows of their keys", table=agreed.label, keys=number)
    forms = quality.forms(agreed.rules)
    wanted = (
        keys.select(*(sf.col(key).alias(f"_key_{key}") for key in keys.columns)).distinct().localCheckpoint()
    )
    compared.changes.unpersist()
    is_same = [quality.value(batch.rest, key, forms) == wanted[f"_key_{key}"] for key in keys.columns]
    return batch.rest.join(sf.broadcast(wanted), reduce(and_, is_same), "left_semi")


def _identity(received: Sequence[str]) -> list[str]:
    """Return the columns that identify a record as it was received: its file, and its line or its fields."""
    if RAW_LINE in received:
        return [SOURCE_FILE, RAW_LINE]
    return [SOURCE_FILE, CORRUPT, *(name for name in received if name not in quality.NOT_SAID)]


def _mended(
    run: JobOf[Any],
    quarantine: Table,
    batch: Batch,
    rejects: DataFrame,
    judged_again: DataFrame | None,
    identity: Sequence[str],
) -> DataFrame | None:
    """Return the ids of records in quarantine that are no rejects any more; None if there cannot be any.

    That is so when their file was received again without them, or when another row of their key counts now.
    """
    ids = []
    if batch.repeated:
        there = run.spark.table(run.arguments.refined(quarantine.name))
        ids.append(there.where(sf.col(SOURCE_FILE).isin(*batch.repeated)).select(RECORD_ID))
    if judged_again is not None:
        good = judged_again.where(sf.col(REASONS).isNull())
        ids.append(quality.with_record_id(good, identity).select(RECORD_ID))
    if not ids:
        return None
    return reduce(DataFrame.union, ids).distinct().join(rejects.select(RECORD_ID), RECORD_ID, "left_anti")
