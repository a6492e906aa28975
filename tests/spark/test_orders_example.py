"""The example of the guide, from `make new-project` through its first month, against DuckDB."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from core import contract, iceberg, migration
from core.errors import ContractError
from core.migration import MigrationArguments
from meshtest.domain import projects
from meshtest.domain.inputs.__main__ import main as check_inputs
from meshtest.tools import toolchain

EXAMPLE = Path(__file__).with_name("orders_example")
HEADER = "order_id;customer;ordered_at;amount;currency;updated_at"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with the new project and the example's files in it; `make check-inputs` finds no mistake."""
    top = tmp_path_factory.mktemp("checkout")
    projects.bare(toolchain.ROOT, top)
    projects.new(projects.Wanted("orders", "Orders of the shop", "shop@example.com"), top)
    for name in ("ingest.py", "refine.py", "curate.py", "transforms.py"):
        shutil.copy(EXAMPLE / name, top / "src/jobs/orders" / name)
    root = top / "infrastructure/projects/orders"
    shutil.copy(EXAMPLE / contract.FILE, root / contract.FILE)
    pipelines = (root / "pipelines.tf").read_text()
    before = 'locals {\n  pipeline_jobs = {\n    daily = ["ingest", "refine", "curate"]\n  }\n'
    assert before in pipelines
    new = (EXAMPLE / "pipelines.tf").read_text().removesuffix("}\n")
    (root / "pipelines.tf").write_text(pipelines.replace(before, new))
    assert check_inputs(["--top", str(top)]) == 0
    return top


@pytest.fixture
def shop(lake, checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / "src"))
    importlib.invalidate_caches()
    lake.deploy("orders")
    yield Shop(lake, checkout)
    for name in [name for name in sys.modules if name.startswith("jobs.orders")]:
        del sys.modules[name]


class Shop:
    """The project's jobs, and the orders as another engine finds them in all files ever dropped."""

    def __init__(self, lake, checkout: Path) -> None:
        self.lake, self.jobs, self.days = lake, {}, set()
        for key in ("ingest", "refine", "curate"):
            self.jobs[key] = importlib.import_module(f"jobs.orders.{key}")
        self.contract = contract.load("orders")

    def drop(self, name, *rows, header=HEADER):
        self.lake.drop("orders", name, "\n".join([header, *rows]) + "\n")

    def run(self, day, run_id=None, **options):
        for key, module in self.jobs.items():
            declared = {"declared": module.Arguments} if key == "curate" else {}
            own = run_id and f"{run_id}_{key}"
            self.lake.run(
                module.work, "orders", day, run_id=own, contract=self.contract, **declared, **options
            )

    def change(self, *, column=None, amount=None):
        """Change the contract as its owner would in its file."""
        text = (EXAMPLE / contract.FILE).read_text()
        content = yaml.safe_load(text.replace("decimal(12,2)", amount) if amount else text)
        for table in content["schema"]:
            if column and table["name"] in ("orders", "orders_raw"):
                table["properties"].append({"name": column, "logicalType": "string"})
        self.contract = contract.read(content, contract.FILE)

    def migrate(self, **options):
        arguments = {"declared": MigrationArguments, "contract": self.contract}
        return self.lake.run(migration.work, "orders", **arguments, **options)

    def check(self, more="NULL", rejected=0):
        """Hold refined and curated tables against DuckDB, which reads the landing folder as it is."""
        folder = self.lake.folder / "landing" / "orders"
        with duckdb.connect() as database:
            database.execute("SET TimeZone = 'UTC'")
            database.execute(
                f"""
                CREATE TABLE latest AS
                SELECT order_id::BIGINT AS order_id, customer,
                       strptime(ordered_at, '%d.%m.%Y %H:%M:%S %z')::TIMESTAMPTZ AS placed,
                       replace(amount, ',', '.')::DECIMAL(18, 2) AS total, currency,
                       updated_at::TIMESTAMPTZ AS version, {more} AS channel
                FROM read_csv('{folder}/*.csv', delim = ';', all_varchar = true, union_by_name = true)
                WHERE regexp_full_match(amount, '[0-9]+(,[0-9]+)?')
                QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY version DESC) = 1
                """
            )
            wanted = database.sql(
                "SELECT order_id, customer, epoch(placed), total, channel FROM latest"
            ).fetchall()
            channel = "channel" if more != "NULL" else "NULL"
            found = self.lake.table("refined", "orders").selectExpr(
                "order_id", "customer", "unix_timestamp(CAST(ordered_at AS timestamp))", "amount", channel
            )
            assert sorted(map(tuple, found.collect())) == sorted(wanted)
            daily = database.sql(
                "SELECT (placed AT TIME ZONE 'Europe/Berlin')::DATE AS day, currency, count(*), sum(total) "
                "FROM latest GROUP BY ALL"
            )
            table = self.lake.table("curated", "orders_daily")
            assert sorted(map(tuple, table.collect())) == sorted(daily.fetchall())
        assert self.lake.table("refined", "orders_rejected").count() == rejected


