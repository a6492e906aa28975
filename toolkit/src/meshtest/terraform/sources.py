"""Which files a root module's plan depends on, and a digest of them.

Local modules are followed, and files that the configuration names by a relative path. What a plan reads
from an API (data sources, remote state) is in no file: keep plans no longer than that stays the same.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from meshtest import toolchain

# A relative path in quotes, as in `source = "../modules/x"` or `file("${path.module}/y.json")`, up to the
# next interpolation: of "${path.module}/${var.name}.json" the folder remains.
_RELATIVE = re.compile(r'"(?:\$\{path\.(?:module|root|cwd)\}/|(?=\.{1,2}/))([^"$]*)')
_STATE = (".tfstate", ".backup", ".tfplan")


def digest(root: Path) -> str:
    """A digest of all files that decide a plan of this root, and of Terraform's version.

    It is the same wherever the files lie, and another one if any of them changes, comes or goes.
    """
    content = hashlib.sha256(".".join(map(str, toolchain.terraform_version())).encode())
    for file in sorted(files(root)):
        content.update(f"\0{os.path.relpath(file, root.resolve())}\0".encode())
        content.update(file.read_bytes())
    return content.hexdigest()


def files(root: Path) -> set[Path]:
    """The files of a root module, of the local modules that it uses, and those that they name."""
    found: set[Path] = set()
    waiting = [root.resolve()]
    while waiting:
        place = waiting.pop()
        new = ({place} if place.is_file() else set(_below(place))) - found
        found |= new
        waiting += [target for file in new for target in _named(file)]
    return found


def _below(directory: Path) -> Iterator[Path]:
    for place in directory.iterdir():
        if place.is_dir() and not place.name.startswith("."):
            yield from _below(place)
        elif place.is_file() and place.suffix not in _STATE and place.name != "README.md":
            yield place


def _named(file: Path) -> Iterator[Path]:
    """The existing files and folders that a Terraform file names by a path relative to its own folder."""
    if file.suffix != ".tf":
        return
    for relative in _RELATIVE.findall(file.read_text()):
        place = (file.parent / relative).resolve()
        if place.exists() and place != file.parent:
            yield place
