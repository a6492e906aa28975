"""Plans of others, each with what is right.

Terraform 1.14 and the AWS provider 5.100 made them, before any apply; ``cases/`` holds them without what the
gate does not read. In ``spelled-*.json`` the name of a resource or of its module begins with what is right:
``ok`` holds, ``bad`` fails, ``und`` cannot be told from the plan.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import plans
import pytest

from meshtest.check.gate import judge
from meshtest.check.gate.exceptions import Excuse

CASES = Path(__file__).parent / "cases"
BUCKET, POLICY = "aws_s3_bucket.b", "aws_s3_bucket_policy.b"
HTTPS, BLOCK, VERSIONS = "s3-https-only", "s3-public-access-block", "s3-versioning"
ADMINISTRATOR, ACTION, RESOURCE = "iam-no-administrator", "iam-no-wildcard-action", "iam-no-wildcard-resource"


def plan(name: str) -> dict:
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def verdicts(name: str, control: str) -> dict[str, str]:
    """What the gate says of each resource that a control is about: "holds", "fails" or "undecided"."""
    report = judge(plan(name), name, ids=[control])
    found = {seen.resource.address: "holds" for seen in report.results[0].seen}
    for item in report.items:
        assert "could not be decided" not in item.message  # a form that the control trips over
        verdict = "undecided" if item.finding.error else "fails"
        before = found.get(item.finding.subject)
        found[item.finding.subject] = "fails" if "fails" in (before, verdict) else verdict
    return found


# ─── One by One ───

RIGHT = [
    (
        "companion",
        BLOCK,
        {'aws_s3_bucket.this["raw.zone"]': "holds", 'aws_s3_bucket.this["scratch"]': "fails"},
    ),
    (
        "companion",
        VERSIONS,
        {'aws_s3_bucket.this["raw.zone"]': "holds", 'aws_s3_bucket.this["scratch"]': "fails"},
    ),
    *(
        (
            "companion-of-all",
            control,
            {'aws_s3_bucket.this["raw.zone"]': "holds", 'aws_s3_bucket.this["scratch"]': "holds"},
        )
        for control in (BLOCK, VERSIONS)
    ),
    (
        "companion-in-modules",
        BLOCK,
        {
            'module.bucket["raw"].aws_s3_bucket.this': "holds",
            'module.bucket["scratch"].aws_s3_bucket.this': "fails",
        },
    ),
    ("sensitive", "s3-no-force-destroy", {"aws_s3_bucket.b": "undecided"}),
    ("sensitive", "subnet-private", {"aws_subnet.s": "undecided"}),
    ("sensitive", "kms-rotation", {"aws_kms_key.k": "undecided"}),
    ("sensitive", ADMINISTRATOR, {"aws_iam_role_policy_attachment.a": "undecided"}),
    (
        "sensitive",
        "sg-ingress",
        {
            "aws_security_group_rule.office": "undecided",
            "aws_vpc_security_group_ingress_rule.office": "undecided",
        },
    ),
    *(
        (
            "nested-tasks",
            control,
            {
                "aws_sfn_state_machine.sdk": "holds",
                "aws_sfn_state_machine.side": "fails",
                "aws_sfn_state_machine.tables": "fails",
            },
        )
        for control in ("sfn-sync", "sfn-catch", "sfn-timeout", "sfn-retry")
    ),
    (
        "administrators",
        ADMINISTRATOR,
        {
            "aws_iam_group_policy.etl": "fails",
            "aws_iam_policy.casing": "holds",
            "aws_iam_policy.everybucket": "holds",
            "aws_iam_policy.notresource": "holds",
            "aws_iam_policy.stars": "holds",
            "aws_iam_policy_attachment.everybody": "fails",
            "aws_iam_role.inline": "fails",
            "aws_iam_role.managed": "fails",
            "aws_iam_user_policy.etl": "fails",
            "aws_iam_user_policy_attachment.etl": "fails",
        },
    ),
    (
        "administrators",
        ACTION,
        {
            "aws_iam_group_policy.etl": "fails",
            "aws_iam_policy.casing": "holds",
            "aws_iam_policy.everybucket": "holds",
            "aws_iam_policy.notresource": "holds",
            "aws_iam_policy.stars": "fails",
            "aws_iam_role.inline": "fails",
            "aws_iam_user_policy.etl": "fails",
        },
    ),
    (
        "administrators",
        RESOURCE,
        {
            "aws_iam_group_policy.etl": "fails",
            "aws_iam_policy.casing": "fails",
            "aws_iam_policy.everybucket": "fails",
            "aws_iam_policy.notresource": "fails",
            "aws_iam_policy.stars": "holds",
            "aws_iam_role.inline": "fails",
            "aws_iam_user_policy.etl": "fails",
        },
    ),
    (
        "gate-foreach-pab-missing",
        BLOCK,
        {
            'aws_s3_bucket.b["abc-a-123456789012-dev"]': "holds",
            'aws_s3_bucket.b["abc-b-123456789012-dev"]': "fails",
        },
    ),
    *(
        (
            name,
            control,
            {
                'aws_s3_bucket.b["abc-a-123456789012-dev"]': "holds",
                'aws_s3_bucket.b["abc-b-123456789012-dev"]': "holds",
            },
        )
        for name, control in (("gate-foreach-pab-all", BLOCK), ("gate-foreach-policy-all", HTTPS))
    ),
    *(
        (f"gate-{name}", HTTPS, {BUCKET: right})
        for name, right in {
            "good-two-denies": "holds",
            "good-action-case": "holds",
            "good-action-list-bool": "holds",
            "good-principal-list": "holds",
            "good-policy-inline-arg": "holds",
            "bad-boolifexists-true": "fails",
            "bad-bucket-only": "fails",
            "bad-notprincipal": "fails",
            "bad-other-bucket": "fails",
            "crash-condition-list": "undecided",
            "crash-principal-str": "undecided",
            "crash-statement-null": "fails",
            "crash-statement-str": "undecided",
        }.items()
    ),
    (
        "gate-sg-unknown-cidr",
        "sg-ingress",
        {"aws_security_group.g": "undecided", "aws_security_group_rule.r": "undecided"},
    ),
    ("gate-sg-inline-all-ports", "sg-ports", {"aws_security_group.g": "fails"}),
    (
        "gate-user-policy-star",
        ADMINISTRATOR,
        {"aws_iam_user_policy.p": "fails", "aws_iam_user_policy_attachment.p": "fails"},
    ),
    ("gate-user-policy-star", ACTION, {"aws_iam_user_policy.p": "fails"}),
    ("gate-user-policy-star", RESOURCE, {"aws_iam_user_policy.p": "fails"}),
    ("gate-admin-managed-policy-arns", ADMINISTRATOR, {"aws_iam_role.r": "fails"}),
    (
        "gate-admin-policy-attachment",
        ADMINISTRATOR,
        {"aws_iam_policy_attachment.a": "fails", "aws_iam_role_policy_attachments_exclusive.a": "fails"},
    ),
    *(
        ("gate-inline-policy-star", control, {"aws_iam_role.r": "fails"})
        for control in (ADMINISTRATOR, ACTION, RESOURCE)
    ),
    ("gate-default-vpc", "vpc-no-internet", {"aws_default_vpc.v": "fails"}),
    ("gate-default-vpc", "subnet-private", {"aws_default_subnet.s": "fails"}),
]


@pytest.mark.parametrize(
    ("name", "control", "right"), RIGHT, ids=[f"{name}: {control}" for name, control, _ in RIGHT]
)
def test_every_resource_has_its_own_verdict(name, control, right):
    assert verdicts(name, control) == right


@pytest.mark.parametrize(
    ("name", "policy", "still_open"),
    [
        ("excepted-unknown", "aws_s3_bucket_policy.a_scratch", "aws_s3_bucket.z_customers"),
        ("gate-excepted-unknown-masks", "aws_s3_bucket_policy.a", "aws_s3_bucket.b"),
    ],
)
def test_an_exception_of_what_is_undecided_covers_that_alone(name, policy, still_open):
    bucket = policy.replace("_policy", "")
    for address in (policy, bucket):
        excuse = Excuse(HTTPS, address, "a@example.com", "Looked at by hand", date(2999, 1, 1))
        report = judge(plan(name), name, ids=[HTTPS], exceptions=[excuse])
        assert [item.address for item in report.excused] == [policy]
        assert [item.address for item in report.open] == [still_open]
        assert not report.passed


@pytest.mark.parametrize(
    ("control", "right"),
    [
        *(
            (
                control,
                {"module.s3.aws_s3_bucket.this[0]": "holds", "module.s3_log.aws_s3_bucket.this[0]": "holds"},
            )
            for control in (
                BLOCK,
                VERSIONS,
                "s3-customer-key",
                "s3-owner-enforced",
                "s3-lifecycle",
                "s3-no-acl",
            )
        ),
        # Of a policy that is built of an ARN which only the apply tells, a plan has no text.
        (
            HTTPS,
            {
                "module.s3.aws_s3_bucket.this[0]": "undecided",
                "module.s3_log.aws_s3_bucket.this[0]": "undecided",
            },
        ),
        *(
            (control, {"module.vpc.aws_vpc.this[0]": "holds"})
            for control in ("vpc-flow-log", "sg-default-empty")
        ),
        ("vpc-flow-log-retention", {"module.vpc.aws_cloudwatch_log_group.flow_log[0]": "holds"}),
        (
            "sg-ports",
            {
                "module.sg.aws_security_group_rule.ingress_rules[0]": "holds",
                "module.sg.aws_security_group_rule.ingress_with_self[0]": "holds",
            },
        ),
    ],
)
def test_modules_in_the_style_of_public_ones_hold_at_a_first_plan(control, right):
    """With count everywhere, locals, try, dynamic blocks and policies by data sources."""
    assert verdicts("public-modules", control) == right


@pytest.mark.parametrize(
    ("control", "of_bad"), [(ACTION, "fails"), (RESOURCE, "fails"), (ADMINISTRATOR, "holds")]
)
def test_a_document_that_the_apply_reads_is_decided_where_only_arns_are_missing(control, of_bad):
    """Its statements are in the plan; an ARN names something, whatever it is. Other values may be a star."""
    assert verdicts("documents", control) == {
        "aws_iam_policy.ok_document": "holds",
        "aws_iam_role_policy.bad_document": of_bad,
        "aws_iam_user_policy.und_document": "undecided",
        "aws_iam_user_policy.und_dynamic": "undecided",
        "aws_iam_policy.und_source": "undecided",
    }


# ─── By Their Names ───


def right_by_name(address: str) -> str:
    """What an address says of itself: by its last word that says it, or by the instance's key."""
    words = re.findall(r"\b(ok|bad|und|mix)_|[\"\[.](ok|bad)[\"\]]", re.sub(r"aws_\w+\.", "", address))
    said = [first or second for first, second in words if (first or second) != "mix"]
    return {"ok": "holds", "bad": "fails", "und": "undecided"}[said[-1]] if said else ""


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("spelled-links", BLOCK),
        ("spelled-s3", HTTPS),
        ("spelled-iam", ADMINISTRATOR),
        ("spelled-network", "sg-ingress"),
        ("spelled-network", "vpc-no-internet"),
    ],
)
def test_each_spelling_has_the_verdict_that_its_name_says(name, control):
    found = verdicts(name, control)
    named = {address: right for address in found if (right := right_by_name(address))}
    assert len(named) >= 9
    assert {address: found[address] for address in named} == named