def test_the_first_month_of_a_project(shop):
    # Several files a day, with decimal commas and offsets; 23:30 in London is the next day in Berlin.
    shop.drop(
        "1.csv",
        "1;C1;02.11.2026 09:30:00 +01:00;1234,50;EUR;2026-11-02T10:00:00+01:00",
        "2;C2;02.11.2026 23:30:00 +00:00;7;CHF;2026-11-02T23:30:00Z",
        "3;C2;02.11.2026 10:00:00 +01:00;seven;EUR;2026-11-02T10:00:00+01:00",
    )
    shop.drop("2.csv", "4;C1;02.11.2026 10:00:00 +01:00;0,05;EUR;2026-11-02T10:00:00+01:00")
    shop.run("2026-11-02", run_id="monday")
    shop.check(rejected=1)

    # The next day corrects an order of the day before; the shop sends the older version once more.
    shop.drop(
        "3.csv",
        "1;C1;02.11.2026 09:30:00 +01:00;1000,00;EUR;2026-11-03T08:00:00+01:00",
        "5;C3;03.11.2026 09:00:00 +01:00;3,00;EUR;2026-11-03T09:00:00+01:00",
    )
    shop.drop("4.csv", "1;C1;02.11.2026 09:30:00 +01:00;1234,50;EUR;2026-11-02T10:00:00+01:00")
    shop.run("2026-11-03", run_id="tuesday")
    shop.check(rejected=1)

    # The refused order is mended in its own file: it leaves the quarantine.
    text = (shop.lake.folder / "landing/orders/1.csv").read_text()
    shop.drop("1.csv", *text.replace("seven", "7,00").splitlines()[1:])
    shop.run("2026-11-03")
    shop.check()

    # A backfill, filed under the day that it belongs to.
    shop.drop("0.csv", "100;C9;01.10.2026 12:00:00 +02:00;9,99;EUR;2026-10-01T12:00:00+02:00")
    shop.run("2026-10-01")
    shop.check()

    # A new column: of its rows so far it knows nothing.
    shop.change(column="channel")
    _follow_raw_contract(shop)
    header = f"{HEADER};channel"
    shop.drop(
        "5.csv", "6;C1;04.11.2026 09:00:00 +01:00;1,00;EUR;2026-11-04T09:00:00+01:00;web", header=header
    )
    _give_channel(shop.jobs["refine"].transforms)
    shop.run("2026-11-04")
    shop.check(more="channel")

    # A type that has become too small: the job refuses, the migration widens.
    shop.change(column="channel", amount="decimal(18,2)")
    shop.drop("6.csv", "7;C1;05.11.2026 09:00:00 +01:00;123456789012,00;EUR;2026-11-05T09:00:00+01:00")
    with pytest.raises(ContractError, match=r"make migrate PROJECT=orders$"):
        shop.run("2026-11-05")
    (step,) = shop.migrate()
    assert (step["kind"], step["table"]) == ("widen", "refined.orders")
    shop.run("2026-11-05", run_id="thursday")
    shop.check(more="channel")

    # Back to Tuesday, watermark and all: what was read since is read again.
    name = shop.lake.name("refined", "orders")
    iceberg.rollback_to_run(shop.lake.spark, name, "tuesday_refine")
    assert shop.lake.table("refined", "orders").count() == 4
    shop.run("2026-11-06")
    shop.check(more="channel")

    # Once more, and all from the beginning: nothing changes.
    before = shop.lake.snapshots("refined", "orders")
    shop.run("2026-11-06")
    shop.run("2026-11-07", full_rebuild=True)
    shop.check(more="channel")
    assert shop.lake.snapshots("refined", "orders") == before


def _give_channel(transforms):
    """Add the line to the transform that gives the new column."""
    text = (EXAMPLE / "transforms.py").read_text()
    exec(text.replace('"currency",\n', '"currency",\n        "channel",\n', 1), vars(transforms))  # noqa: S102 - a file of the repository


def _follow_raw_contract(shop):
    """What `terraform apply` does to the raw table in the catalog."""
    database = shop.lake.databases["raw"]
    table = shop.lake.glue.get_table(DatabaseName=database, Name="orders")["Table"]
    types = shop.contract.table("raw", "orders").types
    columns = [{"Name": name, "Type": kind} for name, kind in types.items()]
    storage = {**table["StorageDescriptor"], "Columns": columns}
    changed = {"Name": "orders", "StorageDescriptor": storage, "PartitionKeys": table["PartitionKeys"]}
    shop.lake.glue.update_table(DatabaseName=database, TableInput=changed)


def test_the_zone_of_the_days_is_an_argument(shop):
    shop.drop("1.csv", "2;C2;02.11.2026 23:30:00 +00:00;7;CHF;2026-11-02T23:30:00Z")
    shop.run("2026-11-02")
    assert str(shop.lake.table("curated", "orders_daily").first().day) == "2026-11-03"
    curate = shop.jobs["curate"]
    shop.lake.run(curate.work, "orders", contract=shop.contract, declared=curate.Arguments, zone="UTC")
    assert str(shop.lake.table("curated", "orders_daily").first().day) == "2026-11-02"
