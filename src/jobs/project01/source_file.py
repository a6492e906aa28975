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

import pandas as pd

from core import storage
from core.errors import InputError
from core.formats import CORRUPT, UNDECODABLE, separator_hint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from core.storage import StoredFile

DATE_HEADER = "Date"
DATE_COLUMN = "rate_date"
OTHER_COLUMN = "other_currencies"
_CURRENCY = re.compile(r"[A-Z]{3}")


def read(
    spark: SparkSession, files: Sequence[StoredFile], columns: Sequence[str], required: Collection[str]
) -> DataFrame:
    """Read some files (a reader, as `core.formats` describes them)."""
    currencies = [name for name in columns if name not in (DATE_COLUMN, OTHER_COLUMN)]
    rows = [
        {**row, storage.SOURCE_FILE: file.uri}
        for file in files
        for row in parse(file.uri, storage.read_bytes(spark, file.uri), currencies)
    ]
    names = [*columns, CORRUPT, storage.SOURCE_FILE]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    frame = frame.where(frame.notna(), None)
    return spark.createDataFrame(frame, ", ".join(f"`{name}` string" for name in names)).coalesce(1)


def parse(uri: str, content: bytes, currencies: Sequence[str]) -> list[dict[str, str]]:
    """Return the file's rows: ``rate_date``, a value for each of the currencies, and the other currencies.

    A line with another number of cells than the header, with quotes that do not match or with bytes that are
    not UTF-8 is a row with ``corrupt_record`` alone, the line.

    Args:
        uri: the file's URI, for messages and to tell a zip from a CSV.
        content: the file's bytes.
        currencies: lower-case codes of the currencies that have a column in the table. One that the file
            has besides them is carried in ``other_currencies``, a JSON object of code and value.

    Raises:
        InputError: no readable zip or CSV, a missing, unknown or repeated column, no rows.

    """
    text = _unzipped(uri, content) if uri.lower().endswith(".zip") else content
    records = _records(text.decode("utf-8-sig", errors="replace"))
    first, line = next(records, (None, ""))
    if not line.strip():
        raise InputError(f"{uri}: expected a CSV file with a header, it is empty")
    if first is None or UNDECODABLE in line:
        raise InputError(f"{uri}: expected a CSV file in UTF-8 with a header, its first line is {line!r}")
    header = _header(uri, first, currencies)
    rows = [_row(header, cells, record, currencies) for cells, record in records if record.strip()]
    if not rows:
        raise InputError(f"{uri}: expected at least one day of rates below the header, there is none")
    return rows


def _records(text: str) -> Iterator[tuple[list[str] | None, str]]:
    """Yield each record's cells and its text without the line end; None for the cells if it is no CSV."""
    lines = list(io.StringIO(text, newline=""))
    start = 0
    while start < len(lines):
        reader, begin = csv.reader(lines[start:], strict=True), start
        try:
            for cells in reader:
                end = begin + reader.line_num
                yield cells, "".join(lines[start:end]).rstrip("\r\n")
                start = end
        except csv.Error:
            # A quote that is never closed must not take the lines behind it.
            yield None, lines[start].rstrip("\r\n")
            start += 1


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
    if hint := separator_hint(header):
        raise InputError(f"{uri}: {hint}")
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
    header: Sequence[str], cells: Sequence[str] | None, record: str, currencies: Sequence[str]
) -> dict[str, str]:
    if cells is not None and len(cells) == len(header) + 1 and not cells[-1].strip():
        cells = cells[:-1]
    if cells is None or len(cells) != len(header) or UNDECODABLE in record:
        return {CORRUPT: record}
    values = {name.lower(): value for name, value in zip(header, cells, strict=True)}
    others = {name.upper(): value for name, value in values.items() if name not in {"date", *currencies}}
    return {
        DATE_COLUMN: values["date"],
        **{currency: values[currency] for currency in currencies},
        OTHER_COLUMN: json.dumps(others),
    }
