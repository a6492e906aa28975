"""core.schema against the package jsonschema: the same mistakes, in whatever is made of a good contract."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from core import contract, schema
from meshtest import folders, toolchain
from meshtest.inputs import schemas

TABLES = contract.table_schema()
GOOD = [
    json.loads((toolchain.ROOT / "infrastructure" / "projects" / name / "tables.json").read_text())
    for name in folders.project_folders(toolchain.ROOT)
]
# One of each kind, and what looks like another kind: 1.0 is a whole number to JSON Schema, true is none.
OTHERS: list[Any] = [
    None,
    True,
    0,
    1.0,
    -1,
    0.5,
    40,
    "",
    "x",
    "Not a name",
    "decimal(9,2)",
    "set",
    [],
    [1],
    {},
    {"x": 1},
]
VALUES = st.sampled_from(OTHERS).map(copy.deepcopy)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every field and every item in a value: what holds it, and its key there."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A good contract with one to three changes."""
    content = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(content))))
        match draw(st.sampled_from(["set", "drop", "add"])):
            case "set":
                holder[key] = draw(VALUES)
            case "drop":
                del holder[key]
            case _ if isinstance(holder, dict):
                holder[draw(st.sampled_from(["rule", "min", "columns", "other", "Other"]))] = draw(VALUES)
            case _:
                holder.append(draw(VALUES))
    return content


@settings(max_examples=400, deadline=None)
@given(spoiled())
def test_both_find_the_same(content):
    ours = {str(each) for each in schema.mistakes(content, TABLES, "f")}
    assert ours == {str(each) for each in schemas.against(TABLES, content, "f")}
    assert bool(ours) == (not Draft202012Validator(TABLES).is_valid(content))


def test_both_find_the_same_wherever_one_value_is_another():
    """Every field of the template's contract, with every value."""
    differing = []
    for number in range(len(list(places(GOOD[0])))):
        for value in OTHERS:
            content = copy.deepcopy(GOOD[0])
            holder, key = list(places(content))[number]
            holder[key] = value
            ours = {str(each) for each in schema.mistakes(content, TABLES, "f")}
            if ours != {str(each) for each in schemas.against(TABLES, content, "f")}:
                differing.append((key, value))
    assert differing == []


@pytest.mark.parametrize("content", GOOD)
def test_a_good_contract_has_no_mistake(content):
    assert schema.mistakes(content, TABLES, "f") == []


@pytest.mark.parametrize("content", [None, 7, "text", []])
def test_another_content_is_one_mistake(content):
    (mistake,) = schema.mistakes(content, TABLES, "f")
    assert str(mistake).startswith(f"f: content is {json.dumps(content)}; expected a JSON object")


def test_an_unknown_keyword_is_refused():
    with pytest.raises(ValueError, match="uniqueItems"):
        schema.mistakes([], {"type": "array", "uniqueItems": True}, "f")


@pytest.mark.parametrize("file", sorted(schemas.FOLDER.glob("*.json")), ids=lambda file: file.name)
def test_every_part_of_every_schema_says_what_is_expected(file):
    """A keyword without words would tell a mistake without them; conditions are never told."""
    silent = []

    def walk(part: Any, path: str) -> None:
        if isinstance(part, dict):
            limits = {"type", "enum", "pattern", "minimum", "maximum", "minItems", "maxItems"} & set(part)
            if limits and isinstance(part.get("type", ""), str | list) and "expected" not in part:
                silent.append(path)
            for name, inner in part.items():
                if name not in ("if", "enum", "required"):
                    inside = inner.items() if name in ("properties", "$defs") else [("", inner)]
                    for key, each in inside:
                        walk(each, f"{path}/{name}/{key}")
        elif isinstance(part, list):
            for each in part:
                walk(each, path)

    walk(json.loads(file.read_text()), file.name)
    assert silent == []
