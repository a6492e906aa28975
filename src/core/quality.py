"""Split rows into accepted and rejected with all the reasons, and reconcile the row counts.

The rules are data, in the project's contract. `checks` turns them into conditions; all of them are
evaluated in one pass over the rows, by one projection. Only ``duplicateValues`` and ``latestBy`` need the
rows of a key together.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from core import parsing
from core.comparable import comparable
from core.errors import ContractError, InvariantError, QualityError
from core.formats import RAW_LINE
from core.landing import ADDED
from core.parsing import Form
from core.storage import SOURCE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

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
    column: str = ""


# ─── Rules ───


def evaluated(frame: DataFrame, table: Table, references: Mapping[str, DataFrame] | None = None) -> DataFrame:
    """Judge received rows by all the rules of a table.

    Args:
        frame: the received rows, whose columns are text or typed.
        table: the contract of the table that they are meant for.
        references: the rows that relationships lead to, by the name of the schema object.

    Returns:
        The rows with three columns more: ``typed``, a struct with the value of each column that has another
        type than text; ``reasons``, why a row is rejected, null if it is not; ``superseded``, whether a good
        row does not count, because it is equal to one that does, or an older version of it.

    Raises:
        ContractError: a rule is about a column that was not received, or refers to rows that are not given.

    """
    received = frame.columns
    _require_columns(table, received)
    frame, found = _with_references(frame, table, references or {})
    written = forms(table.rules)
    values = [value(frame, name, written).alias(name) for name in written]
    frame = frame.withColumn(
        TYPED, sf.struct(*values) if values else sf.lit(None).cast("struct<none:string>")
    )
    frame, queried = _with_queries(frame, table, written)
    judged = _in_order([*checks(frame, table.rules), *queried, *found], received)
    checked = with_reasons(frame, judged).withColumn(SUPERSEDED, sf.lit(False))
    for rule in table.rules:
        if rule.kind in ("duplicateValues", "latestBy"):
            checked = _of_each_key_one(checked, rule, received, written)
    return checked.select(*received, TYPED, REASONS, SUPERSEDED)


def forms(rules: Sequence[Rule]) -> dict[str, Form]:
    """Return how the columns that have another type than text are written."""
    options = {rule.column: rule.options for rule in rules if rule.kind == "physicalType"}
    return {
        name: Form(each["physicalType"], each.get("decimal", "."), each.get("format", ""))
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
    """Return the conditions of the rules that a column decides by itself, in their order."""
    typed = _typed(frame)
    written = forms(rules)
    return [check for rule in rules for check in _checks_of(rule, rule.column in typed, written)]


def _checks_of(rule: Rule, is_typed: bool, forms: Mapping[str, Form]) -> Iterator[Check]:
    kind, name, options = rule.kind, rule.column, rule.options
    if kind in ("duplicateValues", "latestBy", "relationship", "sql"):
        return
    if kind == "physicalType" and not is_typed:
        yield from _type_checks(rule, forms)
        return
    value = sf.col(name)
    reason, broken = {
        "required": lambda: (f"{name} is missing", parsing.text(name) == ""),
        "nullValues": lambda: (f"{name} is null", value.isNull()),
        "missingValues": lambda: (f"{name} is missing", _is_one_of(name, options["values"])),
        "physicalType": lambda: (f"{name} is missing", value.isNull()),
        "limits": lambda: (
            f"{name} is {_limits(options)}",
            _out_of_range(rule, is_typed, forms.get(name, Form("double"))),
        ),
        "length": lambda: (f"{name} is {_limits(options)} characters", _of_other_length(name, options)),
        "validValues": lambda: (f"{name} is none of the known values", ~_text(name).isin(*options["values"])),
        "pattern": lambda: (
            f"{name} does not match {options['pattern']}",
            ~_text(name).rlike(options["pattern"]),
        ),
    }[kind]()
    yield _check(rule, reason, broken)


def _type_checks(rule: Rule, forms: Mapping[str, Form]) -> Iterator[Check]:
    name, form = rule.column, forms[rule.column]
    has_form = parsing.has_form(name, form)
    yield _check(rule, f"{name} is not {form.expected}", ~has_form)
    if form.kind.startswith("decimal") or form.kind.endswith("int"):
        reason = f"{name} does not fit {form.kind}"
        yield Check(reason, _asked(rule, has_form & ~parsing.fits(name, form)), rule.final, name)


def _check(rule: Rule, reason: str, broken: Column) -> Check:
    return Check(rule.reason or reason, _asked(rule, broken), rule.final, rule.column)


def _asked(rule: Rule, broken: Column) -> Column:
    """Leave out the rows that the rule does not ask about."""
    if rule.exempt:
        broken = broken & ~parsing.text(rule.column).isin(*rule.exempt)
    return broken & sf.col(rule.column).isNotNull() if rule.optional else broken


def _text(name: str) -> Column:
    # Not trimmed: a code with a blank is another code.
    return sf.col(name).cast("string")


def _is_one_of(name: str, values: Sequence[str | None]) -> Column:
    """Tell whether a value is one of those that count as missing; null is, if the list has it."""
    texts = [value for value in values if value is not None]
    is_null = sf.col(name).isNull() if None in values else sf.lit(False)
    return is_null | sf.coalesce(_text(name).isin(*texts), sf.lit(False))


_WORDS = {
    "minimum": "below",
    "maximum": "above",
    "exclusiveMinimum": "not above",
    "exclusiveMaximum": "not below",
    "minLength": "shorter than",
    "maxLength": "longer than",
}


def _limits(options: Mapping[str, object]) -> str:
    return " or ".join(f"{_WORDS[key]} {value}" for key, value in options.items())


def _of_other_length(name: str, options: Mapping[str, int]) -> Column:
    """Tell that a text is shorter or longer than agreed; null has no length and passes."""
    compare = {"minLength": operator.lt, "maxLength": operator.gt}
    found: list[Column] = [
        compare[key](sf.length(_text(name)), sf.lit(limit)) for key, limit in options.items()
    ]
    return sf.coalesce(reduce(operator.or_, found), sf.lit(False))


_BEYOND = {
    "minimum": operator.lt,
    "maximum": operator.gt,
    "exclusiveMinimum": operator.le,
    "exclusiveMaximum": operator.ge,
}


def _out_of_range(rule: Rule, is_typed: bool, form: Form) -> Column:
    """Tell that a value is beyond a limit; text that is no value has its reason from the rule of its type."""
    name, options = rule.column, rule.options
    if is_typed or form.kind in ("date", "timestamp"):
        value = sf.col(name) if is_typed else parsing.parsed(name, form)
        typed: list[Column] = [_BEYOND[key](value, _limit(limit, form)) for key, limit in options.items()]
        beyond = reduce(operator.or_, typed)
        return beyond if is_typed else sf.coalesce(beyond, sf.lit(False))
    exact = parsing.tried(name, replace(form, kind=_NUMBER))
    near = parsing.tried(name, replace(form, kind="double"))
    limits = {key: sf.lit(str(value)).cast(_NUMBER) for key, value in options.items()}
    far: list[Column] = [
        # A number with more digits than any decimal holds is far beyond every limit's precision.
        sf.coalesce(_BEYOND[key](exact, limit), _BEYOND[key](near, limit.cast("double")))
        for key, limit in limits.items()
    ]
    return parsing.has_form(name, replace(form, kind="double")) & reduce(operator.or_, far)


def _limit(limit: object, form: Form) -> Column:
    return sf.lit(limit).cast(form.kind) if form.kind in ("date", "timestamp") else sf.lit(limit)


def _in_order(checks: Sequence[Check], received: Sequence[str]) -> list[Check]:
    """Sort checks: the final ones, those of a column as they were received, and those of several columns."""
    places = {name: number for number, name in enumerate(received)}
    return sorted(checks, key=lambda check: (not check.final, places.get(check.column, len(places))))


def _require_columns(table: Table, received: Sequence[str]) -> None:
    for rule in table.rules:
        if rule.column and rule.column not in received:
            raise ContractError(
                f"{table.label}: {rule.column} has the rule {rule.kind}; expected a received column: one of "
                f"{', '.join(received)}, or transformLogic for what the job works out"
            )


def _with_queries(frame: DataFrame, table: Table, forms: Mapping[str, Form]) -> tuple[DataFrame, list[Check]]:
    """Add a column for each rule of kind sql: whether a row is one of those that its query counts.

    A query says of columns what the table says of them: values, not the text in which they were received.
    """
    rules = [rule for rule in table.rules if rule.kind == "sql"]
    if not rules:
        return frame, []
    row, names = sf.struct("*").alias("_row"), [name for name in frame.columns if name != TYPED]
    typed = _typed(frame)
    values = [
        sf.col(f"{TYPED}.{name}").alias(name) if name in forms and name not in typed else sf.col(name)
        for name in names
    ]
    marks = [f"_query_{number}" for number, _ in enumerate(rules)]
    try:
        found = frame.select(row, *values).select(
            "_row.*",
            *(sf.expr(rule.options["breaks"]).alias(mark) for rule, mark in zip(rules, marks, strict=True)),
        )
    except AnalysisException as error:
        told = " or ".join(f"WHERE {rule.options['breaks']}" for rule in rules)
        raise ContractError(
            f"{table.label}: a query counts {told}, which Spark does not read "
            f"({str(error).splitlines()[0]}); expected conditions on the columns {', '.join(names)}"
        ) from None
    checks = [
        Check(rule.reason or rule.options["breaks"], sf.coalesce(sf.col(mark), sf.lit(False)), rule.final)
        for rule, mark in zip(rules, marks, strict=True)
    ]
    return found, checks


def _with_references(
    frame: DataFrame, table: Table, references: Mapping[str, DataFrame]
) -> tuple[DataFrame, list[Check]]:
    """Join what relationships need: the known values, broadcast, each once."""
    found = []
    for number, rule in enumerate(table.rules):
        if rule.kind != "relationship":
            continue
        name, there, place = rule.column, rule.options["property"], rule.options["object"]
        if place not in references:
            raise ContractError(
                f"{table.label}: {name} has a relationship to {place}.{there}; expected the rows of {place} "
                "among the references that the job gives"
            )
        mark = f"_found_{number}"
        known = references[place].select(sf.col(there).alias(mark)).distinct()
        frame = frame.join(sf.broadcast(known), frame[name] == known[mark], "left")
        found.append(_check(rule, f"{name} is not in {place}", sf.col(mark).isNull()))
    return frame, found


def _of_each_key_one(
    checked: DataFrame, rule: Rule, received: Sequence[str], forms: Mapping[str, Form]
) -> DataFrame:
    """Let one of the good rows of a key count. Which one depends on what the rows say, and on nothing else.

    By ``latestBy`` it is the greatest of ``by``, and then of all its values; the others are superseded. By
    ``duplicateValues`` it is the one with the least values; the others are superseded if they say the same,
    and rejected if not.
    """
    good = sf.col(REASONS).isNull() & ~sf.col(SUPERSEDED)

    def said_in(name: str) -> Column:
        return sf.col(f"{TYPED}.{name}") if name in forms else comparable(checked, name)

    key = Window.partitionBy(*map(said_in, rule.options["properties"]), good)
    says = [said_in(name) for name in received if name not in NOT_SAID]
    # Of rows that say the same it is all one which counts, but it should be the same one each time.
    order = [*says, *(sf.col(name) for name in received if name == SOURCE_FILE)]
    if rule.kind == "latestBy":
        newest_first = [each.desc() for each in (*map(said_in, rule.options["by"]), *order)]
        is_old = sf.row_number().over(key.orderBy(*newest_first)) > 1
        return checked.withColumn(SUPERSEDED, sf.col(SUPERSEDED) | (good & is_old))
    in_order = key.orderBy(*order)
    other, said = good & (sf.row_number().over(in_order) > 1), sf.struct(*says)
    same = said.eqNullSafe(sf.first(said).over(in_order))
    reason = rule.reason or f"{', '.join(rule.options['properties'])}: there already"
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


# In the words of ODCS: https://bitol-io.github.io/open-data-contract-standard/v3.1.0/data-quality/#library
_OPERATORS: Mapping[str, tuple[str, Callable[[int, Any], bool]]] = {
    "mustBe": ("", operator.eq),
    "mustNotBe": ("another number than ", operator.ne),
    "mustBeGreaterThan": ("more than ", operator.gt),
    "mustBeGreaterOrEqualTo": ("at least ", operator.ge),
    "mustBeLessThan": ("less than ", operator.lt),
    "mustBeLessOrEqualTo": ("at most ", operator.le),
    "mustBeBetween": ("a number within ", lambda rows, limits: limits[0] <= rows <= limits[1]),
    "mustNotBeBetween": ("a number out of ", lambda rows, limits: not limits[0] <= rows <= limits[1]),
}


def require_row_count(table: Table, rows: int) -> None:
    """Stop the run if a table has another number of rows than its contract says; they are written already.

    Raises:
        QualityError: it has.

    """
    for name, value in table.row_count:
        words, holds = _OPERATORS[name]
        if not holds(rows, value):
            raise QualityError(f"{table.label}: it has {rows} rows now; expected {words}{value}")


def require_within(table: Table, rows_in: int, rejects: DataFrame, rejected: int) -> None:
    """Stop the run if more rows are rejected than the contract allows; the most frequent reasons are named.

    Raises:
        QualityError: more than ``stopAbove`` of the table.

    """
    if rejected <= table.stop_rows or rejected <= table.stop_share * rows_in:
        return
    reason = sf.explode(sf.split(REASONS, SEPARATOR)).alias("reason")
    counts = rejects.select(reason).groupBy("reason").count()
    often = counts.orderBy(sf.desc("count"), "reason").limit(3).collect()
    named = ", ".join(f"{row['reason']} ({row['count']})" for row in often)
    raise QualityError(
        f"{table.label}: {rejected} of {rows_in} rows are rejected; expected at most {table.stop_rows} rows "
        f"or {table.stop_share:.0%}; most often: {named}; see {table.layer}.{table.quarantine}, "
        "then mend the source or the contract and run again: nothing else was written"
    )
