"""The blocks of a Terraform file as written: their labels, and the text of their arguments.

Nothing is evaluated: an argument is the text of its expression.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tree_sitter import Node

from meshtest.terraform import syntax
from meshtest.terraform.syntax import SyntaxProblem


class HclError(Exception):
    """A file that is no HCL, or a block without an argument; the message names file and line."""


@dataclass(frozen=True)
class Block:
    """One block of a file, such as `variable "name" { … }`."""

    file: Path
    node: Node

    @property
    def kind(self) -> str:
        """The block's type: `variable`, `resource`, `validation` and so on."""
        return syntax.block_type(self.node)

    @property
    def labels(self) -> list[str]:
        """The labels after the type, without their quotes."""
        return syntax.labels(self.node)

    @property
    def text(self) -> str:
        """The block as it stands in the file."""
        return syntax.text(self.node)

    @cached_property
    def arguments(self) -> dict[str, str]:
        """The text of each argument's expression, its lines moved to the left, by the argument's name."""
        return {
            name: _dedent(syntax.text(syntax.value(attribute)))
            for name, attribute in syntax.attributes(self.node).items()
        }

    def blocks(self, kind: str) -> list[Block]:
        """The blocks of a type directly in this one."""
        return [Block(self.file, node) for node in syntax.blocks(self.node, kind)]

    def string(self, argument: str) -> str:
        """The value of an argument that is a string in quotes; interpolations stay as written.

        Raises:
            HclError: there is no such argument, or it is no such string.
        """
        attribute = syntax.attributes(self.node).get(argument)
        expression = syntax.value(attribute) if attribute else self.node
        quoted = next(
            (node for node in syntax.walk(expression) if node.type in ("quoted_template", "string_lit")), None
        )
        if attribute is None or quoted is None or quoted.byte_range != expression.byte_range:
            line = self.node.start_point.row + 1
            written = self.arguments.get(argument, "missing")
            raise HclError(f"{self.file}:{line}: {argument} is {written}; expected a string")
        return _unquoted(quoted)


def blocks(file: Path) -> list[Block]:
    """The outermost blocks of a file, in their order.

    Raises:
        HclError: the file is no HCL.
    """
    try:
        return [Block(file, node) for node in syntax.blocks(syntax.parse(file.read_bytes()))]
    except SyntaxProblem as problem:
        raise HclError(f"{file}: {problem}") from None


def _dedent(text: str) -> str:
    """The lines after the first are indented with their block; of them the last has the least."""
    first, newline, rest = text.partition("\n")
    return first + newline + textwrap.dedent(rest)


def _unquoted(quoted: Node) -> str:
    """What stands between the quotes: escapes resolved, but for those within interpolations."""
    opening, *inner, closing = quoted.children
    written, offset = quoted.text or b"", quoted.start_byte
    result, position = "", opening.end_byte
    # A literal's own node ends before its last spaces: what lies between the others counts.
    for node in [*(each for each in inner if each.type != "template_literal"), closing]:
        result += json.loads(f'"{written[position - offset : node.start_byte - offset].decode()}"')
        result += syntax.text(node) if node != closing else ""
        position = node.end_byte
    return result
