"""Every file and record that arrives is in a table, once, whenever and however it came."""

from __future__ import annotations

import gzip
import itertools
import os

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from template.test_template_jobs import records, rejects, run_all, snapshots

from core.errors import InputError
from jobs.template import ingest

HEADER = "item_id,day,value\n"


@pytest.fixture
def domain(lake):
    lake.deploy("template")
    return lake


# ─── Any order, any files, any repetition ───

ROWS = st.tuples(
    st.sampled_from(["A1", "A1", "A2", "A3", " "]),
    st.sampled_from(["2026-10-30", "2026-10-31", "2026-02-30"]),
    st.sampled_from(["12.50", "12.5", "99.00", "7", "ten", "1.005"]),
)
EXPECTED = """
    CREATE OR REPLACE TABLE judged AS
    WITH typed AS (
        SELECT *, TRY_CAST(day AS DATE) AS d, regexp_full_match(value, '[0-9]+([.][0-9]+)?') AS is_number
        FROM received
    ), reasoned AS (
        SELECT *, concat_ws('; ',
            CASE WHEN trim(item_id) = '' THEN 'item_id is missing' END,
            CASE WHEN d IS NULL THEN 'day is not YYYY-MM-DD' END,
            CASE WHEN NOT is_number THEN 'value is not a decimal number'
                 WHEN len(split_part(value, '.', 2)) > 2 THEN 'value does not fit decimal(18,2)' END
        ) AS reasons,
        FROM typed
    ), numbered AS (
        SELECT *, CASE WHEN reasons = '' THEN value::DECIMAL(18, 2) END AS v,
               first((d, v)) OVER (PARTITION BY item_id, reasons = '' ORDER BY d, v) AS counting
        FROM reasoned
    )
    SELECT item_id, day, value, d, v, reasons = '' AND counting <> (d, v) AS is_other, reasons FROM numbered
"""


@settings(
    max_examples=6, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data(), received=st.lists(ROWS, min_size=2, max_size=12))
def test_tables_depend_on_what_was_received_alone(new_lake, data, received):
    """Rows in any order, split into files in any way, dropped in any runs, and some files again."""
    domain = new_lake()
    domain.deploy("template")
    shuffled = data.draw(st.permutations(received))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    files = [shuffled[start:end] for start, end in itertools.pairwise([0, *cuts, len(shuffled)])]
    runs = data.draw(st.lists(st.integers(1, 3), min_size=len(files), max_size=len(files)))
    again = data.draw(st.lists(st.booleans(), min_size=len(files), max_size=len(files)))
    for run in (1, 2, 3):
        for number, rows in enumerate(files):
            if runs[number] == run or (run == 3 and again[number]):
                text = HEADER + "".join(f"{','.join(row)}\n" for row in rows)
                file = domain.drop("template", f"{number}.csv", text)
                # Dropped again: another time of its own.
                os.utime(file, (1_760_000_000 + run, 1_760_000_000 + run))
        if (domain.folder / "landing" / "template").exists():
            run_all(domain, f"2026-11-0{run}")
    with duckdb.connect() as database:
        database.execute("CREATE TABLE received (item_id TEXT, day TEXT, value TEXT)")
        database.executemany("INSERT INTO received VALUES (?, ?, ?)", received)
        database.execute(EXPECTED)
        good = database.sql("SELECT DISTINCT item_id, d, v FROM judged WHERE reasons = '' AND NOT is_other")
        bad = database.sql(
            "SELECT item_id, value, CASE WHEN is_other THEN 'item_id is there already' ELSE reasons END "
            "FROM judged WHERE is_other OR reasons <> ''"
        )
        found = domain.table("refined", "template_records").select("item_id", "day", "value").collect()
        assert sorted(map(tuple, found)) == sorted(good.fetchall())
        assert rejects(domain) == sorted(bad.fetchall())
        daily = database.sql("SELECT d, count(*), sum(v) FROM good GROUP BY d").fetchall()
        assert sorted(map(tuple, domain.table("curated", "template_daily").collect())) == sorted(daily)


