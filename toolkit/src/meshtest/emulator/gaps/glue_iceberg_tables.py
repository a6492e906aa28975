"""Glue CreateTable with an IcebergInput creates a real, empty Iceberg table.

moto 5.2.5 lacks: the metadata. It marks the table as ICEBERG and stops there, so that no Iceberg
library can load it. AWS writes the first metadata file below the table's location and names it in the
table's parameters; the same is done here, in the emulator's S3.

https://docs.aws.amazon.com/glue/latest/webapi/API_IcebergInput.html
"""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import urlsplit

from moto.core.responses import EmptyResult
from moto.glue.exceptions import GlueClientError, TableAlreadyExistsException
from moto.glue.responses import GlueResponse
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from meshtest.emulator.iceberg_metadata import FORMATS, HiveTypeError, new_metadata
from meshtest.emulator.locks import lock_of

_create_table = GlueResponse.create_table


def install() -> None:
    """Have CreateTable write Iceberg metadata where it is asked for."""
    response: Any = GlueResponse
    response.create_table = _create


def _create(self: Any) -> Any:
    parameters = self.parameters
    iceberg = (parameters.get("OpenTableFormatInput") or {}).get("IcebergInput")
    if not iceberg:
        return _create_table(self)
    table = parameters.get("TableInput")
    _check(iceberg, table)
    database = self.glue_backend.get_database(parameters["DatabaseName"])
    if table["Name"] in database.tables:
        raise TableAlreadyExistsException
    location = _write_metadata(self.current_account, table, _format_version(iceberg))
    added = {"table_type": "ICEBERG", "metadata_location": location}
    entry = table | {"Parameters": (table.get("Parameters") or {}) | added}
    self.glue_backend.create_table(parameters["DatabaseName"], table["Name"], entry)
    return EmptyResult()


def _check(iceberg: dict[str, Any], table: dict[str, Any] | None) -> None:
    if iceberg.get("MetadataOperation") != "CREATE":
        raise _invalid("IcebergInput.MetadataOperation must be CREATE")
    if iceberg.get("CreateIcebergTableInput"):
        raise _invalid(
            "the emulator takes an Iceberg table's schema from TableInput, not CreateIcebergTableInput"
        )
    if not table or not (table.get("StorageDescriptor") or {}).get("Columns"):
        raise _invalid("an Iceberg table needs TableInput.StorageDescriptor.Columns")


def _format_version(iceberg: dict[str, Any]) -> int:
    version = str(iceberg.get("Version") or 2)
    if version not in map(str, FORMATS):
        raise _invalid(f"IcebergInput.Version {version} is not one of {', '.join(map(str, FORMATS))}")
    return int(version)


def _write_metadata(account: str, table: dict[str, Any], format_version: int) -> str:
    """Put the first metadata file into S3; returns its URI."""
    storage = table["StorageDescriptor"]
    location = storage.get("Location") or ""
    place = urlsplit(location)
    if place.scheme != "s3" or not place.netloc:
        raise _invalid(f"StorageDescriptor.Location {location!r} is not an s3:// URI")
    try:
        metadata = new_metadata(
            location, storage["Columns"], table.get("PartitionKeys") or (), format_version
        )
    except HiveTypeError as error:
        raise _invalid(str(error)) from error
    # As it is: a location that ends in a slash gives two of them, as on AWS (apache/iceberg#4582).
    folder = f"{place.path.removeprefix('/')}/" if place.path.strip("/") else ""
    key = f"{folder}metadata/00000-{uuid.uuid4()}.metadata.json"
    try:
        with lock_of("s3"):
            s3_backends[account]["aws"].put_object(place.netloc, key, json.dumps(metadata).encode())
    except MissingBucket as error:
        raise _invalid(f"The bucket of StorageDescriptor.Location does not exist: {place.netloc}") from error
    return f"s3://{place.netloc}/{key}"


def _invalid(message: str) -> GlueClientError:
    return GlueClientError("InvalidInputException", message)
