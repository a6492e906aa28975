"""The same mistake, the same line: each bad input of bad_inputs.yaml, before everyone who can see it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from core import contract, yaml_file
from core.errors import ContractError
from meshtest.check.controls import all_controls
from meshtest.check.gate import exceptions
from meshtest.domain import projects
from meshtest.domain.inputs.__main__ import main
from meshtest.terraform import workspace
from meshtest.testing.plans import refusal
from meshtest.tools import folders, toolchain

CASES = yaml.safe_load(Path(__file__).with_name("bad_inputs.yaml").read_text())
MANY = ",".join(['"ingest"'] * 100)
DOMAIN = {**workspace.EXAMPLE, "aws_region": "eu-central-1"}
PROJECTS = ("invoices", "reports")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What `check-inputs` reads of a checkout with two new projects; good as it is."""
    top = tmp_path_factory.mktemp("checkout")
    projects.bare(toolchain.ROOT, top)
    (top / "setup" / "domain.json").write_text(json.dumps(DOMAIN, indent=2) + "\n")
    for generated in top.glob("infrastructure/environments/*/backend.conf"):
        generated.unlink()
    for env in set(folders.environments(top)) - {"dev", "int", "prod"}:  # which the cases name
        shutil.rmtree(top / folders.ENVIRONMENTS / env)
    for name in PROJECTS:
        projects.new(projects.Wanted(name, "Records", f"{name}@example.com"), top)
    invoices = top / "infrastructure/projects/invoices/project.json"
    invoices.write_text(json.dumps({**json.loads(invoices.read_text()), "depends_on": ["reports"]}))
    shutil.rmtree(top / "build")
    assert main(["--top", str(top)]) == 0
    return top


@pytest.fixture
def spoiled(checkout):
    """spoiled(case) → the file that the case changes, in the checkout; it is as before afterwards."""
    before: list[tuple[Path, bytes | None, Path | None]] = []

    def spoil(case: dict[str, Any]) -> Path:
        file = checkout / case["file"]
        link = file.readlink() if file.is_symlink() else None
        before.append((file, file.read_bytes() if file.exists() else None, link))
        change(file, case)
        return file

    yield spoil
    for file, content, link in before:
        file.unlink(missing_ok=True)
        if link:
            file.symlink_to(link)
        elif content is not None:
            file.write_bytes(content)


def change(file: Path, case: dict[str, Any]) -> None:
    if case.get("delete"):
        file.unlink()
    elif "bytes" in case:
        file.write_bytes(bytes.fromhex(case["bytes"]))
    elif "text" in case:
        file.unlink(missing_ok=True)
        file.write_text(case["text"])
    elif "replace" in case:
        old, new = case["replace"]
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new.replace("MANY", MANY)))
    elif "repeat" in case:
        file.write_text(re.sub(r"\n}\s*$", f",\n  {case['repeat']}\n}}\n", file.read_text()))
    else:
        is_yaml = file.suffix == ".yaml"
        content = yaml.safe_load(file.read_text()) if is_yaml else json.loads(file.read_text())
        for path, value in case.get("set", {}).items():
            place, name = _place(content, path)
            place[name] = value
        for path in case.get("drop", []):
            place, name = _place(content, path)
            del place[name]
        file.write_text(yaml.safe_dump(content, sort_keys=False) if is_yaml else json.dumps(content))


def _place(content: Any, path: str) -> tuple[Any, str | int]:
    """The object or list that holds a field, and the field's key in it."""
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for number, step in enumerate([*steps, last]):
        if step == "customProperties":
            own = content.setdefault(step, [])
            # The value of one of them, or something within it.
            name, *inner = [*steps, last][number + 1 :]
            found = next((each for each in own if each["property"] == name), None)
            if found is None:
                found = {"property": name}
                own.append(found)
            return (found["value"], inner[0]) if inner else (found, "value")
        if isinstance(content, list) and isinstance(step, str):
            step = next(place for place, each in enumerate(content) if each["name"] == step)
        if number == len(steps):
            return content, step
        content = content[step]
    raise AssertionError(path)


def lines(case: dict[str, Any]) -> list[str]:
    """The whole lines that tell a case."""
    told = case["says"] if isinstance(case["says"], list) else [case["says"]]
    told = [line.replace("[MANY]", f"[{MANY}]") for line in told]
    return [
        line if re.match(r"(infrastructure|setup|src)/", line) else f"{case['file']}: {line}" for line in told
    ]


def seen_by(reader: str) -> Any:
    """The cases that a reader sees."""
    seen = [case for case in CASES if reader in case.get("seen_by", [])]
    assert seen, reader
    return pytest.mark.parametrize("case", seen, ids=[case["id"] for case in seen])


