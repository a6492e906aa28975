"""project01 end to end on the ECB's own file, held against an independent computation in plain Python."""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import math
import os
import statistics
import zipfile
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import CatalogError, InputError
from jobs.project01 import curate_rates, ingest_rates, refine_rates
from meshtest.tools import toolchain

SAMPLE = toolchain.ROOT / "samples" / "project01" / "eurofxref-hist.zip"
JOBS = (ingest_rates.work, refine_rates.work, curate_rates.work)
TABLES = [
    ("refined", "ecb_rates"),
    ("refined", "ecb_rates_gaps"),
    ("refined", "ecb_rates_rejected"),
    ("curated", "ecb_rates_monthly"),
    ("curated", "ecb_cross_rates_usd"),
]


@pytest.fixture
def domain(lake):
    lake.deploy("project01")
    return lake


def history():
    """The file as {currency: {day: rate as written}}, read without the code under test."""
    with zipfile.ZipFile(SAMPLE) as archive:
        lines = csv.DictReader(io.StringIO(archive.read("eurofxref-hist.csv").decode()))
        table = [(line.pop("Date"), line) for line in lines]
    currencies = [name for name in table[0][1] if name]
    return {name: {day: line[name] for day, line in table} for name in currencies}


def edited(**changes):
    """A history of a few days as CSV; changes are {currency: rate as written on the newest day}."""
    values = history()
    days = sorted(values["USD"])[-3:]
    header = ",".join(["Date", *values, ""])
    newest = {name: changes.get(name, values[name][days[-1]]) for name in values}
    lines = [",".join([day, *(values[name][day] for name in values), ""]) for day in days[:-1]]
    return "\n".join([header, *lines, ",".join([days[-1], *newest.values(), ""])]) + "\n"


def with_column(name, value, text):
    header, *lines = text.splitlines()
    return "\n".join([f"{header}{name},", *(f"{line}{value}," for line in lines)])


def test_the_whole_history(domain):
    """Rates, gaps and curated values are those of the file; a second run changes no row, no snapshot."""
    domain.drop("project01", "eurofxref-hist.zip", SAMPLE.read_bytes())
    for work in JOBS:
        domain.run(work, "project01")
    expected = history()
    _check_refined(domain, expected)
    _check_monthly(domain, expected)
    _check_cross_rates(domain, expected)
    _check_every_row_with_duckdb(domain)

    snapshots = {name: domain.snapshots(layer, name) for layer, name in TABLES}
    before = {name: domain.table(layer, name).count() for layer, name in TABLES}
    for work in JOBS:
        domain.run(work, "project01", day="2026-11-03")
    assert {name: domain.table(layer, name).count() for layer, name in TABLES} == before
    assert {name: domain.snapshots(layer, name) for layer, name in TABLES} == snapshots


def _check_refined(domain, expected):
    published = {
        (day, currency): Decimal(rate)
        for currency, days in expected.items()
        for day, rate in days.items()
        if rate != "N/A"
    }
    found = domain.table("refined", "ecb_rates").toPandas()
    refined = {
        (str(day), currency): rate
        for day, currency, rate in zip(found.rate_date, found.currency, found.rate, strict=True)
    }
    assert refined == published
    assert len(found) == len(published)
    cells = sum(len(days) for days in expected.values())
    assert domain.table("refined", "ecb_rates_gaps").count() == cells - len(published)
    assert domain.table("refined", "ecb_rates_rejected").count() == 0


def _check_monthly(domain, expected):
    found = {
        (row.currency, str(row.month)[:7]): row
        for row in domain.table("curated", "ecb_rates_monthly").collect()
    }
    wanted = {}
    for currency, days in expected.items():
        rates = {day: Decimal(days[day]) for day in sorted(days) if days[day] != "N/A"}
        for month, of_month in itertools.groupby(rates, key=lambda day: day[:7]):
            wanted[currency, month] = [(rates[day], _log_return(rates, day)) for day in of_month]
    assert found.keys() == wanted.keys()
    for (currency, month), values in wanted.items():
        row, rates = found[currency, month], [rate for rate, _ in values]
        assert row.days == len(rates)
        assert row.month_end_rate == rates[-1]
        average = (sum(rates) / len(rates)).quantize(Decimal("1e-8"), ROUND_HALF_UP)
        assert row.average_rate == average, (month, currency)
        before = wanted.get((currency, _month_before(month)))
        change = float(rates[-1] / before[-1][0] - 1) if before else None
        assert row.change == (change if change is None else pytest.approx(change, abs=1e-15))
        logs = [value for _, value in values if value is not None]
        volatility = statistics.stdev(logs) if len(logs) > 1 else None
        assert row.volatility == (volatility if volatility is None else pytest.approx(volatility, abs=1e-11))


def _log_return(rates, day):
    """Against the nearest day before that has a rate, none after more than ten days."""
    for age in range(1, 11):
        before = str(datetime.date.fromisoformat(day) - datetime.timedelta(days=age))
        if before in rates:
            return math.log(rates[day] / rates[before])
    return None


def _month_before(month):
    first = datetime.date.fromisoformat(f"{month}-01")
    return str(first - datetime.timedelta(days=1))[:7]


