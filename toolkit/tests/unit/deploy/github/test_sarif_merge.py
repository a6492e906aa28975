"""The gate's SARIF files of many roots, as one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshtest.deploy.github import sarif


def document(root: str, *rules: str) -> dict[str, Any]:
    """What the gate writes of a root with one finding of each rule."""
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "meshtest-gate", "rules": [{"id": rule} for rule in rules]}},
                "automationDetails": {"id": f"gate/{root}/"},
                "results": [
                    {"ruleId": rule, "ruleIndex": position, "message": {"text": f"{root}: {rule}"}}
                    for position, rule in enumerate(rules)
                ],
            }
        ],
    }


def test_thirty_roots_are_one_run_and_each_result_keeps_its_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        file = tmp_path / f"section-{number}" / "gate.sarif"
        file.parent.mkdir()
        rules = ("a", "b") if number % 2 else ("b", "c")
        file.write_text(json.dumps(document(f"root{number}", *rules)))
    assert sarif.main([str(tmp_path), "--category", "gate/dev"]) == 0
    merged = json.loads(capsys.readouterr().out)
    [run] = merged["runs"]
    assert merged["version"] == "2.1.0"
    assert run["automationDetails"] == {"id": "gate/dev/"}
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert sorted(rules) == ["a", "b", "c"]
    assert len(run["results"]) == 60
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])


def test_no_file_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sarif.main([str(tmp_path), "--category", "gate/dev"]) == 1
    assert capsys.readouterr().err == f"sarif: no *.sarif below {tmp_path}; expected one of each root\n"
