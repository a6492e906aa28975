"""project01's input: what the ECB's file holds, and one clear error for each way in which it can be wrong."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from core.errors import InputError
from jobs.project01 import source_file

URI = "s3://exa-raw-123456789012-dev/landing/project01/eurofxref-hist.zip"
CSV_URI = URI.replace(".zip", ".csv")
GOOD = "Date,USD,JPY,\n2026-10-30,1.1172,175.68,\n2026-10-29,1.113,N/A,\n"


def zipped(text=GOOD, name="eurofxref-hist.csv"):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return content.getvalue()


def parse(text, uri=CSV_URI):
    return source_file.parse(uri, text.encode() if isinstance(text, str) else text, ["usd", "jpy"])


def test_zip_and_csv_give_the_same_rows_as_written():
    expected = [
        {"rate_date": "2026-10-30", "usd": "1.1172", "jpy": "175.68", "other_currencies": "{}"},
        {"rate_date": "2026-10-29", "usd": "1.113", "jpy": "N/A", "other_currencies": "{}"},
    ]
    assert parse(GOOD) == expected
    assert parse(zipped(), URI) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace(",\n", "\n"),
        '"Date","USD","JPY"\n"2026-10-30","1.1172","175.68"\n"2026-10-29","1.113","N/A"\n',
        "Date,JPY,USD,\n2026-10-30,175.68,1.1172,\n2026-10-29,N/A,1.113,\n\n",
    ],
    ids=["byte order mark", "CRLF", "CR", "no last comma", "quoted", "other order and a blank line"],
)
def test_another_way_to_write_the_same_file_makes_no_difference(text):
    assert parse(text) == parse(GOOD)


def test_a_currency_without_a_column_is_carried():
    rows = parse("Date,USD,XYZ,JPY,\n2026-10-30,1.1172,9.5,175.68,\n")
    assert json.loads(rows[0]["other_currencies"]) == {"XYZ": "9.5"}


@pytest.mark.parametrize(
    "line",
    ["2026-10-28,1.1", "2026-10-28,1,2,3,", '2026-10-28,"1"2,3', '2026-10-28,"1,2', b"2026-10-28,1\xff,2"],
    ids=["cells are missing", "too many cells", "text behind a quote", "an open quote", "no UTF-8"],
)
def test_a_bad_line_is_kept_as_it_is_beside_the_good_ones(line):
    line = line if isinstance(line, bytes) else line.encode()
    rows = parse(GOOD.encode() + line + b"\r\n2026-10-27,1.2,170,\n")
    assert [row.get("rate_date") for row in rows] == ["2026-10-30", "2026-10-29", None, "2026-10-27"]
    assert rows[2] == {"corrupt_record": line.decode(errors="replace")}


def test_a_line_break_within_quotes_is_carried_as_it_is():
    rows = parse('Date,USD,JPY,\r\n2026-10-30,"1\r\n2",175.68,\r\n')
    assert rows[0]["usd"] == "1\r\n2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Date,UDS,JPY,\n2026-10-30,1,2,\n", "column 'USD' is missing; unknown columns: UDS"),
        ("Date,UDS,YPJ,\n2026-10-30,1,2,\n", "column 'USD' is missing; unknown columns: UDS, YPJ"),
        ("Date,USD,\n2026-10-30,1,\n", "column 'JPY' is missing"),
        ("Day,USD,JPY,\n2026-10-30,1,2,\n", "column 'Day': expected Date or an ISO 4217 currency code"),
        ("Date,USD,JPY,Note\n2026-10-30,1,2\n", "column 'Note': expected Date or an ISO 4217 currency code"),
        ("Date,USD,USD,JPY\n2026-10-30,1,2,3\n", "column 'USD' is there 2 times; expected once"),
        ("Date;USD\n30;1\n", "the cells of its first line, 'Date;USD', seem to be separated by ';'"),
        ("2026-10-30,1.1172,175.68\n", "column '2026-10-30': expected Date or an ISO 4217 currency code"),
        ("", "expected a CSV file with a header, it is empty"),
        ("Date,USD,JPY,\n", "expected at least one day of rates below the header, there is none"),
        (b"Date,USD\xff", "expected a CSV file in UTF-8 with a header, its first line is 'Date,USD\ufffd'"),
        ('"Date,USD,JPY\n', "expected a CSV file in UTF-8 with a header, its first line is '\"Date,USD,JPY'"),
    ],
)  # fmt: skip
def test_a_wrong_csv_gives_one_line_that_names_the_file_and_what_is_wrong(text, message):
    with pytest.raises(InputError, match=f"^{re.escape(f'{CSV_URI}: {message}')}$"):
        parse(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a readable zip file"),
        (b"Date,USD\n", "expected a readable zip file"),
        (zipped()[:60], "expected a readable zip file"),
        (zipped(name="readme.txt"), "expected one CSV file in the zip, found none"),
    ],
    ids=["empty", "no zip", "cut off", "no CSV in it"],
)
def test_a_wrong_zip_gives_one_line_that_names_the_file(content, message):
    with pytest.raises(InputError, match=f"^{re.escape(f'{URI}: {message}')}.*$"):
        parse(content, URI)


def test_a_zip_with_damaged_bytes_is_refused():
    """The directory of the zip is whole; the compressed bytes are not."""
    content = bytearray(zipped(GOOD * 50))
    start = content.find(b"eurofxref-hist.csv") + len("eurofxref-hist.csv")
    content[start : start + 20] = bytes(20)
    with pytest.raises(InputError, match=f"^{re.escape(f'{URI}: expected a readable zip file')}.*$"):
        parse(bytes(content), URI)
