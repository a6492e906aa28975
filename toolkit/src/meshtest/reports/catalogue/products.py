"""Read the domain's data products: each project's contract, dependencies and pipelines."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core import contract, odcs
from meshtest.domain.inputs import checkout, rules

LAYERS = ("raw", "refined", "curated")


@dataclass(frozen=True)
class Property:
    """A column of a table, in the words of its contract."""

    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The column's name."""
        return odcs.physical_name(self.described)

    @property
    def type(self) -> str:
        """The column's Glue type."""
        return odcs.physical_type(self.described)

    @property
    def description(self) -> str:
        """What it holds."""
        return str(self.described.get("description", ""))

    @property
    def classification(self) -> str:
        """Who may see it, in the contract's word; empty if it says nothing."""
        return str(self.described.get("classification", ""))

    @property
    def is_hidden(self) -> bool:
        """Whether its values are not for everybody."""
        return not rules.is_open(self.classification)

    @property
    def promises(self) -> list[str]:
        """What its values keep, one promise a line."""
        said = self.described
        return [
            *(["key"] if said.get("primaryKey") else []),
            *(["required"] if said.get("required") else []),
            *(["unique"] if said.get("unique") else []),
            *(["partition"] if said.get("partitioned") else []),
            *(f"{name} {value}" for name, value in (said.get("logicalTypeOptions") or {}).items()),
            *(f"in {each['to']}" for each in said.get("relationships") or [] if "to" in each),
            *map(_quality, said.get("quality") or []),
        ]


@dataclass(frozen=True)
class Object:
    """A table of a product."""

    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The table's name in the catalog."""
        return odcs.physical_name(self.described)

    @property
    def layer(self) -> str:
        """Raw, refined or curated."""
        return odcs.layer(self.described)

    @property
    def description(self) -> str:
        """What it holds."""
        return str(self.described.get("description", ""))

    @property
    def properties(self) -> list[Property]:
        """Its columns."""
        return [Property(each) for each in self.described.get("properties") or []]

    @property
    def promises(self) -> list[str]:
        """What its rows keep, one promise a line."""
        return [_quality(each) for each in self.described.get("quality") or []]

    @property
    def hidden(self) -> frozenset[str]:
        """The columns whose values are not for everybody."""
        return frozenset(each.name for each in self.properties if each.is_hidden)


@dataclass(frozen=True)
class Product:
    """What a project offers."""

    name: str
    contract: Mapping[str, Any]
    depends_on: Sequence[str]
    pipelines: Mapping[str, Sequence[str]]

    @property
    def purpose(self) -> str:
        """What it is for."""
        return str((self.contract.get("description") or {}).get("purpose", ""))

    @property
    def owner(self) -> str:
        """The team that answers for it."""
        return str((self.contract.get("team") or {}).get("name", ""))

    @cached_property
    def objects(self) -> list[Object]:
        """Its tables, those for readers first."""
        found = [Object(each) for each in self.contract.get("schema") or []]
        return sorted(found, key=lambda each: -LAYERS.index(each.layer))


def products(top: Path) -> list[Product]:
    """Return the products of a checkout that is in order, by name."""
    return list(_products(checkout.read(top)))


def _products(read: checkout.Checkout) -> Iterator[Product]:
    for name in read.projects:
        agreed = read.of_project(name, contract.FILE)
        if not name.startswith("_") and agreed:
            needed = (read.of_project(name, "project.json") or {}).get("depends_on", [])
            yield Product(name, agreed, needed, read.of_project(name, "pipelines.tf") or {})


class _Every:
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


def hidden_columns(top: Path, database: str, table: str) -> Container[str]:
    """Return the columns of a table in the catalog whose values are not for everybody.

    They are all of them where no contract describes the table, and one that might cannot be read.
    """
    read = checkout.read(top)
    objects = (each for product in _products(read) for each in product.objects)
    found = (each.hidden for each in objects if each.name == table and f"_{each.layer}_" in database)
    is_unread = any(read.of_project(name, contract.FILE) is None for name in read.projects)
    return next(found, _Every() if is_unread else frozenset())


def _quality(rule: Mapping[str, Any]) -> str:
    """A quality rule in words: the contract's own, else its metric or query with its limits."""
    if rule.get("description"):
        return str(rule["description"])
    limits = " ".join(f"{name} {rule[name]}" for name in odcs.OPERATORS if name in rule)
    return f"{rule.get('metric') or rule.get('query') or rule.get('type', '')} {limits}".strip()