def test_the_same_file_on_six_days_changes_nothing(domain):
    """Of two rows of one key the same one counts each time, and the other one is in quarantine once."""
    for day in range(1, 7):
        file = domain.drop("template", "a.csv", f"{HEADER}A1,2026-10-30,99.00\nA1,2026-10-30,12.50\n")
        os.utime(file, (1_760_000_000 + day, 1_760_000_000 + day))
        run_all(domain, f"2026-11-0{day}")
        assert records(domain) == {"A1": "12.50"}
        assert rejects(domain) == [("A1", "99.00", "item_id is there already")]
    assert set(snapshots(domain).values()) == {1}


def test_every_file_is_read_whatever_its_date(domain):
    """Two dropped together, one that claims to be old later, and one filed under an earlier day."""
    domain.drop("template", "1.csv", f"{HEADER}A1,2026-10-30,1.00\n")
    domain.drop("template", "2.csv", f"{HEADER}A2,2026-10-30,2.00\n")
    run_all(domain)
    assert records(domain) == {"A1": "1.00", "A2": "2.00"}
    late = domain.drop("template", "0.csv", f"{HEADER}A3,2026-10-01,3.00\n")
    os.utime(late, (1_000_000_000, 1_000_000_000))
    run_all(domain)
    domain.drop("template", "backfill.csv", f"{HEADER}A4,2026-09-01,4.00\n")
    run_all(domain, "2026-09-01")
    assert records(domain) == {"A1": "1.00", "A2": "2.00", "A3": "3.00", "A4": "4.00"}


def test_a_full_rebuild_reads_everything_again(domain):
    domain.drop("template", "1.csv", f"{HEADER}A1,2026-10-30,1.00\n")
    domain.drop("template", "2.csv", f"{HEADER}A2,2026-10-30,2.00\n")
    run_all(domain)
    domain.spark.sql(f"DELETE FROM {domain.name('refined', 'template_records')} WHERE item_id = 'A1'")
    run_all(domain, "2026-11-03")
    assert records(domain) == {"A2": "2.00"}
    run_all(domain, "2026-11-03", full_rebuild=True)
    assert records(domain) == {"A1": "1.00", "A2": "2.00"}


@pytest.mark.parametrize("day", ["2026-11-02", "2026-11-03", "2026-10-01"])
def test_a_file_that_is_dropped_again_replaces_its_rows(domain, day):
    """What it corrects is corrected, what it mends is no reject any more, on whatever day it is received."""
    domain.drop("template", "a.csv", f"{HEADER}A1,2026-10-30,1.00\nA2,2026-10-30,two\n")
    domain.drop("template", "b.csv", f"{HEADER}A3,2026-10-30,3.00\nA4,2026-10-30,four\n")
    run_all(domain, "2026-11-02")
    domain.drop("template", "a.csv", f"{HEADER}A1,2026-10-30,11.00\nA2,2026-10-30,2.00\n")
    for rebuild in (False, True):
        run_all(domain, day, full_rebuild=rebuild)
        assert records(domain) == {"A1": "11.00", "A2": "2.00", "A3": "3.00"}
        assert rejects(domain) == [("A4", "four", "value is not a decimal number")]


def test_a_row_that_a_new_version_of_its_file_has_not_stays(domain):
    """A source that writes each delivery over the one before loses nothing."""
    domain.drop("template", "latest.csv", f"{HEADER}A1,2026-10-30,1.00\n")
    run_all(domain)
    domain.drop("template", "latest.csv", f"{HEADER}A2,2026-10-31,2.00\n")
    run_all(domain, "2026-11-03")
    run_all(domain, "2026-11-03", full_rebuild=True)
    assert records(domain) == {"A1": "1.00", "A2": "2.00"}


# ─── Files and lines that are not as they should be ───


def test_a_bad_line_is_rejected_and_the_others_are_kept(domain):
    lines = [
        "A1,2026-10-30,1.00",
        "A2,2026-10-30,2.00,extra",
        "A3,2026-10-30",
        'A4,"2026-10-30,4.00',
        "A5,2026-10-30,5.00",
    ]
    content = HEADER.encode() + "\n".join(lines).encode() + b"\nA\xff6,2026-10-30,6.00\n"
    domain.drop("template", "a.csv", content)
    run_all(domain)
    assert records(domain) == {"A1": "1.00", "A5": "5.00"}
    assert rejects(domain) == [
        (line, None, "line does not have the header's cells, or is not UTF-8")
        for line in (
            "A2,2026-10-30,2.00,extra",
            "A3,2026-10-30",
            'A4,"2026-10-30,4.00',
            '{"item_id":"A\ufffd6","day":"2026-10-30","value":"6.00"}',
        )
    ]


