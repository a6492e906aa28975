"""Files on the lake's storage, through Hadoop's file systems: ``s3://`` on AWS, ``file:`` in a test."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column
from pyspark.sql import functions as sf

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

SOURCE_FILE = "source_file"
# What Spark's own readers pass over without a word: marks and files that are still being written.
_HIDDEN = ("_", ".")
# A name is a name: without this option Spark takes [1], * and ? in it for a pattern.
_GLOB = "__globPaths__"


@dataclass(frozen=True, order=True)
class StoredFile:
    """A file, ordered by the time it was last written, then by its URI.

    Attributes:
        modified: when it was written.
        uri: its address, the name as it is, not percent-encoded.
        size: bytes.
        encoded: its name, percent-encoded as Spark tells it in ``_metadata.file_path``.

    """

    modified: datetime.datetime
    uri: str
    size: int
    encoded: str = ""

    @property
    def name(self) -> str:
        """The name within its folder."""
        return self.uri.rsplit("/", 1)[1]

    @property
    def version(self) -> str:
        """A text that changes when the file is written again."""
        return f"{self.modified.isoformat()} {self.size}"


def list_files(
    spark: SparkSession, folder: str, patterns: Sequence[str]
) -> tuple[list[StoredFile], list[str]]:
    """List the files directly in a folder.

    Args:
        spark: the session.
        folder: its URI.
        patterns: of the names, such as ``*.csv``, in any case.

    Returns:
        The files whose names match one of the patterns, oldest first, and the names of all other entries,
        a folder's with a slash behind it. Hidden ones (``_``, ``.``) are among the others.

    Raises:
        InputError: no file matches; the message names the URI, and what lies there instead.

    """
    path, file_system = _file_system(spark, folder)
    statuses = file_system.listStatus(path) if file_system.exists(path) else []
    found, others = [], []
    for status in statuses:
        name = status.getPath().getName()
        if status.isFile() and _is_wanted(name, patterns):
            modified = datetime.datetime.fromtimestamp(status.getModificationTime() / 1000, datetime.UTC)
            encoded = status.getPath().toUri().toString().rsplit("/", 1)[1]
            found.append(StoredFile(modified, status.getPath().toString(), status.getLen(), encoded))
        else:
            others.append(name if status.isFile() else f"{name}/")
    if not found:
        there = f"; there are {', '.join(sorted(others)[:5])}" if others else ""
        raise InputError(f"no input file {' or '.join(f'{folder}/{each}' for each in patterns)}{there}")
    return sorted(found), sorted(others)


def _is_wanted(name: str, patterns: Sequence[str]) -> bool:
    return not name.startswith(_HIDDEN) and any(fnmatchcase(name.lower(), each) for each in patterns)


def load(
    spark: SparkSession, files: Sequence[StoredFile], kind: str, schema: str | None = None, **options: str
) -> DataFrame:
    """Read files of one of Spark's formats, with ``source_file``, the URI of each row's file.

    Args:
        spark: the session.
        files: as `list_files` gives them, all in one folder.
        kind: Spark's name of the format, such as ``text``.
        schema: of the rows, in DDL; the format's own if there is none.
        options: the reader's.

    """
    reader = spark.read.format(kind).options(**options)
    if schema is not None:
        reader = reader.schema(schema)
    frame = reader.option(_GLOB, "false").load([file.uri for file in files])
    return frame.withColumn(SOURCE_FILE, _uri_of_row(files))


def _uri_of_row(files: Sequence[StoredFile]) -> Column:
    """Return the URI of the file that a row was read from, as `list_files` writes it."""
    folder = files[0].uri.rsplit("/", 1)[0]
    name: Column = sf.element_at(sf.split("_metadata.file_path", "/"), -1)
    spelt = [text for file in files if file.encoded != file.name for text in (file.encoded, file.name)]
    if spelt:
        names = sf.create_map(*map(sf.lit, spelt))
        name = sf.coalesce(sf.element_at(names, name), name)
    return sf.concat(sf.lit(f"{folder}/"), name)


def first_line(spark: SparkSession, file: StoredFile, encoding: str) -> str:
    """Return a text file's first line without its end, unpacked if its name tells a compression.

    Raises:
        InputError: it cannot be read: a truncated archive, another encoding.

    """
    jvm: Any = spark.sparkContext._jvm
    path, file_system = _file_system(spark, file.uri)
    codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(file_system.getConf()).getCodec(path)
    stream = file_system.open(path)
    try:
        if codec is not None:
            stream = codec.createInputStream(stream)
        text = jvm.java.io.InputStreamReader(stream, encoding)
        return jvm.java.io.BufferedReader(text).readLine() or ""
    except Exception as error:
        raise InputError(f"{file.uri}: expected a readable text file: {cause(error)}") from None
    finally:
        stream.close()


def cause(error: Exception) -> str:
    """Return the first line of the innermost Java exception of an error, or of the error itself."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while java is not None and java.getCause() is not None:
        java = java.getCause()
    text = str(error) if java is None else f"{java.getClass().getSimpleName()}: {java.getMessage()}"
    return next(iter(text.strip().splitlines()), type(error).__name__)


def read_bytes(spark: SparkSession, uri: str) -> bytes:
    """Read a whole file into the driver's memory: for files of some megabytes."""
    content = spark.read.format("binaryFile").option(_GLOB, "false").load(uri).select("content").head()
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
