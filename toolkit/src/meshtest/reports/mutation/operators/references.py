"""A reference to the wrong one of two alike: keys, roles, groups, subnets, buckets, documents."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from meshtest.reports.mutation.operators import Context, Edits, operator
from meshtest.terraform import syntax

_REFERENCE = re.compile(r"^(data\.aws_\w+|aws_\w+|module)\.(\w+)(?=[.\[])")
# The layers, wherever they are told apart by name.
_LAYERS = {"raw": "refined", "refined": "curated", "curated": "raw"}
_LAYER = re.compile(r"(?<=[._])(raw|refined|curated)(?=$|_bucket_id$)")


@operator("swap-reference", "A reference is to another resource of the same type")
def swap_reference(node: Node, context: Context) -> Iterator[Edits]:
    """The next one in the folder, by name."""
    if node.type not in ("expression", "template_interpolation") and not _is_operand(node):
        return
    for start, end, written in _references(node, context.source):
        match = _REFERENCE.match(written)
        if not match:
            continue
        kind, name = match.groups()
        others = next((names for names in _alike(context, kind) if name in names), ())
        if len(others) > 1:
            other = others[(others.index(name) + 1) % len(others)]
            yield (syntax.Edit(start, end, written.replace(f"{kind}.{name}", f"{kind}.{other}", 1)),)


@operator("swap-layer", "A layer's bucket or database is another layer's")
def swap_layer(node: Node, context: Context) -> Iterator[Edits]:
    """raw, refined and curated."""
    if node.type != "expression":
        return
    for start, end, written in _references(node, context.source):
        if written.startswith("local.") and _LAYER.search(written):
            other = _LAYER.sub(lambda match: _LAYERS[match[1]], written)
            yield (syntax.Edit(start, end, other),)


def _is_operand(node: Node) -> bool:
    return node.type in ("binary_operation", "unary_operation")


def _references(node: Node, source: bytes) -> Iterator[tuple[int, int, str]]:
    """Each variable with the attributes and indices that follow it directly among a node's children."""
    for position, each in enumerate(node.children):
        if each.type != "variable_expr":
            continue
        end = each.end_byte
        for later in node.children[position + 1 :]:
            if later.type not in ("get_attr", "index", "splat"):
                break
            end = later.end_byte
        yield each.start_byte, end, source[each.start_byte : end].decode()


def _alike(context: Context, kind: str) -> Iterator[tuple[str, ...]]:
    for what, names in context.declared.items():
        if what == kind or (kind == "module" and what.startswith("module ")):
            yield names
