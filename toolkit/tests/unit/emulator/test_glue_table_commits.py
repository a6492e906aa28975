"""Gap 11: optimistic locking of Glue tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError


def table_at(glue: Any, name: str) -> str:
    """Create a table; returns its version."""
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(DatabaseName=name, TableInput={"Name": "orders"})
    version: str = glue.get_table(DatabaseName=name, Name="orders")["Table"]["VersionId"]
    return version


def commit(glue: Any, name: str, writer: str, **options: Any) -> bool:
    """Try to put a writer's name on the table; False if another one was quicker."""
    table = {"Name": "orders", "Parameters": {"writer": writer}}
    try:
        glue.update_table(DatabaseName=name, TableInput=table, **options)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConcurrentModificationException":
            raise
        return False
    return True


def test_a_stale_version_is_refused_and_changes_nothing(aws: Any, name: str) -> None:
    glue = aws("glue")
    version = table_at(glue, name)
    assert commit(glue, name, "first", VersionId=version)
    assert not commit(glue, name, "second", VersionId=version)
    assert glue.get_table(DatabaseName=name, Name="orders")["Table"]["Parameters"] == {"writer": "first"}


def test_of_many_writers_at_once_exactly_one_wins(aws: Any, name: str) -> None:
    glue = aws("glue")
    version = table_at(glue, name)
    with ThreadPoolExecutor(12) as pool:
        won = list(pool.map(lambda n: commit(glue, name, str(n), VersionId=version), range(24)))
    assert won.count(True) == 1
    parameters = glue.get_table(DatabaseName=name, Name="orders")["Table"]["Parameters"]
    assert parameters == {"writer": str(won.index(True))}


def test_skip_archive_keeps_only_the_new_version(aws: Any, name: str) -> None:
    glue = aws("glue")
    version = table_at(glue, name)
    assert commit(glue, name, "kept", VersionId=version)
    current = glue.get_table(DatabaseName=name, Name="orders")["Table"]["VersionId"]
    assert commit(glue, name, "skipped", VersionId=current, SkipArchive=True)
    versions = glue.get_table_versions(DatabaseName=name, TableName="orders")["TableVersions"]
    assert {kept["VersionId"] for kept in versions} == {version, str(int(current) + 1)}


def test_without_a_version_the_last_writer_wins(endpoint: Any, name: str) -> None:
    glue = endpoint.client("glue")
    table_at(glue, name)
    assert commit(glue, name, "first")
    assert commit(glue, name, "second")


def test_an_update_of_no_table_is_not_found(endpoint: Any, name: str) -> None:
    glue = endpoint.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_table(DatabaseName=name, TableInput={"Name": "absent"}, VersionId="1")
