"""core.parsing: what is written as agreed becomes a value, and everything else is null."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from core import parsing

DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 2, 29, 12)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("string", {" a ": "a", "": "", None: None}),
        ("date", {" 2024-02-29 ": DAY, "2023-02-29": None, "2024": None, "2024-2-29": None, None: None}),
        (
            "timestamp",
            {
                "2024-02-29T12:00:00Z": NOON,
                "2024-02-29T14:00:00+02:00": NOON,
                "2024-02-29T12:00:00": None,
                "2024-02-29 12:00:00Z": None,
                "2024-02-29": None,
            },
        ),
        ("boolean", {"true": True, "FALSE": False, "t": None, "1": None}),
        ("double", {"1e3": 1000.0, "-0.5": -0.5, "NaN": None, "1e": None, ".5": None}),
        ("float", {"0.5": 0.5, "1e3": 1000.0, "x": None}),
        ("int", {"+7": 7, "-007": -7, "2147483648": None, "1.0": None}),
        ("bigint", {"2147483648": 2147483648, "9223372036854775808": None}),
    ],
)
def test_a_text_is_its_value_or_null(rows, kind, values):
    frame = rows("written string", *((text,) for text in values))
    found = frame.select(parsing.parsed("written", kind).alias("value"), "written").collect()
    assert {row.written: row.value for row in found} == values


@pytest.mark.parametrize(
    ("kind", "fitting", "too_much"),
    [
        ("decimal(4,2)", ["12.30", "0012.3", "-99.99", "+1.100"], ["123", "1.234", "-100.00"]),
        ("decimal(2,0)", ["7", "7.0", "99.00"], ["7.5", "100"]),
        ("decimal(2,2)", ["0.25", "0", "00.1"], ["1.25", "0.255", "10"]),
    ],
)
def test_a_decimal_fits_if_it_loses_no_digit(rows, kind, fitting, too_much):
    frame = rows("written string", *((text,) for text in (*fitting, *too_much)))
    found = frame.select("written", parsing.fits("written", kind).alias("fits")).collect()
    assert {row.written: row.fits for row in found} == dict.fromkeys(fitting, True) | dict.fromkeys(
        too_much, False
    )
    typed = frame.select("written", parsing.parsed("written", kind).alias("value"))
    assert {row.written: row.value for row in typed.collect()} == {
        text: Decimal(text) if text in fitting else None for text in (*fitting, *too_much)
    }


def test_null_and_blanks_are_no_text(rows):
    frame = rows("written string", (" a ",), ("  ",), (None,))
    assert [row[0] for row in frame.select(parsing.text("written")).collect()] == ["a", "", ""]
    assert [row[0] for row in frame.select(parsing.has_form("written", "date")).collect()] == [False] * 3
