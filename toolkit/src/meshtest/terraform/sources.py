"""Which files a root module's plan depends on, and a digest of them.

Modules are followed, and files that the configuration names by a literal path. Where a path is computed, only
Terraform knows the file: `are_known` tells. What a plan reads from an API (data sources, remote state) is
in no file: keep plans no longer than that stays the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from meshtest.tools import toolchain

# A path in quotes that starts at a known folder, as in `source = "../modules/x"` or
# `file("${path.module}/y.json")`, up to the next interpolation: of "${path.module}/${var.name}.json" the
# folder.
_PATH = re.compile(r'"(?:\$\{path\.(module|root|cwd)\}/|(?=\.{1,2}/))([^"$]*)')
# A call that reads a file (https://developer.hashicorp.com/terraform/language/functions/file), and its first
# argument where that is a literal path, from the module, the root or the file system's own root.
_CALL = re.compile(r"\b(?:file\w*|templatefile)\s*\(\s*")
_WRITTEN = re.compile(r'"(?:\$\{path\.(module|root|cwd)\}/)?([^"$]*)"')
# fileset's folder may be the module itself; its pattern stays below that.
_FILESET = re.compile(
    r'\bfileset\s*\(\s*(?:path\.(?:module|root|cwd)|"(?:\$\{path\.\w+\}/?)?[^"$]*")\s*,\s*"(?!/)(?![^"]*(?:\.\.|\$))'
)
# Data that providers read from files and programs.
_DATA = re.compile(r'\bdata\s+"?(external|http|local_\w+|archive_\w+|template_\w+)\b')
_STATE = (".tfstate", ".backup", ".tfplan")
_NOTHING: Mapping[str, str] = MappingProxyType({})


def digest(root: Path, environment: Mapping[str, str] = _NOTHING) -> str:
    """Return a digest of all files that decide a plan of a root, of Terraform's version and the environment.

    It is the same wherever the files lie, and another one if any of them changes, comes or goes.
    """
    content = hashlib.sha256(".".join(map(str, toolchain.terraform_version())).encode())
    content.update(json.dumps([sorted(environment.items()), _workspace(root, environment)]).encode())
    for file in sorted(files(root, environment)):
        content.update(f"\0{os.path.relpath(file, root.resolve())}\0".encode())
        content.update(file.read_bytes())
    return content.hexdigest()


def files(root: Path, environment: Mapping[str, str] = _NOTHING) -> set[Path]:
    """Return the files of a root module, of the modules that it uses, and those that they name."""
    found: set[Path] = set()
    waiting = [root.resolve(), *_installed(root, environment)]
    while waiting:
        place = waiting.pop()
        new = ({place} if place.is_file() else set(_below(place))) - found
        found |= new
        waiting += [target for file in new for target in _named(file, root.resolve())]
    return found


def are_known(root: Path, environment: Mapping[str, str] = _NOTHING) -> bool:
    """Whether every file that decides a plan of this root can be told without Terraform."""
    texts = (_text(file) for file in files(root, environment) if _is_terraform(file))
    return all(_is_plain(text) for text in texts)


def _is_plain(text: str) -> bool:
    if _DATA.search(text):
        return False
    calls = [(call[0], text[call.end() :]) for call in _CALL.finditer(text)]
    sets = len(_FILESET.findall(text)), sum(name.startswith("fileset") for name, _ in calls)
    return sets[0] == sets[1] and all(
        name.startswith("fileset") or _WRITTEN.match(rest) is not None for name, rest in calls
    )


def _workspace(root: Path, environment: Mapping[str, str]) -> str:
    chosen = _data(root, environment) / "environment"
    return chosen.read_text() if chosen.is_file() else ""


def _installed(root: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """The folders of modules that init has fetched."""
    manifest = _data(root, environment) / "modules" / "modules.json"
    try:
        modules = json.loads(manifest.read_text())["Modules"]
    except (OSError, ValueError, KeyError):  # before init, or of another time: Terraform refuses to plan
        return
    places = ((root / module["Dir"]).resolve() for module in modules)
    yield from (place for place in places if place.is_dir())


def _data(root: Path, environment: Mapping[str, str]) -> Path:
    return root / (environment.get("TF_DATA_DIR") or ".terraform")


def _below(directory: Path) -> Iterator[Path]:
    for place in directory.iterdir():
        if place.is_dir() and not place.name.startswith("."):
            yield from _below(place)
        elif place.is_file() and place.suffix not in _STATE and place.name != "README.md":
            yield place


def _named(file: Path, root: Path) -> Iterator[Path]:
    """The existing files and folders that a Terraform file names."""
    if not _is_terraform(file):
        return
    text = _text(file)
    called = [_WRITTEN.match(text, call.end()) for call in _CALL.finditer(text)]
    for found in (*_PATH.finditer(text), *filter(None, called)):
        # A path without a beginning is below the folder in which Terraform runs.
        is_modules = found[1] == "module" or (found[1] is None and found.re is _PATH)
        place = ((file.parent if is_modules else root) / found[2]).resolve()
        if place.exists() and place not in (file.parent, root):
            yield place


def _is_terraform(file: Path) -> bool:
    return file.name.endswith((".tf", ".tf.json"))


def _text(file: Path) -> str:
    """Return what is written in a file; of JSON its texts, each in quotes, as HCL has them."""
    written = file.read_text()
    if not file.name.endswith(".json"):
        return written
    try:
        return "\n".join(_texts(json.loads(written)))
    except ValueError:
        return written


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield f'"{value}"'
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "data" and isinstance(each, dict):
                yield from (f"data {kind}" for kind in each)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
