"""Read the ECB's history of reference rates, ``eurofxref-hist.zip`` or the CSV in it.

One row a day, newest first, and one column a currency, headed by its ISO 4217 code; ``N/A`` where no rate
was published; every line ends with a comma.
Source: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

DATE_HEADER = "Date"
DATE_COLUMN = "rate_date"
OTHER_COLUMN = "other_currencies"
_CURRENCY = re.compile(r"[A-Z]{3}")


def parse(uri: str, content: bytes, currencies: Sequence[str]) -> list[dict[str, str]]:
    """Return the file's rows: ``rate_date``, a value for each of the currencies, and the other currencies.

    Args:
        uri: the file's URI, for messages and to tell a zip from a CSV.
        content: the file's bytes.
        currencies: lower-case codes of the currencies that have a column in the table. One that the file
            has besides them is carried in ``other_currencies``, a JSON object of code and value.

    Raises:
        InputError: no readable zip or CSV, a missing, unknown or repeated column, a row with another number
            of cells than the header, no rows.

    """
    text = _unzipped(uri, content) if uri.lower().endswith(".zip") else content
    try:
        lines = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{uri}: expected a CSV file in UTF-8: {error}") from None
    if not lines:
        raise InputError(f"{uri}: expected a CSV file with a header, it is empty")
    header = _header(uri, lines[0], currencies)
    rows = [_row(uri, number, header, line, currencies) for number, line in enumerate(lines[1:], 2) if line]
    if not rows:
        raise InputError(f"{uri}: expected at least one day of rates below the header, there is none")
    return rows


def _unzipped(uri: str, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(names) != 1:
                raise InputError(f"{uri}: expected one CSV file in the zip, found {names or 'none'}")
            return archive.read(names[0])
    # zlib.error and EOFError: a member whose bytes are damaged or cut off.
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{uri}: expected a readable zip file: {error}") from None


def _header(uri: str, names: Sequence[str], currencies: Sequence[str]) -> list[str]:
    """Check the header and return it without the empty name after the last comma."""
    header = [name.strip() for name in names]
    if header and not header[-1]:
        header = header[:-1]
    expected = [DATE_HEADER, *(currency.upper() for currency in currencies)]
    for name in header:
        if name != DATE_HEADER and not _CURRENCY.fullmatch(name):
            raise InputError(f"{uri}: column {name!r}: expected {DATE_HEADER} or an ISO 4217 currency code")
        if header.count(name) > 1:
            raise InputError(f"{uri}: column {name!r} is there {header.count(name)} times; expected once")
    for name in expected:
        if name not in header:
            others = [found for found in header if found not in expected]
            unknown = f"; unknown columns: {', '.join(others)}" if others else ""
            raise InputError(f"{uri}: column {name!r} is missing{unknown}")
    return header


def _row(
    uri: str, number: int, header: Sequence[str], line: Sequence[str], currencies: Sequence[str]
) -> dict[str, str]:
    cells = line[:-1] if len(line) == len(header) + 1 and not line[-1].strip() else line
    if len(cells) != len(header):
        raise InputError(
            f"{uri}: line {number} has {len(cells)} cells; expected {len(header)}, as in the header"
        )
    values = {name.lower(): value for name, value in zip(header, cells, strict=True)}
    others = {name.upper(): value for name, value in values.items() if name not in {"date", *currencies}}
    return {
        DATE_COLUMN: values["date"],
        **{currency: values[currency] for currency in currencies},
        OTHER_COLUMN: json.dumps(others),
    }
