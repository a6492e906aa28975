"""The domain's rules on every stack: none fails, and none is left without its subject in all of them."""

from __future__ import annotations

import pytest

from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.deploy.bootstrap_inputs import INPUTS
from meshtest.terraform import workspace
from meshtest.testing.plans import PROJECTS
from meshtest.tools import folders, toolchain

INFRASTRUCTURE = toolchain.ROOT / "infrastructure"
ROOTS = (str(root.relative_to(INFRASTRUCTURE)) for root in workspace.roots(INFRASTRUCTURE))
STACKS = [root for root in ROOTS if root != "projects/_template"]


@pytest.fixture(scope="module")
def results(plan, infrastructure, foundation):
    """results(stack) → what became of each control on the stack's plan."""

    def results(stack: str) -> list[controls.Result]:
        variables = (
            INPUTS if stack == "bootstrap" else {"env": "dev"} if stack.startswith("projects/") else {}
        )
        return controls.evaluate(Plan(plan(infrastructure / stack, variables)))

    return results


@pytest.mark.parametrize("stack", STACKS)
def test_no_control_fails(results, stack):
    bad = [controls.describe(each) for each in results(stack) if each.status in ("failed", "error")]
    assert bad == []


@pytest.mark.proves(*(each.id for each in controls.all_controls()))
def test_every_control_has_something_to_look_at(results):
    applied = {each.control.id for stack in STACKS for each in results(stack) if each.status == "passed"}
    assert applied == {each.id for each in controls.all_controls()}


def test_every_stack_is_here():
    environments = {f"environments/{env}" for env in folders.environments(toolchain.ROOT)}
    assert set(STACKS) == {"bootstrap", *environments, *(f"projects/{name}" for name in PROJECTS)}
