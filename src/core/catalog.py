"""Hive tables in the Glue Data Catalog: their columns, location and partitions, through the AWS API.

Spark's own catalog on Glue (``glue_catalog``) knows Iceberg tables only, so the raw layer's tables,
which Terraform creates, are looked up here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from core import contract
from core.errors import CatalogError, ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_glue import GlueClient

    from core.contract import Table


@dataclass(frozen=True)
class HiveTable:
    """A Hive table: names and Glue types of its columns, its partition keys, and where it lies."""

    database: str
    name: str
    location: str
    columns: tuple[tuple[str, str], ...]
    partition_keys: tuple[tuple[str, str], ...]
    storage: dict[str, Any]

    @property
    def full_name(self) -> str:
        """``database.table``, for messages."""
        return f"{self.database}.{self.name}"


@dataclass(frozen=True, order=True)
class Partition:
    """The values of a table's partition keys, the URI of the folder with the rows, what is noted on it."""

    values: tuple[str, ...]
    location: str
    notes: Mapping[str, str] = field(default_factory=dict, compare=False)


def glue_client() -> GlueClient:
    """Return a Glue client in the region the job runs in."""
    # Spark and Iceberg read AWS_REGION; boto3 on its own reads only AWS_DEFAULT_REGION.
    return boto3.client("glue", region_name=os.environ.get("AWS_REGION"))


def table(glue: GlueClient, database: str, name: str) -> HiveTable:
    """Look a table up.

    Raises:
        CatalogError: it is not in the catalog.

    """
    try:
        found: Any = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        raise CatalogError(
            f"table {database}.{name} is not in the Glue catalog: apply the project's Terraform"
        ) from None
    storage = found["StorageDescriptor"]
    return HiveTable(
        database,
        name,
        storage["Location"].removesuffix("/"),
        tuple((column["Name"], column["Type"]) for column in storage["Columns"]),
        tuple((key["Name"], key["Type"]) for key in found.get("PartitionKeys", [])),
        storage,
    )


def require_same(found: HiveTable, agreed: Table) -> None:
    """Stop unless a table in the catalog has the columns and partition keys of its contract.

    Raises:
        ContractError: what differs. Terraform owns these tables: no job changes them.

    """
    differs = contract.differences(agreed, found.columns)
    keys = tuple((key.name, key.type) for key in agreed.partition_keys)
    if found.partition_keys != keys:
        other = f"partition keys are {list(found.partition_keys)}, expected {list(keys)}"
        differs = contract.Differences(differs.missing, (*differs.other, other))
    if differs:
        raise ContractError(
            f"table {found.full_name} differs from its contract {agreed.label}: {differs}: "
            "apply the project's Terraform"
        )


def partitions(glue: GlueClient, of: HiveTable) -> list[Partition]:
    """Return the table's partitions, ordered by their values."""
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName=of.database, TableName=of.name, ExcludeColumnSchema=True
    )
    return sorted(
        Partition(
            tuple(found["Values"]),
            found["StorageDescriptor"]["Location"].removesuffix("/"),
            found.get("Parameters", {}),
        )
        for page in pages
        for found in page["Partitions"]
    )


def put_partition(
    glue: GlueClient,
    of: HiveTable,
    values: Sequence[str],
    location: str,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Register a partition, or let the one that is there point to another folder. Both are atomic.

    ``notes`` are kept with it, as Glue's parameters.
    """
    storage = {**of.storage, "Location": location}
    described: Any = {"Values": list(values), "StorageDescriptor": storage, "Parameters": dict(notes or {})}
    try:
        glue.create_partition(DatabaseName=of.database, TableName=of.name, PartitionInput=described)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        glue.update_partition(
            DatabaseName=of.database,
            TableName=of.name,
            PartitionValueList=list(values),
            PartitionInput=described,
        )
