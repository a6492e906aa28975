"""Files on the lake's storage, through Hadoop's file systems: ``s3://`` on AWS, ``file:`` in a test."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession


@dataclass(frozen=True, order=True)
class StoredFile:
    """A file, ordered by the time it was last written, then by its URI."""

    modified: datetime.datetime
    uri: str
    size: int

    @property
    def version(self) -> str:
        """A text that is another when the file is written again."""
        return f"{self.modified.isoformat()} {self.size}"


def list_files(spark: SparkSession, folder: str, patterns: Sequence[str]) -> list[StoredFile]:
    """List the files directly in a folder whose names match one of the patterns, oldest first.

    Raises:
        InputError: there is none; the message names the URI.

    """
    path, file_system = _file_system(spark, folder)
    statuses = file_system.listStatus(path) if file_system.exists(path) else []
    found = [
        StoredFile(
            datetime.datetime.fromtimestamp(status.getModificationTime() / 1000, datetime.UTC),
            status.getPath().toString(),
            status.getLen(),
        )
        for status in statuses
        if status.isFile() and any(fnmatch(status.getPath().getName(), pattern) for pattern in patterns)
    ]
    if not found:
        raise InputError(f"no input file {' or '.join(f'{folder}/{pattern}' for pattern in patterns)}")
    return sorted(found)


def read_bytes(spark: SparkSession, uri: str) -> bytes:
    """Read a whole file into the driver's memory: for files of some megabytes."""
    content = spark.read.format("binaryFile").load(uri).select("content").head()
    if content is None:
        raise InputError(f"no input file {uri}")
    return bytes(content[0])


def delete_others(spark: SparkSession, folder: str, keep: str) -> None:
    """Delete everything in a folder but the one entry named ``keep``."""
    path, file_system = _file_system(spark, folder)
    for status in file_system.listStatus(path):
        if status.getPath().getName() != keep:
            file_system.delete(status.getPath(), True)


def _file_system(spark: SparkSession, uri: str) -> tuple[Any, Any]:
    """Return Hadoop's path and file system of a URI. PySpark has no public door to them but the JVM."""
    context: Any = spark.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(uri)
    return path, path.getFileSystem(context._jsc.hadoopConfiguration())
