"""The gate on real plans: clean as they are, stopped by each fault, each finding at its block in the HCL."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
from alterations import ALTERATIONS

from meshtest.check.gate import judge
from meshtest.check.gate.rendering import as_json, markdown, text
from meshtest.check.gate.sarif import sarif
from meshtest.tools import toolchain

ROOTS = {
    "bootstrap": "infrastructure/bootstrap",
    "foundation": "infrastructure/environments/dev",
    "project": "infrastructure/projects/_template",
}
IDS = [f"{control}: {fault}" for control, _, fault, _ in ALTERATIONS]


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch):
    monkeypatch.chdir(toolchain.ROOT)


def report(plan: dict, stack: str, **options):
    return judge(plan, ROOTS[stack], root=Path(ROOTS[stack]), **options)


@pytest.mark.parametrize("stack", ROOTS)
def test_the_stacks_pass_as_they_are(plans, stack):
    found = report(plans[stack], stack)
    assert found.passed, text(found)
    assert found.items == ()


@pytest.mark.parametrize(("control", "stack", "fault", "change"), ALTERATIONS, ids=IDS)
def test_a_fault_stops_the_plan_in_every_format(plans, control, stack, fault, change):
    altered = deepcopy(plans[stack])
    change(altered)
    found = report(altered, stack)
    assert not found.passed
    items = [item for item in found.open if item.control.id == control]
    assert items
    for item in items:
        assert item.location.file.startswith("infrastructure/")
    assert f"{control}:" in text(found)
    assert f"`{control}`" in markdown(found)
    assert control in {each["control"] for each in json.loads(as_json(found))["findings"]}
    assert control in {each["ruleId"] for each in json.loads(sarif(found))["runs"][0]["results"]}


def test_a_finding_names_the_block_two_modules_down(plans):
    altered = deepcopy(plans["foundation"])
    address = "module.foundation.module.s3_raw.aws_s3_bucket_public_access_block.this"
    (block,) = (each for each in altered["resource_changes"] if each["address"] == address)
    block["change"]["after"]["block_public_acls"] = False
    (item,) = report(altered, "foundation").open
    assert item.address.startswith("module.foundation.module.s3_raw.")
    lines = Path(item.location.file).read_text().splitlines()
    kind = item.address.split(".")[-2]
    assert lines[item.location.line - 1].startswith(f'resource "{kind}" "this"')
    assert item.location.file.startswith("infrastructure/modules/s3_bucket/")


def test_only_findings_that_are_severe_enough_stop(plans):
    altered = deepcopy(plans["foundation"])
    (key,) = (each for each in altered["resource_changes"] if each["type"] == "aws_kms_key")
    key["change"]["after"]["enable_key_rotation"] = False
    assert not report(altered, "foundation", fail_on="medium").passed
    found = report(altered, "foundation", fail_on="high")
    assert found.passed
    assert [item.control.id for item in found.open] == ["kms-rotation"]
