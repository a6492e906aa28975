"""What the tests ask of a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tftest

from meshtest.plan import Plan

Values = dict[str, Any]


def resources(plan: tftest.TerraformPlanOutput, kind: str) -> dict[str, Values]:
    """The planned values of all managed resources of a type, by address, in every module."""
    return {resource.address: dict(resource.values) for resource in Plan(plan).resources(kind)}


def the(plan: tftest.TerraformPlanOutput, kind: str) -> Values:
    """The only resource of a type."""
    return dict(Plan(plan).the(kind).values)


def unknown(plan: tftest.TerraformPlanOutput, address: str) -> Values:
    """What is known only after the apply, of one resource."""
    found: Values = plan.resource_changes[address]["change"]["after_unknown"]
    return found


def statements(policy: str) -> dict[str, Values]:
    """A policy's statements by Sid (or position), with lists where IAM also takes single values."""
    found = json.loads(policy)["Statement"]
    return {
        statement.get("Sid", str(position)): {
            **statement,
            "Action": as_list(statement.get("Action", [])),
            "Resource": as_list(statement.get("Resource", [])),
        }
        for position, statement in enumerate(as_list(found))
    }


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def refusal(terraform: tftest.TerraformTest, **options: Any) -> str:
    """The error of a plan that must fail, its lines joined."""
    with pytest.raises(tftest.TerraformTestError) as caught:
        terraform.plan(lock=False, **options)
    return " ".join(str(caught.value.cmd_error).split())
