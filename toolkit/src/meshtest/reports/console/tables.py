"""Tables of the catalog: columns, snapshots and first rows, read by pyiceberg and Arrow as any reader would.

Arrow trusts the certificates that ``SSL_CERT_FILE`` names when it is loaded, so that has to be set before
(`meshtest.reports.console.__main__`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from meshtest.emulator import Endpoint
from meshtest.reports.console.aws import reader
from meshtest.reports.console.storage import Missing

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 25
MASK = "•••"


@dataclass(frozen=True)
class Column:
    """A column; `type` is the table format's own."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Snapshot:
    """A version of an Iceberg table; `rows` and `files` are totals after it, "" if it does not say."""

    id: int
    made: datetime
    operation: str
    added: str
    rows: str
    files: str


@dataclass(frozen=True)
class Table:
    """A table of the catalog; `partitioned` is what it is partitioned by, in words."""

    database: str
    name: str
    format: str
    location: str
    columns: Sequence[Column]
    partitioned: Sequence[str]
    snapshots: Sequence[Snapshot]
    rows: pa.Table


@dataclass(frozen=True)
class Entry:
    """A table in the list of all."""

    database: str
    name: str
    format: str
    location: str


def entries(endpoint: Endpoint) -> list[Entry]:
    """Every table of the catalog, by database and name."""
    return sorted((_entry(table) for table in _all(endpoint)), key=lambda entry: (entry.database, entry.name))


def table(endpoint: Endpoint, database: str, name: str, hidden: Container[str] = frozenset()) -> Table:
    """A table with its first rows; in the place of a hidden column's values it says so.

    Raises:
        Missing: the catalog has no such table, or nothing that it could be read by.
    """
    glue = reader(endpoint, "glue")
    try:
        described = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        raise Missing(f"There is no table {database}.{name}") from None
    entry = _entry(described)
    found = (_iceberg if entry.format == "Iceberg" else _parquet)(endpoint, entry, described)
    return replace(found, rows=_masked(found.rows, hidden))


def _masked(rows: pa.Table, hidden: Container[str]) -> pa.Table:
    import pyarrow as pa

    for number, name in enumerate(rows.column_names):
        if name in hidden:
            rows = rows.set_column(number, name, pa.array([MASK] * rows.num_rows, pa.string()))
    return rows


def _all(endpoint: Endpoint) -> Iterator[Mapping[str, Any]]:
    glue = reader(endpoint, "glue")
    for page in glue.get_paginator("get_databases").paginate():
        for database in page["DatabaseList"]:
            for tables in glue.get_paginator("get_tables").paginate(DatabaseName=database["Name"]):
                yield from tables["TableList"]


def _entry(described: Mapping[str, Any]) -> Entry:
    parameters = described.get("Parameters", {})
    is_iceberg = parameters.get("table_type", "").upper() == "ICEBERG"
    kind = "Iceberg" if is_iceberg else parameters.get("classification", "unknown").capitalize()
    location = described.get("StorageDescriptor", {}).get("Location", "")
    return Entry(described["DatabaseName"], described["Name"], kind, location)


# ─── Formats ───


def _iceberg(endpoint: Endpoint, entry: Entry, described: Mapping[str, Any]) -> Table:
    from pyiceberg.catalog.glue import GlueCatalog

    _require_metadata(endpoint, f"{entry.database}.{entry.name}", described)

    access = {
        "s3.endpoint": endpoint.https,
        "s3.region": endpoint.region,
        "s3.access-key-id": endpoint.access_key_id,
        "s3.secret-access-key": endpoint.secret_access_key,
    }
    found = GlueCatalog("glue", client=reader(endpoint, "glue"), **access).load_table(
        (entry.database, entry.name)
    )
    columns = [Column(field.name, str(field.field_type), field.doc or "") for field in found.schema().fields]
    partitioned = [
        f"{field.transform}({found.schema().find_column_name(field.source_id)})"
        for field in found.spec().fields
    ]
    snapshots = [_snapshot(each) for each in reversed(found.snapshots())]
    rows = found.scan(limit=ROWS).to_arrow()
    return Table(**vars(entry), columns=columns, partitioned=partitioned, snapshots=snapshots, rows=rows)


def _require_metadata(endpoint: Endpoint, label: str, described: Mapping[str, Any]) -> None:
    """Check that an Iceberg table's entry leads to a file: a run that was killed may have left none."""
    location: str = described["Parameters"].get("metadata_location", "")
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not key:
        raise Missing(f"The table {label} does not say where its metadata is")
    s3 = reader(endpoint, "s3")
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError:
        raise Missing(f"The table {label} has no metadata file {location}") from None


def _snapshot(found: Any) -> Snapshot:
    summary = found.summary.additional_properties if found.summary else {}
    return Snapshot(
        id=found.snapshot_id,
        made=datetime.fromtimestamp(found.timestamp_ms / 1000, UTC),
        operation=found.summary.operation.value if found.summary else "",
        added=summary.get("added-records", "0"),
        rows=summary.get("total-records", ""),
        files=summary.get("total-data-files", ""),
    )


def _parquet(endpoint: Endpoint, entry: Entry, described: Mapping[str, Any]) -> Table:
    import pyarrow as pa
    from pyarrow import dataset, fs

    store = fs.S3FileSystem(
        endpoint_override=endpoint.https.removeprefix("https://"),
        region=endpoint.region,
        access_key=endpoint.access_key_id,
        secret_key=endpoint.secret_access_key,
    )
    keys = described.get("PartitionKeys", [])
    fields = [*described["StorageDescriptor"].get("Columns", []), *keys]
    columns = [Column(field["Name"], field.get("Type", ""), field.get("Comment", "")) for field in fields]
    place = entry.location.removeprefix("s3://").rstrip("/")
    try:
        rows = dataset.dataset(place, filesystem=store, format="parquet", partitioning="hive").head(ROWS)
    except FileNotFoundError:  # nothing has been written yet
        rows = pa.table({column.name: [] for column in columns})
    return Table(
        **vars(entry),
        columns=columns,
        partitioned=[key["Name"] for key in keys],
        snapshots=[],
        rows=rows,
    )
