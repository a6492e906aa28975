"""Hold JSON against a JSON Schema where no library for it is: Glue brings none.

It knows the keywords that ``tables.schema.json`` uses, and refuses a schema with others. Each part of a
schema says in ``expected``, an annotation of this repository, what should stand there. Everywhere else the
schemas are read by the package jsonschema (`meshtest.inputs.schemas`), and the tests hold the two against
each other.

Source: https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from core.mistakes import CONTENT, MISSING, Mistake, unknown_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TYPES: Mapping[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
_KEYWORDS = frozenset(
    {"$ref", "additionalProperties", "allOf", "enum", "items", "maximum", "minItems", "minimum", "pattern"}
    | {"if", "properties", "propertyNames", "required", "then", "type"}
    | {"$defs", "$schema", "description", "expected", "title"}
)


def mistakes(content: Any, schema: Mapping[str, Any], file: str) -> list[Mistake]:
    """Return what is wrong with the content of a file, each field and expectation once.

    Raises:
        ValueError: the schema uses a keyword that is not known here.

    """
    return once(_Reader(schema, file).read("", content, schema))


def once(found: Iterable[Mistake]) -> list[Mistake]:
    """Leave out what is said already: a value may break several keywords with one expectation."""
    return list({(each.field, each.expected): each for each in found}.values())


def inner(parent: str, key: str | int) -> str:
    """Return the name of a field within another."""
    if isinstance(key, int):
        return f"{parent}[{key}]"
    return f"{parent}.{key}" if parent else key


class _Reader:
    def __init__(self, schema: Mapping[str, Any], file: str) -> None:
        self.schema, self.file = schema, file

    def read(self, field: str, value: Any, part: Mapping[str, Any]) -> Iterator[Mistake]:
        if unknown := set(part) - _KEYWORDS:
            raise ValueError(f"{sorted(unknown)}: keywords that core.schema does not know")
        if "$ref" in part:
            yield from self.read(field, value, self.resolved(part))
        if _breaks(value, part):
            yield Mistake(self.file, field or CONTENT, value, part.get("expected", ""))
        elif isinstance(value, dict):
            yield from self.read_object(field, value, part)
        elif isinstance(value, list) and "items" in part:
            for number, each in enumerate(value):
                yield from self.read(inner(field, number), each, part["items"])
        for condition in part.get("allOf", []):
            if not list(self.read(field, value, condition["if"])):
                yield from self.read(field, value, condition["then"])

    def read_object(self, field: str, value: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[Mistake]:
        declared = part.get("properties", {})
        for name in part.get("required", []):
            if name not in value:
                expected = self.resolved(declared.get(name, {})).get("expected", "")
                yield Mistake(self.file, inner(field, name), MISSING, expected)
        for name, each in value.items():
            if "propertyNames" in part:
                yield from self.read(f"name of {inner(field, name)}", name, part["propertyNames"])
            if name in declared:
                yield from self.read(inner(field, name), each, declared[name])
            elif part.get("additionalProperties") is False:
                yield Mistake(self.file, inner(field, name), each, unknown_field(declared))
            elif "additionalProperties" in part:
                yield from self.read(inner(field, name), each, part["additionalProperties"])

    def resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a reference within the schema."""
        while "$ref" in part:
            found: Any = self.schema
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part


def _breaks(value: Any, part: Mapping[str, Any]) -> bool:
    """Tell whether a value breaks one of the keywords that are about itself, not about what is in it."""
    kinds = part.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return True
    if "enum" in part and value not in part["enum"]:
        return True
    if isinstance(value, str):
        return "pattern" in part and not re.search(part["pattern"], value)
    if isinstance(value, list):
        return bool(len(value) < part.get("minItems", 0))
    if _is(value, "number"):
        return bool(value < part.get("minimum", value) or value > part.get("maximum", value))
    return False


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and kind == "integer":
        return value.is_integer()
    return isinstance(value, _TYPES[kind])
