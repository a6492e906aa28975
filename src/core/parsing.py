"""Text to typed values, strictly: what is not written as agreed is null, and never a guess.

A cast alone would take "2024" for a date, "1e3" or "NaN" for a number, and a timestamp without a zone for
one of the session's zone.
"""

from __future__ import annotations

import re

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


def parsed(column: str, kind: str) -> Column:
    """Return the typed value of a text column: null if the text is not of the type, or does not fit it.

    Args:
        column: its name; white space around the text is of no matter.
        kind: a Glue type; a timestamp is an instant.

    """
    value = sf.expr(f"try_cast(trim(`{column}`) AS {kind})")
    return sf.when(has_form(column, kind) & fits(column, kind), value)


def has_form(column: str, kind: str) -> Column:
    """Tell whether the text is written as a value of the type is; false for null."""
    form = _form(kind)
    if form == "string":
        return sf.col(column).isNotNull()
    written = text(column).rlike(_PATTERNS[form])
    if form in ("date", "timestamp"):
        # The form alone takes the 30th of February.
        return written & sf.expr(f"try_cast(trim(`{column}`) AS {kind})").isNotNull()
    return written


def fits(column: str, kind: str) -> Column:
    """Tell whether a text of the right form fits the type without losing a digit."""
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", kind):
        scale = int(match[2])
        whole = int(match[1]) - scale
        return text(column).rlike(rf"^[+-]?0*\d{{0,{whole}}}(\.\d{{0,{scale}}}0*)?$")
    if _form(kind) == "whole":
        return sf.expr(f"try_cast(trim(`{column}`) AS {kind})").isNotNull()
    return sf.lit(True)


def expected(kind: str) -> str:
    """Say how a value of the type is written."""
    return _EXPECTED[_form(kind)]


def text(column: str) -> Column:
    """Return the text without white space around it; null is empty."""
    return sf.trim(sf.coalesce(sf.col(column).cast("string"), sf.lit("")))


def _form(kind: str) -> str:
    if kind in _WHOLE:
        return "whole"
    return "double" if kind == "float" else kind.split("(")[0]
