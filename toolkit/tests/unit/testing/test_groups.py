"""`make test`: all groups run, whatever fails, and the summary is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest.tools import toolchain

MAKEFILE = """
lint:
	@echo linted
broken:
	@false
test-%:
	@{python} -m pytest -q -p no:cacheprovider --junitxml=$(JUNIT) $@.py
"""
TESTS = """
import pytest
def test_good(): pass
@pytest.mark.xfail
def test_known(): assert False
def test_other(): {other}
"""
SKIPPED = """
import pytest
def test_page(): pytest.skip("no Chromium: apt-get install chromium")
def test_table(): pytest.skip("no Chromium: apt-get install chromium")
"""


@pytest.fixture
def domain(tmp_path: Path) -> Path:
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "domain.json").write_text("{}")
    (tmp_path / "Makefile").write_text(MAKEFILE.format(python=sys.executable))
    (tmp_path / "test-good.py").write_text(TESTS.format(other="pass"))
    (tmp_path / "test-bad.py").write_text(TESTS.format(other="assert False"))
    (tmp_path / "test-skipped.py").write_text(SKIPPED)
    return tmp_path


def groups(domain: Path, *names: str) -> tuple[int, str]:
    environment = os.environ | {toolchain.ROOT_VARIABLE: str(domain), "COLUMNS": "120"}
    # What the make that runs this test hands down is not for the one below.
    environment = {name: value for name, value in environment.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        [sys.executable, "-m", "meshtest.testing.groups", *names],
        cwd=domain,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def lines(text: str) -> dict[str, str]:
    """What the summary says of each group, without its time."""
    summary = text[text.rindex("Group") :].splitlines()[1:]
    cells = [re.sub(r"\s+\d+ s\b", "", line).split(maxsplit=1) for line in summary]
    return {group: " ".join(rest.split()) for group, rest in cells}


def test_a_group_that_fails_hides_no_later_one(domain: Path) -> None:
    status, text = groups(domain, "lint", "test-bad", "broken", "test-good")
    assert status == 1
    assert lines(text) == {
        "lint": "passed",
        "test-bad": "failed 1 passed, 1 expected failures, 1 failed",
        "broken": "failed",
        "test-good": "passed 2 passed, 1 expected failures",
    }


def test_all_good_is_good(domain: Path) -> None:
    assert groups(domain, "lint", "test-good")[0] == 0


def test_what_is_skipped_is_said_in_one_line(domain: Path) -> None:
    status, text = groups(domain, "test-skipped", "test-good")
    assert status == 0
    assert lines(text) == {
        "test-skipped": "skipped 2 skipped",
        "test-good": "passed 2 passed, 1 expected failures",
        "test-skipped:": "2 skipped: no Chromium: apt-get install chromium",
    }


def test_a_report_of_an_earlier_run_counts_for_nothing(domain: Path) -> None:
    groups(domain, "test-good")
    (domain / "Makefile").write_text("test-good:\n\t@false\n")
    status, text = groups(domain, "test-good")
    assert status == 1
    assert lines(text) == {"test-good": "failed"}
