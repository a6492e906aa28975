"""The file of exceptions: every key, its form, and errors that say which entry is wrong and how."""

from __future__ import annotations

import pytest

from meshtest.check.controls import all_controls
from meshtest.check.gate.exceptions import ExceptionsError, Excuse, load
from meshtest.tools import toolchain

GOOD = {
    "control": '"kms-rotation"',
    "address": '"module.scratch[*].*"',
    "owner": '"platform@example.com"',
    "reason": '"Scratch data, rebuilt nightly"',
    "expires": "2027-03-31",
}
CONTROLS = ["kms-rotation", "kms-alias"]


@pytest.fixture
def read(tmp_path):
    def read(**changes: str | None) -> tuple[Excuse, ...]:
        file = tmp_path / "exceptions.toml"
        lines = [f"{name} = {value}" for name, value in {**GOOD, **changes}.items() if value is not None]
        file.write_text("\n".join(["[[exception]]", *lines]))
        return load(file, CONTROLS)

    return read


def test_a_good_entry_is_read(read):
    (excuse,) = read()
    assert excuse.owner == "platform@example.com"
    assert excuse.expires.isoformat() == "2027-03-31"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(({name: None}, f"{name} is missing; expected a ") for name in GOOD),
        (
            {"until": "2027-01-01"},
            'until is "2027-01-01"; expected no such field: there are address, control, ',
        ),
        (
            {"control": '"kms-rotatoin"'},
            'control is "kms-rotatoin"; expected one of kms-rotation, kms-alias.',
        ),
        ({"owner": '" "'}, 'owner is " "; expected a text.'),
        ({"owner": "7"}, "owner is 7; expected a text."),
        ({"reason": '"todo"'}, 'reason is "todo"; expected a text of 10 characters or more.'),
        ({"expires": '"2027-03-31"'}, 'is "2027-03-31"; expected a day without quotes: 2027-03-31.'),
        ({"expires": "2027-03-31T00:00:00Z"}, "expected a day without quotes: 2027-03-31."),
    ],
)
def test_a_bad_entry_is_named(read, change, message):
    with pytest.raises(ExceptionsError) as caught:
        read(**change)
    assert "exceptions.toml: exception[0]." in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["exception = 1", "[exception]\nx = 1", "[[exceptions]]\nx = 1", "a b"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ExceptionsError, match=r"x\.toml: "):
        load(tmp_path / "x.toml", CONTROLS)


@pytest.mark.parametrize(
    ("pattern", "address", "covers"),
    [
        ("*", 'module.a["x"].aws_kms_key.this', True),
        ('module.a["x"].*', 'module.a["x"].aws_kms_key.this', True),
        ("module.a[*].aws_kms_key.this", 'module.a["x"].aws_kms_key.this', True),
        ("module.a.*", 'module.a["x"].aws_kms_key.this', False),
        ("aws_kms_key.this", 'module.a["x"].aws_kms_key.this', False),
    ],
)
def test_a_star_stands_for_anything_and_brackets_for_themselves(read, pattern, address, covers):
    (excuse,) = read(address=f"'{pattern}'")
    assert excuse.covers("kms-rotation", address) is covers
    assert not excuse.covers("kms-alias", address)


def test_the_repositorys_own_file_is_in_order():
    load(toolchain.ROOT / "setup" / "gate-exceptions.toml", [each.id for each in all_controls()])
