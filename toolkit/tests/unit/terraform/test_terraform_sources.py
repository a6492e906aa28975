"""What a plan depends on: any file of it changes the digest, no other does."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshtest.terraform import sources
from meshtest.tools import toolchain

ROOT = "stack/main.tf"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A stack with a module in a module, and files that they name."""
    content = {
        ROOT: 'module "a" { source = "../modules/a" }\nlocals { d = jsondecode(file("../domain.json")) }',
        "stack/terraform.tfvars": 'env = "dev"',
        "stack/.terraform.lock.hcl": "",
        "stack/terraform.tfstate": "{}",
        "stack/.terraform/modules/modules.json": "{}",
        "modules/a/main.tf": 'module "b" { source = "../b" }',
        "modules/b/main.tf": 'locals { t = templatefile("${path.module}/../../text/${var.name}.tftpl", {}) }',
        "modules/unused/main.tf": "",
        "text/one.tftpl": "one",
        "domain.json": "{}",
    }
    for name, text in content.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        ROOT,
        "stack/terraform.tfvars",
        "stack/.terraform.lock.hcl",
        "modules/a/main.tf",
        "modules/b/main.tf",
        "text/one.tftpl",
        "domain.json",
    ],
)
def test_any_file_that_a_plan_depends_on_changes_its_digest(tree: Path, name: str) -> None:
    before = sources.digest(tree / "stack")
    (tree / name).write_text((tree / name).read_text() + "\n# changed")
    assert sources.digest(tree / "stack") != before


def test_a_file_that_comes_or_goes_changes_the_digest(tree: Path) -> None:
    before = sources.digest(tree / "stack")
    (tree / "modules/b/more.tf").write_text("")
    with_more = sources.digest(tree / "stack")
    (tree / "text/one.tftpl").unlink()
    assert len({before, with_more, sources.digest(tree / "stack")}) == 3


@pytest.mark.parametrize(
    "name",
    [
        "modules/a/README.md",
        "modules/unused/main.tf",
        "stack/.terraform/modules/modules.json",
        "stack/terraform.tfstate",
    ],
)
def test_other_files_do_not(tree: Path, name: str) -> None:
    before = sources.digest(tree / "stack")
    (tree / name).write_text("# changed")
    assert sources.digest(tree / "stack") == before


def test_the_digest_is_the_same_wherever_the_files_lie(tree: Path, tmp_path_factory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    tree.rename(elsewhere)
    moved = sources.digest(elsewhere / "stack")
    elsewhere.rename(tree)
    assert sources.digest(tree / "stack") == moved


def test_another_terraform_makes_another_digest(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sources.digest(tree / "stack")
    monkeypatch.setattr(toolchain, "terraform_version", lambda: (99, 0, 0))
    assert sources.digest(tree / "stack") != before


def test_a_stack_of_the_domain_depends_on_its_modules_and_its_json_files() -> None:
    found = {
        str(file.relative_to(toolchain.ROOT))
        for file in sources.files(toolchain.ROOT / "infrastructure" / "projects" / "_template")
    }
    assert {
        "setup/domain.json",
        "infrastructure/projects/_template/contract.odcs.yaml",
        "infrastructure/modules/glue_job/main.tf",
        "infrastructure/modules/iam_glue_job/main.tf",
    } <= found
    assert "infrastructure/foundation/vpc.tf" not in found
