"""Split rows into accepted and rejected with all the reasons, and hold the counts against each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from core.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Sequence

REASONS = "reasons"
SEPARATOR = "; "


@dataclass(frozen=True)
class Rule:
    """A reason to reject a row, and the condition under which it applies."""

    reason: str
    broken: Column


def with_reasons(frame: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Add the column ``reasons``: every rule a row breaks, separated by ``; ``, or null if it breaks none.

    A condition that is null counts as broken: a rule that could not decide must not let a row pass.
    """
    found = [sf.when(sf.coalesce(rule.broken, sf.lit(True)), sf.lit(rule.reason)) for rule in rules]
    joined = sf.concat_ws(SEPARATOR, *found)
    return frame.withColumn(REASONS, sf.when(joined != "", joined))


def accepted(frame: DataFrame) -> DataFrame:
    """Return the rows without a reason to reject them, without the column of the reasons."""
    return frame.where(sf.col(REASONS).isNull()).drop(REASONS)


def rejected(frame: DataFrame) -> DataFrame:
    """Return the rows with a reason to reject them."""
    return frame.where(sf.col(REASONS).isNotNull())


def with_record_id(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Add ``record_id``, a key for rows that have none: a hash of the columns and the number of the copy.

    The same rows get the same identifiers in every run, and rows that are equal get different ones, so
    that a MERGE by it neither loses nor doubles any.
    """
    copy = sf.row_number().over(Window.partitionBy(*columns).orderBy(sf.lit(1)))
    # JSON keeps null apart from "" and needs no separator that the values might hold.
    text = sf.to_json(sf.array(*(sf.col(name).cast("string") for name in columns), copy.cast("string")))
    return frame.withColumn("record_id", sf.sha2(text, 256))


def count_each(**frames: DataFrame) -> dict[str, int]:
    """Count the rows of some frames in one Spark job."""
    parts = [frame.select(sf.lit(name).alias("part")) for name, frame in frames.items()]
    counted = reduce(DataFrame.unionAll, parts).groupBy("part").count().collect()
    return dict.fromkeys(frames, 0) | {row["part"]: row["count"] for row in counted}


def require_conserved(what: str, rows_in: int, **parts: int) -> None:
    """Stop the run unless every row that went in is in exactly one part.

    Raises:
        InvariantError: the parts do not add up.

    """
    if rows_in != sum(parts.values()):
        counted = " + ".join(f"{count} {name}" for name, count in parts.items())
        raise InvariantError(f"{what}: {rows_in} rows in, but {counted} = {sum(parts.values())}")