def _check_cross_rates(domain, expected):
    found = domain.table("curated", "ecb_cross_rates_usd").toPandas()
    crossed = {
        (str(day), currency): rate
        for day, currency, rate in zip(found.rate_date, found.currency, found.usd_rate, strict=True)
    }
    assert len(crossed) == domain.table("refined", "ecb_rates").count() + len(expected["USD"])
    for currency in ("JPY", "TRL", "RON", "KRW"):
        for day, rate in expected[currency].items():
            if rate != "N/A":
                exact = Decimal(rate) / Decimal(expected["USD"][day])
                assert crossed[day, currency] == exact.quantize(Decimal("1e-8"), ROUND_HALF_UP)
    assert crossed["2026-10-30", "USD"] == 1
    assert crossed["2026-10-30", "EUR"] == Decimal("0.89509488")


def _check_every_row_with_duckdb(domain):
    """All rates, monthly figures and cross rates to the last digit, by another engine on whole numbers."""
    with zipfile.ZipFile(SAMPLE) as archive:
        file = domain.folder / "independent.csv"
        file.write_bytes(archive.read("eurofxref-hist.csv"))
    database = duckdb.connect()
    # In units of 10^-8: integers are exact, and half up is adding a half before dividing.
    database.sql(
        f"""
        CREATE TABLE rates AS SELECT "Date"::DATE AS day, currency,
               (rate::DECIMAL(28, 8) * 100000000)::HUGEINT AS n
        FROM (UNPIVOT (SELECT * FROM read_csv('{file}', all_varchar = true)) ON COLUMNS('^[A-Z]{{3}}$')
              INTO NAME currency VALUE rate)
        WHERE rate <> 'N/A'
        """
    )
    expected = {
        "ecb_rates": "SELECT day, currency, n FROM rates",
        "ecb_rates_monthly": """
            SELECT date_trunc('month', day)::DATE AS month, currency,
                   (2 * sum(n) + count(*)) // (2 * count(*)) AS average, arg_max(n, day) AS last,
                   count(*) AS days
            FROM rates GROUP BY ALL
        """,
        "ecb_cross_rates_usd": """
            SELECT day, r.currency, (2 * r.n * 100000000 + d.n) // (2 * d.n)
            FROM (SELECT * FROM rates UNION ALL
                  SELECT day, 'EUR', 100000000 FROM rates WHERE currency = 'USD') r
            JOIN (SELECT day, n FROM rates WHERE currency = 'USD') d USING (day)
        """,
    }
    for name, query in expected.items():
        layer = "refined" if name == "ecb_rates" else "curated"
        found = domain.table(layer, name).toPandas()
        columns = [c for c in found.columns if c not in ("ingested_at", "change", "volatility")]
        rows = {
            tuple(int(v.scaleb(8)) if isinstance(v, Decimal) else v for v in row)
            for row in found[columns].itertuples(index=False)
        }
        wanted = {tuple(row) for row in database.sql(query).fetchall()}
        assert len(rows) == len(found) == len(wanted), name
        assert rows == wanted, name


def test_a_newer_file_corrects_withdraws_spoils_and_adds(domain):
    """A corrected rate is updated, a withdrawn one deleted, that of a currency without a column of its own
    carried; a spoilt one is rejected, and its last good value stays."""

    def run(text):
        domain.drop("project01", "eurofxref-hist.csv", text)
        for work in JOBS[:2]:
            domain.run(work, "project01")

    run(edited())
    rates = domain.table("refined", "ecb_rates")
    before = {row.currency: row.rate for row in rates.where("rate_date = '2026-10-30'").collect()}
    run(with_column("XYZ", "9.5", edited(USD="1.2", JPY="N/A", GBP="-0.8")))
    after = {
        row.currency: row.rate
        for row in domain.table("refined", "ecb_rates").where("rate_date = '2026-10-30'").collect()
    }
    kept = {name: rate for name, rate in before.items() if name != "JPY"}
    assert after == {**kept, "USD": Decimal("1.2"), "XYZ": Decimal("9.5")}
    assert domain.table("refined", "ecb_rates_gaps").where("currency = 'JPY'").count() == 1
    rejected = domain.table("refined", "ecb_rates_rejected").collect()
    assert [(row.currency, row.rate, row.reasons) for row in rejected] == [
        ("GBP", "-0.8", "rate is not above zero")
    ]
    run(edited())
    assert domain.table("refined", "ecb_rates_rejected").count() == 0


