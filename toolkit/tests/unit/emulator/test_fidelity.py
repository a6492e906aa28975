"""Each line of docs/fidelity.md names a test that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from meshtest.tools import toolchain

PAGE = (toolchain.ROOT / "docs" / "fidelity.md").read_text()
TESTS = Path(__file__).parent
ROW = re.compile(r"^\| (?P<kind>[^|]*) \| (?P<what>[^|]+) \| (?P<test>[^|]+) \|$", re.M)
ROWS = [row for row in ROW.finditer(PAGE) if row["test"] != "shown by"]


def names_in(module: str) -> set[str]:
    file = TESTS / f"{module}.py"
    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"])
def test_each_line_names_a_test(row: re.Match[str]) -> None:
    assert row["kind"] in {"as on AWS", "looser", "not there", "stricter"}
    named = re.fullmatch(r"`(test_\w+)::(test_\w+)`", row["test"])
    assert named, row[0]
    assert named[2] in names_in(named[1])


def test_each_service_has_lines() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.M)[1:]
    assert {section.splitlines()[0] for section in sections} == {
        "S3",
        "IAM and STS",
        "Glue",
        "Step Functions",
        "EC2 and KMS",
        "EventBridge and SNS",
        "The process",
    }
    assert all(ROW.search(section) for section in sections)
