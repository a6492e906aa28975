"""Nothing that a plan marks as sensitive reaches a control, hence a report or a comment."""

from __future__ import annotations

import json
from pathlib import Path

import plans
import pytest

from meshtest.check.gate import __main__ as gate
from meshtest.check.gate.masking import MASK, masked
from meshtest.deploy.github import comment

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("value", "marks", "expected"),
    [
        ({"a": SECRET, "b": 1}, {"a": True}, {"a": MASK, "b": 1}),
        (
            {"a": {"b": [{"c": SECRET}, {"c": "x"}]}},
            {"a": {"b": [{"c": True}, {}]}},
            {"a": {"b": [{"c": MASK}, {"c": "x"}]}},
        ),
        ({"a": [SECRET, "x"]}, {"a": [True]}, {"a": [MASK, "x"]}),
        ({"a": {"b": SECRET}}, {"a": True}, {"a": MASK}),
        ({"a": None}, {"a": True}, {"a": None}),
        ({"a": "x"}, {}, {"a": "x"}),
        ({"a": "x"}, False, {"a": "x"}),
    ],
)
def test_marks_of_every_shape(value, marks, expected):
    data = plans.plan(plans.resource("aws_x.this", value, after_sensitive=marks))
    assert masked(data)["resource_changes"][0]["change"]["after"] == expected


def test_what_was_there_before_and_outputs_are_masked_too():
    data = plans.plan(plans.resource("aws_x.this", {}, before={"a": SECRET}, before_sensitive={"a": True}))
    data["output_changes"] = {"x": {"actions": ["create"], "after": SECRET, "after_sensitive": True}}
    data["planned_values"] = {"outputs": {"x": {"value": SECRET, "sensitive": True}}}
    data["variables"] = {"password": {"value": SECRET}}
    data["prior_state"] = {"values": {"outputs": {"x": {"value": SECRET, "sensitive": True}}}}
    assert SECRET not in json.dumps(masked(data))


@pytest.fixture
def folder(tmp_path):
    """What setup/deploy.sh leaves of a plan whose bucket policy is sensitive and broken."""
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": f"s3:{SECRET}", "Resource": SECRET}]})
    resources = [
        plans.resource("aws_s3_bucket.this", {"bucket": SECRET}, after_sensitive={"bucket": True}),
        plans.resource("aws_s3_bucket_policy.this", {"policy": policy}, after_sensitive={"policy": True}),
        plans.resource("aws_iam_role_policy.this", {"policy": policy}, after_sensitive={"policy": True}),
    ]
    (tmp_path / "plan.json").write_text(json.dumps(plans.plan(*resources)))
    (tmp_path / "plan.txt").write_text("policy = (sensitive value)")
    return tmp_path


def test_no_report_and_no_comment_shows_a_sensitive_value(folder, capsys):
    names = [str(folder / f"gate.{ending}") for ending in ("txt", "md", "sarif", "json")]
    gate.main([str(folder / "plan.json"), *(part for name in names for part in ("--output", name))])
    text = comment.section("root", folder)
    assert "is sensitive" in text  # it has been looked at
    for report in (*(Path(name).read_text() for name in names), text, capsys.readouterr().out):
        assert SECRET not in report


def test_a_policy_that_cannot_be_read_is_undecided_not_a_pass(folder, capsys):
    gate.main([str(folder / "plan.json"), "--only", "iam-no-wildcard-action"])
    assert "undecided: aws_iam_role_policy.this: policy is sensitive" in capsys.readouterr().out
