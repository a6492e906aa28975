"""Turn what the package jsonschema finds into the repository's own lines.

Each part of a schema says in ``expected`` what should stand there; a mistake is told in those words.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import validator_for

from core import contract_mistakes, odcs
from core.mistakes import CONTENT, MISSING, Mistake, unknown_field
from meshtest.domain.inputs.checkout import CONTRACT, File
from meshtest.tools import toolchain

FOLDER = toolchain.ROOT / "setup" / "schemas"


@functools.cache
def schema(name: str) -> Mapping[str, Any]:
    """A schema of ``setup/schemas``."""
    content: Mapping[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return content


def mistakes(file: File) -> list[Mistake]:
    """What a file's schema finds in it, each field and expectation once."""
    if file.schema == CONTRACT:
        return against_standard(file.content, file.name)
    return against(schema(file.schema), file.content, file.name)


def once(found: Iterable[Mistake]) -> list[Mistake]:
    """Leave out what is said already: a value may break several keywords with one expectation."""
    return list({(each.field, each.expected): each for each in found}.values())


def inner(parent: str, key: str | int) -> str:
    """The name of a field within another."""
    if isinstance(key, int):
        return f"{parent}[{key}]"
    return f"{parent}.{key}" if parent else key


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


# ─── The Open Data Contract Standard ───


def against_standard(content: Any, name: str) -> list[Mistake]:
    """What the published schema of ODCS finds in a contract, then what that of our customProperties does."""
    standard = schema("odcs-3.1.0")
    errors = list(validator_for(standard)(standard).iter_errors(content))
    if errors:
        found = (Mistake(name, *_told_by_standard(each, content)) for each in _deepest(errors))
        return once(sorted(found, key=lambda mistake: mistake.field))
    if mistakes := contract_mistakes.unnamed(content, name):
        return mistakes
    return against(schema(CONTRACT), odcs.named(content), name)


def _deepest(errors: Iterable[ValidationError]) -> list[ValidationError]:
    """The errors of the innermost parts: what holds such a part is wrong because of it."""
    leaves = [leaf for error in errors for leaf in _leaves(error)]
    return [leaf for leaf in leaves if leaf.validator not in _OUTER or not _holds(leaf, leaves)]


def _holds(outer: ValidationError, leaves: Iterable[ValidationError]) -> bool:
    """Whether another error is about a part of what an error of unknown fields is about."""
    place = [*outer.absolute_path]
    return any(
        [*leaf.absolute_path][: len(place)] == place
        for leaf in leaves
        if leaf.validator not in _OUTER or len(leaf.absolute_path) > len(place)
    )


_OUTER = ("unevaluatedProperties", "additionalProperties")


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """What an error is made of; of alternatives only that nothing of them fits."""
    if error.context and error.validator not in ("oneOf", "anyOf"):
        for inner_error in error.context:
            yield from _leaves(inner_error)
    else:
        yield error


def _told_by_standard(error: ValidationError, content: Any) -> tuple[str, Any, str]:
    """Field, value and expectation of an error, in the words of the standard."""
    field = _place(error, content)
    value: Any = error.instance
    part: Any = error.schema
    wanted: Any = error.validator_value
    if error.validator == "required":
        missing = next(each for each in wanted if each not in value)
        said = part.get("properties", {}).get(missing, {}).get("description", "a value: ODCS requires it")
        return inner(field, missing), MISSING, _first_sentence(said)
    if error.validator in _OUTER:
        name = re.findall(r"'([^']+)'", error.message)[0]
        return inner(field, name), value.get(name), "no such field: ODCS 3.1 has none of that name"
    if error.validator in ("enum", "const"):
        return (
            field or CONTENT,
            value,
            f"one of {', '.join(map(str, wanted))}" if isinstance(wanted, list) else str(wanted),
        )
    if error.validator == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return field or CONTENT, value, " or ".join(_KINDS.get(kind, kind) for kind in kinds)
    if error.validator in ("oneOf", "anyOf"):
        told = part.get("description") or f"one of the forms of ODCS 3.1: {_choices(wanted)}"
        return field or CONTENT, value, _first_sentence(told)
    return field or CONTENT, value, f"{error.validator} {wanted}, as ODCS 3.1 says"


_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "a mapping",
    "string": "a text",
}


def _choices(parts: Iterable[Mapping[str, Any]]) -> str:
    named = [", ".join(part["required"]) for part in parts if "required" in part]
    return " or ".join(named) or "see its schema"


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".")


def _place(error: ValidationError, content: Any) -> str:
    """The field of an error; objects and properties are told by their names."""
    field, part = "", content
    for step in error.absolute_path:
        part = part[step]
        is_named = field == "schema" or field.endswith((".properties", ".customProperties"))
        name = (part.get("name") or part.get("property")) if is_named and isinstance(part, dict) else None
        field = inner(field, name if isinstance(name, str) else step)
    return field