def test_a_module_that_counts_is_told_apart():
    """By position: the names of `count` say nothing."""
    found = verdicts("spelled-links", BLOCK)
    prefix = "module.mix_count_literal.aws_s3_bucket.b"
    assert (found[f"{prefix}[0]"], found[f"{prefix}[1]"]) == ("holds", "fails")
    modules = [f"module.mix_module_count.module.b[{position}].aws_s3_bucket.this" for position in (0, 1)]
    assert [found[each] for each in modules] == ["fails", "holds"]


# ─── After an Apply ───


@pytest.mark.parametrize(("named", "right"), [("pl-1", "holds"), ("pl-2", "undecided")])
def test_after_an_apply_an_endpoints_prefix_list_is_known_by_its_id(named, right):
    applied = plans.plan(
        plans.resource("aws_vpc_endpoint.s3", {"service_name": "com.amazonaws.s3", "prefix_list_id": "pl-1"}),
        plans.resource(
            "aws_vpc_security_group_egress_rule.s3",
            {"from_port": 443, "ip_protocol": "tcp", "prefix_list_id": named, "to_port": 443},
        ),
    )
    (result,) = judge(applied, "applied", ids=["sg-egress"]).results
    assert ("undecided" if result.findings else "holds") == right
    assert [bool(finding.error) for finding in result.findings] == [True] * len(result.findings)
