"""Split rows into accepted and rejected with all the reasons, and hold the counts against each other.

The rules are data, in the project's contract. `checks` turns them into conditions; all of them are
evaluated in one pass over the rows, by one projection. Only ``unique`` and ``latest`` need the rows of a key
together.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from core import parsing
from core.comparable import comparable
from core.errors import InvariantError, QualityError
from core.formats import RAW_LINE
from core.landing import ADDED
from core.parsing import Form
from core.storage import SOURCE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from core.contract import Rule, Table

REASONS = "reasons"
SUPERSEDED = "superseded"
TYPED = "typed"
SEPARATOR = "; "
_NUMBER = "decimal(38,18)"
# Columns that tell where a row comes from, or its text, not what it says.
NOT_SAID = ADDED | {RAW_LINE}


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
    """Judge received rows by all the rules of a table.

    Args:
        frame: the received rows, whose columns are text or typed.
        table: the contract of the table that they are meant for.
        references: the tables that rules of kind reference name, by ``layer.table``.

    Returns:
        The rows with three columns more: ``typed``, a struct with the value of each column that has a rule
        of kind type; ``reasons``, why a row is rejected, null if it is not; ``superseded``, whether a good
        row does not count, because it is equal to one that does, or an older version of it.

    """
    received = frame.columns
    frame, found = _with_references(frame, table.rules, references or {})
    written = forms(table.rules)
    values = [value(frame, name, written).alias(name) for name in written]
    frame = frame.withColumn(
        TYPED, sf.struct(*values) if values else sf.lit(None).cast("struct<none:string>")
    )
    checked = with_reasons(frame, [*checks(frame, table.rules), *found]).withColumn(SUPERSEDED, sf.lit(False))
    for rule in table.rules:
        if rule.kind in ("unique", "latest"):
            checked = _of_each_key_one(checked, rule, received, written)
    return checked.select(*received, TYPED, REASONS, SUPERSEDED)


def forms(rules: Sequence[Rule]) -> dict[str, Form]:
    """Return how the columns that have a rule of kind type are written."""
    options = {rule.column: rule.options for rule in rules if rule.kind == "type"}
    return {
        name: Form(each["type"], each.get("decimal", "."), each.get("format", ""))
        for name, each in options.items()
    }


def _typed(frame: DataFrame) -> set[str]:
    return {field.name for field in frame.schema if field.dataType.simpleString() != "string"}


def value(frame: DataFrame, name: str, forms: Mapping[str, Form]) -> Column:
    """Return what a received column says: its value where a rule tells its type, else as it is."""
    if name in forms and name not in _typed(frame):
        return parsing.parsed(name, forms[name])
    return comparable(frame, name)


def checks(frame: DataFrame, rules: Sequence[Rule]) -> list[Check]:
    """Return the conditions of the rules that a row decides by itself, in their order."""
    typed = _typed(frame)
    written = forms(rules)
    return [check for rule in rules for check in _checks_of(rule, rule.column in typed, written)]


def _checks_of(rule: Rule, is_typed: bool, forms: Mapping[str, Form]) -> Iterator[Check]:
    kind, name = rule.kind, rule.column
    if kind in ("unique", "latest", "reference"):
        return
    if kind == "sql":
        condition = rule.options["condition"]
        holds = sf.coalesce(sf.expr(condition), sf.lit(rule.optional))
        yield Check(rule.reason or f"not {condition}", ~holds, rule.final)
        return
    if kind == "type" and not is_typed:
        yield from _type_checks(rule, forms)
        return
    value = sf.col(name)
    reason, broken = {
        "null": lambda: (f"{name} is not empty", value.isNotNull()),
        "not_null": lambda: (f"{name} is missing", parsing.text(name) == ""),
        "type": lambda: (f"{name} is missing", value.isNull()),
        "range": lambda: (
            f"{name} is {_limits(rule.options)}",
            _out_of_range(rule, is_typed, forms.get(name, Form("double"))),
        ),
        "set": lambda: (f"{name} is none of the known values", ~_text(name).isin(*rule.options["values"])),
        "regex": lambda: (
            f"{name} does not match {rule.options['pattern']}",
            ~_text(name).rlike(rule.options["pattern"]),
        ),
    }[kind]()
    yield _check(rule, reason, broken)


def _type_checks(rule: Rule, forms: Mapping[str, Form]) -> Iterator[Check]:
    name, form = rule.column, forms[rule.column]
    has_form = parsing.has_form(name, form)
    yield _check(rule, f"{name} is not {form.expected}", ~has_form)
    if form.kind.startswith("decimal") or form.kind.endswith("int"):
        reason = f"{name} does not fit {form.kind}"
        yield Check(reason, _asked(rule, has_form & ~parsing.fits(name, form)), rule.final)


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


def _out_of_range(rule: Rule, is_typed: bool, form: Form) -> Column:
    """Tell that a number is beyond a limit. Text that is no number has its reason from the rule type."""
    compare = {"min": operator.lt, "max": operator.gt, "above": operator.le, "below": operator.ge}
    name = rule.column
    if is_typed:
        typed: list[Column] = [
            compare[key](sf.col(name), sf.lit(value)) for key, value in rule.options.items()
        ]
        return reduce(operator.or_, typed)
    exact = parsing.tried(name, replace(form, kind=_NUMBER))
    near = parsing.tried(name, replace(form, kind="double"))
    limits = {key: sf.lit(str(value)).cast(_NUMBER) for key, value in rule.options.items()}
    beyond: list[Column] = [
        # A number with more digits than any decimal holds is far beyond every limit's precision.
        sf.coalesce(compare[key](exact, limit), compare[key](near, limit.cast("double")))
        for key, limit in limits.items()
    ]
    return parsing.has_form(name, replace(form, kind="double")) & reduce(operator.or_, beyond)


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


def _of_each_key_one(
    checked: DataFrame, rule: Rule, received: Sequence[str], forms: Mapping[str, Form]
) -> DataFrame:
    """Let one of the good rows of a key count. Which one depends on what the rows say, and on nothing else.

    By ``latest`` it is the greatest of ``by``, and then of all its values; the others are superseded. By
    ``unique`` it is the one with the least values; the others are superseded if they say the same, and
    rejected if not.
    """
    good = sf.col(REASONS).isNull() & ~sf.col(SUPERSEDED)

    def said_in(name: str) -> Column:
        return sf.col(f"{TYPED}.{name}") if name in forms else comparable(checked, name)

    key = Window.partitionBy(*map(said_in, rule.options["columns"]), good)
    says = [said_in(name) for name in received if name not in NOT_SAID]
    # Of rows that say the same it is all one which counts, but it should be the same one each time.
    order = [*says, *(sf.col(name) for name in received if name == SOURCE_FILE)]
    if rule.kind == "latest":
        newest_first = [each.desc() for each in (*map(said_in, rule.options["by"]), *order)]
        is_old = sf.row_number().over(key.orderBy(*newest_first)) > 1
        return checked.withColumn(SUPERSEDED, sf.col(SUPERSEDED) | (good & is_old))
    in_order = key.orderBy(*order)
    other, said = good & (sf.row_number().over(in_order) > 1), sf.struct(*says)
    same = said.eqNullSafe(sf.first(said).over(in_order))
    reason = rule.reason or f"{', '.join(rule.options['columns'])}: there already"
    return checked.withColumns(
        {
            REASONS: sf.when(other & ~same, sf.lit(reason)).otherwise(sf.col(REASONS)),
            SUPERSEDED: sf.col(SUPERSEDED) | (other & same),
        }
    )


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


def accepted(checked: DataFrame) -> DataFrame:
    """Return the rows that count, without the columns of the judgement but ``typed``."""
    counts = checked.where(sf.col(REASONS).isNull())
    if SUPERSEDED in checked.columns:
        counts = counts.where(~sf.col(SUPERSEDED))
    return counts.drop(REASONS, SUPERSEDED)


def rejected(checked: DataFrame) -> DataFrame:
    """Return the rows with a reason to reject them."""
    return checked.where(sf.col(REASONS).isNotNull())


def with_record_id(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Add ``record_id``, a key for records that have none: a hash of what was received.

    The same records get the same identifiers in every run, and records that are equal get different ones by
    the number of the copy, so that a MERGE by it neither loses nor doubles any. A column that is null makes
    no difference: one that a contract gets later changes no identifier.

    Args:
        frame: the records.
        columns: what identifies a record: its file, and its line or its fields as received.

    """
    # JSON leaves null out, keeps "" and needs no separator that the values might hold.
    frame = frame.withColumn(
        "_record", sf.to_json(sf.struct(*(sf.col(name).cast("string") for name in columns)))
    )
    copy = sf.row_number().over(Window.partitionBy("_record").orderBy(sf.lit(1)))
    record_id = sf.sha2(sf.concat(copy.cast("string"), sf.lit(" "), "_record"), 256)
    return frame.withColumn("record_id", record_id).drop("_record")


# ─── Counts ───


def count_where(frame: DataFrame, **conditions: Column) -> dict[str, int]:
    """Count the rows to which each condition applies, in one pass."""
    counted = frame.agg(*(sf.count_if(condition).alias(name) for name, condition in conditions.items()))
    (row,) = counted.collect()
    return row.asDict()


def count_judged(checked: DataFrame) -> dict[str, int]:
    """Count the rows that `evaluated` has judged, by what became of them."""
    is_rejected = sf.col(REASONS).isNotNull()
    is_superseded = ~is_rejected & sf.col(SUPERSEDED)
    return count_where(
        checked, accepted=~is_rejected & ~is_superseded, superseded=is_superseded, rejected=is_rejected
    )


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
