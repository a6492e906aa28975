"""own_tags: the team's tags as setup/tags.json has them, or the one line that says what is wrong."""

from __future__ import annotations

import json

import pytest

from meshtest.testing.plans import refusal


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tags.json"


def test_tags_are_handed_on_without_the_schemas_path(planned, file):
    file.write_text(
        json.dumps({"$schema": "schemas/tags.schema.json", "CostCentre": "47 11", "a/b": "c@d:e"})
    )
    assert dict(planned(file=str(file)).outputs) == {"tags": {"CostCentre": "47 11", "a/b": "c@d:e"}}


def test_a_file_that_is_not_there_has_none(planned, file):
    assert dict(planned(file=str(file)).outputs) == {"tags": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", 'content is "no JSON object"; expected a JSON object of at most 40 tags.'),
        ("{", 'content is "no JSON object"; expected a JSON object of at most 40 tags.'),
        (
            json.dumps({f"tag{number}": "x" for number in range(41)}),
            'content is "41 tags"; expected a JSON object',
        ),
        ('{"a#b": "c"}', 'name of a#b is "a#b"; expected 1 to 128 letters'),
        ('{" a": "b"}', 'name of a is " a"; expected 1 to 128 letters'),
        (json.dumps({"x" * 129: "y"}), "expected 1 to 128 letters"),
        ('{"project": "a"}', 'name of project is "project"; expected another name'),
        ('{"AWS:x": "a"}', 'name of AWS:x is "AWS:x"; expected another name'),
        ('{"a": "b", "A": "c"}', 'name of a is "a"; expected each name once, in capitals or not.'),
        ('{"a": ""}', 'a is ""; expected 1 to 256 letters'),
        ('{"a": "b*"}', 'a is "b*"; expected 1 to 256 letters'),
        (json.dumps({"a": "x" * 257}), "expected 1 to 256 letters"),
        ('{"a": 7}', "a is 7; expected 1 to 256 letters"),
        ('{"a": {"b": "c"}}', "a is {...}; expected 1 to 256 letters"),
    ],
)
def test_a_bad_tag_is_named(content, message, terraform, infrastructure, file):
    file.write_text(content)
    root = infrastructure / "modules" / "own_tags"
    refused = refusal(terraform(root), tf_vars={"file": str(file)})
    assert f"setup/tags.json: {message}" in refused or (message.startswith("expected") and message in refused)
