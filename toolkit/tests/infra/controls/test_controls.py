"""Every control holds on the real plans, and notices each fault that is put into them."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy

import pytest
from alterations import ALTERATIONS

from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.tools import toolchain

FAULTS = [
    pytest.param(*each, id=f"{each[0]}: {each[2]}", marks=pytest.mark.notices(each[0]))
    for each in ALTERATIONS
]
# What a stack has nothing of: by the beginning of the controls' ids.
ABSENT = {
    "bootstrap": ("glue-", "iam-trust", "logs-", "sfn-", "sg-", "sns-", "subnet-", "vpc-"),
    "foundation": (
        "glue-arguments",
        "glue-job",
        "glue-limits",
        "glue-s3a-region",
        "glue-table-location",
        "glue-table-optimizers",
        "glue-version",
        "iam-boundary-holds",
        "iam-by-tags",
        "iam-key-use",
        "iam-oidc",
        "sfn-",
    ),
    "project": (
        "bucket-names",
        "glue-security-configuration",
        "glue-table-permissions",
        "iam-boundary-holds",
        "iam-oidc",
        "kms-",
        "s3-",
        "sg-",
        "sns-",
        "subnet-",
        "vpc-",
    ),
}


def test_every_control_has_a_fault_to_notice():
    assert {control for control, *_ in ALTERATIONS} == {each.id for each in controls.all_controls()}


def test_every_control_is_proved_by_a_plan_and_has_been_seen_to_fail(tmp_path):
    """By the markers of the whole suite, live probes left out."""
    file = tmp_path / "proofs.json"
    folders = ("tests/infra", "toolkit/tests/infra")
    command = [sys.executable, "-m", "pytest", *folders, "--collect-only", "-qq", f"--proofs={file}"]
    subprocess.run(command, cwd=toolchain.ROOT, check=True, stdout=subprocess.DEVNULL)
    plans = [marks for test, marks in json.loads(file.read_text()).items() if "/live/" not in test]
    known = {each.id for each in controls.all_controls()}
    for marker in ("proves", "notices"):
        assert {control for marks in plans for control in marks[marker]} == known


@pytest.mark.parametrize("stack", ABSENT)
def test_the_controls_hold_where_there_is_something_to_look_at(plans, stack):
    results = controls.evaluate(Plan(plans[stack]))
    bad = [controls.describe(result) for result in results if result.status in ("failed", "error")]
    assert bad == []
    missing = {each.id for each in controls.all_controls() if each.id.startswith(ABSENT[stack])}
    assert {result.control.id for result in results if result.status == "not applicable"} == missing


@pytest.mark.parametrize(("control", "stack", "fault", "change"), FAULTS)
def test_a_control_notices_a_fault(plans, control, stack, fault, change):
    plan = deepcopy(plans[stack])
    address = change(plan)
    (result,) = controls.evaluate(Plan(plan), [control])
    if fault.startswith("unknown"):
        assert result.status == "error"
        assert address in result.error
    else:
        assert result.status == "failed"
        assert address in {finding.address for finding in result.findings}


# ─── What is said ───


def test_a_failure_shows_the_control_the_finding_and_the_place(plans):
    plan = deepcopy(plans["foundation"])
    change = next(change for control, _, _, change in ALTERATIONS if control == "s3-customer-key")
    change(plan)
    with pytest.raises(AssertionError) as caught:
        controls.assert_hold(Plan(plan), "s3-customer-key")
    for words in (
        "s3-customer-key (improvement P1-03, security_hub S3.17, checkov CKV_AWS_145)",
        "module.foundation.module.s3_raw.aws_s3_bucket.this",
        "declared in ../modules/s3_bucket",
        "encrypt with aws:kms, a key of your own in kms_master_key_id, and bucket_key_enabled",
    ):
        assert words in str(caught.value)


def test_a_control_with_nothing_to_look_at_does_not_hold(plans):
    with pytest.raises(AssertionError, match=r"s3-https-only .*: not applicable"):
        controls.assert_hold(Plan(plans["project"]), "s3-https-only")


def test_an_unknown_control_is_named(plans):
    with pytest.raises(KeyError, match="s3-http-only"):
        controls.assert_hold(Plan(plans["project"]), "s3-http-only")


def test_a_plan_is_the_same_after_the_controls(plans):
    before = json.dumps(plans["foundation"])
    controls.evaluate(Plan(plans["foundation"]))
    assert json.dumps(plans["foundation"]) == before
