"""Where a planned resource is declared: the file and line of its block, for reports on a pull request."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from meshtest.check.plan import Plan

_LOCAL = ("./", "../")


@dataclass(frozen=True)
class Location:
    """A line of a file, relative to the working directory; the root's folder if nothing nearer is known."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def locate(plan: Plan, address: str, root: Path) -> Location:
    """The block behind an address; of a module that is not in this repository, the block that calls it."""
    names = re.sub(r"\[[^\]]*\]", "", address).split(".")
    folder, module = root, ""
    while len(names) > 1 and names[0] == "module":
        call = names[1]
        module = f"{module}.module.{call}".lstrip(".")
        source = plan.source(module)
        if not source.startswith(_LOCAL):
            return _block(folder, f'module "{call}"')
        folder, names = folder / source, names[2:]
    kind, names = ("data", names[1:]) if names[0] == "data" else ("resource", names)
    return _block(folder, f'{kind} "{names[0]}" "{names[1]}"' if len(names) > 1 else "terraform")


@cache
def _block(folder: Path, head: str) -> Location:
    """The first block of a folder with a head such as ``resource "aws_s3_bucket" "this"``."""
    pattern = re.compile(r"[ \t]*" + re.escape(head).replace(r"\ ", r"[ \t]+") + r"[ \t]*\{")
    files = sorted(folder.glob("*.tf"))
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.match(line):
                return Location(_relative(file), number)
    return Location(_relative(files[0] if files else folder))


def _relative(path: Path) -> str:
    return Path(os.path.relpath(path.resolve())).as_posix()
