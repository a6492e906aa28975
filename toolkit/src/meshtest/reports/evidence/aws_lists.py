"""What AWS's lists (FSBP, CIS AWS Foundations) demand of the domain's services: held, or left out and why."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from meshtest.check import controls as package
from meshtest.check.controls import Control

FILE = Path(package.__file__).with_name("aws_lists.toml")


@dataclass(frozen=True)
class Demand:
    """One control of the lists: its Security Hub id (empty if it has none), CIS requirement, FSBP or not.

    ``reason`` says why it is left out, and ``instead`` names the controls that come nearest; without a
    reason it is held.
    """

    title: str
    id: str = ""
    cis: str = ""
    fsbp: bool = False
    reason: str = ""
    note: str = ""
    instead: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The id by which controls name it: Security Hub's, else that of CIS."""
        return self.id or f"CIS {self.cis}"


def demands(file: Path = FILE) -> list[Demand]:
    """Every demand of the lists, in the file's order."""
    groups = tomllib.loads(file.read_text(encoding="utf-8"))["group"]
    return [
        Demand(
            **each,
            reason=group.get("reason", ""),
            note=group.get("note", ""),
            instead=tuple(group.get("instead", ())),
        )
        for group in groups
        for each in group["controls"]
    ]


def named(control: Control) -> list[str]:
    """The keys of the demands that a control says it meets."""
    hub = _split(control.references.get("security_hub", ""))
    return hub or [f"CIS {each}" for each in _split(control.references.get("cis", ""))]


def holders(demand: Demand, controls: Iterable[Control]) -> list[Control]:
    """The controls that meet a demand."""
    return [each for each in controls if demand.key in named(each)]


def _split(ids: str) -> list[str]:
    return [each for each in ids.split(", ") if each]
