"""Something is gone: a resource, a block, an argument, an output, a validation, a version's bound."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from meshtest.reports.mutation.operators import Context, Edits, operator
from meshtest.terraform import syntax

# Blocks with an operator of their own.
_APART = {"statement": "drop-statement", "condition": "drop-condition", "validation": "drop-validation"}
# Never dropped: Terraform refuses it, or it says nothing about what is made.
_KEPT = {"content", "backend", "required_providers"}
# Without these Terraform plans nothing: a mutant that is always refused proves nothing.
_REQUIRED = {
    "bucket",
    "catalog_id",
    "database_name",
    "definition",
    "name",
    "object_ownership",
    "policy",
    "policy_arn",
    "role",
    "role_arn",
    "route_table_id",
    "security_group_id",
    "service_name",
    "status",
    "subnet_id",
    "table_name",
    "target_key_id",
    "vpc_id",
    "actions",
    "error_message",
    "for_each",
    "identifiers",
    "resources",
    "source",
    "test",
    "type",
    "values",
    "variable",
}
_SILENT = {"description", "error_message", "sid"}
_BOUND = re.compile(r"^(~>|>=) \d")


def _is_block(node: Node, kind: str) -> bool:
    return node.type == "block" and syntax.block_type(node) == kind and syntax.top(node) != node


@operator("drop-resource", "A resource, or a call of a module, is not made")
def drop_resource(node: Node, context: Context) -> Iterator[Edits]:
    """Of a module nothing refers to, too; what others refer to Terraform misses."""
    is_made = node.type == "block" and syntax.block_type(node) in ("resource", "module")
    if is_made and syntax.top(node) == node:
        yield (syntax.remove_lines(context.source, node),)


@operator("drop-block", "A block inside a resource is gone")
def drop_block(node: Node, context: Context) -> Iterator[Edits]:
    """Not statements, conditions and validations: they have operators of their own."""
    if node.type != "block" or syntax.top(node) == node or not syntax.is_inside(node, "resource", "data"):
        return
    kind = syntax.block_type(node)
    if kind not in _APART and kind not in _KEPT and kind != "principals":
        yield (syntax.remove_lines(context.source, node),)


@operator("drop-statement", "A policy's statement is gone")
def drop_statement(node: Node, context: Context) -> Iterator[Edits]:
    """A dynamic one, too."""
    if _is_block(node, "statement"):
        yield (syntax.remove_lines(context.source, node),)


@operator("drop-condition", "A statement's condition is gone")
def drop_condition(node: Node, context: Context) -> Iterator[Edits]:
    """A block, an element of a list of conditions, or a list that an expression makes."""
    if _is_block(node, "condition"):
        yield (syntax.remove_lines(context.source, node),)
    if node.type != "expression" or not re.match(r"\{ test = ", syntax.text(node)):
        return
    if node.parent is not None and node.parent.type == "for_tuple_expr":
        yield (syntax.replace(node.parent, "[]"),)
    else:
        yield (syntax.remove_element(context.source, node),)


@operator("drop-validation", "A variable's validation is gone")
def drop_validation(node: Node, context: Context) -> Iterator[Edits]:
    """One at a time."""
    if _is_block(node, "validation"):
        yield (syntax.remove_lines(context.source, node),)


@operator("drop-argument", "An argument of a resource or of a module's call is gone")
def drop_argument(node: Node, context: Context) -> Iterator[Edits]:
    """Terraform falls back to the default, or refuses."""
    if node.type != "attribute" or not syntax.is_inside(node, "resource", "module"):
        return
    name = syntax.name(node)
    is_required = name in _REQUIRED or name in context.required(syntax.top(node))
    if not is_required and name not in _SILENT:
        yield (syntax.remove_lines(context.source, node),)


@operator("drop-output", "An output, or its re-export, is gone")
def drop_output(node: Node, context: Context) -> Iterator[Edits]:
    """What nobody asks a module for is gone without notice."""
    if node.type == "block" and syntax.block_type(node) == "output":
        yield (syntax.remove_lines(context.source, node),)


@operator("swap-outputs", "Two outputs have each other's value")
def swap_outputs(node: Node, context: Context) -> Iterator[Edits]:
    """The first and the second, the third and the fourth."""
    if node.type != "block" or syntax.block_type(node) != "output":
        return
    outputs = syntax.children(node.parent, "block")
    position = outputs.index(node)
    if position % 2 or position + 1 == len(outputs):
        return
    first, second = (
        syntax.value(syntax.attributes(each)["value"]) for each in outputs[position : position + 2]
    )
    yield syntax.replace(first, syntax.text(second)), syntax.replace(second, syntax.text(first))


@operator("loosen-version", "A version is no longer bound")
def loosen_version(node: Node, context: Context) -> Iterator[Edits]:
    """Of Terraform and of the provider."""
    if node.type not in ("attribute", "object_elem") or not syntax.is_inside(node, "terraform"):
        return
    written = syntax.literal(syntax.value(node)) or ""
    if _BOUND.match(written):
        yield (syntax.replace(syntax.value(node), '">= 0.12"'),)
