"""The READMEs of the Terraform folders: what is in the tables, what stays, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshtest.terraform import hcl, readme
from meshtest.tools import toolchain

VARIABLES = """\
variable "mode" {
  description = "How: \\"a\\" | \\"b\\"."
  type = object({
    name = string
  })

  validation {
    condition     = true
    error_message = "mode is ${var.mode}; expected \\"a\\" or \\"b\\"."
  }
}

variable "size" {
  description = "How many."
  type        = number
  default     = 3
}
"""
MAIN = """\
# ─── Thing ───
# One thing (https://example.com/thing.html).
# Nothing else.

resource "aws_sqs_queue" "this" {}
"""
CALL = 'module "one" {\n  source = "../modules/thing"\n  mode   = { name = "a" }\n}\n'
VERSIONS = """\
terraform {
  required_version = ">= 1.14"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A module and its caller."""
    module, caller = (tmp_path / "infrastructure" / name for name in ("modules/thing", "foundation"))
    for folder in (module, caller):
        folder.mkdir(parents=True)
        (folder / "versions.tf").write_text(VERSIONS)
    (module / "main.tf").write_text(MAIN)
    (module / "variables.tf").write_text(VARIABLES)
    (module / "outputs.tf").write_text('output "id" {\n  description = "Its id."\n  value = 1\n}\n')
    (caller / "things.tf").write_text(f"# ─── Things ───\n\n{CALL}")
    return tmp_path


def run(checkout: Path, *arguments: str) -> int:
    return readme.main(["--top", str(checkout), *arguments])


def text(checkout: Path) -> str:
    return (checkout / "infrastructure/modules/thing/README.md").read_text()


def test_the_readmes_of_this_repository_are_up_to_date(capsys):
    assert readme.main(["--check"]) == 0, capsys.readouterr().err
    assert len(readme.folders(toolchain.ROOT / "infrastructure")) >= 18


def test_a_new_readme_has_title_description_call_and_tables(checkout):
    assert run(checkout) == 0
    written = text(checkout)
    assert written.startswith(
        "# Thing\n\n<!-- BEGIN_TF_DOCS -->\nOne thing (<https://example.com/thing.html>).\nNothing else.\n"
    )
    assert (
        f"[infrastructure/foundation/things.tf](../../foundation/things.tf):\n\n```hcl\n{CALL}```" in written
    )
    rows = [line for line in written.splitlines() if line.startswith("| ") and not line.startswith("| Name")]
    assert rows == [
        "| terraform | `>= 1.14` |",
        "| aws | `~> 5.0` |",
        f"| [aws_sqs_queue.this]({readme.REGISTRY}/resources/sqs_queue) | resource |",
        r'| mode | How: "a" \| "b". | <pre>object({<br>  name = string<br>})</pre> | required | "a" or "b" |',
        "| size | How many. | `number` | `3` |  |",
        "| id | Its id. |",
    ]


def test_a_folder_of_several_files_says_what_is_in_which(checkout):
    run(checkout)
    written = (checkout / "infrastructure/foundation/README.md").read_text()
    assert "| [things.tf](things.tf) | Things |" in written
    assert "| one | [../modules/thing](../modules/thing) |" in written


def test_what_stands_around_the_tables_stays(checkout):
    run(checkout)
    file = checkout / "infrastructure/modules/thing/README.md"
    file.write_text("# Mine\n\nBefore.\n\n" + text(checkout).split("\n\n", 1)[1] + "\nAfter.\n")
    assert run(checkout, "--check") == 0
    (checkout / "infrastructure/modules/thing/outputs.tf").unlink()
    assert run(checkout) == 0
    assert text(checkout).startswith("# Mine\n\nBefore.\n\n<!-- BEGIN_TF_DOCS -->\n")
    assert text(checkout).endswith("<!-- END_TF_DOCS -->\n\nAfter.\n")
    assert "Its id." not in text(checkout)


def test_a_stale_readme_fails_with_the_command_that_mends_it(checkout, capsys):
    run(checkout)
    before = text(checkout)
    variables = checkout / "infrastructure/modules/thing/variables.tf"
    variables.write_text(variables.read_text().replace("= 3", "= 4"))
    capsys.readouterr()
    assert run(checkout, "--check") == 1
    line = "readme: infrastructure/modules/thing/README.md is out of date; run: make docs\n"
    assert capsys.readouterr() == ("", line)
    assert text(checkout) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "variables.tf",
            '  description = "How many."\n',
            "",
            ":13: description is missing; expected a string",
        ),
        ("variables.tf", '"How many."', "local.x", ":13: description is local.x; expected a string"),
        ("main.tf", '"this" {}', '"this" {', ": line 6 is no HCL"),
        ("README.md", readme.END, "", ": the markers are missing; expected <!-- BEGIN_TF_DOCS --> and"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line_and_nothing_is_written(
    checkout, capsys, file, old, new, message
):
    run(checkout)
    capsys.readouterr()
    source = checkout / "infrastructure/modules/thing" / file
    source.write_text(source.read_text().replace(old, new))
    (checkout / "infrastructure/foundation/README.md").write_text(f"{readme.BEGIN}\nold\n{readme.END}\n")
    assert run(checkout) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"readme: {source}{message}")
    assert said.count("\n") == 1
    assert "old" in (checkout / "infrastructure/foundation/README.md").read_text()


def test_blocks_are_read_as_written(tmp_path):
    file = tmp_path / "x.tf"
    file.write_text(
        'locals {\n  a = {\n    b = 1\n  }\n}\n\ncheck "c" {\n  data "d" "e" {\n    f = 2\n  }\n}\n'
    )
    first, second = hcl.blocks(file)
    assert (first.kind, first.labels, first.arguments) == ("locals", [], {"a": "{\n  b = 1\n}"})
    (inner,) = second.blocks("data")
    assert (inner.labels, inner.arguments) == (["d", "e"], {"f": "2"})
    file.write_text('variable "a" {\n  m = "is ${x == "" ? "no" : x}; expected \\"b\\" "\n  n = f("a")\n}\n')
    (variable,) = hcl.blocks(file)
    assert variable.string("m") == 'is ${x == "" ? "no" : x}; expected "b" '
    with pytest.raises(hcl.HclError, match=r'x.tf:1: n is f\("a"\); expected a string'):
        variable.string("n")


def test_a_block_is_shown_as_it_stands(tmp_path):
    file = tmp_path / "x.tf"
    file.write_text('a {}\n\nb "c" {\n  d = 1\n}\n')
    _, second = hcl.blocks(file)
    assert second.text == file.read_text().split("\n\n")[1].rstrip()
