"""Text to typed values, strictly: what is not written as agreed is null, and never a guess.

A cast alone would take "2024" for a date, "1e3" or "NaN" for a number, and a timestamp without a zone for
one of the session's zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as sf

_WHOLE = ("tinyint", "smallint", "int", "bigint")
_PATTERNS = {
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "timestamp": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$",
    "boolean": r"^(?i:true|false)$",
    "decimal": r"^[+-]?\d+(\.\d+)?$",
    "whole": r"^[+-]?\d+$",
    "double": r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$",
}
_EXPECTED = {
    "date": "YYYY-MM-DD",
    "timestamp": "an ISO 8601 timestamp with a zone",
    "boolean": "true or false",
    "decimal": "a decimal number",
    "whole": "a whole number",
    "double": "a number",
}


@dataclass(frozen=True)
class Form:
    """How values of a type are written.

    Attributes:
        kind: a Glue type; a timestamp is an instant.
        decimal: the character before the decimal places, a point or a comma.
        pattern: of a date or a timestamp, in Spark's letters, such as ``dd.MM.yyyy``; ISO 8601 if empty.

    """

    kind: str
    decimal: str = "."
    pattern: str = ""

    @property
    def expected(self) -> str:
        """Say how a value is written."""
        if self.pattern:
            return f"a {self.kind} written {self.pattern}"
        said = _EXPECTED[_class(self.kind)]
        return f"{said} with a decimal comma" if self.decimal == "," and said.endswith("number") else said


def parsed(column: str, form: Form | str) -> Column:
    """Return the typed value of a text column: null if the text is not of the form, or does not fit the type.

    White space around the text is of no matter. ``form`` may be a Glue type, for the form it usually has.
    """
    form = _form(form)
    return sf.when(has_form(column, form) & fits(column, form), tried(column, form))


def has_form(column: str, form: Form | str) -> Column:
    """Tell whether the text is written as a value of the type is; false for null."""
    form = _form(form)
    if form.pattern:
        return tried(column, form).isNotNull()
    kind = _class(form.kind)
    if kind not in _PATTERNS:
        return sf.col(column).isNotNull()
    written = number(column, form).rlike(_PATTERNS[kind])
    if kind in ("date", "timestamp"):
        # The form alone takes the 30th of February.
        return written & tried(column, form).isNotNull()
    return written


def fits(column: str, form: Form | str) -> Column:
    """Tell whether a text of the right form fits the type without losing a digit."""
    form = _form(form)
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", form.kind):
        scale = int(match[2])
        whole = int(match[1]) - scale
        return number(column, form).rlike(rf"^[+-]?0*\d{{0,{whole}}}(\.\d{{0,{scale}}}0*)?$")
    if _class(form.kind) == "whole":
        return tried(column, form).isNotNull()
    return sf.lit(True)


def text(column: str) -> Column:
    """Return the text without white space around it; null is empty."""
    return sf.trim(sf.coalesce(sf.col(column).cast("string"), sf.lit("")))


def number(column: str, form: Form) -> Column:
    """Return the text with a decimal point, whatever the form has; one with both is no number."""
    if form.decimal == ".":
        return text(column)
    return sf.translate(text(column), f".{form.decimal}", "x.")


def tried(column: str, form: Form) -> Column:
    """Return the value that a cast takes the text for, null if it takes none: not strict, as `parsed` is."""
    if form.pattern:
        return sf.try_to_timestamp(text(column), sf.lit(form.pattern)).cast(form.kind)
    written = f"trim(`{column}`)"
    if form.decimal != ".":
        written = f"translate({written}, '.{form.decimal}', 'x.')"
    return sf.expr(f"try_cast({written} AS {form.kind})")


def _form(form: Form | str) -> Form:
    return Form(form) if isinstance(form, str) else form


def _class(kind: str) -> str:
    if kind in _WHOLE:
        return "whole"
    return "double" if kind == "float" else kind.split("(")[0]
