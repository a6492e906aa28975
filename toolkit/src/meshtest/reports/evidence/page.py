"""The evidence as one HTML page that asks for nothing from anywhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from meshtest.check.gate import SEVERITIES
from meshtest.check.plan import Resource
from meshtest.reports.evidence import pictures
from meshtest.reports.evidence.aws_lists import Demand, holders
from meshtest.reports.evidence.model import Entry, Evidence
from meshtest.reports.evidence.plans import FOUNDATION
from meshtest.reports.evidence.results import Kind, Proof

LISTS = {
    "improvement": "Improvement",
    "security_hub": "Security Hub",
    "cis": "CIS 3.0",
    "checkov": "checkov",
}
# What a proof of a kind is called, alone and in number, and what having none of it means.
KINDS: dict[Kind, tuple[str, str, str]] = {
    "assertion": ("Plan assertions", "tests that hold the plan to it", "No plan assertion is declared."),
    "fault": (
        "Seen to fail",
        "faults put into a plan, each of which it has to notice",
        "No fault is declared.",
    ),
    "probe": ("Live probes", "questions to the running domain", "No live probe is declared."),
    "counter-probe": (
        "Counter-probes",
        "the same questions to something wrong, which has to be seen",
        "No counter-probe is declared.",
    ),
}


@dataclass(frozen=True)
class Tested:
    """The cases of one test for one control, and how each outcome's number is told."""

    name: str
    cases: tuple[Proof, ...]

    @property
    def words(self) -> str:
        """The test's name as a sentence."""
        file, _, test = self.name.partition("::")
        topic = Path(file).stem.removeprefix("test_")
        return f"{topic}: {test.removeprefix('test_')}".replace("_", " ")

    @property
    def verdict(self) -> str:
        """Of all its cases."""
        return verdict(self.cases)


def render(evidence: Evidence) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.get_template("page.html.j2")
    return template.render(
        evidence=evidence,
        counts=Counter(each.status for each in evidence.entries),
        outcomes=outcomes(evidence.entries),
        severities=SEVERITIES,
        subjects=sorted({each.subject for each in evidence.entries}),
        lists=LISTS,
        kinds=KINDS,
        tested=tested,
        verdict=verdict,
        told=told,
        search_text=search_text,
        left_out=left_out(evidence.demands),
        holders=lambda demand: holders(demand, (each.control for each in evidence.entries)),
        architecture=Markup(pictures.architecture(evidence.plans, FOUNDATION)),  # noqa: S704  (Graphviz escapes)
        machines={
            name: Markup(drawn)  # noqa: S704
            for plan in evidence.plans.values()
            for name, drawn in pictures.state_machines(plan).items()
        },
        inventory={root: _by_type(plan.resources()) for root, plan in evidence.plans.items()},
    )


def tested(proofs: Iterable[Proof]) -> list[Tested]:
    """Proofs by test, in order."""
    found: dict[str, list[Proof]] = defaultdict(list)
    for proof in proofs:
        found[proof.name].append(proof)
    return [Tested(name, tuple(cases)) for name, cases in found.items()]


def verdict(proofs: Iterable[Proof]) -> str:
    """Of several: "failed" if one did, "passed" if all did, "none", else "incomplete" or "not run"."""
    outcomes = {proof.outcome for proof in proofs}
    if not outcomes:
        return "none"
    if "failed" in outcomes:
        return "failed"
    if outcomes == {"passed"}:
        return "passed"
    return "incomplete" if "passed" in outcomes else "not run"


def told(proofs: Iterable[Proof]) -> str:
    """How many of several came out how: "5 passed", "3 passed, 2 not run"; why a test was skipped."""
    counts = Counter(proof.outcome for proof in proofs)
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "none"


def outcomes(entries: Iterable[Entry]) -> dict[str, int]:
    """How many tests speak for the controls, by outcome; a skipped one has not run."""
    tests = {proof.test: proof.outcome for entry in entries for proof in entry.proofs}
    counts = Counter(outcome if outcome in ("passed", "failed") else "not run" for outcome in tests.values())
    return {outcome: counts[outcome] for outcome in ("passed", "failed", "not run")}


def left_out(demands: Iterable[Demand]) -> dict[str, list[Demand]]:
    """The demands that no control holds, by the reason, in the file's order."""
    found: dict[str, list[Demand]] = defaultdict(list)
    for demand in demands:
        if demand.reason:
            found[demand.reason].append(demand)
    return dict(found)


def search_text(entry: Entry) -> str:
    """What the search of the page looks through for a control."""
    tests = sorted({proof.name for proof in entry.proofs})
    addresses = sorted({each.address for each in entry.holdings})
    references = [f"{LISTS[name]} {ids}" for name, ids in entry.control.references.items()]
    return " ".join([entry.control.id, entry.control.title, *references, *addresses, *tests]).lower()


def _by_type(resources: Iterable[Resource]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in resources:
        found[each.type].append(each.address)
    return dict(sorted(found.items()))
