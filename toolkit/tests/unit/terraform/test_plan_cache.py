"""What a kept plan depends on: every file that Terraform reads, or it is not kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from meshtest.terraform import sources
from meshtest.terraform.engine import TerraformTest
from meshtest.tools import toolchain


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "terraform_version", lambda: (1, 14, 9))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root module beside a module and a file that it does not name."""
    for folder in ("root", "module"):
        (tmp_path / folder).mkdir()
    (tmp_path / "root" / "main.tf").write_text("locals { one = 1 }\n")
    (tmp_path / "module" / "main.tf").write_text("locals { two = 2 }\n")
    (tmp_path / "word.txt").write_text("one")
    return tmp_path / "root"


def notices(root: Path, change: Callable[[], object]) -> bool:
    before = sources.digest(root)
    change()
    return sources.digest(root) != before


def test_a_module_named_in_json(root: Path) -> None:
    (root / "more.tf.json").write_text(json.dumps({"module": {"m": {"source": "../module"}}}))
    assert notices(root, lambda: (root.parent / "module" / "main.tf").write_text("locals { two = 3 }\n"))


@pytest.mark.parametrize(
    "expression",
    [
        'file("../word.txt")',
        'file("${path.module}/../word.txt")',
        'templatefile("${path.root}/../word.txt", {})',
        'fileset("${path.module}/..", "*.txt")',
        'filemd5(\n    "../word.txt")',
    ],
)
def test_a_file_named_by_a_literal_path(root: Path, expression: str) -> None:
    (root / "main.tf").write_text(f"locals {{\n  one = {expression}\n}}\n")
    assert sources.are_known(root)
    assert notices(root, lambda: (root.parent / "word.txt").write_text("two"))


def test_a_file_without_a_folder_is_the_roots(root: Path) -> None:
    (root / "main.tf").write_text('module "m" { source = "../module" }\n')
    (root / "word.tfplan").write_text("one")  # of a kind that counts only by its name
    (root.parent / "module" / "main.tf").write_text('locals { two = file("word.tfplan") }\n')
    assert notices(root, lambda: (root / "word.tfplan").write_text("two"))


@pytest.mark.parametrize(
    "expression",
    [
        "file(var.path)",
        'file("${path.module}/${var.name}.json")',
        'file(join("/", [path.module, "word.txt"]))',
        "templatefile(local.path, {})",
        'fileset(var.folder, "*")',
        'fileset(path.module, "../${var.name}")',
        'filebase64sha256(pathexpand("~/word.txt"))',
        '[for name in fileset(path.module, "*") : file(name)]',
    ],
)
@pytest.mark.parametrize("kind", ["main.tf", "more.tf.json"])
def test_a_computed_path_is_not_kept(root: Path, expression: str, kind: str) -> None:
    written = f"locals {{\n  one = {expression}\n}}\n"
    if kind.endswith(".json"):
        written = json.dumps({"locals": {"one": f"${{{expression}}}"}})
    (root / kind).write_text(written)
    assert not sources.are_known(root)
    assert not TerraformTest(root, binary="terraform", enable_cache=True).enable_cache


def test_data_of_files_and_programs_is_not_kept(root: Path) -> None:
    (root / "main.tf").write_text('data "external" "this" { program = ["date"] }\n')
    assert not sources.are_known(root)


def test_the_environment_and_the_workspace(root: Path) -> None:
    runner = TerraformTest(root, binary="terraform", enable_cache=True)
    seen = [runner.generate_cache_hash({})]
    for name in ("TF_VAR_word", "TF_WORKSPACE", "AWS_REGION"):
        runner.env[name] = "other"
        seen.append(runner.generate_cache_hash({}))
    (root / ".terraform").mkdir()
    (root / ".terraform" / "environment").write_text("other")
    seen.append(runner.generate_cache_hash({}))
    assert len(set(seen)) == len(seen)
    runner.env["PYTEST_CURRENT_TEST"] = "another"
    assert runner.generate_cache_hash({}) == seen[-1]
    assert runner.enable_cache


def test_a_module_that_init_fetched(root: Path) -> None:
    modules = root / ".terraform" / "modules"
    (modules / "far").mkdir(parents=True)
    manifest = {"Modules": [{"Key": "", "Dir": "."}, {"Key": "far", "Dir": ".terraform/modules/far"}]}
    (modules / "modules.json").write_text(json.dumps(manifest))
    assert notices(root, lambda: (modules / "far" / "main.tf").write_text("locals { far = 1 }\n"))
