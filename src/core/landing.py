"""From the landing zone into a raw table, and on from there: each version of a file once, whatever its date.

A raw table is partitioned by the day of ingestion. Its partitions note in the catalog which files they hold,
in which version, and how many times each had been received by then. A file that is dropped again with other
content is received again, and its earlier rows no longer count. No clock decides anything.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from core import catalog, hive, incremental, storage
from core.errors import InputError
from core.formats import CORRUPT
from core.storage import SOURCE_FILE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from core.catalog import Partition
    from core.formats import Reader
    from core.job import JobOf
    from core.storage import StoredFile

INGESTED_AT, INGESTION_DATE = "ingested_at", "ingestion_date"
# What the ingestion adds to the columns that a file has.
ADDED = frozenset({CORRUPT, SOURCE_FILE, INGESTED_AT, INGESTION_DATE})

_FILES = "files"
# https://docs.aws.amazon.com/glue/latest/webapi/API_PartitionInput.html
_LONGEST_PARAMETER = 512_000


# ─── Receive ───


def receive(run: JobOf[Any], table: str, patterns: Sequence[str], read: Reader, folder: str = "") -> None:
    """Add the files that were not received yet to the partition of the run's ingestion date.

    With ``--full_rebuild true`` every file that lies there is received again.

    Args:
        run: the job.
        table: the raw table.
        patterns: of the files' names, such as ``*.csv``.
        read: one of `core.formats`, or a function like theirs.
        folder: below the project's landing folder; that folder itself if empty.

    Raises:
        InputError: there is no file, or one is not what it should be: nothing was received.
        ContractError: the table is not as its contract says.

    """
    arguments, glue = run.arguments, catalog.glue_client()
    with run.log.stage("list"):
        place = f"{arguments.landing}/{folder}".rstrip("/")
        files, others = storage.list_files(run.spark, place, patterns)
        if others:
            run.log.write("left out", folder=place, patterns=list(patterns), entries=others)
        found, agreed = catalog.table(glue, arguments.raw_database, table), run.contract.table("raw", table)
        catalog.require_same(found, agreed)
        partitions = catalog.partitions(glue, found)
        received = receptions(partitions)
        new = [file for file in files if arguments.full_rebuild or _is_new(file, received)]
        run.log.write("input files", new=[file.uri for file in new], bytes=sum(file.size for file in new))
    if not new:
        run.log.write("nothing new", files=len(files))
        return
    columns = [name for name in agreed.types if name not in ADDED]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with run.log.stage("write"):
        rows = read(run.spark, new, columns, run.contract.required_columns)
        rows = rows.withColumn(INGESTED_AT, sf.lit(now))
        notes = {file.uri: [file.version, _count(received, file.uri) + 1] for file in new}
        day = arguments.ingestion_date.isoformat()
        for partition in (each for each in partitions if each.values == (day,)):
            kept = hive.read(run.spark, found, [partition]).drop(INGESTION_DATE)
            rows = rows.unionByName(kept.where(~sf.col(SOURCE_FILE).isin([file.uri for file in new])))
            notes = noted(partition) | notes
        try:
            written = hive.overwrite_partition(glue, found, day, rows, _as_parameter(notes, day))
        except Exception:
            _require_readable(run.spark, new, columns, read)
            raise
        count = hive.read(run.spark, found, [written]).count()
        run.log.write("partition written", table=found.full_name, location=written.location, rows=count)


def _require_readable(
    spark: SparkSession, files: Sequence[StoredFile], columns: Sequence[str], read: Reader
) -> None:
    """Stop with the first file that cannot be read to its end, an archive that was cut off, say."""
    for file in files:
        try:
            read(spark, [file], columns, ()).write.format("noop").mode("overwrite").save()
        except Exception as error:
            raise InputError(f"{file.uri}: expected a readable file: {storage.cause(error)}") from None


def _is_new(file: StoredFile, received: Mapping[str, tuple[int, str, Partition]]) -> bool:
    return file.uri not in received or received[file.uri][1] != file.version


def _count(received: Mapping[str, tuple[int, str, Partition]], uri: str) -> int:
    return received[uri][0] if uri in received else 0


def _as_parameter(notes: Mapping[str, Any], day: str) -> dict[str, str]:
    text = json.dumps(notes, separators=(",", ":"))
    if len(text.encode()) > _LONGEST_PARAMETER:
        raise InputError(
            f"ingestion_date {day}: {len(notes)} files; their names are longer than the catalog can note "
            f"({_LONGEST_PARAMETER} bytes): use another --ingestion_date, or fewer, larger files"
        )
    return {_FILES: text}


# ─── Receptions ───


def noted(partition: Partition) -> dict[str, list[Any]]:
    """Return the files that a partition holds by URI, each with its version and reception."""
    files = json.loads(partition.notes.get(_FILES, "{}"))
    # A note of before receptions were counted is the version alone.
    return {uri: [note, 1] if isinstance(note, str) else note for uri, note in files.items()}


def receptions(partitions: Sequence[Partition]) -> dict[str, tuple[int, str, Partition]]:
    """Return each file's newest reception by URI: its number, the file's version, the partition."""
    newest: dict[str, tuple[int, str, Partition]] = {}
    for partition in partitions:
        for uri, (version, number) in noted(partition).items():
            if uri not in newest or number > newest[uri][0]:
                newest[uri] = (number, version, partition)
    return newest


# ─── Read ───


@dataclass(frozen=True)
class Batch:
    """Raw rows for a table to be brought up to date with.

    Attributes:
        rows: those of partitions that the table has not read yet, each file as it was received last.
        rest: those of all other partitions, in case that a row cannot be judged without them.
        versions: the version of each file in ``rows``, by URI.
        repeated: the files among them that were received before.
        marks: the watermark, for when the rows are in the table.

    """

    rows: DataFrame
    rest: DataFrame | None
    versions: Mapping[str, str]
    repeated: Collection[str]
    marks: dict[str, str]


def unread(run: JobOf[Any], table: str, target: str) -> Batch | None:
    """Return what a raw table has that an Iceberg table was not made from yet; None if there is nothing.

    With ``--full_rebuild true`` that is everything.

    Args:
        run: the job.
        table: the raw table.
        target: the full name of the Iceberg table, whose watermark says what it was made from.

    Raises:
        CatalogError: there is no partition.

    """
    glue = catalog.glue_client()
    found = catalog.table(glue, run.arguments.raw_database, table)
    partitions = catalog.partitions(glue, found)
    seen = {} if run.arguments.full_rebuild else incremental.watermark(run.spark, target)
    new = incremental.unread(partitions, seen) if partitions else []
    if partitions and not new:
        run.log.write("nothing new", table=found.full_name, partitions=len(partitions))
        return None
    # Of the partitions there are now, by folder: what is read must be what is told.
    others = [partition for partition in partitions if partition not in new]
    newest = receptions(partitions)
    run.log.write("partitions read", table=found.full_name, partitions=["/".join(p.values) for p in new])
    inside = {uri: each for uri, each in newest.items() if each[2] in new}
    return Batch(
        _current(hive.read(run.spark, found, new), new, newest),
        _current(hive.read(run.spark, found, others), others, newest) if others else None,
        {uri: version for uri, (_, version, _) in inside.items()},
        frozenset(uri for uri, (number, *_) in inside.items() if number > 1),
        incremental.marks(partitions),
    )


def _current(
    rows: DataFrame, partitions: Sequence[Partition], newest: Mapping[str, tuple[int, str, Partition]]
) -> DataFrame:
    """Leave out the rows of receptions that a newer one has replaced."""
    replaced = [
        (partition.values[0], uri)
        for partition in partitions
        for uri in noted(partition)
        if newest[uri][2] != partition
    ]
    if not replaced:
        return rows
    old = rows.sparkSession.createDataFrame(replaced, f"{INGESTION_DATE} string, {SOURCE_FILE} string")
    return rows.join(sf.broadcast(old), [INGESTION_DATE, SOURCE_FILE], "left_anti")
