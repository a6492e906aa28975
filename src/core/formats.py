"""Readers of landing files: rows of text, exactly as received, each bad record beside the good ones.

A reader takes the files, the columns that the raw table has for their content, and those without which no row
could be used. It returns these columns, ``corrupt_record`` (the record, if it is not of the format; its other
columns are null then) and ``source_file``. What is wrong with a whole file is an error that names it.
"""

from __future__ import annotations

import csv as csv_module
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from core import storage
from core.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from core.storage import StoredFile

Reader = Callable[["SparkSession", Sequence["StoredFile"], Sequence[str], Collection[str]], DataFrame]

CORRUPT = "corrupt_record"
RAW_LINE = "raw_line"
# What a decoder puts in the place of bytes that are not of the encoding.
UNDECODABLE = "\ufffd"
_END = "_end_of_line"


# ─── CSV ───


def csv(
    *, delimiter: str = ",", quote: str = '"', encoding: str = "UTF-8", multi_line: bool = False
) -> Reader:
    r"""Return a reader of CSV files with a header (RFC 4180: a quote within quotes is doubled).

    The columns may stand in any order, and in each file in another. A column that a file has not is null in
    its rows, unless no row could be used without it. A record with more or fewer cells than the header, or
    with bytes that are not of the encoding, is corrupt.

    Args:
        delimiter: between the cells.
        quote: around cells that hold the delimiter.
        encoding: of the files, such as ``ISO-8859-1``.
        multi_line: cells may hold line ends. Each file is then read by one core, and a quote that is never
            closed takes the rest of its file.

    """

    def read(
        spark: SparkSession, files: Sequence[StoredFile], columns: Sequence[str], required: Collection[str]
    ) -> DataFrame:
        by_header: dict[tuple[str, ...], list[StoredFile]] = defaultdict(list)
        problems = []
        for file in files:
            line = storage.first_line(spark, file, encoding).removeprefix("\ufeff")
            header = _cells(line, delimiter, quote)
            if problem := _header_problem(header, columns, required):
                problems.append(f"{file.uri}: {problem}")
            by_header[header].append(file)
        if problems:
            raise InputError("; ".join(problems))
        options = {
            "header": "true",
            "sep": delimiter,
            "quote": quote,
            "escape": quote,
            "encoding": encoding,
            "multiLine": str(multi_line).lower(),
            "columnNameOfCorruptRecord": CORRUPT,
        }
        frames = []
        for header, same in by_header.items():
            schema = ", ".join(f"`{name}` string" for name in (*header, CORRUPT))
            frame = storage.load(spark, same, "csv", schema, **options)
            missing = {name: sf.lit(None).cast("string") for name in columns if name not in header}
            frames.append(_marked(frame.withColumns(missing), columns, sf.col(CORRUPT)))
        return reduce(DataFrame.unionByName, frames)

    return read


def _cells(line: str, delimiter: str, quote: str) -> tuple[str, ...]:
    cells = next(csv_module.reader([line], delimiter=delimiter, quotechar=quote), [])
    return tuple(cell.strip() for cell in cells)


def _header_problem(header: Sequence[str], columns: Sequence[str], required: Collection[str]) -> str:
    """Say what is wrong with a header; empty if nothing is."""
    expected = f"expected a header with {', '.join(columns)}"
    if not header:
        return f"{expected}; the file is empty, or its first line is"
    if hint := separator_hint(header):
        return f"{expected}; {hint}"
    unknown = [name for name in header if name not in columns]
    missing = [name for name in columns if name in required and name not in header]
    doubled = sorted({name for name in header if header.count(name) > 1})
    wrong = [
        f"{what} {', '.join(map(repr, names))}"
        for what, names in (("unknown", unknown), ("missing", missing), ("there twice", doubled))
        if names
    ]
    return (
        f"{expected}; its first line has {', '.join(map(repr, header))}: {'; '.join(wrong)}" if wrong else ""
    )


def separator_hint(header: Sequence[str]) -> str:
    """Say that a header has another separator than its reader, if one cell of it looks so; else empty."""
    if len(header) == 1 and (found := [each for each in ",;|\t" if each in header[0]]):
        return f"the cells of its first line, {header[0]!r}, seem to be separated by {found[0]!r}"
    return ""


# ─── JSON Lines ───


def json_lines() -> Reader:
    """Return a reader of files with one JSON object a line; a blank line is none.

    Each row has the line itself, too, in ``raw_line``: fields that have no column are kept there. A line with
    anything but one object, such as two of them side by side, is corrupt. An empty file has no rows.
    """

    def read(
        spark: SparkSession, files: Sequence[StoredFile], columns: Sequence[str], required: Collection[str]
    ) -> DataFrame:
        lines = storage.load(spark, files, "text").withColumnRenamed("value", RAW_LINE)
        return parsed_lines(lines, [name for name in columns if name != RAW_LINE])

    return read


def parsed_lines(lines: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Add the fields of the objects, as text, to rows with ``raw_line``; leave out lines that are blank."""
    fields_ddl = ", ".join(f"`{name}`: string" for name in (*columns, _END))
    # Of "{…}{…}" a parser of one object takes the first and leaves the others out without a word. As an
    # element of a list, with one of ours behind it, the line must be one object and nothing more.
    end = json.dumps({_END: _END})
    listed = sf.from_json(
        sf.concat(sf.lit("["), RAW_LINE, sf.lit(f",{end}]")), f"array<struct<{fields_ddl}>>"
    )
    text = sf.trim(RAW_LINE)
    is_object = (sf.size("_listed") == 2) & (sf.get(f"_listed.{_END}", sf.lit(1)) == _END)
    is_object = is_object & text.startswith("{")
    frame = lines.where(text != "").withColumn("_listed", listed)
    fields = {name: sf.get(f"_listed.{name}", sf.lit(0)) for name in columns}
    corrupt = sf.when(sf.coalesce(is_object, sf.lit(False)), sf.lit(None)).otherwise(sf.col(RAW_LINE))
    return _marked(frame.withColumns(fields), [*columns, RAW_LINE], corrupt)


def _marked(frame: DataFrame, columns: Sequence[str], corrupt: Column) -> DataFrame:
    """Return the columns, with corrupt records in ``corrupt_record`` alone, and their line."""
    texts = [sf.coalesce(sf.col(name), sf.lit("")) for name in columns]
    decoded = ~sf.concat_ws("", *texts).contains(UNDECODABLE)
    record = sf.col(RAW_LINE) if RAW_LINE in columns else sf.to_json(sf.struct(*columns))
    marked = frame.withColumn(CORRUPT, sf.coalesce(corrupt, sf.when(~decoded, record)))
    is_good = sf.col(CORRUPT).isNull()
    return marked.select(
        *(
            sf.col(name) if name == RAW_LINE else sf.when(is_good, sf.col(name)).alias(name)
            for name in columns
        ),
        CORRUPT,
        storage.SOURCE_FILE,
    )
