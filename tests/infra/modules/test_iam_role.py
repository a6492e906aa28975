"""iam_role: a role for one service, on behalf of named resources of this account."""

from __future__ import annotations

import json

import pytest

from meshtest.testing.plans import resources, the


@pytest.fixture(scope="module")
def role(planned):
    return planned()


@pytest.mark.proves("iam-trust")
def test_the_service_assumes_it_for_the_named_resources_alone(role, inputs):
    (trust,) = json.loads(the(role, "aws_iam_role")["assume_role_policy"])["Statement"]
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
    assert trust["Principal"] == {"Service": "states.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": inputs["iam_role"]["source_arns"][0]},
    }


def test_it_has_the_given_policies(role, inputs):
    given = inputs["iam_role"]
    assert the(role, "aws_iam_role_policy")["name"] == "run"
    assert json.loads(the(role, "aws_iam_role_policy")["policy"]) == json.loads(
        given["inline_policies"]["run"]
    )
    attached = the(role, "aws_iam_role_policy_attachment")
    assert attached["policy_arn"] == given["managed_policy_arns"]["observability"]
    assert attached["role"] == given["name"]


def test_its_arn_is_known_in_a_plan(role):
    assert role.outputs["role_arn"] == "arn:aws:iam::123456789012:role/exa-inventory-rates-sfn-dev"


def test_a_role_may_have_no_policy_of_its_own(planned):
    role = planned(inline_policies={}, managed_policy_arns={})
    assert not resources(role, "aws_iam_role_policy")
    assert not resources(role, "aws_iam_role_policy_attachment")
