"""As-of join: for each row the last value known on its day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY, _IS_ROW = "_day", "_is_row"


def last_known(
    rows: DataFrame,
    values: DataFrame,
    *,
    key: str,
    day: str,
    value_day: str,
    columns: Sequence[str],
    max_age: int,
) -> DataFrame:
    """Add to each row the newest of ``values`` with its key, from its own day or before.

    Both sides are put in one sequence for each key and read once, in order: the cost is a sort, where a
    join on a range of days would compare every row of a key with every value of it.

    Args:
        rows: have the columns ``key`` and ``day`` (a date).
        values: have ``key``, ``value_day`` (a date) and ``columns``; one row a key and day.
        key: the column, of the same name on both sides, in which a row and a value must agree.
        day: the day of a row.
        value_day: the day from which a value is known; it is added to the rows as well.
        columns: the columns of ``values`` to add.
        max_age: days after which a value is no longer taken; a row without a value gets nulls.

    """
    added = [value_day, *columns]
    sequence = rows.withColumns({_DAY: sf.col(day), _IS_ROW: sf.lit(True)}).unionByName(
        values.select(key, *added).withColumns({_DAY: sf.col(value_day), _IS_ROW: sf.lit(False)}),
        allowMissingColumns=True,
    )
    # False sorts before true: a value of the day itself is known to the rows of that day.
    so_far = Window.partitionBy(key).orderBy(_DAY, _IS_ROW).rowsBetween(Window.unboundedPreceding, 0)
    # One struct, so that the columns of two values never mix, whatever is null in them.
    newest = sf.last(sf.when(~sf.col(_IS_ROW), sf.struct(*added)), ignorenulls=True).over(so_far)
    known = sequence.withColumn("_known", newest).where(_IS_ROW)
    recent = sf.date_diff(sf.col(_DAY), sf.col(f"_known.{value_day}")) <= max_age
    return known.select(
        *rows.columns, *(sf.when(recent, sf.col(f"_known.{name}")).alias(name) for name in added)
    )
