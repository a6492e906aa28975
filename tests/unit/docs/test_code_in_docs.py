"""Code in a page is a part of a file that tests run, letter for letter."""

from __future__ import annotations

import textwrap

import pages
import pytest

from meshtest.tools import toolchain

CODE = ("hcl", "json", "python", "sql", "toml", "yaml")
EXAMPLES = [
    block
    for block in pages.all_blocks()
    if (block.language in CODE or block.source) and not pages.is_elsewhere(block.source)
]


def is_part(text: str, whole: str) -> bool:
    """Whether the lines follow each other in the whole, at whatever indentation."""
    wanted = textwrap.dedent(text).splitlines()
    lines = whole.splitlines()
    return any(
        textwrap.dedent("\n".join(lines[start : start + len(wanted)])).splitlines() == wanted
        for start in range(len(lines))
    )


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda each: f"{each.page}: {each.text.split(chr(10))[0][:40]}"
)
def test_code_is_taken_from_a_tested_file(example):
    assert example.source, f"{example.page}: say where it is from: <!-- from: FILE -->\n{example.text}"
    assert example.source.startswith(("infrastructure/", "src/", "tests/", "setup/", "toolkit/")), (
        example.source
    )
    assert is_part(example.text, (toolchain.ROOT / example.source).read_text()), (
        f"{example.page}: differs from {example.source}:\n{example.text}"
    )


def test_a_line_that_differs_is_noticed():
    whole = "def f():\n    a = 1\n    b = 2\n"
    assert is_part("    a = 1\n    b = 2\n", whole)
    assert is_part("a = 1\nb = 2\n", whole)
    assert not is_part("a = 1\nb = 3\n", whole)
    assert not is_part("b = 2\na = 1\n", whole)


def test_there_are_examples():
    assert len(EXAMPLES) >= 4
