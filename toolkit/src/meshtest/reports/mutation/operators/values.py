"""Another value: a boolean, a number, a setting, a name, a tag, a key that is not given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from meshtest.reports.mutation.operators import Context, Edits, operator
from meshtest.terraform import syntax

# A setting, and the one that is easier to get.
_WEAKER = {
    "ALL": "ACCEPT",
    "AES256": "aws:kms",
    "aws:kms": "AES256",
    "BucketOwnerEnforced": "ObjectWriter",
    "CREATE": "",
    "CSE-KMS": "DISABLED",
    "Enabled": "Disabled",
    "FULL": "NONE",
    "NETWORK": "JDBC",
    "SSE-KMS": "DISABLED",
    "cloud-watch-logs": "s3",
    "glueetl": "pythonshell",
    "iceberg": "hudi",
    "job-bookmark-disable": "job-bookmark-enable",
    "EXTERNAL_TABLE": "VIRTUAL_VIEW",
    "1.2": "1.0",
    "true": "false",
}
_KEYS = ("kms_key_arn", "kms_key_id", "kms_master_key_id")
_NAMES = ("bucket", "bucket_name", "name", "pipeline_name")
_LAST_PART = re.compile(r'[-_/]?\$\{[^{}"]*\}"$')
_COMPARISONS = {">=": ">", "<=": "<", ">": ">=", "<": "<=", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}


def _is_made(node: Node) -> bool:
    return syntax.is_inside(node, "resource", "module", "locals", "data", "variable")


@operator("null-key", "What a key should encrypt, the service's own key does, or none")
def null_key(node: Node, context: Context) -> Iterator[Edits]:
    """A call of a module gets no key."""
    if node.type == "attribute" and syntax.name(node) in _KEYS:
        yield (syntax.replace(syntax.value(node), "null"),)


@operator("flip-boolean", "True becomes false, false becomes true")
def flip_boolean(node: Node, context: Context) -> Iterator[Edits]:
    """Of every argument, default and element."""
    if node.type == "bool_lit" and _is_made(node):
        yield (syntax.replace(node, "false" if syntax.text(node) == "true" else "true"),)


@operator("shift-number", "A number is one more")
def shift_number(node: Node, context: Context) -> Iterator[Edits]:
    """Days, timeouts, positions, the bounds of a validation; ports have an operator of their own."""
    if node.type != "numeric_lit" or not _is_made(node) or not syntax.text(node).isdigit():
        return
    around = next((each for each in syntax.ancestors(node) if each.type == "attribute"), None)
    if around is None or syntax.name(around) in ("from_port", "to_port"):
        return
    if syntax.is_inside(node, "variable") and _elements_around(node):
        return  # the retentions that CloudWatch offers
    yield (syntax.replace(node, str(int(syntax.text(node)) + 1)),)


@operator("weaken-setting", "A setting has its weaker value")
def weaken_setting(node: Node, context: Context) -> Iterator[Edits]:
    """Of those that a service offers."""
    if node.type not in ("attribute", "object_elem") or not _is_made(node):
        return
    found = [
        each
        for each in syntax.walk(syntax.value(node))
        if each.type == "literal_value" and syntax.literal(each) in _WEAKER
    ]
    nearest = [each for each in found if _holder(each) == node]
    for each in nearest:
        if syntax.name(node) not in ("values", "test", "effect"):
            yield (syntax.replace(each, f'"{_WEAKER[syntax.literal(each) or ""]}"'),)


@operator("break-name", "A name lacks its last part, so that two things meet in it")
def break_name(node: Node, context: Context) -> Iterator[Edits]:
    """Mostly the environment."""
    if node.type not in ("attribute", "object_elem") or not _is_made(node):
        return
    written = syntax.text(syntax.value(node))
    is_name = syntax.name(node) in _NAMES or syntax.name(node).endswith("_name")
    if is_name and _LAST_PART.search(written) and written.count("${") > 1:
        yield (syntax.replace(syntax.value(node), _LAST_PART.sub('"', written)),)


@operator("drop-tag", "A tag is not set")
def drop_tag(node: Node, context: Context) -> Iterator[Edits]:
    """Of those that everything has."""
    if node.type == "object_elem" and "tags" in syntax.address(node).split("/")[-2]:
        yield (syntax.remove_element(context.source, node),)


@operator("weaken-comparison", "A comparison or a conjunction is off by one case")
def weaken_comparison(node: Node, context: Context) -> Iterator[Edits]:
    """Bounds in and out, equal and unequal, and and or."""
    if node.type != "binary_operation":
        return
    for each in node.children:
        if other := _COMPARISONS.get(syntax.text(each)):
            yield (syntax.replace(each, other),)


@operator("swap-branches", "A choice takes the other way")
def swap_branches(node: Node, context: Context) -> Iterator[Edits]:
    """Of a conditional expression."""
    if node.type == "conditional":
        _, first, second = syntax.children(node, "expression")
        yield syntax.replace(first, syntax.text(second)), syntax.replace(second, syntax.text(first))


def _holder(node: Node) -> Node | None:
    return next((each for each in syntax.ancestors(node) if each.type in ("attribute", "object_elem")), None)


def _elements_around(node: Node) -> int:
    around = next((each for each in syntax.ancestors(node) if each.type == "tuple"), None)
    return len(syntax.children(around, "expression"))
