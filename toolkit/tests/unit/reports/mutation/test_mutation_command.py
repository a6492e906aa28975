"""The command line: which mutants are chosen, what is judged again, what the report and the exit code say."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from meshtest.reports.mutation import __main__ as command
from meshtest.reports.mutation import reporting, running
from meshtest.reports.mutation.mutants import all_mutants

MAIN = """\
resource "aws_s3_bucket" "this" {
  force_destroy = false
}
"""
TEST = "tests/infra/modules/test_a.py"
NOTHING = {"refused": "", "controls": [], "stated": False, "killed_by": []}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two modules of one bucket each, committed."""
    for name in ("a", "b"):
        file = tmp_path / "infrastructure" / "modules" / name / "main.tf"
        file.parent.mkdir(parents=True)
        file.write_text(MAIN)
    for name in ("a", "b"):
        test = tmp_path / "tests" / "infra" / "modules" / f"test_{name}.py"
        test.parent.mkdir(parents=True, exist_ok=True)
        test.write_text("")
    shared = [f"modules/test_{name}.py" for name in ("inputs", "module_controls", "module_outputs")]
    for name in (*shared, "test_sources.py"):
        (tmp_path / "tests" / "infra" / name).write_text("")
    (tmp_path / ".gitignore").write_text("/build/\n")
    for arguments in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    kept = tmp_path / "build" / "results.jsonl"
    monkeypatch.setattr(running, "INFRASTRUCTURE", tmp_path / "infrastructure")
    monkeypatch.setattr(running.Results, "__init__", _with_file(running.Results.__init__, kept))
    monkeypatch.setattr(reporting, "FOLDER", tmp_path / "build")
    monkeypatch.setattr(command.scope, "stacks_with", lambda *_: [])
    monkeypatch.setattr(command.equivalents, "load", lambda _: {})
    return tmp_path


def _with_file(init, file):
    return lambda self: init(self, file)


@pytest.fixture
def judged(monkeypatch):
    """The ids of the mutants that were judged; all are killed but those of `survivors`."""
    seen: list[str] = []
    survivors: set[str] = set()

    def judge_all(waiting, cores, done):
        for mutant, _ in waiting:
            seen.append(mutant.id)
            killed = [] if mutant.id in survivors else [f"{TEST}::test_it"]
            done(mutant, {**NOTHING, "killed_by": killed})

    monkeypatch.setattr(running, "judge_all", judge_all)
    return SimpleNamespace(ids=seen, survivors=survivors)


def report(checkout) -> dict:
    return json.loads((checkout / "build" / "report.json").read_text())


def test_all_are_judged_once_and_only_what_changed_again(checkout, judged):
    assert command.main(["--part", "1/1"]) == 0
    everything = [mutant.id for mutant in all_mutants(checkout / "infrastructure")]
    assert judged.ids == everything
    assert len(everything) == 6
    judged.ids.clear()
    assert command.main(["--part", "1/1"]) == 0
    assert judged.ids == []
    assert report(checkout)["score"] == 1.0
    (checkout / TEST).write_text("# another test")  # the one that killed them
    command.main(["--part", "1/1"])
    assert judged.ids == everything


def test_a_survivor_is_judged_again_when_a_test_that_concerns_it_changes(checkout, judged):
    survivor = "modules/b/main.tf::aws_s3_bucket.this/force_destroy::flip-boolean::1"
    judged.survivors.add(survivor)
    assert command.main(["--part", "1/1"]) == 1
    found = report(checkout)
    assert [each["id"] for each in found["mutants"] if each["status"] == "survived"] == [survivor]
    assert found["score"] == pytest.approx(5 / 6, abs=1e-4)
    judged.ids.clear()
    (checkout / "tests" / "infra" / "modules" / "test_b.py").write_text("# better")
    judged.survivors.clear()
    assert command.main(["--part", "1/1"]) == 0
    assert judged.ids == [survivor]


def test_an_interrupted_run_goes_on_where_it_was(checkout, judged, monkeypatch):
    whole = running.judge_all

    def interrupted(waiting, cores, done):
        whole(waiting[:2], cores, done)
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "judge_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.main(["--part", "1/1"])
    monkeypatch.setattr(running, "judge_all", whole)
    command.main(["--part", "1/1"])
    assert len(judged.ids) == len(set(judged.ids)) == 6


def test_since_a_commit_only_changed_files_count(checkout, judged):
    assert command.main(["--since", "HEAD"]) == 0
    assert judged.ids == []
    file = checkout / "infrastructure" / "modules" / "b" / "main.tf"
    file.write_text(f"# A comment\n{MAIN}")
    command.main(["--since", "HEAD"])
    assert {id_.partition("::")[0] for id_ in judged.ids} == {"modules/b/main.tf"}


def test_module_and_operator_choose(checkout, judged):
    command.main(["--module", "a", "--operator", "flip-boolean"])
    assert judged.ids == ["modules/a/main.tf::aws_s3_bucket.this/force_destroy::flip-boolean::1"]


def test_the_parts_are_a_partition(checkout, judged):
    for part in ("1/3", "2/3", "3/3"):
        command.main(["--part", part])
    assert sorted(judged.ids) == sorted(mutant.id for mutant in all_mutants(checkout / "infrastructure"))


def test_one_mutant_is_shown_with_its_diff(checkout, capsys):
    id_ = "modules/a/main.tf::aws_s3_bucket.this/force_destroy::flip-boolean::1"
    assert command.main(["--show", id_]) == 0
    said = capsys.readouterr().out
    assert id_ in said
    assert "+  force_destroy = true" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--module", "c"], "--module is c; expected one of a, b"),
        (["--part", "4/3"], "--part is 4/3; expected K/N such as 1/3"),
        (["--since", "nowhere"], "--since is nowhere; expected a commit"),
        (["--show", "nothing"], "--show is nothing; expected an id of --list"),
    ],
)
def test_bad_input_is_named(checkout, capsys, arguments, message):
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_mutant_that_terraform_refuses_is_told_apart(checkout, monkeypatch):
    def judge_all(waiting, cores, done):
        for position, (mutant, _) in enumerate(waiting):
            done(
                mutant,
                {
                    **NOTHING,
                    "refused": "Error: No" if position else "",
                    "killed_by": [] if position else [f"{TEST}::t"],
                },
            )

    monkeypatch.setattr(running, "judge_all", judge_all)
    command.main(["--module", "a"])
    found = report(checkout)
    assert found["counts"] == {"killed": 1, "refused": 2, "survived": 0, "equivalent": 0}
    assert found["mutants"][1]["killed_by"] == ["Error: No"]
    assert (found["score"], found["strict_score"]) == (1.0, 1.0)


def test_the_page_needs_nothing_from_outside_and_escapes_what_it_shows(checkout, judged):
    command.main(["--module", "a"])
    page = (checkout / "build" / "report.html").read_text()
    assert "://" not in page
    assert "force_destroy" in page
    assert 'aws_s3_bucket" "this' not in page  # quotes of the diff are escaped


def test_an_entry_of_the_equivalents_that_is_noticed_is_named(checkout, judged, monkeypatch, capsys):
    id_ = "modules/a/main.tf::aws_s3_bucket.this/force_destroy::flip-boolean::1"
    monkeypatch.setattr(command.equivalents, "load", lambda _: {id_: "Not so"})
    assert command.main(["--module", "a"]) == 2
    assert f"{id_} is noticed; take it off the list" in capsys.readouterr().err
    judged.survivors.add(id_)
    (checkout / TEST).write_text("# judged again")
    assert command.main(["--module", "a"]) == 0
    assert report(checkout)["counts"]["equivalent"] == 1
