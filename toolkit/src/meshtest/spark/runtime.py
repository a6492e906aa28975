"""Local Spark 3.5.6 with what AWS Glue 5.1 brings: Iceberg, the Glue catalog, S3 by S3A.

A plain ``SparkSession.builder.getOrCreate()`` in a process that runs with `spark_environment` gets all
of it, so a job's script holds no local setting. Everything that differs from Glue (endpoint, path
style, credentials class, trust store) is written here and nowhere else.

Sources: https://docs.aws.amazon.com/glue/latest/dg/release-notes.html (Glue 5.1 versions),
https://iceberg.apache.org/docs/1.10.0/aws/ and
https://hadoop.apache.org/docs/r3.3.4/hadoop-aws/tools/hadoop-aws/index.html (properties).
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark

from meshtest.spark import class_archive
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from meshtest.emulator import Endpoint

CATALOG = "glue_catalog"
# A job that does not name its Region has Glue's default, which is where none of its buckets are: it hangs
# there, and is refused here (docs/adr/0041).
# https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html
S3A_REGION = "spark.hadoop.fs.s3a.endpoint.region"
S3A_REGION_OF_GLUE = "us-east-2"
ICEBERG = frozenset({"iceberg"})
ICEBERG_EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
GLUE_CATALOG_CLASS = "org.apache.iceberg.aws.glue.GlueCatalog"
TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105 - Java's public default; the store holds certificates only

# What S3A needs; every other jar of setup/jars.lock.json belongs to Iceberg and its AWS SDK 2.
_S3A_JARS = (
    "aws-java-sdk-",
    "hadoop-aws-",
    "ion-java-",
    "jackson-dataformat-cbor-",
    "jmespath-java-",
    "joda-time-",
)

_CONFIGURATION = "spark-conf"
_DEFAULTS = "spark-defaults.conf"

# hadoop-aws 3.3 speaks AWS SDK 1; the class has another name with SDK 2.
_SDK1_CREDENTIALS = "com.amazonaws.auth.EnvironmentVariableCredentialsProvider"

# C1 only and the serial collector: a run of seconds is a quarter faster. One of many minutes is slower;
# such a job passes "-XX:TieredStopAtLevel=4" in its own --conf spark.driver.extraJavaOptions, and wins.
_FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def spark_environment(
    endpoint: Endpoint | None,
    conf: Mapping[str, str],
    workdir: Path,
    datalake_formats: Collection[str] = ICEBERG,
) -> dict[str, str]:
    """Write the Spark configuration below ``workdir`` and return the environment that uses it.

    Args:
        endpoint: the AWS to talk to, over HTTPS; None gives a plain local Spark whose ``glue_catalog``
            is an Iceberg catalog in ``workdir/warehouse``.
        conf: Spark properties, as Glue's ``--conf`` gives them; they win over the local defaults.
        workdir: holds the configuration, scratch files and the local warehouse; created if missing.
        datalake_formats: as Glue's ``--datalake-formats``; without "iceberg" its jars are not loaded.

    Returns:
        The whole environment for the process: nothing but PATH and the like is inherited.

    Raises:
        ValueError: a data lake format other than iceberg, or a property that no file can hold.
        ToolMissing: no Java 17, or the jars have not been fetched.

    """
    unknown = sorted(set(datalake_formats) - ICEBERG)
    if unknown:
        raise ValueError(
            f"datalake_formats={','.join(unknown)}: expected iceberg, the only one with local jars"
        )
    workdir = workdir.resolve()
    with_iceberg = bool(ICEBERG & set(datalake_formats))
    properties = _session_properties(workdir, with_iceberg, endpoint)
    properties |= _s3a_properties(workdir, endpoint)
    if endpoint is None and with_iceberg:
        properties |= _local_catalog(workdir)
    if endpoint is not None:
        properties |= _catalog_endpoints(conf, endpoint)
    properties |= dict(conf) | _lengthened(properties, conf)
    return _environment(endpoint, _write_configuration(workdir, properties))


def glue_catalog_conf(warehouse: str, catalog: str = CATALOG) -> dict[str, str]:
    """Return the Spark properties of an Iceberg catalog on the Glue Data Catalog (a Glue job's ``--conf``).

    ``warehouse`` is an s3:// URI.
    Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html
    """
    prefix = f"spark.sql.catalog.{catalog}"
    return {
        "spark.sql.extensions": ICEBERG_EXTENSIONS,
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.catalog-impl": GLUE_CATALOG_CLASS,
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{prefix}.warehouse": warehouse,
    }


# ─── Properties ───


def _session_properties(workdir: Path, with_iceberg: bool, endpoint: Endpoint | None) -> dict[str, str]:
    return {
        "spark.master": "local[2]",
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraClassPath": os.pathsep.join(map(str, _jars(with_iceberg))),
        "spark.driver.extraJavaOptions": " ".join(filter(None, _java_options(workdir, endpoint))),
        "spark.sql.session.timeZone": "UTC",
        # Glue's default of 200 is for a cluster; on two cores it costs a third of the time.
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(workdir / "spark-warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _jars(with_iceberg: bool) -> list[Path]:
    jars = sorted(toolchain.spark_jars().glob("*.jar"))
    return [jar for jar in jars if with_iceberg or jar.name.startswith(_S3A_JARS)]


def _java_options(workdir: Path, endpoint: Endpoint | None) -> Iterator[str]:
    yield "-Duser.timezone=UTC"
    yield f"-Djava.io.tmpdir={_jvm_word(workdir / 'scratch')}"
    if endpoint is not None:
        yield f"-Djavax.net.ssl.trustStore={_jvm_word(endpoint.truststore)}"
        yield "-Djavax.net.ssl.trustStoreType=PKCS12"
        yield f"-Djavax.net.ssl.trustStorePassword={TRUSTSTORE_PASSWORD}"
    yield f"-Dlog4j2.configurationFile={(workdir / _CONFIGURATION / 'log4j2.properties').as_uri()}"
    yield class_archive.java_options()
    yield _FAST_START


def _jvm_word(path: Path) -> str:
    """Quote a path inside a string of JVM options, which Spark splits at white space and quotes."""
    text = str(path.resolve())
    return f'"{text}"' if " " in text else text


def _lengthened(local: Mapping[str, str], conf: Mapping[str, str]) -> dict[str, str]:
    """Join a job's own JVM options and jars to the local ones: replacing those would lose the trust store."""
    joined = {"spark.driver.extraClassPath": os.pathsep, "spark.driver.extraJavaOptions": " "}
    return {key: separator.join((local[key], conf[key])) for key, separator in joined.items() if key in conf}


def _s3a_properties(workdir: Path, endpoint: Endpoint | None) -> dict[str, str]:
    """Glue 5.1 reads both schemes by S3A, its default connector."""
    schemes = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        "spark.hadoop.fs.s3a.buffer.dir": str(workdir / "scratch"),
    }
    if endpoint is None:
        return schemes
    return schemes | {
        "spark.hadoop.fs.s3a.endpoint": endpoint.https,
        S3A_REGION: S3A_REGION_OF_GLUE,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "true",
        "spark.hadoop.fs.s3a.aws.credentials.provider": _SDK1_CREDENTIALS,
        # An endpoint that is gone must fail a run in seconds, not after S3A's default of minutes.
        "spark.hadoop.fs.s3a.attempts.maximum": "3",
        "spark.hadoop.fs.s3a.connection.establish.timeout": "5000",
        "spark.hadoop.fs.s3a.retry.limit": "3",
    }


