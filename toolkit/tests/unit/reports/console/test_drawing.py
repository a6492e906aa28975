"""Drawings of state machines: every state and every way is there, and nothing lies on anything else."""

from __future__ import annotations

import itertools
import re

import pytest

from meshtest.reports.console.drawing import Box, Drawing, draw

CAUGHT = [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]
PIPELINE = {
    "StartAt": "First",
    "States": {
        # By name, as Terraform writes them.
        "Failed": {"Type": "Fail"},
        "First": {"Type": "Task", "Next": "Second", "Catch": CAUGHT},
        "Second": {"Type": "Task", "Next": "Succeeded", "Catch": CAUGHT},
        "Succeeded": {"Type": "Succeed"},
    },
}
LOOP = {
    "StartAt": "Ask",
    "States": {
        "Ask": {"Type": "Task", "Next": "Ready"},
        "Ready": {"Type": "Choice", "Choices": [{"Next": "Done"}, {"Next": "Done"}], "Default": "Wait"},
        "Wait": {"Type": "Wait", "Next": "Ask"},
        "Done": {"Type": "Pass", "End": True},
    },
}
BRANCHES = {
    "StartAt": "Both",
    "States": {
        "Both": {"Type": "Parallel", "Branches": [PIPELINE, LOOP], "Next": "Each"},
        "Each": {"Type": "Map", "ItemProcessor": LOOP, "End": True},
    },
}
MACHINES = {"pipeline": PIPELINE, "loop": LOOP, "branches": BRANCHES}
machines = pytest.mark.parametrize("definition", MACHINES.values(), ids=MACHINES)


def ways(drawing: Drawing) -> set[tuple[str, str, bool]]:
    return {(way.source, way.target, way.is_error) for way in drawing.ways}


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@machines
def test_every_state_is_drawn_once(definition):
    assert sorted(box.name for box in draw(definition).boxes) == sorted(definition["States"])


def test_every_way_is_drawn_once():
    assert ways(draw(LOOP)) == {
        ("Ask", "Ready", False),
        ("Ready", "Done", False),
        ("Ready", "Wait", False),
        ("Wait", "Ask", False),
    }
    assert ways(draw(PIPELINE)) == {
        ("First", "Second", False),
        ("Second", "Succeeded", False),
        ("First", "Failed", True),
        ("Second", "Failed", True),
    }


@machines
def test_no_box_lies_on_another_or_outside(definition):
    drawing = draw(definition)
    assert [pair for pair in itertools.combinations(drawing.boxes, 2) if overlap(*pair)] == []
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height


@machines
def test_no_way_leaves_the_drawing(definition):
    drawing = draw(definition)
    assert drawing.ways
    for way in drawing.ways:
        # Paths are rounded to a tenth.
        assert max(float(x) for x in re.findall(r"[MH]([\d.]+)", way.path)) <= drawing.width + 0.1


def test_what_is_inside_of_a_state_fits_into_its_box():
    both, each = draw(BRANCHES).boxes
    assert (len(both.inner), len(each.inner)) == (2, 1)
    for box in (both, each):
        for x, y, inside in box.inner:
            assert x + inside.width <= box.width
            assert y + inside.height <= box.height


def test_states_stand_below_those_that_lead_to_them():
    y = {box.name: box.y for box in draw(PIPELINE).boxes}
    assert y["First"] < y["Second"] < y["Succeeded"] == y["Failed"]


def test_a_failure_stands_beside_the_usual_way():
    boxes = {box.name: box for box in draw(PIPELINE).boxes}
    assert boxes["Succeeded"].middle == boxes["First"].middle == boxes["Second"].middle
    assert boxes["Failed"].x > boxes["Succeeded"].x + boxes["Succeeded"].width


def test_ways_of_errors_to_one_state_share_a_lane():
    lanes = {way.path.split("H")[1].split("V")[0] for way in draw(PIPELINE).ways if way.is_error}
    assert len(lanes) == 1


def test_a_way_back_leaves_the_layers_as_they_are():
    y = {box.name: box.y for box in draw(LOOP).boxes}
    assert y["Ask"] < y["Ready"] < y["Wait"]


def test_a_machine_without_states_is_empty():
    assert draw({}).boxes == ()