def test_a_shorter_file_speaks_for_its_own_days(domain):
    """It deletes no rate, no gap and no reject of other days; what it fills is a gap no more."""

    def run(*lines):
        header = edited().splitlines()[0]
        values = dict.fromkeys(header.split(",")[1:-1], "1")
        text = [",".join([day, *{**values, **changes}.values(), ""]) for day, changes in lines]
        domain.drop("project01", "hist.csv", "\n".join([header, *text]) + "\n")
        for work in JOBS[:2]:
            domain.run(work, "project01")

    run(
        ("2026-10-28", {"USD": "N/A", "JPY": "x"}),
        ("2026-10-29", {"USD": "N/A", "JPY": "x"}),
        ("2026-10-30", {}),
    )
    before = domain.table("refined", "ecb_rates").count()
    run(("2026-10-29", {"GBP": "N/A"}))
    gaps = domain.table("refined", "ecb_rates_gaps").collect()
    assert sorted((str(row.rate_date), row.currency) for row in gaps) == [
        ("2026-10-28", "USD"),
        ("2026-10-29", "GBP"),
    ]
    rejected = domain.table("refined", "ecb_rates_rejected").collect()
    assert [(row.rate_date, row.currency) for row in rejected] == [("2026-10-28", "JPY")]
    assert domain.table("refined", "ecb_rates").count() == before + 2 - 1


def test_files_that_are_dropped_together_are_all_read_and_their_bad_lines_kept(domain):
    text = edited()
    header, *days = text.splitlines()
    for number, day in enumerate(days):
        domain.drop("project01", f"{number}.csv", f"{header}\n{day}\n")
    domain.drop("project01", "bad.csv", f"{header}\n{days[0]}\n2026-10-31,1.1\n{days[1]}\n")
    for work in JOBS:
        domain.run(work, "project01")
    published = sum(1 for day in days for cell in day.split(",")[1:-1] if cell != "N/A")
    assert domain.table("refined", "ecb_rates").count() == published
    (reject,) = domain.table("refined", "ecb_rates_rejected").collect()
    assert (reject.corrupt_record, reject.currency) == ("2026-10-31,1.1", None)
    before = {name: domain.snapshots(layer, name) for layer, name in TABLES}
    for work in JOBS:
        domain.run(work, "project01", "2026-11-03", full_rebuild=True)
    assert {name: domain.snapshots(layer, name) for layer, name in TABLES} == before


LINES = st.lists(
    st.tuples(
        st.sampled_from(["2026-10-28", "2026-10-29", "2026-10-30"]),
        st.sampled_from(["1.1", "1.10", "1.2", "N/A", "x"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=5, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data(), files=st.lists(LINES, min_size=1, max_size=3))
def test_any_files_in_any_runs_give_the_same_tables(new_lake, data, files):
    """Of each day the newest file speaks; what it spoils stays as the newest good one said."""
    lake = new_lake()
    lake.deploy("project01")
    header = edited().splitlines()[0]
    others = ",".join(["1"] * (header.count(",") - 2))
    assert header.startswith("Date,USD,")
    rates, gaps, rejects = {}, set(), {}
    for number, lines in enumerate(files):
        rows = [f"{day},{rate},{others}," for day, rate in data.draw(st.permutations(lines))]
        file = lake.drop("project01", f"{number}.csv", "\n".join([header, *rows]) + "\n")
        os.utime(file, (1_760_000_000 + number, 1_760_000_000 + number))
        for day in {day for day, _ in lines}:
            said = [rate for each, rate in lines if each == day]
            values = {rate if rate in ("N/A", "x") else Decimal(rate) for rate in said}
            rejects[day] = len(said) if len(values) > 1 or "x" in values else 0
            if not rejects[day]:
                (value,) = values
                rates.pop(day, None)
                gaps.discard(day)
                gaps.add(day) if value == "N/A" else rates.update({day: value})
        if data.draw(st.booleans()) or number == len(files) - 1:
            for work in JOBS[:2]:
                lake.run(work, "project01", data.draw(st.sampled_from(["2026-11-02", "2026-11-01"])))
    dollars = "currency = 'USD'"
    found = lake.table("refined", "ecb_rates").where(dollars).collect()
    assert {str(row.rate_date): row.rate for row in found} == rates
    found = lake.table("refined", "ecb_rates_gaps").where(dollars).collect()
    assert {str(row.rate_date) for row in found} == gaps
    found = lake.table("refined", "ecb_rates_rejected").where(dollars).collect()
    assert Counter(row.rate_date for row in found) == {day: count for day, count in rejects.items() if count}


def test_lines_that_are_there_twice_are_no_rejects(domain):
    header, *days = edited().splitlines()
    domain.drop("project01", "hist.csv", "\n".join([header, *days * 4]) + "\n")
    for work in JOBS[:2]:
        domain.run(work, "project01")
    assert domain.table("refined", "ecb_rates_rejected").count() == 0


def test_a_missing_file_a_wrong_column_and_a_missing_table_are_named(lake):
    with pytest.raises(InputError, match=r"^no input file file:.*/landing/project01/\*\.zip or "):
        lake.run(ingest_rates.work, "project01")
    file = lake.drop("project01", "rates.csv", edited().replace("USD", "UDS"))
    with pytest.raises(CatalogError, match=r"^table raw_\w+\.ecb_rates is not in the Glue catalog"):
        lake.run(ingest_rates.work, "project01")
    lake.deploy("project01")
    with pytest.raises(InputError, match=rf"{file}: column 'USD' is missing; unknown columns: UDS$"):
        lake.run(ingest_rates.work, "project01")
    with pytest.raises(CatalogError, match="ecb_rates has no partition: run the ingestion first"):
        lake.run(refine_rates.work, "project01")