def _local_catalog(workdir: Path) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    return {
        "spark.sql.extensions": ICEBERG_EXTENSIONS,
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "hadoop",
        f"{prefix}.warehouse": str(workdir / "warehouse"),
    }


def _catalog_endpoints(properties: Mapping[str, str], endpoint: Endpoint) -> dict[str, str]:
    """Point every catalog on Glue at the endpoint, whatever name the job gave it."""
    prefixes = [
        key.removesuffix(".catalog-impl")
        for key, value in properties.items()
        if key.startswith("spark.sql.catalog.") and value == GLUE_CATALOG_CLASS
    ]
    settings = {
        "client.region": endpoint.region,
        "glue.endpoint": endpoint.https,
        "s3.endpoint": endpoint.https,
        "s3.path-style-access": "true",
    }
    return {f"{prefix}.{name}": value for prefix in prefixes for name, value in settings.items()}


# ─── Files and environment ───

_LOG4J2 = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n%ex
# Said at every start, and true of every local run: no native Hadoop, no metrics file, one AWS SDK 1.
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
logger.sdk1.name = com.amazonaws.util.VersionInfoUtils
logger.sdk1.level = error
logger.utils.name = org.apache.spark.util.Utils
logger.utils.level = error
"""


def _write_configuration(workdir: Path, properties: Mapping[str, str]) -> Path:
    directory = workdir / _CONFIGURATION
    directory.mkdir(parents=True, exist_ok=True)
    (workdir / "scratch").mkdir(exist_ok=True)
    lines = [f"{key} {_property_value(key, value)}\n" for key, value in sorted(properties.items())]
    defaults = directory / _DEFAULTS
    defaults.touch(mode=0o600)  # a job may pass credentials in its --conf
    defaults.write_text("".join(lines), encoding="utf-8")
    (directory / "log4j2.properties").write_text(_LOG4J2, encoding="utf-8")
    (directory / "aws-config").touch()
    return directory


def _property_value(key: str, value: str) -> str:
    """Escape a value for java.util.Properties."""
    if not key or any(character in key for character in " \t\r\n=:#!\\"):
        raise ValueError(f"Spark property {key!r}: expected a name without white space, '=', ':' or '#'")
    if "\n" in value or "\r" in value:
        raise ValueError(f"Spark property {key}: expected a value on one line")
    return value.replace("\\", "\\\\")


def _environment(endpoint: Endpoint | None, configuration: Path) -> dict[str, str]:
    defaults = shlex.quote(str(configuration / _DEFAULTS))
    # A run talks to this machine alone.
    reached = {
        name: value for name, value in surroundings.inherited().items() if "_proxy" not in name.lower()
    }
    environment = reached | {
        "JAVA_HOME": str(toolchain.java_home()),
        # Workers must be the driver's Python, not whatever python3 is on PATH.
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        # By name and not from SPARK_CONF_DIR: that is on the class path, where the class archive takes only
        # a directory that is empty.
        "PYSPARK_SUBMIT_ARGS": f"--properties-file {defaults} pyspark-shell",
        "SPARK_CONF_DIR": str(class_archive.empty_conf_dir()),
        "SPARK_LOCAL_DIRS": str(configuration.parent / "scratch"),
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    if endpoint is not None:
        environment |= endpoint.environment()
        # AWS SDK 1 warns with a stack trace of a configuration file that is none, as /dev/null is.
        empty = str(configuration / "aws-config")
        environment |= {"AWS_CONFIG_FILE": empty, "AWS_SHARED_CREDENTIALS_FILE": empty}
    return environment