def test_lines_that_are_there_twice_do_not_stop_a_run(domain):
    rows = [f"A{number},2026-10-30,1.00\n" for number in range(200)]
    domain.drop("template", "a.csv", HEADER + "".join(rows * 3))
    run_all(domain)
    assert len(records(domain)) == 200
    assert rejects(domain) == []


def test_columns_may_stand_in_any_order_and_quotes_hold_what_they_hold(domain):
    domain.drop("template", "1.csv", "value,item_id,day\n1.00,A1,2026-10-30\n")
    domain.drop("template", "2.csv", '\ufeff"item_id","day","value"\r\n"A ""2"", b","2026-10-30","2.00"\r\n')
    domain.drop("template", "3.csv.gz", gzip.compress(f"{HEADER}A3,2026-10-30,3.00\n".encode()))
    run_all(domain)
    assert records(domain) == {"A1": "1.00", 'A "2", b': "2.00", "A3": "3.00"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv: expected a header with item_id, day, value; the file is empty"),
        ("a.csv", "A1,2026-10-30,1.00\n", r"its first line has 'A1', '2026-10-30', '1\.00': unknown"),
        ("a.csv", "item_id;day;value\nA1;x;1\n", r"'item_id;day;value', seem to be separated by ';'"),
        ("a.csv", "item_id,date,value\nA1,x,1\n", r"unknown 'date'; missing 'day'$"),
        ("a.csv", "item_id,day,day,value\n", r"there twice 'day'$"),
        ("a.csv.gz", gzip.compress(b"x" * 9999)[:20], r"/a\.csv\.gz: .* readable text file: EOFException"),
        ("a.csv.gz", b"no archive", r"a\.csv\.gz: expected a readable text file: IOException"),
    ],
    ids=["empty", "no header", "separator", "another column", "a column twice", "cut archive", "no archive"],
)  # fmt: skip
def test_what_is_wrong_with_a_whole_file_is_one_error_that_names_it(domain, name, content, message):
    domain.drop("template", "good.csv", f"{HEADER}A1,2026-10-30,1.00\n")
    domain.drop("template", name, content)
    with pytest.raises(InputError, match=message):
        domain.run(ingest.work, "template")


def test_an_archive_that_ends_early_is_named_too(domain):
    whole = HEADER + "".join(f"A{n * 7919},2026-10-30,{n * 31 % 977}.00\n" for n in range(20_000))
    domain.drop("template", "cut.csv.gz", gzip.compress(whole.encode())[:50_000])
    with pytest.raises(InputError, match=r"/cut\.csv\.gz: expected a readable file: EOFException"):
        domain.run(ingest.work, "template")


def test_every_entry_of_the_folder_is_read_or_named(domain):
    for name in ("pay ments.csv", "pay[1].csv", "a#b.csv", "a?b.csv", "a%20b.csv", "a*b.csv", "é{x,y}.CSV"):
        domain.drop("template", name, f"{HEADER}{name.replace(',', ';')},2026-10-30,1.00\n")
    for name in ("_hidden.csv", ".part.csv", "readme.txt", "more/x.csv"):
        domain.drop("template", name, f"{HEADER}Z,2026-10-30,1.00\n")
    log = domain.run(ingest.work, "template")
    assert log[0]["message"] == "left out"
    assert log[0]["entries"] == [".part.csv", "_hidden.csv", "more/", "readme.txt"]
    run_all(domain)
    found = domain.table("refined", "template_records").collect()
    assert {row.item_id for row in found} == {
        "pay ments.csv", "pay[1].csv", "a#b.csv", "a?b.csv", "a%20b.csv", "a*b.csv", "é{x;y}.CSV"
    }  # fmt: skip
    domain.drop("template", "pay ments.csv", f"{HEADER}pay ments.csv,2026-10-30,2.00\n")
    domain.drop("template", "a%20b.csv", f"{HEADER}a%20b.csv,2026-10-30,2.00\n")
    run_all(domain)
    assert {key: value for key, value in records(domain).items() if value == "2.00"} == {
        "pay ments.csv": "2.00", "a%20b.csv": "2.00"
    }  # fmt: skip
