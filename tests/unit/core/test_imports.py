"""What does not compute with Spark can be imported where Spark is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_SPARK = ("arguments", "catalog", "contract", "errors", "job", "log", "session")


@pytest.mark.parametrize("module", WITHOUT_SPARK)
def test_a_module_needs_neither_pyspark_nor_awsglue(module):
    script = f"""
import sys
sys.path[:] = {sys.path!r}
sys.modules["pyspark"] = sys.modules["awsglue"] = None  # importing either fails
import core.{module}
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
