"""How fast the payments' pipeline is, and what core costs: ``make bench-spark PROJECT=test02 [SIZES=…]``.

For each number of payments the three stages (ingest, refine, curate) run

- ``core``: the jobs of test02, as they are,
- ``plain``: the same logic (rules, counts, check of keys, merges) straight in Spark SQL, without core,
- ``duckdb``: the same logic in DuckDB, as the limit of a single machine,

and then ``incremental``: the jobs once more, after a file with 1 % more payments. Every run is a process of
its own on an empty lake; core and plain alternate, and the fastest of the rounds counts. Besides
seconds there are those of the processor: they tell more on a machine that does other work, too. Results go to
``build/bench/spark.json`` and ``spark.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from core.contract import load
from meshtest.spark.runtime import spark_environment
from meshtest.tools import toolchain

REPORT = toolchain.BUILD / "bench" / "spark.json"
SIZES = (100_000, 1_000_000, 10_000_000)
STAGES = ("ingest", "refine", "curate")
NEW_SHARE = 100  # one in a hundred
CONF = {
    "spark.driver.memory": "6g",
    "spark.sql.shuffle.partitions": "4",
    # Minutes of work: the compiler that starts slower and runs faster, as on Glue.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=4 -XX:-UseSerialGC -XX:+UseParallelGC",
}


# ─── Input ───


def generate(folder: Path, rows: int) -> None:
    """Write payments and 1 % more for later, as JSON lines, and rates: 4 % newer versions, 2 % malformed."""
    (folder / "more").mkdir(parents=True)
    _generate_payments(folder / "payments.jsonl", 0, rows)
    _generate_payments(folder / "more" / "more.jsonl", rows, rows // NEW_SHARE)
    duckdb.sql(
        f"""
        COPY (
          SELECT (DATE '2023-12-31' + d::INT)::DATE AS rate_date, c AS currency,
                 (1 + (d + length(c)) % 97 / 100.0)::DECIMAL(18, 8) AS rate
          FROM range(0, 1035) t(d), unnest(['USD', 'GBP', 'CHF', 'JPY', 'SEK']) u(c)
          WHERE dayofweek(DATE '2023-12-31' + d::INT) BETWEEN 1 AND 5
        ) TO '{folder}/rates.parquet' (FORMAT parquet)
        """
    )


def _generate_payments(file: Path, first: int, rows: int) -> None:
    # Newer payments have greater ids and later days, as in life; 1 % more come on the day after the last.
    duckdb.sql(
        f"""
        COPY (
          WITH numbers AS (SELECT range AS n, hash(range + 7) AS h FROM range({first}, {first + rows})),
          fields AS (
            SELECT n, h,
                   CASE WHEN h % 100 < 4 AND n > {first} THEN n - 1 ELSE n END AS number,
                   TIMESTAMP '2024-01-01' + to_seconds(
                     CASE WHEN {first} = 0 THEN n * 89164800 // {rows}
                          ELSE 89164800 + (n - {first}) % 86400 END
                   ) AS paid
            FROM numbers
          )
          SELECT 'P' || lpad(number::VARCHAR, 9, '0') AS payment_id, 'A' || (h % 2000) AS account_id,
                 CASE WHEN h % 100 >= 98 THEN '12,50'
                      ELSE (1 + h % 100000 / 100.0)::DECIMAL(18, 2)::VARCHAR END AS amount,
                 ['EUR', 'USD', 'GBP', 'CHF', 'JPY', 'SEK', 'AED'][1 + (h % 7)::INT] AS currency,
                 strftime(paid, '%Y-%m-%dT%H:%M:%SZ') AS paid_at,
                 strftime(paid + to_seconds(n % 600), '%Y-%m-%dT%H:%M:%SZ') AS updated_at
          FROM fields
        ) TO '{file}' (FORMAT json)
        """
    )


# ─── With core ───


def run_core(data: Path, folder: Path) -> dict[str, Any]:
    """The jobs on everything, then on 1 % more; seconds by stage, rows, digest of the totals."""
    import boto3  # noqa: F401 - the fixtures below need it loaded before moto
    from conftest import Lake
    from moto import mock_aws

    from core import session
    from jobs.test02 import curate_payments, ingest_payments, refine_payments

    os.environ |= {"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": "us-east-2"}
    spark = session.build("core")
    with mock_aws():
        lake = Lake(spark, folder)
        lake.deploy("test02")
        _write_rates(spark, data, lake.name("refined", "ecb_rates"))
        landing = folder / "landing" / "test02" / "payments"
        landing.mkdir(parents=True)
        works = dict(
            zip(STAGES, (ingest_payments.work, refine_payments.work, curate_payments.work), strict=True)
        )

        def measure(run: str, day: str) -> Meter:
            meter = Meter(_jvm(spark))
            for stage, work in works.items():
                name = f"{run}-{stage}"
                meter.run(stage, lambda work=work, name=name: lake.run(work, "test02", day, run_id=name))
            return meter

        os.link(data / "payments.jsonl", landing / "payments.jsonl")
        full = measure("full", "2026-11-02")
        digest = _digest(lake.table("curated", "payments_daily_eur"))
        rows = lake.table("refined", "payments").count()
        os.link(data / "more" / "more.jsonl", landing / "more.jsonl")
        more = measure("more", "2026-11-03")
        return {
            "seconds": full.seconds,
            "processor": full.processor,
            "incremental": more.seconds,
            "incremental_processor": more.processor,
            "rows": rows,
            "digest": digest,
            "memory": _peak(spark),
        }


class Meter:
    """Seconds, and seconds of the processor (this process and Spark's JVM), by stage."""

    def __init__(self, jvm: int | None = None) -> None:
        self.jvm = jvm
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    def run(self, stage: str, work: Callable[[], object]) -> None:
        """Do the work of a stage and note what it took."""
        started, busy = time.monotonic(), self._busy()
        work()
        self.seconds[stage] = time.monotonic() - started
        self.processor[stage] = self._busy() - busy

    def _busy(self) -> float:
        own = os.times()
        if self.jvm is None:
            return own.user + own.system
        fields = Path(f"/proc/{self.jvm}/stat").read_text().rpartition(")")[2].split()
        return own.user + own.system + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _jvm(spark: Any) -> int:
    return int(spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid())


def _write_rates(spark: Any, data: Path, name: str) -> None:
    spark.sql(
        f"CREATE TABLE {name} "
        "(rate_date date, currency string, rate decimal(18,8), ingested_at timestamp_ntz) USING iceberg"
    )
    rates = spark.read.parquet(str(data / "rates.parquet"))
    rates.selectExpr("*", "CAST(NULL AS timestamp_ntz) AS ingested_at").writeTo(name).append()


def _digest(frame: Any) -> list[str]:
    row = frame.selectExpr("sum(payments)", "sum(amount)", "sum(amount_eur)", "sum(unconverted)").first()
    return [str(value) for value in row]


def _peak(spark: Any) -> int:
    """Bytes of memory that the JVM has had at most."""
    lines = Path(f"/proc/{_jvm(spark)}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


# ─── Without core ───

_TIMESTAMP = r"'^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?(Z|[+-]\\d{2}:\\d{2})$'"
_CLASSIFY = r"""
WITH typed AS (
  SELECT *,
    IF(trim(paid_at) RLIKE {timestamp}, try_cast(trim(paid_at) AS timestamp), NULL) AS paid,
    IF(trim(updated_at) RLIKE {timestamp}, try_cast(trim(updated_at) AS timestamp), NULL) AS updated,
    IF(trim(amount) RLIKE '^[+-]?\\d+(\\.\\d+)?$'
       AND trim(amount) RLIKE '^[+-]?0*\\d{{1,16}}(\\.\\d{{0,2}}0*)?$',
       try_cast(trim(amount) AS decimal(18,2)), NULL) AS number
  FROM raw
), checked AS (
  SELECT *, nullif(concat_ws('; ',
    IF(corrupt_record IS NOT NULL, 'line is not one JSON object', NULL),
    IF(corrupt_record IS NULL AND trim(coalesce(payment_id, '')) = '', 'payment_id is missing', NULL),
    IF(corrupt_record IS NULL AND trim(coalesce(account_id, '')) = '', 'account_id is missing', NULL),
    IF(corrupt_record IS NULL AND trim(coalesce(amount, '')) RLIKE '^[+-]?\\d+(\\.\\d+)?$'
       AND coalesce(try_cast(trim(amount) AS decimal(38,18)) <= 0, try_cast(trim(amount) AS double) <= 0),
       'amount is not above zero', NULL),
    IF(corrupt_record IS NULL AND NOT trim(coalesce(amount, '')) RLIKE '^[+-]?\\d+(\\.\\d+)?$',
       'amount is not a decimal number', NULL),
    IF(corrupt_record IS NULL AND trim(coalesce(amount, '')) RLIKE '^[+-]?\\d+(\\.\\d+)?$'
       AND NOT trim(amount) RLIKE '^[+-]?0*\\d{{1,16}}(\\.\\d{{0,2}}0*)?$',
       'amount does not fit decimal(18,2)', NULL),
    IF(corrupt_record IS NULL AND NOT coalesce(currency, '') IN ({currencies}),
       'currency is not an ISO 4217 code', NULL),
    IF(corrupt_record IS NULL AND (coalesce(trim(paid_at), '') NOT RLIKE {timestamp}
       OR try_cast(trim(paid_at) AS timestamp) IS NULL),
       'paid_at is not an ISO 8601 timestamp with a zone', NULL),
    IF(corrupt_record IS NULL AND (coalesce(trim(updated_at), '') NOT RLIKE {timestamp}
       OR try_cast(trim(updated_at) AS timestamp) IS NULL),
       'updated_at is not an ISO 8601 timestamp with a zone', NULL)
  ), '') AS reasons FROM typed
)
SELECT *, reasons IS NULL AND row_number() OVER (
  PARTITION BY reasons IS NULL, payment_id ORDER BY updated DESC, raw_line DESC, source_file DESC
) > 1 AS is_superseded
FROM checked
"""
_PAYMENTS = """
SELECT payment_id, account_id, to_date(paid) AS payment_date, CAST(paid AS timestamp_ntz) AS paid_at,
       number AS amount, currency, CAST(updated AS timestamp_ntz) AS updated_at,
       CAST(CAST(ingested_at AS timestamp) AS timestamp_ntz) AS ingested_at
FROM classified WHERE reasons IS NULL AND NOT is_superseded
"""
_REJECTS = """
SELECT sha2(to_json(array(source_file, raw_line, CAST(row_number() OVER (
         PARTITION BY source_file, raw_line ORDER BY 1) AS string))), 256) AS record_id,
       payment_id, account_id, amount, currency, paid_at, updated_at, raw_line, reasons, source_file,
       ingestion_date
FROM classified WHERE reasons IS NOT NULL
"""
_DAILY = """
WITH totals AS (
  SELECT payment_date, currency, count(payment_id) AS payments, CAST(sum(amount) AS decimal(28,2)) AS amount
  FROM {payments} GROUP BY payment_date, currency
), sequence AS (
  SELECT currency, payment_date AS day, true AS is_row, payments, amount,
         CAST(NULL AS date) AS rate_date, CAST(NULL AS decimal(18,8)) AS rate FROM totals
  UNION ALL
  SELECT currency, rate_date, false, NULL, NULL, rate_date, rate FROM {rates}
), known AS (
  SELECT *, last(IF(is_row, NULL, struct(rate_date, rate)), true) OVER (
    PARTITION BY currency ORDER BY day, is_row) AS newest
  FROM sequence
), rated AS (
  SELECT day AS payment_date, currency, payments, amount,
    CASE WHEN currency = 'EUR' THEN CAST(1 AS decimal(18,8))
         WHEN datediff(day, newest.rate_date) <= 10 THEN newest.rate END AS rate,
    CASE WHEN currency = 'EUR' THEN day
         WHEN datediff(day, newest.rate_date) <= 10 THEN newest.rate_date END AS rate_date
  FROM known WHERE is_row
)
SELECT payment_date, currency, payments, amount, rate, rate_date,
  CAST(round(CAST(amount AS decimal(22,2)) / rate, 2) AS decimal(28,2)) AS amount_eur,
  IF(rate IS NULL, payments, 0) AS unconverted
FROM rated
"""


def run_plain(data: Path, folder: Path) -> dict[str, Any]:
    """The same logic without core: the same rules, counts before writing, and merges by key."""
    from core import session

    spark = session.build("plain")  # the same settings: what is compared is the code on top
    agreed = load("test02")
    tables = {"payments": "p", "payments_rejected": "r", "payments_daily_eur": "d"}
    names = {name: f"glue_catalog.plain.{short}" for name, short in tables.items()}
    for layer, name in (
        ("refined", "payments"),
        ("refined", "payments_rejected"),
        ("curated", "payments_daily_eur"),
    ):
        table = agreed.table(layer, name)
        columns = ", ".join(
            f"`{column}` {kind.replace('timestamp', 'timestamp_ntz')}" for column, kind in table.types.items()
        )
        by = f"PARTITIONED BY ({', '.join(table.partitioning)})" if table.partitioning else ""
        spark.sql(f"CREATE TABLE {names[name]} ({columns}) USING iceberg {by}")
    _write_rates(spark, data, "glue_catalog.plain.rates")
    (rule,) = (rule for rule in agreed.table("refined", "payments").rules if rule.kind == "validValues")
    currencies = ", ".join(f"'{code}'" for code in sorted(rule.options["values"]))

    def ingest() -> None:
        fields = ("payment_id", "account_id", "amount", "currency", "paid_at", "updated_at")
        schema = ", ".join(f"{field} string" for field in (*fields, "corrupt_record"))
        chosen = ", ".join(f"IF(is_object, payment.{field}, NULL) AS {field}" for field in fields)
        spark.read.text(str(data / "payments.jsonl")).selectExpr(
            "value AS raw_line", "_metadata.file_path AS source_file"
        ).createOrReplaceTempView("lines")
        spark.sql(
            f"""
            SELECT {chosen}, raw_line, IF(is_object, payment.corrupt_record, raw_line) AS corrupt_record,
                   source_file, '2026-11-02T07:00:00+00:00' AS ingested_at
            FROM (SELECT *, startswith(trim(raw_line), '{{') AS is_object,
                    from_json(raw_line, '{schema}',
                      map('mode', 'PERMISSIVE', 'columnNameOfCorruptRecord', 'corrupt_record')) AS payment
                  FROM lines WHERE trim(raw_line) <> '')
            """
        ).write.parquet(str(folder / "raw" / "ingestion_date=2026-11-02"))
        spark.read.parquet(str(folder / "raw")).count()

    def refine() -> None:
        raw = spark.read.parquet(str(folder / "raw"))
        newest = raw.groupBy("source_file").agg({"ingestion_date": "max"})
        newest = newest.withColumnRenamed("max(ingestion_date)", "ingestion_date").hint("broadcast")
        raw.join(newest, ["source_file", "ingestion_date"], "left_semi").createOrReplaceTempView("raw")
        classified = spark.sql(_CLASSIFY.format(timestamp=_TIMESTAMP, currencies=currencies)).persist()
        classified.createOrReplaceTempView("classified")
        received = spark.table("raw").count()
        kinds = classified.selectExpr(
            "CASE WHEN reasons IS NOT NULL THEN 'r' WHEN is_superseded THEN 's' ELSE 'p' END AS kind"
        )
        if received != sum(row["count"] for row in kinds.groupBy("kind").count().collect()):
            raise ValueError("rows are lost")
        _plain_merge(spark, names["payments_rejected"], _REJECTS, ["record_id"], ignore=["ingestion_date"])
        _plain_merge(
            spark,
            names["payments"],
            _PAYMENTS,
            ["payment_id"],
            ignore=["ingested_at"],
            version="updated_at",
        )
        classified.unpersist()

    def curate() -> None:
        daily = _DAILY.format(payments=names["payments"], rates="glue_catalog.plain.rates")
        _plain_merge(spark, names["payments_daily_eur"], daily, ["payment_date", "currency"])

    meter = Meter(_jvm(spark))
    for stage, work in zip(STAGES, (ingest, refine, curate), strict=True):
        meter.run(stage, work)
    digest = _digest(spark.table(names["payments_daily_eur"]))
    return {
        "seconds": meter.seconds,
        "processor": meter.processor,
        "rows": spark.table(names["payments"]).count(),
        "digest": digest,
        "memory": _peak(spark),
    }


def _plain_merge(
    spark: Any, name: str, query: str, keys: list[str], ignore: list[str] = (), version: str | None = None
) -> None:
    columns = spark.table(name).columns
    # MERGE would take the same new key twice.
    if spark.sql(query).groupBy(*keys).count().where("count > 1").head():
        raise ValueError(f"{name}: a key is there twice")
    on = " AND ".join(f"t.{key} = s.{key}" for key in keys)
    differs = " OR ".join(f"NOT t.{c} <=> s.{c}" for c in columns if c not in {*keys, *ignore})
    newer = f" AND s.{version} >= t.{version}" if version else ""
    updates = ", ".join(f"t.{c} = s.{c}" for c in columns if c not in keys)
    spark.sql(
        f"""
        MERGE INTO {name} t USING ({query}) s ON {on}
        WHEN MATCHED AND ({differs}){newer} THEN UPDATE SET {updates}
        WHEN NOT MATCHED THEN INSERT ({", ".join(columns)}) VALUES ({", ".join(f"s.{c}" for c in columns)})
        """
    )


# ─── DuckDB ───


def run_duckdb(data: Path, folder: Path) -> dict[str, Any]:
    """The same logic in DuckDB, on two threads, into Parquet files."""
    (rule,) = (
        rule for rule in load("test02").table("refined", "payments").rules if rule.kind == "validValues"
    )
    currencies = ", ".join(f"'{code}'" for code in sorted(rule.options["values"]))
    database = duckdb.connect(str(folder / "db.duckdb"), config={"threads": 2})
    fields = ("payment_id", "account_id", "amount", "currency", "paid_at", "updated_at")
    chosen = ", ".join(f"json_extract_string(line, '$.{field}') AS {field}" for field in fields)

    def ingest() -> None:
        database.sql(
            f"""
            COPY (SELECT {chosen}, line AS raw_line, json_valid(line) AS is_json FROM read_csv(
                    '{data}/payments.jsonl', columns={{'line': 'VARCHAR'}},
                    delim='\\x01', quote='', escape='', header=false))
            TO '{folder}/raw.parquet' (FORMAT parquet)
            """
        )

    def refine() -> None:
        database.sql(
            rf"""
            CREATE TABLE classified AS WITH typed AS (
              SELECT *, try_cast(paid_at AS timestamptz) AT TIME ZONE 'UTC' AS paid,
                     try_cast(updated_at AS timestamptz) AT TIME ZONE 'UTC' AS updated,
                     try_cast(amount AS DECIMAL(18, 2)) AS number
              FROM '{folder}/raw.parquet'
            ), checked AS (
              SELECT *, is_json AND payment_id IS NOT NULL AND account_id IS NOT NULL
                AND regexp_full_match(amount, '[+-]?0*\d{{1,16}}(\.\d{{0,2}}0*)?') AND number > 0
                AND currency IN ({currencies}) AND paid IS NOT NULL AND updated IS NOT NULL AS good
              FROM typed
            )
            SELECT *, row_number() OVER (
              PARTITION BY coalesce(good, false), payment_id ORDER BY updated DESC, raw_line DESC) AS version
            FROM checked
            """
        )
        for name, condition in {"payments": "good AND version = 1", "rejects": "good IS NOT TRUE"}.items():
            database.sql(
                f"COPY (SELECT * FROM classified WHERE {condition}) "
                f"TO '{folder}/{name}.parquet' (FORMAT parquet)"
            )

    def curate() -> None:
        database.sql(
            f"""
            CREATE TABLE daily AS WITH totals AS (
              SELECT paid::DATE AS payment_date, currency, count(*) AS payments, sum(number) AS amount
              FROM '{folder}/payments.parquet' GROUP BY ALL
            ), rated AS (
              SELECT t.*, CASE WHEN t.currency = 'EUR' THEN 1::DECIMAL(18, 8)
                WHEN payment_date - r.rate_date <= 10 THEN r.rate END AS used
              FROM totals t ASOF LEFT JOIN '{data}/rates.parquet' r
                ON t.currency = r.currency AND t.payment_date >= r.rate_date
            )
            SELECT *, round(amount / used, 2) AS amount_eur, if(used IS NULL, payments, 0) AS unconverted
            FROM rated
            """
        )

    meter = Meter()
    for stage, work in zip(STAGES, (ingest, refine, curate), strict=True):
        meter.run(stage, work)
    found = database.sql("SELECT sum(payments), sum(amount), sum(unconverted) FROM daily").fetchall()[0]
    rows = database.sql(f"SELECT count(*) FROM '{folder}/payments.parquet'").fetchall()[0]
    return {
        "seconds": meter.seconds,
        "processor": meter.processor,
        "rows": rows[0],
        "digest": [str(value) for value in found],
        "memory": 0,
    }


RUNS = {"core": run_core, "plain": run_plain, "duckdb": run_duckdb}


# ─── Measure ───


def measured(way: str, data: Path) -> dict[str, Any]:
    """Run one way in a process of its own, on an empty lake."""
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        lake = Path(folder)
        environment = spark_environment(None, CONF, lake / "spark")
        environment["PYTHONPATH"] = os.pathsep.join(
            (str(toolchain.ROOT / "src"), str(Path(__file__).parents[1]))
        )
        command = [sys.executable, __file__, "--child", way, str(data), str(lake)]
        os.sync()  # what was written before is no load of this run
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            sys.exit(f"{way}: {ended.stderr[-4000:]}")
        answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return answer


def compare(rows: int, rounds: int, workdir: Path, progress: Progress) -> dict[str, Any]:
    """Measure one size; the fastest round of each way, and whether all found the same."""
    data = workdir / str(rows)
    generate(data, rows)
    task = progress.add_task(f"{rows:,} payments", total=2 * rounds + 1)
    runs: dict[str, list[dict[str, Any]]] = {"core": [], "plain": [], "duckdb": []}
    for number in range(rounds):
        # Either goes first as often as the other.
        for way in ("core", "plain") if number % 2 == 0 else ("plain", "core"):
            runs[way].append(measured(way, data))
            progress.advance(task)
            taken = ", ".join(f"{stage} {s:.1f} s" for stage, s in runs[way][-1]["seconds"].items())
            progress.console.print(f"{rows:,} payments, {way}: {taken}", highlight=False)
    runs["duckdb"].append(measured("duckdb", data))
    progress.advance(task)
    shutil.rmtree(data)
    best = {way: min(found, key=_total) for way, found in runs.items()}
    core, plain, other = best["core"], best["plain"], best["duckdb"]
    if core["digest"] != plain["digest"]:
        sys.exit(f"{rows} payments: core found {core['digest']}, plain Spark SQL {plain['digest']}")
    if [core["digest"][0], core["digest"][1], core["digest"][3]] != other["digest"]:
        sys.exit(f"{rows} payments: core found {core['digest']}, DuckDB {other['digest']}")
    incremental = sum(core["incremental"].values())

    def least(way: str) -> float:
        return min(float(sum(found["processor"].values())) for found in runs[way])

    return {
        "payments": rows,
        "seconds": {way: found["seconds"] for way, found in best.items()},
        "rows_per_second": {
            way: {stage: round(rows / taken) for stage, taken in found["seconds"].items()}
            for way, found in best.items()
        },
        "processor_seconds": {way: found["processor"] for way, found in best.items()},
        "overhead_of_core": _total(core) / _total(plain) - 1,
        "overhead_of_core_processor": least("core") / least("plain") - 1,
        "incremental_seconds": core["incremental"],
        "incremental_times_cheaper": _total(core) / incremental,
        "incremental_times_cheaper_processor": least("core") / sum(core["incremental_processor"].values()),
        "peak_memory_bytes": {way: found["memory"] for way, found in best.items() if found["memory"]},
        "rounds": {way: [_total(found) for found in each] for way, each in runs.items()},
    }


def _total(run: dict[str, Any]) -> float:
    return float(sum(run["seconds"].values()))


# ─── Output ───


def show(results: list[dict[str, Any]], console: Console) -> None:
    """Print a line a size."""
    table = Table(
        "payments",
        "core s",
        "plain s",
        "DuckDB s",
        "overhead",
        "of CPU",
        "1 % more s",
        "cheaper",
        "of CPU",
        "peak GB",
    )
    for result in results:
        totals = {way: sum(stages.values()) for way, stages in result["seconds"].items()}
        table.add_row(
            f"{result['payments']:,}",
            *(f"{totals[way]:.1f}" for way in ("core", "plain", "duckdb")),
            f"{result['overhead_of_core']:+.1%}",
            f"{result['overhead_of_core_processor']:+.1%}",
            f"{sum(result['incremental_seconds'].values()):.1f}",
            f"{result['incremental_times_cheaper']:.1f} x",
            f"{result['incremental_times_cheaper_processor']:.1f} x",
            f"{result['peak_memory_bytes'].get('core', 0) / 1e9:.1f}",
        )
    console.print(table)


def plot(results: list[dict[str, Any]], file: Path) -> None:
    """Draw seconds over payments, both logarithmic: a straight line of slope one is linear growth."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5))
    sizes = [result["payments"] for result in results]
    for way, label in {"core": "core", "plain": "plain Spark SQL", "duckdb": "DuckDB"}.items():
        axes.plot(sizes, [sum(r["seconds"][way].values()) for r in results], marker="o", label=label)
    more = [sum(result["incremental_seconds"].values()) for result in results]
    axes.plot(sizes, more, marker="s", linestyle="--", label="core, 1 % more payments")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="payments",
        ylabel="seconds, three stages",
        title="test02 on two cores",
    )
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=120)


def main() -> None:
    """Parse the command line, measure, and write the report after each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of payments")
    parser.add_argument("--rounds", type=int, default=3, help="runs of core and plain; 10^7 payments get one")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        way, data, folder = arguments.child
        print(json.dumps(RUNS[way](Path(data), Path(folder))))
        return
    # A log has no width of its own.
    console, results = Console(width=None if sys.stdout.isatty() else 120), []
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=REPORT.parent) as workdir, Progress(console=console) as progress:
        for rows in sorted(arguments.sizes):
            rounds = 1 if rows >= SIZES[-1] else arguments.rounds
            results.append(compare(rows, rounds, Path(workdir), progress))
            REPORT.write_text(json.dumps({"results": results}, indent=2) + "\n")
            plot(results, REPORT.with_suffix(".png"))
    show(results, console)
    console.print(f"Written: {REPORT.relative_to(toolchain.ROOT)} and .png")


if __name__ == "__main__":
    main()
