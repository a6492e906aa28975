"""IAM policies let more through, or less, than they should.

Elements: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from meshtest.reports.mutation.operators import Context, Edits, operator
from meshtest.terraform import syntax

_OPPOSITE = {
    "ArnLike": "ArnNotLike",
    "NumericLessThan": "NumericGreaterThanEquals",
    "StringEquals": "StringNotEquals",
    "StringNotEquals": "StringEquals",
    "ForAllValues:StringEquals": "ForAllValues:StringNotEquals",
    "ForAnyValue:StringEquals": "ForAnyValue:StringNotEquals",
}
_OPPOSITE_VALUE = {"true": "false", "false": "true"}
# What anybody can set on a request, or what every request has.
_OTHER_KEY = "aws:UserAgent"
_STAR = re.compile(r"(?:/\*|:\*)\"$")


def _argument(node: Node, name: str, *blocks: str) -> Node | None:
    """The expression of an argument with the name in a block of one of the types."""
    if node.type != "attribute" or syntax.name(node) != name:
        return None
    around = next((each for each in syntax.ancestors(node) if each.type == "block"), None)
    if around is not None and syntax.block_type(around) == "content":
        around = next(each for each in syntax.ancestors(around) if each.type == "block")
    kind = syntax.block_type(around) if around is not None else ""
    return syntax.value(node) if kind in blocks else None


def _element(node: Node, name: str) -> Node | None:
    """The same of an element of an object such as { test = …, variable = …, values = … }."""
    return syntax.value(node) if node.type == "object_elem" and syntax.name(node) == name else None


@operator("flip-effect", "Deny becomes Allow, Allow becomes Deny")
def flip_effect(node: Node, context: Context) -> Iterator[Edits]:
    """A statement without an effect allows; of those the first of a document."""
    if node.type != "block" or syntax.block_type(node) != "statement" or syntax.top(node) == node:
        return
    inner = next(iter(syntax.blocks(node, "content")), node)
    attributes = syntax.attributes(inner)
    if "effect" in attributes:
        effect = syntax.value(attributes["effect"])
        if syntax.literal(effect) == "Deny":
            yield (syntax.replace(effect, '"Allow"'),)
    elif "actions" in attributes and _is_first(node):
        at = attributes["actions"].start_byte
        yield (syntax.Edit(at, at, 'effect = "Deny"\n    '),)


@operator("invert-condition", "A condition demands the opposite")
def invert_condition(node: Node, context: Context) -> Iterator[Edits]:
    """By its operator, or by its value if that is true or false."""
    test = _argument(node, "test", "condition") or _element(node, "test")
    if test is not None and (opposite := _OPPOSITE.get(syntax.literal(test) or "")):
        yield (syntax.replace(test, f'"{opposite}"'),)
    values = _argument(node, "values", "condition")
    for each in syntax.elements(values) if values is not None else ():
        if opposite := _OPPOSITE_VALUE.get(syntax.literal(each) or ""):
            yield (syntax.replace(each, f'"{opposite}"'),)


@operator("weaken-condition", "A condition holds fewer requests: another key, any value, if the key is there")
def weaken_condition(node: Node, context: Context) -> Iterator[Edits]:
    """Operator, key and values, one at a time."""
    test = _argument(node, "test", "condition") or _element(node, "test")
    written = syntax.literal(test)
    if test is not None and written and not written.startswith("Null"):
        yield (syntax.replace(test, f'"{written}IfExists"'),)
    key = _argument(node, "variable", "condition") or _element(node, "variable")
    if key is not None and "value" not in syntax.text(key):
        yield (syntax.replace(key, f'"{_OTHER_KEY}"'),)
    values = _argument(node, "values", "condition") or _element(node, "values")
    if values is not None and "condition.value" not in syntax.text(values):
        yield (syntax.replace(values, '["*"]'),)


@operator("drop-star", "A resource loses its /* or :*, so that what is inside is not meant any more")
def drop_star(node: Node, context: Context) -> Iterator[Edits]:
    """In every text that is a part of an ARN."""
    if node.type not in ("template_expr", "literal_value"):
        return
    written = syntax.text(node)
    is_arn = "arn" in written or "${prefix}" in written or '"${purpose}/*"' in written
    if is_arn and _STAR.search(written) and not syntax.is_inside(node, "variable"):
        yield (syntax.replace(node, _STAR.sub('"', written)),)


@operator("widen-action", "A statement is for every action of its service")
def widen_action(node: Node, context: Context) -> Iterator[Edits]:
    """The first of its actions stands for the service."""
    actions = _actions(node)
    first = syntax.literal(actions[0]) if actions else None
    if first and not first.endswith("*"):
        yield (syntax.replace(actions[0], f'"{first.split(":")[0]}:*"'),)


@operator("drop-action", "A statement lacks one of its actions")
def drop_action(node: Node, context: Context) -> Iterator[Edits]:
    """The last of several: the first is what `widen-action` changes."""
    actions = _actions(node)
    if len(actions) > 1:
        yield (syntax.remove_element(context.source, actions[-1]),)


@operator("widen-resource", "A statement is for every resource")
def widen_resource(node: Node, context: Context) -> Iterator[Edits]:
    """In documents, and in the paths of a bucket's further statements."""
    resources = _argument(node, "resources", "statement")
    if resources is not None and syntax.text(resources) != '["*"]':
        yield (syntax.replace(resources, '["*"]'),)
    paths = _element(node, "paths")
    if paths is not None:
        yield (syntax.replace(paths, '["*"]'),)


@operator("widen-principal", "A statement is for everybody")
def widen_principal(node: Node, context: Context) -> Iterator[Edits]:
    """The type and the identifiers of its principals, or those of a bucket's further statements."""
    if node.type == "block" and syntax.block_type(node) == "principals":
        attributes = syntax.attributes(node)
        kind, who = (syntax.value(attributes[name]) for name in ("type", "identifiers"))
        if syntax.text(who) != '["*"]' and "statement.value" not in syntax.text(who):
            yield syntax.replace(kind, '"AWS"'), syntax.replace(who, '["*"]')
    principals = _element(node, "principals")
    if principals is not None and syntax.elements(principals):
        yield (syntax.replace(principals, '["*"]'),)


def _actions(node: Node) -> list[Node]:
    actions = _argument(node, "actions", "statement")
    if actions is None:
        actions = _element(node, "actions")
    if actions is None:
        return []
    return [
        each
        for found in syntax.walk(actions)
        if found.type == "expression"
        for each in syntax.elements(found)
        if syntax.literal(each)
    ]


def _is_first(block: Node) -> bool:
    return not any(syntax.block_type(each) == "statement" for each in _before(block))


def _before(block: Node) -> list[Node]:
    return [each for each in syntax.children(block.parent, "block") if each.start_byte < block.start_byte]
