"""Read the files that people write: JSON, YAML, TOML, and the literals of Terraform's locals."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions
from lark.exceptions import LarkError

from core import contract, yaml_file
from core.mistakes import CONTENT, MISSING, Mistake
from meshtest.tools import folders

PROJECTS = folders.PROJECTS
DOMAIN = "setup/domain.json"
TAGS = "setup/tags.json"
EXTERNAL = "setup/external.json"
EXCEPTIONS = "setup/gate-exceptions.toml"
CONTRACT = "contract"  # the name of the contracts' schema
TEMPLATE = "_template"
TRIGGERS = "triggers"  # the name of their schema
_HCL = SerializationOptions(explicit_blocks=False, strip_string_quotes=True, with_comments=False)


@dataclass(frozen=True)
class File:
    """A file that could be read: its path in the checkout, the name of its schema, its content."""

    name: str
    schema: str
    content: Any


@dataclass(frozen=True)
class Checkout:
    """What was read of a checkout, and what could not be."""

    top: Path
    projects: tuple[str, ...]
    environments: tuple[str, ...]
    files: tuple[File, ...]
    mistakes: tuple[Mistake, ...] = ()

    def content(self, name: str) -> Any:
        """The content of a file; None if it could not be read or is not to be looked at."""
        found = (file.content for file in self.files if file.name == name and file.schema != TRIGGERS)
        return next(found, None)

    def triggers(self, project: str) -> Any:
        """What starts a project's pipelines, which stands in pipelines.tf beside their jobs."""
        name = f"{PROJECTS}/{project}/pipelines.tf"
        return next(
            (each.content for each in self.files if (each.name, each.schema) == (name, TRIGGERS)), None
        )

    def of_project(self, project: str, name: str) -> Any:
        """The content of a project's file."""
        return self.content(f"{PROJECTS}/{project}/{name}")

    def without(self, names: Collection[str]) -> Checkout:
        """The same without some files."""
        return replace(self, files=tuple(file for file in self.files if file.name not in names))


class Unreadable(Exception):
    """A file is not of its format, with the line if that is known."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.line = line


def read(top: Path) -> Checkout:
    """Read everything that is checked; what cannot be read is a mistake of the result."""
    projects = tuple(folders.project_folders(top))
    environments = tuple(folders.environments(top))
    files: list[File] = []
    mistakes: list[Mistake] = []
    for name, schema, reader, kind in _wanted(top, projects):
        try:
            files.append(File(name, schema, reader((top / name).read_text(encoding="utf-8"))))
        except FileNotFoundError:
            mistakes.append(Mistake(name, CONTENT, MISSING, kind))
        except UnicodeDecodeError:
            mistakes.append(Mistake(name, CONTENT, "no UTF-8", kind))
        except Unreadable as error:
            place = f"{name}:{error.line}" if error.line else name
            mistakes.append(Mistake(place, CONTENT, str(error), kind))
    return Checkout(top, projects, environments, tuple(files), tuple(mistakes))


def _wanted(top: Path, projects: Collection[str]) -> Iterator[tuple[str, str, Callable[[str], Any], str]]:
    yield DOMAIN, "domain", json_object, "a JSON object with aws_region, domain_abbr and domain_name"
    if (top / EXTERNAL).exists():
        yield EXTERNAL, "external", json_object, "a JSON object with buckets and databases"
    if (top / TAGS).exists():
        yield TAGS, "tags", json_object, "a JSON object of at most 40 tags"
    yield EXCEPTIONS, "gate-exceptions", toml, "[[exception]] tables alone"
    for project in projects:
        folder = f"{PROJECTS}/{project}"
        yield (
            f"{folder}/project.json",
            "project",
            json_object,
            "a JSON object with description, name and owner",
        )
        yield f"{folder}/{contract.FILE}", CONTRACT, yaml_content, yaml_file.EXPECTED
        for name, local in (("jobs", "job_settings"), ("pipelines", "pipeline_jobs")):
            kind = f"Terraform with the local value {local}"
            yield f"{folder}/{name}.tf", name, lambda text, local=local: hcl_local(text, local), kind  # type: ignore[misc]
        kind = "Terraform with the local value pipeline_triggers"
        yield f"{folder}/pipelines.tf", TRIGGERS, lambda text: hcl_local(text, "pipeline_triggers"), kind


# ─── Formats ───


def json_object(text: str) -> Any:
    """Read JSON, in which a key may be there once only.

    Raises:
        Unreadable: it is no JSON, or names a key again.

    """
    try:
        return json.loads(text, object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as error:
        raise Unreadable(f"no JSON ({error.msg})", error.lineno) from None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"{names.count(again)} times the key {again} in one object")
    return content


def yaml_content(text: str) -> Any:
    """Read YAML, in which a key may be there once only.

    Raises:
        Unreadable: it is no YAML, or names a key again.

    """
    try:
        return yaml_file.parsed(text, "")
    except yaml_file.YamlError as error:
        raise Unreadable(error.what, error.line) from None


class Day(str):
    """A day of TOML, which JSON Schema knows as a text only."""

    __slots__ = ()


def toml(text: str) -> Any:
    """Read TOML; its days become texts of the class `Day`.

    Raises:
        Unreadable: it is no TOML.

    """
    try:
        return _with_days(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"no TOML ({error})") from None


def _with_days(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_days(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_days(each) for each in value]
    return Day(value) if isinstance(value, date) and not isinstance(value, datetime) else value


def hcl_local(text: str, name: str) -> Any:
    """Read one local value of a Terraform file; expressions in it stay as they are written, in ``${}``.

    Raises:
        Unreadable: it is no HCL, or has no such value.

    """
    for block in hcl(text).get("locals", []):
        if name in block:
            return block[name]
    raise Unreadable(f"without the local value {name}")


@functools.lru_cache(maxsize=256)
def hcl(text: str) -> dict[str, Any]:
    """Read HCL; what it returns is shared, and not to be changed.

    Raises:
        Unreadable: it is none.

    """
    try:
        content: dict[str, Any] = hcl2.loads(text, serialization_options=_HCL)
    except LarkError as error:
        raise Unreadable("no HCL", getattr(error, "line", None)) from None
    return content
