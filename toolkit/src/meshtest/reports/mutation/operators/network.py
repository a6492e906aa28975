"""The network opens: other addresses, ports, protocols; its log sees less."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from meshtest.reports.mutation.operators import Context, Edits, operator
from meshtest.terraform import syntax

_PORTS = {"from_port": "0", "to_port": "65535"}


@operator("widen-cidr", "A rule is for every address")
def widen_cidr(node: Node, context: Context) -> Iterator[Edits]:
    """Whatever the rule was for: a range of addresses, a security group or a list of prefixes."""
    targets = ("cidr_ipv4", "prefix_list_id", "referenced_security_group_id")
    if node.type == "attribute" and syntax.name(node) in targets:
        yield (syntax.replace(node, 'cidr_ipv4 = "0.0.0.0/0"'),)


@operator("widen-ports", "A rule is for more ports")
def widen_ports(node: Node, context: Context) -> Iterator[Edits]:
    """At either end."""
    if node.type != "attribute" or (widest := _PORTS.get(syntax.name(node))) is None:
        return
    if syntax.text(syntax.value(node)) != widest:
        yield (syntax.replace(syntax.value(node), widest),)


@operator("widen-protocol", "A rule is for every protocol")
def widen_protocol(node: Node, context: Context) -> Iterator[Edits]:
    """Which takes no ports: they go, too."""
    if node.type != "attribute" or syntax.name(node) != "ip_protocol":
        return
    rule = syntax.top(node)
    ports = [each for name, each in syntax.attributes(rule).items() if name in _PORTS]
    yield (
        syntax.replace(syntax.value(node), '"-1"'),
        *(syntax.remove_lines(context.source, each) for each in ports),
    )
