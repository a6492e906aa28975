"""The session's JVM lent to another process, as the mutants' forks use it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

from meshtest.spark import session
from meshtest.tools import toolchain

CHILD = """
import sys
import time
from pathlib import Path
from meshtest.spark import session

with session.for_tests(Path("unused")) as spark:
    spark.range(3).createOrReplaceTempView("numbers")
    spark.conf.set("spark.sql.shuffle.partitions", "7")
    print(spark.sparkContext.applicationId, spark.table("numbers").count())
"""


def held(spark):
    """How many objects the JVM keeps for Python processes, once this one's collector has settled."""
    gc.collect()
    bindings = spark.sparkContext._gateway.java_gateway_server.getGateway().getBindings()
    found = [-1, bindings.size()]
    while found[-1] != found[-2]:
        time.sleep(1)
        found.append(bindings.size())
    return found[-1]


def listeners(spark):
    """Who is told what Spark does: whatever is told and not read fills the heap."""
    return sorted(each.getClass().getSimpleName() for each in spark._jsc.sc().listenerBus().listeners())


def test_a_child_computes_in_the_same_jvm_in_a_session_of_its_own_and_leaves_nothing(spark, rows):
    rows("n int", (1,)).createOrReplaceTempView("numbers")
    environment = {**os.environ, **session.lent(spark), "PYTHONPATH": str(toolchain.ROOT / "src")}
    before, told = held(spark), listeners(spark)
    for _ in range(2):
        said = subprocess.run(
            [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, timeout=120
        )
        assert said.stdout.split() == [spark.sparkContext.applicationId, "3"], said.stderr
    assert held(spark) <= before
    assert listeners(spark) == told
    assert (spark.table("numbers").count(), spark.conf.get("spark.sql.shuffle.partitions")) == (1, "2")
    assert not Path("unused").exists()
