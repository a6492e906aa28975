"""The command: what it runs, what it only reads, and how it ends."""

from __future__ import annotations

import io
import os

import pytest
import sample_evidence
from rich.console import Console

from meshtest.reports.evidence import __main__ as command
from meshtest.reports.evidence.model import Source
from meshtest.tools.progress import Stages

DECLARED = {
    "tests/infra/stacks/test_x.py::test_a": {},
    "tests/infra/stacks/test_x.py::test_b[1]": {},
    "tests/infra/live/test_y.py::test_c": {},
}
CHANGED = 1000.0


@pytest.fixture
def ran(monkeypatch):
    """The arguments of every pytest that was run; it ends with `status`."""

    class Ran(list):
        status = 0

    ran = Ran()
    monkeypatch.setattr(command, "_pytest", lambda log, arguments: ran.append(arguments) or ran.status)
    monkeypatch.setattr(command.results, "changed", lambda root: CHANGED)
    return ran


def run_missing(build):
    with Stages(Console(file=io.StringIO())) as stages:
        command._run_missing(stages, build, DECLARED)


def leave(file, seconds):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    os.utime(file, (seconds, seconds))


def test_what_is_missing_is_run(ran, tmp_path):
    run_missing(tmp_path)
    report = tmp_path / command.ASSERTIONS
    assert ran == [["tests/infra/stacks/test_x.py", f"--junitxml={report}"], ["tests/infra/live/test_y.py"]]


def test_what_is_older_than_the_sources_is_run_and_nothing_else(ran, tmp_path):
    leave(tmp_path / command.ASSERTIONS, CHANGED + 1)
    leave(tmp_path / command.PROBES, CHANGED - 1)
    run_missing(tmp_path)
    assert ran == [["tests/infra/live/test_y.py"]]


def test_failed_tests_are_evidence_and_a_broken_run_is_none(ran, tmp_path):
    ran.status = 1
    run_missing(tmp_path)
    ran.status = 2
    with pytest.raises(command.EvidenceError, match=r"plan assertions ended with status 2: see .*\.log"):
        run_missing(tmp_path)


def test_old_results_are_read_and_say_that_they_are_old(ran, tmp_path):
    file = tmp_path / command.ASSERTIONS
    leave(file, CHANGED - 1)
    assert command._dated("Plan assertions", file, "3 tests ran").state == "stale"
    leave(file, CHANGED + 1)
    source = command._dated("Plan assertions", file, "3 tests ran")
    assert source == Source("Plan assertions", "ran", "3 tests ran, 1970-01-01 00:16 UTC")


def test_a_source_tells_how_its_tests_ended(monkeypatch, tmp_path):
    """Those that speak for no control, too."""
    file = tmp_path / command.PROBES
    file.parent.mkdir()
    file.write_text('{"backend": "aws", "probes": {"a": "passed", "b": "failed", "c": "cannot"}}')
    outcomes: dict[str, str] = {}
    monkeypatch.setattr(command.results, "changed", lambda root: 0.0)
    source = command._read(tmp_path, "given", outcomes)[1]
    assert source.state == "failed"
    assert source.words.startswith("1 tests passed, 1 failed on backend aws, ")


def test_quick_reads_nothing(tmp_path):
    leave(tmp_path / command.ASSERTIONS, CHANGED)
    outcomes: dict[str, str] = {}
    sources = command._read(tmp_path, "quick", outcomes)
    assert {source.state for source in sources} == {"missing"}
    assert outcomes == {}


@pytest.mark.parametrize(("control", "status"), [("failed", 1), ("passed", 0)])
def test_the_status_is_that_of_the_controls(monkeypatch, tmp_path, capsys, control, status):
    evidence = sample_evidence.evidence(outcome=control)
    if status == 0:  # the sample has nothing for most controls to look at
        held = tuple(each for each in evidence.entries if each.status == "passed")
        evidence = command.Evidence(**{**vars(evidence), "entries": held})
    monkeypatch.setattr(command, "collect", lambda *_: evidence)
    file = tmp_path / "page" / "index.html"
    assert command.main(["--out", str(file)]) == status
    assert file.is_file()
    said = capsys.readouterr().out
    assert ("failed: kms-rotation: Every key is rotated" in said) == bool(status)
    assert "Live probes: no live probes run" in said


def test_a_folder_that_is_none_is_named(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--from", "/nowhere"])
    assert ended.value.code == 2
    assert "'/nowhere' is no folder; expected one with evidence/assertions.xml" in capsys.readouterr().err
