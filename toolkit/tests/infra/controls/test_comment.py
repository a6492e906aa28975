"""The comment of a pull request, from real plans: what changes, what the gate found, the machine, plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshtest.check.gate import __main__ as gate
from meshtest.deploy.github import comment
from meshtest.testing.plans import the

ROOT = "infrastructure/projects/_template"


@pytest.fixture
def folder(plans, tmp_path) -> Path:
    """What setup/deploy.sh leaves of the project's plan."""
    (tmp_path / "plan.json").write_text(json.dumps(plans["project"]))
    (tmp_path / "plan.txt").write_text("  # aws_x will be created\n" * 20)
    return tmp_path


def created(plan: dict) -> int:
    return len([each for each in plan["resource_changes"] if each["change"]["actions"] == ["create"]])


def section(folder: Path, **options: str) -> str:
    gate.main([str(folder / "plan.json"), "--name", ROOT, "--output", str(folder / "gate.md")])
    return comment.section(ROOT, folder, **options)


def test_it_shows_counts_verdict_machine_and_plan(folder, plans):
    text = section(folder, note="Planned on the embedded AWS.")
    head, note, numbers = text.split("\n\n")[:3]
    assert (head, note) == (f"### `{ROOT}`", "_Planned on the embedded AWS._")
    assert numbers == f"**{created(plans['project'])} to add, 0 to change, 0 to destroy.**"
    assert "✅ **infrastructure/projects/_template: passed: 0 findings" in text
    chart = text.partition("```mermaid\n")[2].partition("\n```")[0]
    assert chart.startswith("flowchart TD\n  sstart((start)) --> s")
    for state in ("Run_01_exa_example_ingest_dev", "PipelineSucceeded", "PipelineFailed"):
        assert f'"{state}"' in chart
    definition = the(plans["project"], "aws_sfn_state_machine")["definition"]
    ways = {name: definition.count(f'"{name}":') for name in ("StartAt", "Next", "Default", "ErrorEquals")}
    caught = ways["ErrorEquals"] - definition.count('"MaxAttempts":')  # a retry leads nowhere
    assert caught > 3
    assert chart.count('-.->|"States.ALL"|') == caught
    assert chart.count("-->") == ways["StartAt"] + ways["Next"] + ways["Default"] - caught
    assert text.count("<details") == text.count("</details>")


def test_the_plan_is_shown_without_what_surrounds_it(folder):
    plan = "Terraform will perform the following actions:\n\n  # aws_x\n\nPlan: 1 to add."
    around = (
        f"data.x: Reading...\n\n{plan}\n\n{'─' * 77}\n\nSaved the plan to: /tmp/plan.bin\n\nTo perform…\n"
    )
    (folder / "plan.txt").write_text(around)
    assert f"<summary>Plan</summary>\n\n```\n{plan}\n```\n" in section(folder)


def test_no_account_id_is_shown(folder, plans):
    assert "123456789012" in json.dumps(plans["project"])
    (folder / "plan.txt").write_text("arn:aws:s3:::x-123456789012-dev and 1234567890123")
    text = section(folder)
    assert "123456789012 " not in text
    assert "x-************-dev and 1234567890123" in text


def test_what_is_lost_comes_first(folder, plans):
    data = json.loads((folder / "plan.json").read_text())
    for position, actions in enumerate((["update"], ["delete", "create"], ["delete"])):
        data["resource_changes"][position]["change"]["actions"] = actions
    (folder / "plan.json").write_text(json.dumps(data))
    text = section(folder)
    rows = [line for line in text.splitlines() if line.startswith(("| 🔴", "| 🟠", "| 🟡", "| 🟢"))]
    assert [row[2] for row in rows[:4]] == ["🟠", "🔴", "🟡", "🟢"]
    assert f"**{created(data) + 1} to add, 1 to change, 2 to destroy.**" in text


def test_a_failed_plan_shows_terraforms_own_words(tmp_path):
    (tmp_path / "terraform.log").write_text("Error: Unsupported argument\n```\n")
    text = comment.section(ROOT, tmp_path)
    assert "❌ **Terraform could not plan it**" in text
    assert "````\nError: Unsupported argument" in text


def test_a_plan_without_a_verdict_does_not_look_clean(folder):
    assert "❌ **The gate did not finish**" in comment.section(ROOT, folder)


def test_a_long_plan_is_cut_and_the_rest_stays_whole(folder):
    (folder / "plan.txt").write_text("  + something = that changes ```\n" * 5000)
    text = comment.join([section(folder)] * 3)
    assert len(text) <= comment.COMMENT_LENGTH
    assert text.startswith(comment.HEAD)
    assert text.count("✅ **") == text.count("```mermaid") == 3
    assert text.count("… cut: all of it is in the summary of the job") == 3
    assert text.count("<details") == text.count("</details>")
    fences = [line for line in text.splitlines() if line.startswith("````")]
    assert len(fences) == 6  # each one that opens is closed


def test_many_roots_still_fit(folder):
    (folder / "plan.txt").write_text("  + something\n" * 5000)
    text = comment.join([section(folder)] * 40, "https://github.com/acme/example/actions/runs/1")
    assert len(text) <= comment.COMMENT_LENGTH
    assert text.count("### ") == text.count("✅ **") == 40
    assert text.count("(https://github.com/acme/example/actions/runs/1)") == 40


def test_many_findings_hide_no_verdict(folder):
    (folder / "plan.txt").write_text("")
    finding = "| 🔴 critical | `s3-https-only` plain HTTP is denied | `aws_s3_bucket.this` | `deny it` |\n"
    section(folder)
    (folder / "gate.md").write_text(f"❌ **x: stopped: 300 findings**\n\n{finding * 300}")
    text = comment.join([comment.section(ROOT, folder)] * 60)
    assert len(text) <= comment.COMMENT_LENGTH
    assert text.count("❌ **x: stopped: 300 findings**") == 60


def test_without_sections_it_says_that_nothing_changes():
    assert "No root module of this environment changes." in comment.join([])
