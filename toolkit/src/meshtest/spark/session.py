"""The Spark session of the tests: started once, and lent to other processes.

The sockets between PySpark and its JVM cannot be shared over a fork, and a JVM of its own costs each process
four seconds. So the process that started the JVM hands port and secret on by the two variables that PySpark
itself reads for a JVM that is there already; each of the others gets a SQL session of its own in it: its own
settings and temporary views, the same catalogs.

Source: https://github.com/apache/spark/blob/v3.5.6/python/pyspark/java_gateway.py (PYSPARK_GATEWAY_PORT)
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core import session
from meshtest.spark import runtime
from meshtest.tools import environment as surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyspark.sql import SparkSession

_PORT = "PYSPARK_GATEWAY_PORT"
_SECRET = "PYSPARK_GATEWAY_SECRET"  # noqa: S105 - the variable's name

# Small tables stay small, and a column is called by its name: Spark's default would let any case pass.
_CONF = {
    "spark.sql.caseSensitive": "true",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.driver.memory": "2g",
    # Nobody looks at the UI.
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
}


@contextmanager
def for_tests(workdir: Path, conf: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """Give a local session with Iceberg as glue_catalog: in the JVM that was lent, or in one of its own.

    Args:
        workdir: as `runtime.spark_environment` takes it.
        conf: Spark properties of a JVM of its own, which win over those here.

    """
    if _PORT in os.environ:
        with _attached() as own:
            yield own
        return
    before = dict(os.environ)
    surroundings.clean()
    os.environ.update(runtime.spark_environment(None, {**_CONF, **(conf or {})}, workdir))
    built = session.build("tests")
    # Iceberg's metadata tables and MERGE log warnings about each small table.
    built.sparkContext.setLogLevel("ERROR")
    _without_query_log(built)
    try:
        yield built
    finally:
        built.stop()
        os.environ.clear()
        os.environ.update(before)
        time.tzset()


def _without_query_log(spark: SparkSession) -> None:
    """Let Spark note no queries for its UI: the thread that does falls behind, and its queue fills the heap.

    Source: https://github.com/apache/spark/blob/v3.5.6/sql/core/src/main/scala/org/apache/spark/sql/execution/ui/SQLAppStatusListener.scala
    """
    java: Any = spark._jsparkSession
    java.sparkContext().removeSparkListener(java.sharedState().statusStore().listener().get())


def lent(spark: SparkSession) -> dict[str, str]:
    """Return the variables by which a child process finds the session's JVM. They hold its secret."""
    gateway: Any = spark.sparkContext._gateway
    found = gateway.gateway_parameters
    return {_PORT: str(found.port), _SECRET: found.auth_token}


@contextmanager
def _attached() -> Iterator[SparkSession]:
    """Give a new session in the JVM that was lent; what this process holds there goes with it."""
    from pyspark import SparkConf, SparkContext, java_gateway
    from pyspark.sql import SparkSession

    launch: Any = java_gateway.launch_gateway
    gateway = launch()  # connects only: the variables are there
    context = gateway.jvm.JavaSparkContext.fromSparkContext(
        gateway.jvm.org.apache.spark.SparkContext.getOrCreate()
    )
    conf: Any = SparkConf(_jconf=context.getConf())
    # Not one made of the context: that would have a state of its own, and a listener that outlives it.
    own = gateway.jvm.SparkSession.getDefaultSession().get().newSession()
    try:
        yield SparkSession(SparkContext(gateway=gateway, jsc=context, conf=conf), own)
    finally:
        _release(gateway)


def _release(gateway: Any) -> None:
    """Let the JVM forget every object that Python still names: it would keep them for a dead process, too.

    Hundreds of processes, each with its session and frames, fill the heap otherwise.
    """
    from py4j.finalizer import ThreadSafeFinalizer

    client = gateway._gateway_client
    held = [found for reference in list(ThreadSafeFinalizer.finalizers.values()) if (found := reference())]
    # Those that Python's own collector has freed wait for a thread that a fork does not live to see.
    waiting = [name for _, name in list(client.finalizer_deque)]
    for name in {*waiting, *(found._target_id for found in held)}:
        client.garbage_collect_object(name, enqueue=False)
