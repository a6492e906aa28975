"""The list of mutants: every fault that the operators make in the Terraform code, the same from run to run.

A mutant's id says where it is and what: ``modules/s3_bucket/main.tf::data.aws_iam_policy_document.this/
statement.DenyOutdatedTLS::flip-effect::1``. It stays the same while code around it changes.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from meshtest.reports.mutation.operators import Context, all_operators
from meshtest.terraform import syntax

# The folders whose faults the plans can show, below infrastructure/.
FOLDERS = ("modules", "foundation", "environments", "projects", "bootstrap")
# Those whose folders are alike but for what is their own (tests/infra/test_sources.py).
_ALIKE = ("environments", "projects")


@dataclass(frozen=True)
class Mutant:
    """One fault.

    ``file`` is the path below infrastructure/, ``line`` counts from 1. ``texts`` has the changed text of
    every file that gets the fault: what the projects (or the environments) have in common is one fault in
    all of them, or the tests that hold them alike would notice that alone.
    """

    id: str
    file: str
    operator: str
    line: int
    diff: str
    texts: Mapping[str, str] = field(repr=False)

    @property
    def module(self) -> str:
        """What the table counts it under: a module's name, else the stack's."""
        folder, _, rest = self.file.partition("/")
        return rest.partition("/")[0] if folder == "modules" else folder

    @property
    def digest(self) -> str:
        """Changes with the fault and with the file around it."""
        return hashlib.sha256(json.dumps([self.id, self.texts], sort_keys=True).encode()).hexdigest()


def all_mutants(infrastructure: Path) -> list[Mutant]:
    """Every mutant, by file and place.

    Raises:
        SyntaxProblem: a file is no HCL; the message names file and line.
    """
    found: dict[object, Mutant] = {}
    for file in _sources(infrastructure):
        for mutant in _of(infrastructure, file):
            key = _common(mutant)
            if first := found.get(key):
                found[key] = replace(first, texts={**first.texts, **mutant.texts})
            else:
                found[key] = mutant
    return list(found.values())


def _sources(infrastructure: Path) -> list[Path]:
    return [
        file
        for folder in FOLDERS
        for file in sorted((infrastructure / folder).rglob("*.tf"))
        if not any(part.startswith(".") for part in file.relative_to(infrastructure).parts)
        and not file.name.endswith("_override.tf")
    ]


def _common(mutant: Mutant) -> object:
    """The same for a fault in the same place of files with the same name in folders that must be alike."""
    folder, _, rest = mutant.file.partition("/")
    if folder not in _ALIKE:
        return mutant.id
    changed = [line for line in mutant.diff.splitlines()[2:] if line.startswith(("+", "-"))]
    return folder, mutant.id.replace(rest, rest.partition("/")[2], 1), *changed


def _of(infrastructure: Path, file: Path) -> Iterator[Mutant]:
    source = file.read_bytes()
    path = str(file.relative_to(infrastructure))
    try:
        root = syntax.parse(source)
    except syntax.SyntaxProblem as problem:
        raise syntax.SyntaxProblem(f"infrastructure/{path}: {problem}") from None
    declared = _declared(file.parent)
    context = Context(path, source, declared, _required(file.parent, declared))
    counts: Counter[str] = Counter()
    seen = {source}
    for node in syntax.walk(root):
        for operator in all_operators():
            for edits in operator.mutate(node, context):
                changed = syntax.apply(source, edits)
                if changed in seen:
                    continue
                seen.add(changed)
                place = f"{path}::{syntax.address(node) or '-'}::{operator.id}"
                counts[place] += 1
                yield Mutant(
                    id=f"{place}::{counts[place]}",
                    file=path,
                    operator=operator.id,
                    line=source[: min(edit.start for edit in edits)].count(b"\n") + 1,
                    diff=_diff(path, source, changed),
                    texts={path: changed.decode()},
                )


def _declared(folder: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.tf")):
        for block in syntax.children(syntax.child(syntax.parse(file.read_bytes()), "body"), "block"):
            kind, names = syntax.block_type(block), syntax.labels(block)
            if kind in ("resource", "data"):
                found.setdefault(names[0] if kind == "resource" else f"data.{names[0]}", []).append(names[1])
            elif kind == "module":
                source = syntax.literal(syntax.value(syntax.attributes(block)["source"]))
                found.setdefault(f"module {source}", []).append(names[0])
    return {kind: tuple(sorted(names)) for kind, names in found.items()}


def _required(folder: Path, declared: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    sources = [what.removeprefix("module ") for what in declared if what.startswith("module ")]
    return {source: frozenset(_without_default(folder / source)) for source in sources}


def _without_default(module: Path) -> Iterator[str]:
    for file in module.glob("*.tf"):
        for block in syntax.children(syntax.child(syntax.parse(file.read_bytes()), "body"), "block"):
            if syntax.block_type(block) == "variable" and "default" not in syntax.attributes(block):
                yield syntax.labels(block)[0]


def _diff(path: str, before: bytes, after: bytes) -> str:
    name = f"infrastructure/{path}"
    lines = difflib.unified_diff(
        before.decode().splitlines(), after.decode().splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    return "\n".join(lines) + "\n"
