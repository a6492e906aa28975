"""`make new-project` and `make remove-project`: all or nothing, and clear words when it is nothing.

That a new project plans and runs: test_new_project.py and test_new_project_runs.py in tests/infra.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest.domain import projects
from meshtest.domain.domain import Domain
from meshtest.domain.projects import main
from meshtest.tools import toolchain

ABBREVIATION = Domain(None, Path()).abbreviation
NAME_EXPECTED = "2 to 24 lower-case letters, digits and underscores, starting with a letter"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the two commands read and write of a checkout: project `stock`, and `reports` on top of it."""
    top = tmp_path_factory.mktemp("made")
    projects.bare(toolchain.ROOT, top)
    for name in ("stock", "reports"):
        projects.new(projects.Wanted(name, "Records", f"{name}@example.com"), top)
    project = top / "infrastructure/projects/reports/project.json"
    project.write_text(json.dumps({**json.loads(project.read_text()), "depends_on": ["stock"]}))
    shutil.rmtree(top / "build")
    return top


@pytest.fixture
def checkout(made, tmp_path):
    top = tmp_path / "checkout"
    shutil.copytree(made, top, symlinks=True)
    return top


@pytest.fixture
def run(checkout, monkeypatch):
    """run(command, …) → the exit status, in the copy and without a terminal or a running domain."""
    monkeypatch.setattr(projects, "STATE", checkout / "no-domain")
    return lambda *arguments: main([*arguments, "--top", str(checkout)])


def files(top: Path) -> dict[str, bytes | str]:
    return {
        str(file.relative_to(top)): str(file.readlink()) if file.is_symlink() else file.read_bytes()
        for file in top.rglob("*")
        if file.is_symlink() or file.is_file()
    }


# ─── New ───


def test_a_new_project_is_told_with_the_next_steps(run, checkout, capsys):
    assert run("new", "orders") == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in told if line.startswith("made")] == projects.parts("orders")
    assert [line.split()[0] for line in told[-3:]] == ["1.", "2.", "3."]
    assert "make up && make run PROJECT=orders" in told[-3]


def test_what_is_given_is_in_project_json(run, checkout):
    assert run("new", "orders", "--description", 'Orders "à la carte"', "--owner", "shop@example.com") == 0
    content = json.loads((checkout / "infrastructure/projects/orders/project.json").read_text())
    assert content.pop("$schema").endswith("/project.schema.json")
    assert content == {
        "name": "orders",
        "description": 'Orders "à la carte"',
        "owner": "shop@example.com",
    }


def test_what_is_not_given_is_asked_for_on_a_terminal(run, checkout, monkeypatch):
    answers = {"Name of the project": "orders", "What it is for": "All orders", "Who owns it": ""}
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda question: answers[question.partition(" [")[0].rstrip(": ")])
    assert run("new") == 0
    content = json.loads((checkout / "infrastructure/projects/orders/project.json").read_text())
    assert (content["description"], content["owner"]) == ("All orders", "orders@example.com")


