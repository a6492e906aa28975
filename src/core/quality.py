"""Split rows into accepted and rejected with all the reasons, and hold the counts against each other.

The rules are data, in the project's contract. `checks` turns them into conditions; all of them are
evaluated in one pass over the rows, by one projection. Only ``unique`` needs the rows of a key together.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from core import parsing
from core.errors import InvariantError, QualityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from core.contract import Rule, Table

REASONS = "reasons"
SEPARATOR = "; "
_NUMBER = "decimal(38,18)"


@dataclass(frozen=True)
class Check:
    """A reason to reject a row, and the condition under which it applies.

    Of a row to which a final one applies, the other reasons are not asked.
    """

    reason: str
    broken: Column
    final: bool = False


# ─── Rules ───


def evaluated(frame: DataFrame, table: Table, references: Mapping[str, DataFrame] | None = None) -> DataFrame:
    """Add ``reasons`` to received rows: those of all the table's rules that a row breaks, null if none.

    Args:
        frame: the received rows, whose columns are text or typed.
        table: the contract of the table that they are meant for.
        references: the tables that rules of kind reference name, by ``layer.table``.

    """
    frame, found = _with_references(frame, table.rules, references or {})
    checked = with_reasons(frame, [*checks(frame, table.rules), *found])
    for rule in table.rules:
        if rule.kind == "unique":
            checked = _with_unique(checked, rule)
    return checked.drop(*(name for name in checked.columns if name.startswith("_found_")))


def checks(frame: DataFrame, rules: Sequence[Rule]) -> list[Check]:
    """Return the conditions of the rules that a row decides by itself, in their order."""
    typed = {field.name for field in frame.schema if field.dataType.simpleString() != "string"}
    return [check for rule in rules for check in _checks_of(rule, rule.column in typed)]


def _checks_of(rule: Rule, is_typed: bool) -> Iterator[Check]:
    kind, name = rule.kind, rule.column
    if kind in ("unique", "reference"):
        return
    if kind == "type" and not is_typed:
        yield from _type_checks(rule)
        return
    value = sf.col(name)
    reason, broken = {
        "null": lambda: (f"{name} is not empty", value.isNotNull()),
        "not_null": lambda: (f"{name} is missing", parsing.text(name) == ""),
        "type": lambda: (f"{name} is missing", value.isNull()),
        "range": lambda: (f"{name} is {_limits(rule.options)}", _out_of_range(rule, is_typed)),
        "set": lambda: (f"{name} is none of the known values", ~_text(name).isin(*rule.options["values"])),
        "regex": lambda: (
            f"{name} does not match {rule.options['pattern']}",
            ~_text(name).rlike(rule.options["pattern"]),
        ),
    }[kind]()
    yield _check(rule, reason, broken)


def _type_checks(rule: Rule) -> Iterator[Check]:
    name, kind = rule.column, rule.options["type"]
    has_form = parsing.has_form(name, kind)
    yield _check(rule, f"{name} is not {parsing.expected(kind)}", ~has_form)
    if kind.startswith("decimal") or kind.endswith("int"):
        reason = f"{name} does not fit {kind}"
        yield Check(reason, _asked(rule, has_form & ~parsing.fits(name, kind)), rule.final)


def _check(rule: Rule, reason: str, broken: Column) -> Check:
    return Check(rule.reason or reason, _asked(rule, broken), rule.final)


def _asked(rule: Rule, broken: Column) -> Column:
    """Leave out the rows that the rule does not ask about."""
    if rule.exempt:
        broken = broken & ~parsing.text(rule.column).isin(*rule.exempt)
    return broken & sf.col(rule.column).isNotNull() if rule.optional else broken


def _text(name: str) -> Column:
    # Not trimmed: a code with a blank is another code.
    return sf.col(name).cast("string")


def _limits(options: Mapping[str, object]) -> str:
    words = {"min": "below", "max": "above", "above": "not above", "below": "not below"}
    return " or ".join(f"{words[key]} {value}" for key, value in options.items())


def _out_of_range(rule: Rule, is_typed: bool) -> Column:
    """Tell that a number is beyond a limit. Text that is no number has its reason from the rule type."""
    compare = {"min": operator.lt, "max": operator.gt, "above": operator.le, "below": operator.ge}
    name = rule.column
    if is_typed:
        typed: list[Column] = [
            compare[key](sf.col(name), sf.lit(value)) for key, value in rule.options.items()
        ]
        return reduce(operator.or_, typed)
    exact = sf.expr(f"try_cast(trim(`{name}`) AS {_NUMBER})")
    near = sf.expr(f"try_cast(trim(`{name}`) AS double)")
    limits = {key: sf.lit(str(value)).cast(_NUMBER) for key, value in rule.options.items()}
    beyond: list[Column] = [
        # A number with more digits than any decimal holds is far beyond every limit's precision.
        sf.coalesce(compare[key](exact, limit), compare[key](near, limit.cast("double")))
        for key, limit in limits.items()
    ]
    return parsing.has_form(name, "double") & reduce(operator.or_, beyond)


def _with_references(
    frame: DataFrame, rules: Sequence[Rule], references: Mapping[str, DataFrame]
) -> tuple[DataFrame, list[Check]]:
    """Join what the rules of kind reference need: the known values, broadcast, each once."""
    found = []
    for number, rule in enumerate(rules):
        if rule.kind != "reference":
            continue
        name, there = rule.column, rule.options.get("references", rule.column)
        mark = f"_found_{number}"
        known = references[rule.options["table"]].select(sf.col(there).alias(mark)).distinct()
        frame = frame.join(sf.broadcast(known), frame[name] == known[mark], "left")
        reason = f"{name} is not in {rule.options['table']}"
        found.append(_check(rule, reason, sf.col(mark).isNull()))
    return frame, found


def _with_unique(checked: DataFrame, rule: Rule) -> DataFrame:
    """Keep one of the good rows of a key, and reject the others; which one depends on no order."""
    columns, good = rule.options["columns"], sf.col(REASONS).isNull()
    others = [name for name in checked.columns if name != REASONS]
    # Rows of the same hash are, for all that matters, the same row.
    same = Window.partitionBy(*columns, good).orderBy(sf.xxhash64(*others))
    reason = rule.reason or f"{', '.join(columns)}: there already"
    copy = good & (sf.row_number().over(same) > 1)
    return checked.withColumn(REASONS, sf.when(copy, sf.lit(reason)).otherwise(sf.col(REASONS)))


def with_reasons(frame: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """Add the column ``reasons``: every check a row fails, separated by ``; ``, or null if it fails none.

    A condition that is null counts as broken: a rule that could not decide must not let a row pass.
    """
    finals: list[Column] = []
    found = []
    for check in checks:
        broken = sf.coalesce(check.broken, sf.lit(True))
        asked = reduce(operator.and_, (~final for final in finals), broken)
        if check.final:
            finals.append(broken)
        found.append(sf.when(asked, sf.lit(check.reason)))
    if not found:
        return frame.withColumn(REASONS, sf.lit(None).cast("string"))
    joined = sf.concat_ws(SEPARATOR, *found)
    return frame.withColumn(REASONS, sf.when(joined != "", joined))


# ─── Rows ───


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


# ─── Counts ───


def count_where(frame: DataFrame, **conditions: Column) -> dict[str, int]:
    """Count the rows to which each condition applies, in one pass."""
    counted = frame.agg(*(sf.count_if(condition).alias(name) for name, condition in conditions.items()))
    (row,) = counted.collect()
    return row.asDict()


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


def require_within(table: Table, rows_in: int, rejects: DataFrame, rejected: int) -> None:
    """Stop the run if more rows are rejected than the contract allows; the most frequent reasons are named.

    Raises:
        QualityError: more than ``stop_above`` of the table's quality.

    """
    if rejected <= table.stop_rows or rejected <= table.stop_share * rows_in:
        return
    reason = sf.explode(sf.split(REASONS, SEPARATOR)).alias("reason")
    counts = rejects.select(reason).groupBy("reason").count()
    often = counts.orderBy(sf.desc("count"), "reason").limit(3).collect()
    named = ", ".join(f"{row['reason']} ({row['count']})" for row in often)
    raise QualityError(
        f"{table.label}: {rejected} of {rows_in} rows are rejected; expected at most {table.stop_rows} rows "
        f"or {table.stop_share:.0%}; most often: {named}; see {table.layer}.{table.rejects}, "
        "then mend the source or the contract and run again: nothing else was written"
    )
