"""The domain's rules on each module by itself, with its plainest inputs and with what its options change."""

from __future__ import annotations

import pytest
from inputs import INPUTS

from meshtest.check import controls
from meshtest.check.plan import Plan

HELD = {
    "external": (),
    "glue_catalog_database": ("glue-table-permissions",),
    "glue_catalog_table": (),
    "glue_iceberg_table": ("glue-table-location", "glue-table-optimizers"),
    "glue_job": (
        "glue-arguments",
        "glue-in-the-vpc",
        "glue-job-security-configuration",
        "glue-limits",
        "glue-s3a-region",
        "glue-version",
    ),
    "iam_glue_job": (
        "iam-key-use",
        "iam-no-wildcard-action",
        "iam-no-wildcard-resource",
        "iam-policy-quota",
        "iam-role-boundary",
        "iam-trust",
    ),
    "iam_role": (
        "iam-no-administrator",
        "iam-no-wildcard-action",
        "iam-no-wildcard-resource",
        "iam-role-boundary",
        "iam-trust",
    ),
    "iam_table_optimizer": (
        "iam-key-use",
        "iam-no-wildcard-action",
        "iam-no-wildcard-resource",
        "iam-role-boundary",
        "iam-trust",
    ),
    "own_tags": (),
    "project": (
        "glue-in-the-vpc",
        "glue-job-security-configuration",
        "glue-s3a-region",
        "glue-table-location",
        "glue-table-optimizers",
        "iam-key-use",
        "iam-no-wildcard-resource",
        "iam-role-boundary",
        "iam-trust",
        "iam-identity-providers",
        "iam-policy-quota",
        "logs-encrypted",
        "logs-retention",
        "sfn-definition",
        "sfn-outlasts-jobs",
    ),
    "s3_bucket": (
        "s3-access-logging",
        "s3-customer-key",
        "s3-https-only",
        "s3-lifecycle",
        "s3-no-acl",
        "s3-no-force-destroy",
        "s3-one-policy",
        "s3-own-key",
        "s3-owner-enforced",
        "s3-public-access-block",
        "s3-tls-1-2",
        "s3-versioning",
    ),
    "stepfunction_pipeline": (
        "logs-encrypted",
        "logs-retention",
        "sfn-catch",
        "sfn-definition",
        "sfn-logging",
        "sfn-retry",
        "sfn-sync",
        "sfn-timeout",
        "sfn-tracing",
    ),
}
# Options that trade a rule away, and the rule.
OPTIONS = [
    ("glue_job", {"connections": []}, "glue-in-the-vpc"),
    ("iam_glue_job", {"permissions_boundary_arn": ""}, "iam-role-boundary"),
    ("iam_role", {"permissions_boundary_arn": ""}, "iam-role-boundary"),
    ("iam_table_optimizer", {"permissions_boundary_arn": ""}, "iam-role-boundary"),
    ("s3_bucket", {"kms_key_arn": ""}, "s3-customer-key"),
    ("s3_bucket", {"sse_algorithm": "AES256", "kms_key_arn": ""}, "s3-customer-key"),
    ("s3_bucket", {"has_own_key": False}, "s3-own-key"),
    ("s3_bucket", {"enable_versioning": False}, "s3-versioning"),
    ("s3_bucket", {"force_destroy": True}, "s3-no-force-destroy"),
    ("s3_bucket", {"logging_bucket_id": ""}, "s3-access-logging"),
]


@pytest.fixture(scope="module")
def planned(plan, infrastructure):
    """planned(module, **changes) → the module's plan."""

    def planned(module: str, **changes):
        return Plan(plan(infrastructure / "modules" / module, {**INPUTS[module], **changes}))

    return planned


def test_every_module_is_here(infrastructure):
    assert set(HELD) == {folder.name for folder in (infrastructure / "modules").iterdir()}


@pytest.mark.parametrize(
    "module", [pytest.param(module, marks=pytest.mark.proves(*ids)) for module, ids in HELD.items() if ids]
)
def test_a_modules_rules_hold(planned, module):
    controls.assert_hold(planned(module), *HELD[module])


@pytest.mark.parametrize(
    ("module", "changes", "control"),
    [pytest.param(*each, marks=pytest.mark.notices(each[2])) for each in OPTIONS],
)
def test_an_option_that_trades_a_rule_away_is_noticed(planned, module, changes, control):
    (result,) = controls.evaluate(planned(module, **changes), [control])
    assert result.status == "failed"
