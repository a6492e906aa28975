"""The checker of definitions beside an outside witness: the same verdict, or AWS's word for another."""

from __future__ import annotations

import json

import pytest
from states_witness import CASES, NO_JSONATA, Case

from meshtest.check.states_language import diagnose


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_verdict_is_right(case: Case) -> None:
    found = diagnose(json.dumps(case.definition))
    assert (not found) == case.is_valid, found
    assert len(found) <= 2  # one fault does not raise a crowd


@pytest.mark.parametrize("case", NO_JSONATA.values(), ids=NO_JSONATA)
def test_the_gate_leaves_jsonata_to_the_embedded_aws(case: Case) -> None:
    assert not diagnose(json.dumps(case.definition))


def test_the_witness_is_of_another_opinion_in_few_cases() -> None:
    """A reason is only there for a difference, so a list that grows would show here."""
    different = {name for name, case in (CASES | NO_JSONATA).items() if case.witness != case.is_valid}
    assert different == {
        "a placeholder as resource",
        "an expression in lines",
        "an expression without spaces",
        "credentials that are a text",
    }
