"""Terraform's language, read as written: blocks, their labels, and the text of their arguments.

Nothing is evaluated: an argument is the text of its expression. Grammar: tree-sitter-hcl.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_hcl.language()))


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
        return _text(self.node.named_children[0])

    @property
    def labels(self) -> list[str]:
        """The labels after the type, without their quotes."""
        return [_text(node).strip('"') for node in self.node.named_children if node.type == "string_lit"]

    @property
    def text(self) -> str:
        """The block as it stands in the file."""
        return _text(self.node)

    @cached_property
    def arguments(self) -> dict[str, str]:
        """The text of each argument's expression, its lines moved to the left, by the argument's name."""
        return {
            _text(name): _dedent(_text(expression))
            for node in self._body("attribute")
            for name, expression in [(node.named_children[0], node.named_children[-1])]
        }

    def blocks(self, kind: str) -> list[Block]:
        """The blocks of a type directly in this one."""
        found = [Block(self.file, node) for node in self._body("block")]
        return [block for block in found if block.kind == kind]

    def string(self, argument: str) -> str:
        """The value of an argument that is a string without line breaks; interpolations stay as written.

        Raises:
            HclError: there is no such argument, or it is no such string.
        """
        try:
            return str(json.loads(self.arguments[argument]))
        except (KeyError, ValueError):
            line = self.node.start_point.row + 1
            written = self.arguments.get(argument, "missing")
            raise HclError(f"{self.file}:{line}: {argument} is {written}; expected a string") from None

    def _body(self, kind: str) -> Iterator[Node]:
        for part in self.node.named_children:
            if part.type == "body":
                yield from (node for node in part.named_children if node.type == kind)


def blocks(file: Path) -> list[Block]:
    """The outermost blocks of a file, in their order.

    Raises:
        HclError: the file is no HCL.
    """
    tree = _PARSER.parse(file.read_bytes()).root_node
    if tree.has_error:
        raise HclError(f"{file}: no HCL; terraform fmt tells the place")
    return [
        Block(file, node)
        for body in tree.named_children
        if body.type == "body"
        for node in body.named_children
        if node.type == "block"
    ]


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _dedent(text: str) -> str:
    """The lines after the first are indented with their block; of them the last has the least."""
    first, newline, rest = text.partition("\n")
    return first + newline + textwrap.dedent(rest)
