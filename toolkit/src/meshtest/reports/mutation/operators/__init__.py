"""The faults: each operator is a small function of a node that yields edits, registered under its id.

A fault is one that somebody could make, or that an attacker could wish for: a statement that is gone, a
condition that no longer holds anybody, a key that is not used. Comments and descriptions are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from tree_sitter import Node

from meshtest.terraform import syntax
from meshtest.terraform.syntax import Edit

_SUBJECTS = ("structure", "policies", "network", "values", "references", "pipelines")
Edits = tuple[Edit, ...]


@dataclass(frozen=True)
class Context:
    """What an operator may know beside the node.

    ``file`` is the path below infrastructure/, ``declared`` has the names of the folder's resources and
    data sources by type (``data.aws_x`` for the latter), and of its modules by source. ``required_of`` has
    the inputs without a default of the modules that it calls, by source.
    """

    file: str
    source: bytes
    declared: Mapping[str, tuple[str, ...]]
    required_of: Mapping[str, frozenset[str]]

    def required(self, block: Node) -> frozenset[str]:
        """The arguments that a module's call cannot do without; of other blocks none is known."""
        if syntax.block_type(block) != "module":
            return frozenset()
        source = syntax.literal(syntax.value(syntax.attributes(block)["source"]))
        return self.required_of.get(source or "", frozenset())


Function = Callable[[Node, Context], Iterator[Edits]]


@dataclass(frozen=True)
class Operator:
    """A kind of fault; ``mutate`` yields the edits of each that is possible at a node."""

    id: str
    title: str
    mutate: Function


_registered: dict[str, Operator] = {}


def operator(id: str, title: str) -> Callable[[Function], Function]:  # noqa: A002  (an id is what it is)
    """Register a function as an operator."""

    def register(mutate: Function) -> Function:
        if id in _registered:
            raise ValueError(f"operator {id} is there twice")
        _registered[id] = Operator(id, title, mutate)
        return mutate

    return register


@cache
def all_operators() -> tuple[Operator, ...]:
    """Every operator, subject by subject."""
    for subject in _SUBJECTS:
        import_module(f"{__name__}.{subject}")
    return tuple(_registered.values())
