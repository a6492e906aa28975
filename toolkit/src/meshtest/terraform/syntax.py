"""HCL as a syntax tree with source positions, by tree-sitter's grammar of HashiCorp's HCL 2.

A fault is an `Edit` of bytes that a node spans, so that nothing else of the file changes. A place in a file
is named like a Terraform address: ``aws_s3_bucket_policy.this``, ``data.aws_iam_policy_document.this/
statement.DenyOutdatedTLS/condition``.

Grammar: https://github.com/tree-sitter-grammars/tree-sitter-hcl
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_hcl.language()))
_BLOCKS_BY_LABEL = ("resource",)
# What tells blocks of one type apart that have no label: a statement by its sid, a condition by its key.
_NAMING = ("sid", "variable", "type", "id")


class SyntaxProblem(Exception):
    """A file is no HCL; the message names the line."""


@dataclass(frozen=True)
class Edit:
    """Bytes from ``start`` up to, not including, ``end`` become ``text``."""

    start: int
    end: int
    text: str


def parse(source: bytes) -> Node:
    """The tree of a file.

    Raises:
        SyntaxProblem: the file is no HCL.
    """
    root = _PARSER.parse(source).root_node
    if root.has_error:
        line = next(node.start_point[0] + 1 for node in walk(root) if node.is_error or node.is_missing)
        raise SyntaxProblem(f"line {line} is no HCL")
    return root


def apply(source: bytes, edits: Iterable[Edit]) -> bytes:
    """The source with the edits made; they must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        source = source[: edit.start] + edit.text.encode() + source[edit.end :]
    return source


# ─── Nodes ───


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the order of the source."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    """What a node spans in the source."""
    return (node.text or b"").decode()


def child(node: Node, *types: str) -> Node | None:
    """The first child of one of the types."""
    return next((each for each in node.children if each.type in types), None)


def children(node: Node | None, *types: str) -> list[Node]:
    """The children of the types, of a node that may be missing."""
    return [each for each in node.children if each.type in types] if node else []


def ancestors(node: Node) -> Iterator[Node]:
    """The nodes around a node, the nearest first."""
    while node.parent is not None:
        node = node.parent
        yield node


def block_type(block: Node) -> str:
    """``resource``, ``statement``; of a dynamic block what it makes."""
    words = [text(each) for each in block.children if each.type in ("identifier", "string_lit")]
    return words[1].strip('"') if words[0] == "dynamic" else words[0]


def labels(block: Node) -> list[str]:
    """The labels of a block, without quotes."""
    return [text(each).strip('"') for each in block.children if each.type == "string_lit"]


def blocks(block: Node, *types: str) -> list[Node]:
    """The blocks directly inside a block (or file), of some types or all."""
    found = children(child(block, "body"), "block")
    return [each for each in found if not types or block_type(each) in types]


def attributes(block: Node) -> dict[str, Node]:
    """The attributes directly inside a block, by name."""
    return {name(each): each for each in children(child(block, "body"), "attribute")}


def name(node: Node) -> str:
    """The name of an attribute or of an object's element, without quotes."""
    key = node.child_by_field_name("key") if node.type == "object_elem" else child(node, "identifier")
    return text(key).strip('"') if key else ""


def value(node: Node) -> Node:
    """The expression of an attribute or of an object's element."""
    found = node.child_by_field_name("val") if node.type == "object_elem" else child(node, "expression")
    if found is None:
        raise SyntaxProblem(f"line {node.start_point[0] + 1} has no value")
    return found


def literal(expression: Node | None) -> str | None:
    """The value of an expression that is one string without interpolations."""
    if expression is None:
        return None
    written = text(expression)
    is_literal = written.startswith('"') and written.endswith('"') and written.count('"') == 2
    return written[1:-1] if is_literal and "${" not in written else None


def elements(expression: Node) -> list[Node]:
    """The elements of a list that an expression is."""
    inner = child(expression, "collection_value")
    found = child(inner, "tuple") if inner else None
    return children(found, "expression")


def top(node: Node) -> Node:
    """The outermost block around a node, or the node itself."""
    around = [each for each in (node, *ancestors(node)) if each.type == "block"]
    return around[-1] if around else node


def is_inside(node: Node, *types: str) -> bool:
    """Whether the outermost block around it is of one of the types."""
    outermost = top(node)
    return outermost.type == "block" and block_type(outermost) in types


# ─── Addresses ───


def address(node: Node) -> str:
    """Where a node stands: the outermost block's address, and the blocks and names below it."""
    steps = [_step(each) for each in (node, *ancestors(node))]
    return "/".join(reversed([step for step in steps if step]))


def _step(node: Node) -> str:
    if node.type in ("attribute", "object_elem"):
        return name(node)
    if node.type != "block":
        return ""
    kind = block_type(node)
    if kind == "content":
        return ""
    is_outermost = top(node) == node
    if is_outermost:
        return ".".join(labels(node) if kind in _BLOCKS_BY_LABEL else [_SHORT.get(kind, kind), *labels(node)])
    inner = next(iter(blocks(node, "content")), node)
    named = (literal(value(each)) for key, each in attributes(inner).items() if key in _NAMING)
    return ".".join(filter(None, (kind, next(named, None))))


_SHORT = {"variable": "var"}


# ─── Edits ───


def replace(node: Node, new: str) -> Edit:
    """A node becomes other text."""
    return Edit(node.start_byte, node.end_byte, new)


def remove_lines(source: bytes, node: Node) -> Edit:
    """The lines of a block or an attribute go, and the empty line after them."""
    start = source.rfind(b"\n", 0, node.start_byte) + 1
    end = source.find(b"\n", node.end_byte) + 1 or len(source)
    if source[end : end + 1] == b"\n":
        end += 1
    return Edit(start, end, "")


def remove_element(source: bytes, node: Node) -> Edit:
    """An element of a list or an object goes, and the comma with it; its lines, if it is alone there."""
    after, before = node.next_sibling, node.prev_sibling
    has_comma = after is not None and after.type == ","
    last = after if has_comma and after is not None else node
    start, end = source.rfind(b"\n", 0, node.start_byte) + 1, source.find(b"\n", last.end_byte)
    if not source[start : node.start_byte].strip() and not source[last.end_byte : end].split(b"#")[0].strip():
        return Edit(start, end + 1, "")
    if has_comma and last.next_sibling is not None:
        return Edit(node.start_byte, last.next_sibling.start_byte, "")
    is_last = before is not None and before.type == ","
    return Edit(before.start_byte if is_last and before is not None else node.start_byte, node.end_byte, "")
