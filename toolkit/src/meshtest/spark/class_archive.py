"""An archive of Spark's loaded classes, with which a local session starts in half the time or less.

Java's application class-data sharing maps classes that were parsed and verified once; Spark, Iceberg and
the AWS SDKs load some 20,000 of them. `meshtest.domain.class_archive` makes the archive. Without it, or with
one that does not fit, sessions start slowly and work just the same.

Source: https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html (dynamic archive).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyspark

from meshtest.tools import toolchain

DIRECTORY = toolchain.ROOT / ".tools" / "spark-classes"

# The JVM says on standard output when an archive does not fit; that is the script's, so it stays silent.
SILENT = "-Xlog:cds=off -Xlog:cds+dynamic=off"


def java_options() -> str:
    """Return the JVM options that use the archive, "" if there is none for this Java and these jars."""
    archive = path()
    return f"-XX:SharedArchiveFile={archive} {SILENT}" if archive.exists() else ""


def empty_conf_dir() -> Path:
    """Return the directory to name as SPARK_CONF_DIR.

    It is on the class path, which an archive takes only if all directories in it are empty and the same.
    """
    directory = DIRECTORY / "conf"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def path() -> Path:
    """Return where the archive for this Java and these jars belongs."""
    return DIRECTORY / f"{_key()}.jsa"


def _key() -> str:
    """Identify what an archive depends on: the JVM checks each jar's path, size and time, too."""
    jars = sorted((*toolchain.spark_jars().glob("*.jar"), *Path(pyspark.__file__).parent.glob("jars/*.jar")))
    parts = [
        (toolchain.java_home() / "release").read_text(),
        *(f"{jar} {jar.stat().st_mtime_ns}" for jar in jars),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
