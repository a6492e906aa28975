"""The domain's rules on every stack: none fails, and none is left without its subject in all of them."""

from __future__ import annotations

import pytest

from meshtest import controls, toolchain
from meshtest.plan import Plan
from meshtest.terraform import workspace

STACKS = [
    "environments/dev",
    "environments/int",
    "environments/prod",
    "projects/project01",
    "projects/test02",
]


@pytest.fixture(scope="module")
def results(plan, infrastructure, foundation):
    """results(stack) → what became of each control on the stack's plan."""

    def results(stack: str) -> list[controls.Result]:
        variables = {"env": "dev"} if stack.startswith("projects/") else {}
        return controls.evaluate(Plan(plan(infrastructure / stack, variables)))

    return results


@pytest.mark.parametrize("stack", STACKS)
def test_no_control_fails(results, stack):
    bad = [controls.describe(each) for each in results(stack) if each.status in ("failed", "error")]
    assert bad == []


def test_every_control_has_something_to_look_at(results):
    applied = {each.control.id for stack in STACKS for each in results(stack) if each.status == "passed"}
    assert applied == {each.id for each in controls.all_controls()}


def test_every_stack_is_here():
    roots = workspace.roots(toolchain.ROOT / "infrastructure")
    assert set(STACKS) == {f"{root.parent.name}/{root.name}" for root in roots if root.name != "_template"}
