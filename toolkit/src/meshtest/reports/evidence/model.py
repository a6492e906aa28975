"""The evidence: for each control what it looked at, what speaks for it, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from meshtest.check import controls
from meshtest.check.controls import Control, Result
from meshtest.check.plan import Plan
from meshtest.reports.evidence.aws_lists import Demand
from meshtest.reports.evidence.results import Kind, Mutant, Mutation, Proof

State = Literal["ran", "failed", "missing", "stale"]


@dataclass(frozen=True)
class Source:
    """Where a part of the evidence comes from: whether it ran, and in words when, where, or why not."""

    name: str
    state: State
    words: str


@dataclass(frozen=True)
class Holding:
    """One thing that a control looked at in a root's plan."""

    root: str
    address: str
    found: str
    expected: str
    holds: bool


@dataclass(frozen=True)
class Entry:
    """A control with all that speaks for it; `errors` are why it could not be decided, by root."""

    control: Control
    holdings: tuple[Holding, ...]
    errors: tuple[str, ...]
    proofs: tuple[Proof, ...]
    mutants: tuple[Mutant, ...]

    @property
    def status(self) -> str:
        """What became of it: "failed", "error", "not applicable" or "passed"."""
        if any(not each.holds for each in self.holdings) or self.failures:
            return "failed"
        if self.errors:
            return "error"
        return "passed" if self.holdings else "not applicable"

    @property
    def failures(self) -> tuple[Proof, ...]:
        """The tests of it that failed."""
        return tuple(each for each in self.proofs if each.outcome == "failed")

    def of(self, kind: Kind) -> tuple[Proof, ...]:
        """The tests of a kind."""
        return tuple(each for each in self.proofs if each.kind == kind)

    @property
    def subject(self) -> str:
        """The module of the control: "s3", "iam", …."""
        return self.control.check.__module__.rpartition(".")[2]

    @property
    def page(self) -> str:
        """The public page that it follows; empty if it names none."""
        words = (self.control.check.__doc__ or "").split()
        return words[0].rstrip(".") if words and words[0].startswith("https://") else ""

    @property
    def demand(self) -> str:
        """What else its author says of it."""
        text = self.control.check.__doc__ or ""
        return " ".join(text.replace(f"{self.page}.", "").split()) if self.page else " ".join(text.split())


@dataclass(frozen=True)
class Evidence:
    """Everything that the page shows."""

    entries: tuple[Entry, ...]
    demands: tuple[Demand, ...]
    sources: tuple[Source, ...]
    mutation: Mutation | None
    plans: Mapping[str, Plan]
    versions: Mapping[str, str]
    packages: Mapping[str, str]

    @property
    def failing(self) -> tuple[Entry, ...]:
        """The controls that do not hold, or that nothing was seen of."""
        return tuple(each for each in self.entries if each.status != "passed")


def entries(
    plans: Mapping[str, Plan], proofs: Mapping[str, Sequence[Proof]], mutation: Mutation | None
) -> tuple[Entry, ...]:
    """Hold every control against every plan, and put beside it what else speaks for it."""
    results = {root: controls.evaluate(plan) for root, plan in plans.items()}
    mutants = mutation.mutants if mutation else ()
    return tuple(
        Entry(
            control,
            tuple(holding for root, found in results.items() for holding in _holdings(root, found[position])),
            tuple(
                f"{root}: {found[position].error}" for root, found in results.items() if found[position].error
            ),
            tuple(proofs.get(control.id, ())),
            tuple(each for each in mutants if control.id in each.controls),
        )
        for position, control in enumerate(controls.all_controls())
    )


def _holdings(root: str, result: Result) -> list[Holding]:
    return [
        Holding(
            root,
            seen.resource.address,
            shown(seen.found),
            shown(seen.expected),
            holds=seen.holds,
        )
        for seen in result.seen
    ]


def shown(value: Any) -> str:
    """A found or expected value as people read it: lists by commas, what is empty as "none"."""
    if value is None or value in ([], (), {}, set(), ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(shown, value)))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_part, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{_part(key)}: {_part(inner)}" for key, inner in value.items())
    return str(value)


def _part(value: Any) -> str:
    return f"({shown(value)})" if isinstance(value, (list, tuple)) and value else shown(value)
