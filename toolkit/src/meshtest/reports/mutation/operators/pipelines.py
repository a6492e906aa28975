"""Lists and definitions lose an element, or have two in the wrong order; a state machine loses its safety."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from meshtest.reports.mutation.operators import Context, Edits, operator
from meshtest.terraform import syntax

_OTHER_STATE = {
    "Fail": "Succeed",
    "Succeed": "Fail",
    "States.ALL": "States.Timeout",
    "$.failure": "$.other",
    "$.failure.Cause": "$.failure.Error",
    "$.failure.Error": "$.failure.Cause",
}


@operator("drop-field", "A field of an object is gone")
def drop_field(node: Node, context: Context) -> Iterator[Edits]:
    """Retry, Catch, Next, TimeoutSeconds of a state, an argument of a job; tags are apart."""
    if node.type != "object_elem" or not syntax.is_inside(node, "locals", "resource", "module"):
        return
    address = syntax.address(node).split("/")
    if "tags" not in address[-2] and syntax.name(node) not in ("test", "variable", "description"):
        yield (syntax.remove_element(context.source, node),)


@operator("drop-element", "An element of a list is gone")
def drop_element(node: Node, context: Context) -> Iterator[Edits]:
    """The first and the last; actions and conditions have operators of their own."""
    if node.type != "tuple" or not syntax.is_inside(node, "locals", "resource", "module"):
        return
    is_apart = _where(node)[-1] in ("actions", "conditions", "identifiers", "depends_on")
    if is_apart or "statement" in _where(node):
        return
    found = syntax.children(node, "expression")
    for each in sorted({0, len(found) - 1}) if len(found) > 1 else ():
        yield (syntax.remove_element(context.source, found[each]),)


@operator("swap-elements", "Two steps run in the wrong order")
def swap_elements(node: Node, context: Context) -> Iterator[Edits]:
    """The first two jobs of a pipeline."""
    if node.type != "tuple" or "pipeline_jobs" not in _where(node):
        return
    first, second, *_ = syntax.children(node, "expression")
    yield syntax.replace(first, syntax.text(second)), syntax.replace(second, syntax.text(first))


@operator("break-state", "A state is another one, catches less, or tells nothing")
def break_state(node: Node, context: Context) -> Iterator[Edits]:
    """In the definition of a state machine; a job that is not waited for, too."""
    if node.type not in ("literal_value", "template_expr") or not syntax.is_inside(node, "locals"):
        return
    if other := _OTHER_STATE.get(syntax.literal(node) or ""):
        yield (syntax.replace(node, f'"{other}"'),)
    if syntax.text(node).endswith('startJobRun.sync"'):
        yield (syntax.replace(node, syntax.text(node).replace(".sync", "")),)


def _where(node: Node) -> list[str]:
    return [step.split(".")[0] for step in syntax.address(node).split("/")]
