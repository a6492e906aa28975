"""README.md of every folder of Terraform: what it needs, takes, makes and gives, in tables.

    python -m meshtest.terraform.readme            write them
    python -m meshtest.terraform.readme --check    write nothing; exit 1 if one is out of date

The tables are those of terraform-docs (https://terraform-docs.io/reference/markdown-table/), which no package
carries, and one column more: what a variable's validations expect. They stand between terraform-docs's own
markers; what is written around these stays.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from meshtest.terraform import hcl
from meshtest.terraform.hcl import Block, HclError
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"
REGISTRY = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs"
# Where calls of a module are looked for, the first one found being its example.
CALLERS = ("foundation", "modules/project", "projects/_template", "bootstrap", "environments/dev")
_HEADER = re.compile(r"\A# ─── (?P<title>.+) ───\n(?P<comment>(?:#.*\n)*)")
_SECTION = re.compile(r"^# ─── (.+) ───$", re.MULTILINE)
_PLAIN_FILES = {"main.tf", "outputs.tf", "variables.tf", "versions.tf"}


def folders(infrastructure: Path) -> list[Path]:
    """Every folder of Terraform sources: those that say which versions they need."""
    found = {file.parent for file in infrastructure.rglob("versions.tf") if ".terraform" not in file.parts}
    return sorted(found)


def rendered(folder: Path, infrastructure: Path) -> str:
    """The README as it should be: what is around the markers is kept.

    Raises:
        HclError: a source cannot be read, or a variable or output has no description.
    """
    readme = folder / "README.md"
    header = _header(folder)
    title = header["title"] if header else folder.name
    text = readme.read_text(encoding="utf-8") if readme.exists() else f"# {title}\n\n{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise HclError(f"{readme}: the markers are missing; expected {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{_tables(folder, infrastructure)}\n{END}{after}"


# ─── Sections ───


def _tables(folder: Path, infrastructure: Path) -> str:
    blocks = [block for file in sorted(folder.glob("*.tf")) for block in hcl.blocks(file)]

    def of(kind: str) -> list[Block]:
        return sorted((block for block in blocks if block.kind == kind), key=lambda block: block.labels)

    sections = [
        ("", _description(folder)),
        ("Usage", _usage(folder, infrastructure)),
        ("Files", _table(["File", "What is in it"], _files(folder))),
        ("Requirements", _table(["Name", "Version"], _requirements(of("terraform")))),
        ("Modules", _table(["Name", "Source"], map(_module, of("module")))),
        ("Resources", _table(["Name", "Type"], map(_resource, of("resource") + of("data")))),
        ("Inputs", _table(["Name", "Description", "Type", "Default", "Valid"], map(_input, of("variable")))),
        ("Outputs", _table(["Name", "Description"], map(_output, of("output")))),
    ]
    parts = [f"## {title}\n\n{body}" if title else body for title, body in sections if body]
    return "\n\n".join(parts)


def _header(folder: Path) -> re.Match[str] | None:
    main = folder / "main.tf"
    return _HEADER.match(main.read_text(encoding="utf-8")) if main.exists() else None


def _description(folder: Path) -> str:
    """What main.tf says about the folder, in the comment below its first heading."""
    header = _header(folder)
    comment = re.sub(r"^# ?", "", header["comment"], flags=re.MULTILINE).strip() if header else ""
    return re.sub(r"https://[^\s)]+", r"<\g<0>>", comment)


def _usage(folder: Path, infrastructure: Path) -> str:
    files = [file for caller in CALLERS for file in sorted((infrastructure / caller).glob("*.tf"))]
    for file in files:
        for block in hcl.blocks(file):
            if block.kind == "module" and (file.parent / block.string("source")).resolve() == folder:
                name = file.relative_to(infrastructure.parent)
                link = os.path.relpath(file, folder)
                return f"As in [{name}]({link}):\n\n```hcl\n{block.text}\n```"
    return ""


def _files(folder: Path) -> Iterator[list[str]]:
    for file in sorted(folder.glob("*.tf")):
        sections = _SECTION.findall(file.read_text(encoding="utf-8"))
        if file.name not in _PLAIN_FILES and sections:
            yield [f"[{file.name}]({file.name})", ", ".join(sections)]


def _requirements(settings: Iterable[Block]) -> Iterator[list[str]]:
    for block in settings:
        if "required_version" in block.arguments:
            yield ["terraform", f"`{block.string('required_version')}`"]
        for providers in block.blocks("required_providers"):
            for name, text in sorted(providers.arguments.items()):
                (version,) = re.findall(r'version\s*=\s*"(.+)"', text)
                yield [name, f"`{version}`"]


def _module(block: Block) -> list[str]:
    source = block.string("source")
    return [block.labels[0], f"[{source}]({source})"]


def _resource(block: Block) -> list[str]:
    kind, name = block.labels
    section = "resources" if block.kind == "resource" else "data-sources"
    shown = f"{kind}.{name}"
    if kind.startswith("aws_"):
        shown = f"[{shown}]({REGISTRY}/{section}/{kind.removeprefix('aws_')})"
    return [shown, "resource" if block.kind == "resource" else "data source"]


def _input(block: Block) -> list[str]:
    expectations = [check.string("error_message") for check in block.blocks("validation")]
    return [
        block.labels[0],
        block.string("description"),
        _code(block.arguments.get("type", "any")),
        _code(block.arguments["default"]) if "default" in block.arguments else "required",
        "; ".join(message.partition("expected ")[2].rstrip(".") for message in expectations),
    ]


def _output(block: Block) -> list[str]:
    return [block.labels[0], block.string("description")]


# ─── Markdown ───


def _code(text: str) -> str:
    if "\n" not in text:
        return f"`{text}`"
    return f"<pre>{text}</pre>".replace("\n", "<br>")


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, or nothing if there are no rows."""
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", *lines])


# ─── Command ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check every README; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.terraform.readme",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is out of date")
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    infrastructure = options.top.resolve() / "infrastructure"
    try:
        wanted = {
            folder / "README.md": rendered(folder, infrastructure) for folder in folders(infrastructure)
        }
    except HclError as error:
        print(f"readme: {error}", file=sys.stderr)
        return 1
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text("utf-8") != text]
    for file in stale:
        name = file.relative_to(infrastructure.parent)
        if options.check:
            print(f"readme: {name} is out of date; run: make docs", file=sys.stderr)
        else:
            file.write_text(wanted[file], encoding="utf-8")
            print(f"wrote {name}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
