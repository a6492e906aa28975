"""AWS's lists against the controls: each demand is held or left out with a reason, never both or neither."""

from __future__ import annotations

import pytest

from meshtest.check.controls import all_controls
from meshtest.reports.evidence.aws_lists import demands, holders, named

DEMANDS = demands()
KNOWN = {each.id for each in all_controls()}


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.key)
def test_a_demand_is_held_or_left_out_with_the_reason(demand):
    assert bool(demand.reason) != bool(holders(demand, all_controls()))


def test_no_demand_is_there_twice():
    keys = [each.key for each in DEMANDS]
    assert sorted(set(keys)) == sorted(keys)


@pytest.mark.parametrize("control", all_controls(), ids=lambda control: control.id)
def test_what_a_control_names_is_in_the_lists(control):
    listed = {each.key: each for each in DEMANDS}
    assert set(named(control)) <= set(listed)
    requirements = {listed[key].cis for key in named(control)} - {""}
    assert requirements == set(filter(None, control.references.get("cis", "").split(", ")))


def test_what_comes_nearest_is_a_control():
    assert {control for each in DEMANDS for control in each.instead} <= KNOWN


def test_the_lists_are_those_of_the_standards():
    """How many there are of each service, counted on the pages that the file names."""
    fsbp = [each.id.partition(".")[0] for each in DEMANDS if each.fsbp]
    assert {service: fsbp.count(service) for service in sorted(set(fsbp))} == {
        "EC2": 31,
        "Glue": 2,
        "IAM": 9,
        "KMS": 4,
        "S3": 12,
        "StepFunctions": 1,
    }
    cis = {each.cis for each in DEMANDS if each.cis}
    assert {number for number in cis if number.startswith("1.")} == {f"1.{n}" for n in range(1, 23)}
    assert {number for number in cis if number.startswith("4.")} == {f"4.{n}" for n in range(1, 17)}
    assert {number for number in cis if number.startswith("5.")} == {f"5.{n}" for n in range(1, 7)}