def test_the_new_files_are_formatted_and_without_findings(run, checkout):
    """With the longest name there is, every line is one that `make lint` lets pass."""
    name = "a_name_of_24_characters_"
    assert run("new", name) == 0
    shutil.copy(toolchain.ROOT / "pyproject.toml", checkout)
    for package in ("core", "meshtest"):  # imports are sorted by what is the repository's own
        (checkout / "src" / package).symlink_to(toolchain.ROOT / "src" / package)
    for check in (["format", "--check"], ["check"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *check,
            f"src/jobs/{name}",
            f"tests/spark/{name}",
        ]
        ended = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], f"NAME is missing; expected {NAME_EXPECTED}."),
        (["Orders"], f'name is "Orders"; expected {NAME_EXPECTED}.'),
        (["order-lines"], f'name is "order-lines"; expected {NAME_EXPECTED}.'),
        (["o"], f'name is "o"; expected {NAME_EXPECTED}.'),
        (["a_name_of_25_characters__"], f'name is "a_name_of_25_characters__"; expected {NAME_EXPECTED}.'),
        (["../orders"], f'name is "../orders"; expected {NAME_EXPECTED}.'),
        (["stock"], 'name is "stock"; expected a name that no project has.'),
        (["template"], 'name is "template"; expected a name that no project has.'),
        (["import"], 'name is "import"; expected a name that is no word of Python: its jobs are a package.'),
        (["orders", "--owner", "a team"], 'owner is "a team"; expected a team or its address, such as'),
        (["orders", "--description", "x" * 201], 'xxx"; expected 1 to 200 characters on one line.'),
    ],
)
def test_a_refusal_is_one_line_and_leaves_nothing_behind(arguments, message, run, checkout, capsys):
    before = files(checkout)
    assert run("new", *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert files(checkout) == before


def test_a_name_whose_tables_another_project_has_is_refused(run, checkout, capsys):
    """`orders` would make curated.orders_daily, which reports has taken."""
    file = checkout / "infrastructure/projects/reports/contract.odcs.yaml"
    file.write_text(file.read_text().replace("name: reports_daily", "name: orders_daily"))
    before = files(checkout)
    assert run("new", "orders") == 1
    assert "schema.orders_daily.name is " in capsys.readouterr().err
    assert files(checkout) == before


def test_a_move_that_fails_half_way_is_taken_back(run, checkout, monkeypatch):
    """The third of four parts cannot be put in its place."""
    before, rename = files(checkout), Path.rename

    def full(self: Path, target: Path) -> Path:
        if target == checkout / "samples" / "orders":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        projects.new(projects.Wanted("orders", "Orders", "o@example.com"), checkout)
    assert files(checkout) == before


# ─── Remove ───


def test_what_would_be_lost_is_told_and_nothing_removed_without_a_yes(run, checkout, capsys):
    run("new", "orders")
    before = files(checkout)
    capsys.readouterr()
    assert run("remove", "orders") == 1
    told = capsys.readouterr()
    for lost in (
        *projects.parts("orders"),
        "curated.orders_daily",
        "refined.orders_job_runs",
        "refine",
        "daily",
    ):
        assert lost in told.out
    assert f"s3://{ABBREVIATION}-tfstate-{{account}}-{{env}}/projects/orders/terraform.tfstate" in told.out
    assert told.err == "projects: not removed; answer with its name, or give --yes (YES=1 with make)\n"
    assert files(checkout) == before


def test_a_project_that_came_goes_without_a_trace(run, checkout):
    before = files(checkout)
    assert run("new", "orders") == 0
    assert files(checkout) != before
    probes = checkout / "tests/infra/live/pipelines/orders"
    probes.mkdir(parents=True)
    (probes / "test_orders_live.py").touch()
    assert run("remove", "orders", "--yes") == 0
    assert files(checkout) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stock", "expected a project that none depends on: take it out of depends_on of reports."),
        ("nothing", 'name is "nothing"; expected one of reports, stock.'),
        ("_template", 'name is "_template"; expected one of reports, stock.'),
    ],
)
def test_what_is_not_to_be_removed_is_refused(name, message, run, checkout, capsys):
    before = files(checkout)
    assert run("remove", name, "--yes") == 1
    assert message in capsys.readouterr().err
    assert files(checkout) == before


# ─── make ───


def test_make_hands_everything_over():
    command = [
        "make",
        "--dry-run",
        "new-project",
        "NAME=orders",
        "DESCRIPTION=All orders",
        "OWNER=o@example.com",
    ]
    told = subprocess.run(command, cwd=toolchain.ROOT, capture_output=True, text=True, check=True).stdout
    assert (
        'meshtest.domain.projects new --description "All orders" --owner "o@example.com" -- "orders"' in told
    )
    command = ["make", "--dry-run", "remove-project", "NAME=orders", "YES=1"]
    told = subprocess.run(command, cwd=toolchain.ROOT, capture_output=True, text=True, check=True).stdout
    assert 'meshtest.domain.projects remove --yes -- "orders"' in told
