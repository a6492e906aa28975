"""Turn what the package jsonschema finds into the repository's own lines.

Each part of a schema says in ``expected`` what should stand there; a mistake is told in those words.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from core.mistakes import CONTENT, MISSING, Mistake, unknown_field
from core.schema import inner, once
from meshtest import toolchain
from meshtest.inputs.checkout import File

FOLDER = toolchain.ROOT / "setup" / "schemas"


@functools.cache
def schema(name: str) -> Mapping[str, Any]:
    """A schema of ``setup/schemas``."""
    content: Mapping[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return content


def mistakes(file: File) -> list[Mistake]:
    """What a file's schema finds in it, each field and expectation once."""
    return against(schema(file.schema), file.content, file.name)


def against(rules: Mapping[str, Any], content: Any, name: str) -> list[Mistake]:
    """What a schema finds in the content of a file."""
    validator = Draft202012Validator(rules)
    found = sorted(
        validator.iter_errors(content), key=lambda error: [str(step) for step in error.absolute_path]
    )
    return once(Mistake(name, *told) for error in found for told in _told(error, rules))


def _told(error: ValidationError, rules: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Field, value and expectation of what one error of the library is about."""
    field = ""
    steps: Any = error.absolute_path
    for step in steps:
        field = inner(field, step)
    part: Any = error.schema
    value: Any = error.instance
    needed: Any = error.validator_value
    declared = part.get("properties", {})
    if error.validator == "required":
        for name in (name for name in needed if name not in value):
            yield inner(field, name), MISSING, _expected(declared.get(name, {}), rules)
    elif error.validator == "additionalProperties":
        for name in (name for name in value if name not in declared):
            yield inner(field, name), value[name], unknown_field(declared)
    elif "propertyNames" in error.absolute_schema_path:
        yield f"name of {inner(field, value)}", value, part["expected"]
    else:
        yield field or CONTENT, value, part["expected"]


def _expected(part: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    """The words of a part of a schema, also of one that refers to another."""
    while "$ref" in part:
        found: Any = rules
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return str(part.get("expected", ""))
