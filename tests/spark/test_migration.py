"""core.migration: a table that exists follows its contract, and loses nothing without a word."""

from __future__ import annotations

import pytest

from core import iceberg, migration
from core.contract import Column, Contract, Table
from core.errors import ArgumentError, ContractError
from core.migration import MigrationArguments

BEFORE = {"id": "string", "n": "int", "day": "date", "price": "decimal(9,2)", "note": "string"}


def agreed(columns, partitioning=("months(day)",), **more):
    described = tuple(Column(*column) for column in columns.items())
    table = Table("refined", "t", described, keys=("id",), partitioning=tuple(partitioning), **more)
    return Contract("contract.odcs.yaml", {table.label: table})


@pytest.fixture
def domain(lake):
    """A table with one row, written by its first contract."""
    before = agreed(BEFORE)
    lake.create(before.table("refined", "t"))

    def write(run):
        row = run.spark.sql(
            "SELECT 'a' id, 1 n, DATE '2026-10-30' day, CAST(1.5 AS decimal(9,2)) price, 'x' note"
        )
        run.merge("refined", "t", row)

    lake.run(write, "template", contract=before)
    return lake


def migrate(domain, after, **options):
    return domain.run(migration.work, "template", contract=after, declared=MigrationArguments, **options)


def table(domain):
    frame = domain.table("refined", "t")
    return dict(frame.dtypes), [row.asDict() for row in frame.collect()]


def test_what_is_safe_is_done_and_the_rows_stay(domain):
    after = agreed(
        {"added": "map<string,int>", "id": "string", "price": "decimal(18,2)", **BEFORE, "n": "bigint"}
        | {"price": "decimal(18,2)"}
    )
    log = migrate(domain, after)
    types, (row,) = table(domain)
    assert list(types) == ["added", "id", "price", "n", "day", "note"]
    assert (types["n"], types["price"]) == ("bigint", "decimal(18,2)")
    assert (row["id"], row["n"], str(row["price"]), row["added"]) == ("a", 1, "1.50", None)
    assert {entry["kind"] for entry in log} == {"add", "reorder", "widen"}
    assert migrate(domain, after) == []


def test_a_rename_keeps_the_values_and_a_drop_takes_them_on_a_word(domain):
    columns = {("remark" if name == "note" else name): kind for name, kind in BEFORE.items() if name != "n"}
    after = agreed(columns)
    with pytest.raises(ContractError) as error:
        migrate(domain, after, rename="refined.t.note=remark")
    assert str(error.value) == (
        "2 steps are not taken (--allow drop,rename): refined.t: column note becomes remark; "
        "refined.t: column n int is not in the contract: its values go with it"
    )
    assert list(table(domain)[0]) == list(BEFORE)
    migrate(domain, after, rename="refined.t.note=remark", allow="drop, rename")
    assert table(domain)[1][0].items() >= {"id": "a", "remark": "x"}.items()
    assert list(table(domain)[0]) == list(columns)


def test_another_partitioning_needs_a_word_and_leaves_the_files_there_are(domain):
    after = agreed(BEFORE, ["days(day)", "bucket(4, id)"])
    with pytest.raises(ContractError, match=r"--allow partition\): .*months\(day\) ends; files"):
        migrate(domain, after)
    migrate(domain, after, allow="partition")
    name = domain.name("refined", "t")
    assert iceberg.partitioning(domain.spark, name) == ["days(day)", "bucket(4,id)"]
    assert len(table(domain)[1]) == 1
    assert migrate(domain, after) == []


def test_what_iceberg_cannot_do_is_said_with_the_way_around(domain):
    with pytest.raises(ContractError) as error:
        migrate(domain, agreed(BEFORE | {"n": "string"}), allow="drop,partition,rename")
    assert str(error.value) == (
        "1 steps are not taken: refined.t: column n is int and cannot become string: "
        "add a column of another name, fill it, and drop this one"
    )


def test_a_dry_run_shows_the_steps_and_takes_none(domain):
    after = agreed({name: kind for name, kind in BEFORE.items() if name != "note"} | {"added": "int"})
    log = migrate(domain, after, dry_run=True)
    assert [(entry["kind"], entry["taken"]) for entry in log] == [("add", False), ("drop", False)]
    assert list(table(domain)[0]) == list(BEFORE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"allow": "all"}, r"^--allow 'all': expected some of drop, partition, rename$"),
        ({"rename": "note=remark"}, r"^--rename 'note=remark': expected layer\.table\.old=new"),
        ({"rename": "refined.t.note=no"}, r"with a new name of the contract$"),
    ],
)
def test_a_word_that_says_nothing_is_refused(domain, options, message):
    with pytest.raises(ArgumentError, match=message):
        migrate(domain, agreed(BEFORE), **options)


def test_a_job_that_meets_a_table_of_another_contract_names_the_way(domain):
    after = agreed(BEFORE | {"n": "bigint"})

    def write(run):
        run.align("refined", "t")

    with pytest.raises(
        ContractError, match=r"column n is int, expected bigint.*make migrate PROJECT=template$"
    ):
        domain.run(write, "template", contract=after)


def test_a_new_column_in_the_contract_alone_is_enough(domain):
    """The job does not give it: null in new rows, and as it is in those that have a value."""
    after = agreed(BEFORE | {"added": "int"})

    def write(run, price):
        row = run.spark.sql(
            f"SELECT 'a' id, 1 n, DATE '2026-10-30' day, CAST({price} AS decimal(9,2)) price, 'x' note"
        )
        run.merge("refined", "t", row)

    domain.run(lambda run: write(run, "2.5"), "template", contract=after)
    domain.spark.sql(f"UPDATE {domain.name('refined', 't')} SET added = 7")
    domain.run(lambda run: write(run, "3.5"), "template", contract=after)
    (row,) = table(domain)[1]
    assert (str(row["price"]), row["added"]) == ("3.50", 7)
