"""The team's own tags (setup/tags.json) are on everything that takes tags, in every stack."""

from __future__ import annotations

import json

import pytest

from meshtest.check.controls.naming import TAGS
from meshtest.check.plan import Plan
from meshtest.deploy.bootstrap_inputs import INPUTS
from meshtest.terraform import workspace
from meshtest.tools import toolchain

INFRASTRUCTURE = toolchain.ROOT / "infrastructure"
ROOTS = (str(root.relative_to(INFRASTRUCTURE)) for root in workspace.roots(INFRASTRUCTURE))
STACKS = [root for root in ROOTS if root != "projects/_template"]
OWN = {"CostCentre": "4711", "data-class": "internal"}


@pytest.fixture
def given(infrastructure):
    """given(text) → setup/tags.json with that content, or gone; as it was afterwards."""
    file = infrastructure.parent / "setup" / "tags.json"
    good = file.read_text()

    def given(text: str | None) -> None:
        file.unlink() if text is None else file.write_text(text)

    yield given
    file.write_text(good)


@pytest.fixture
def tagged(terraform, infrastructure, foundation):
    """tagged(stack) → the tags of each resource of its plan that takes some."""

    def tagged(stack: str) -> dict[str, dict[str, str]]:
        variables = (
            {name: json.dumps(value) for name, value in INPUTS.items()} if stack == "bootstrap" else {}
        )
        if stack.startswith("projects/"):
            variables = {"env": "dev"}
        planned = terraform(infrastructure / stack).plan(output=True, tf_vars=variables, lock=False)
        found = Plan(planned).resources()
        return {each.address: each.get("tags_all") or {} for each in found if "tags_all" in each.values}

    return tagged


@pytest.mark.parametrize("stack", STACKS)
def test_everything_carries_the_teams_own_tags(stack, given, tagged):
    given(json.dumps({"$schema": "schemas/tags.schema.json", **OWN}))
    found = tagged(stack)
    assert found
    assert [address for address, tags in found.items() if not OWN.items() <= tags.items()] == []
    assert {name for tags in found.values() for name in tags} - {"Name"} == {*OWN, *TAGS}


@pytest.mark.parametrize("text", [None, "{}"])
def test_no_team_needs_any(text, given, tagged, example_project):
    given(text)
    assert {name for tags in tagged(f"projects/{example_project.name}").values() for name in tags} == set(
        TAGS
    )
