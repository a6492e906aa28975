"""A breaking change of a contract needs a new major version, and its readers are named."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from core.contract import FILE
from meshtest.deploy.github import contracts
from meshtest.tools import toolchain

TEMPLATE = (toolchain.ROOT / "infrastructure" / "projects" / "_template" / FILE).read_text()
KEY = "        required: true\n        primaryKey: true\n        quality:"
VALUE = "      - name: value\n        logicalType: number\n        physicalType: decimal(28,2)\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the projects orders and its reader bills, committed."""
    for name, reads in (("orders", []), ("bills", ["orders"])):
        folder = tmp_path / "infrastructure" / "projects" / name
        folder.mkdir(parents=True)
        (folder / "project.json").write_text(json.dumps({"name": name, "depends_on": reads}))
        (folder / FILE).write_text(TEMPLATE)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    return tmp_path


def git(top: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], check=True, cwd=top)


def change(checkout: Path, *replacements: tuple[str, str]) -> contracts.Comparison:
    file = checkout / "infrastructure" / "projects" / "orders" / FILE
    text = TEMPLATE
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    [found] = contracts.compare(checkout, "HEAD")
    return found


BREAKING = {
    "a column is removed": (VALUE + "        description: Sum of their values", ""),
    "a column is narrowed": ("physicalType: decimal(28,2)", "physicalType: decimal(10,2)"),
    "a key is changed": (KEY, "        required: true\n        quality:"),
    "fewer runs are promised": ("    value: 1\n    unit: d", "    value: 1\n    unit: y"),
    "nothing is promised": (
        "  - property: frequency\n    value: 1\n    unit: d\n    description: The pipeline runs once a day",
        "  []",
    ),
    "another promise in a unit that nobody knows": (
        "    value: 1\n    unit: d",
        "    value: 1\n    unit: moon",
    ),
}
HARMLESS = {
    "a text": ("Records by day", "Records, by day"),
    "a new column": (VALUE, VALUE.replace("value", "other") + VALUE),
    "more runs": ("    value: 1\n    unit: d", "    value: 12\n    unit: h"),
}


@pytest.mark.parametrize("replacement", BREAKING.values(), ids=BREAKING)
def test_what_breaks_a_reader_needs_a_new_major_version(checkout: Path, replacement: tuple[str, str]) -> None:
    found = change(checkout, replacement)
    assert (found.is_breaking, found.is_allowed, found.readers) == (True, False, ("bills",))
    assert (
        "❌ **A breaking change needs version 2.0.0; it is `1.0.0`** (read by `bills`)"
        in contracts.section([found])
    )


def test_the_version_is_the_contracts_own(checkout: Path) -> None:
    found = change(checkout, BREAKING["a key is changed"], ("version: 1.0.0", "version: 2.0.0"))
    assert (found.old, found.new, found.is_breaking, found.is_allowed) == ("1.0.0", "2.0.0", True, True)
    verdict = "✅ **A breaking change, as its new major version says** (read by `bills`)"
    assert contracts.verdict(found) == verdict
    for version in ("1.9.9", "", "next"):
        assert not dataclasses.replace(found, new=version).is_allowed


@pytest.mark.parametrize("replacement", HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_nobody_needs_none(checkout: Path, replacement: tuple[str, str]) -> None:
    found = change(checkout, replacement)
    assert (found.is_breaking, found.is_allowed) == (False, True)
    assert found.changes


def test_the_command_says_what_breaks_and_writes_the_section(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--top", str(checkout), "--base", "HEAD", "--out", str(tmp_path / "out")]
    assert contracts.main(options) == 0
    assert capsys.readouterr().out == "no contract differs from that of HEAD\n"
    assert not (tmp_path / "out").exists()

    change(checkout, BREAKING["a column is narrowed"])
    assert contracts.main(options) == 1
    path = "schema.template_daily.properties.value.physicalType"
    assert f"breaking  {path}: decimal(28,2) → decimal(10,2)" in capsys.readouterr().out
    section = (tmp_path / "out" / "section.md").read_text()
    assert f"| 🔴 breaking | `{path}` | `decimal(28,2)` | `decimal(10,2)` |" in section


def test_a_new_contract_breaks_nobody(checkout: Path) -> None:
    folder = checkout / "infrastructure" / "projects" / "new"
    folder.mkdir()
    (folder / FILE).write_text(TEMPLATE)
    git(checkout, "add", ".")
    assert contracts.compare(checkout, "HEAD") == []


def test_an_unknown_commit_is_one_clear_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contracts.main(["--top", str(checkout), "--base", "nothing"]) == 1
    assert capsys.readouterr().err.startswith("contracts: git rev-parse")