def contents(top: Path) -> dict[str, str]:
    """Everything below a folder, by path."""
    return {
        str(file.relative_to(top)): str(file.readlink())
        if file.is_symlink()
        else hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(top.rglob("*"))
        if file.is_symlink() or file.is_file()
    }


# ─── make check-inputs ───


def test_there_are_at_least_fifty_cases_each_with_a_name_of_its_own():
    assert len(CASES) >= 50
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_bad_input_is_named_in_one_line(case, checkout, spoiled, capsys):
    """File, field, value and expectation; the exit status tells it, and no file is touched."""
    spoiled(case)
    before = contents(checkout)
    assert main(["--top", str(checkout)]) == 1
    assert capsys.readouterr().err.splitlines() == lines(case)
    assert contents(checkout) == before


def test_every_mistake_is_told_at_once(checkout, spoiled, capsys):
    some = [case for case in CASES if case["id"] in ("a Region that there is not", "an empty description")]
    for case in some:
        spoiled(case)
    assert main(["--top", str(checkout)]) == 1
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(
        line for case in some for line in lines(case)
    )


def test_the_command_ends_with_the_same_status(checkout, spoiled):
    case = CASES[0]
    spoiled(case)
    command = [sys.executable, "-m", "meshtest.domain.inputs", "--top", str(checkout)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr.splitlines()) == (1, "", lines(case))


def test_a_new_project_is_refused_in_a_checkout_with_a_mistake(checkout, spoiled, capsys):
    """Nothing half-done is left: neither files nor the folder in which it would have been built."""
    case = next(case for case in CASES if case["id"] == "a Region that there is not")
    spoiled(case)
    before = contents(checkout)
    assert projects.main(["new", "orders", "--top", str(checkout)]) == 1
    assert capsys.readouterr().err.splitlines() == lines(case)
    assert contents(checkout) == before


# ─── Terraform ───


@pytest.fixture
def invoices(checkout, infrastructure):
    """The first of the new projects in the working copy of the stacks, with the other beside it."""
    place = infrastructure / "projects"
    for name in PROJECTS:
        if not (place / name).exists():
            shutil.copytree(checkout / "infrastructure/projects" / name, place / name)
            shutil.copy(place / "_template" / workspace.OVERRIDE, place / name)
    return place / "invoices"


@pytest.fixture(scope="module", autouse=True)
def without_invoices(infrastructure):
    yield
    for name in PROJECTS:
        shutil.rmtree(infrastructure / "projects" / name, ignore_errors=True)


def _refused(root: Path, case: dict[str, Any], terraform: Any, **variables: str) -> str:
    """What Terraform says of a root in whose working copy a file is bad."""
    file = root.parents[2] / case["file"]
    good = file.read_bytes()
    try:
        change(file, case)
        return refusal(terraform(root), tf_vars=variables)
    finally:
        file.write_bytes(good)


@seen_by("terraform")
def test_a_projects_plan_is_refused_in_the_same_words(case, invoices, terraform, foundation):
    terraform(invoices)
    refused = _refused(invoices, case, terraform, env="dev")
    assert [line for line in lines(case) if " ".join(line.split()) not in refused] == []
    assert refused.count("Error: ") == 1


@seen_by("foundation")
def test_the_foundations_plan_is_refused_in_the_same_words(case, infrastructure, terraform, foundation):
    root = infrastructure / "environments" / "dev"
    terraform(root)
    assert lines(case)[0] in _refused(root, case, terraform)


# ─── Spark, the gate, scripts ───


@seen_by("spark")
def test_a_job_is_refused_in_the_same_words(case, spoiled):
    with pytest.raises(ContractError) as caught:
        contract.read(yaml_file.parsed(spoiled(case).read_text(), case["file"]), case["file"])
    assert str(caught.value) == lines(case)[0]


@seen_by("gate")
def test_the_gate_is_refused_in_the_same_words(case, checkout, spoiled, monkeypatch):
    spoiled(case)
    monkeypatch.chdir(checkout)
    with pytest.raises(exceptions.ExceptionsError) as caught:
        exceptions.load(Path(case["file"]), [each.id for each in all_controls()])
    assert str(caught.value) == lines(case)[0]


@seen_by("init-terraform")
def test_the_backends_script_is_refused_in_the_same_words(case, checkout, spoiled):
    spoiled(case)
    command = [str(checkout / "setup" / "init-terraform.sh"), "--account-id", "123456789012"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (1, f"init-terraform: {lines(case)[0]}\n")
    assert not list(checkout.glob("infrastructure/environments/*/backend.conf"))
