"""What make bench-plan plans: all there is, with variables that do."""

from __future__ import annotations

import bench_plan
import pytest

from meshtest.terraform import workspace


def test_it_plans_every_module_and_every_stack(infrastructure):
    modules = set((infrastructure / "modules").iterdir())
    stacks = {root for root in workspace.roots(infrastructure) if root.name != "_template"}
    assert {root for root, _, _ in bench_plan.cases(infrastructure)} == modules | stacks


@pytest.mark.usefixtures("foundation")
def test_every_root_is_planned_with_the_variables_it_gets(infrastructure, plan):
    for root, variables, _ in bench_plan.cases(infrastructure):
        bench_plan.check(plan(root, variables), root)
