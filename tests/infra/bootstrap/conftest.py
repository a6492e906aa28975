"""The plans of bootstrap and of the stacks that its roles have to be able to make."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from operations import Asked, arn, document

from meshtest.check.plan import Plan
from meshtest.deploy.bootstrap_inputs import INPUTS
from meshtest.emulator import policy
from meshtest.terraform import foundation_state
from meshtest.testing.plans import PROJECTS, REGION, as_list


@pytest.fixture(scope="session")
def planned(plan, infrastructure) -> Plan:
    """The plan of bootstrap for all three environments in one account."""
    return Plan(plan(infrastructure / "bootstrap", INPUTS))


@pytest.fixture(scope="session")
def stacks(infrastructure, plan, foundation, endpoint) -> dict[str, Plan]:
    """The plans of the foundation and of the projects, in dev; also the projects' of prod, with dev's names.

    Triggers may be in prod alone.
    """
    dev = plan(infrastructure / "environments" / "dev")
    outputs = json.loads(json.dumps(dict(foundation)).replace("-dev", "-prod").replace("_dev", "_prod"))
    bucket = foundation_state.bucket(endpoint.account_id, "prod", infrastructure.parent)
    foundation_state.publish(endpoint, bucket, outputs)
    projects = {}
    for name in PROJECTS:
        projects[name] = plan(infrastructure / "projects" / name, {"env": "dev"})
        prod = json.dumps(dict(plan(infrastructure / "projects" / name, {"env": "prod"})))
        projects[f"{name} in prod"] = json.loads(prod.replace("-prod", "-dev").replace("_prod", "_dev"))
    return {name: Plan(found) for name, found in ({"foundation": dev} | projects).items()}


def naming(policy: dict[str, Any], action: str) -> dict[str, Any]:
    """A policy without the statements that name other actions only."""
    kept = [
        each
        for each in policy["Statement"]
        if "Action" not in each
        or any(fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(each["Action"]))
    ]
    return {**policy, "Statement": kept}


@pytest.fixture(scope="session")
def allows(planned) -> Callable[[str, Asked], bool]:
    """allows(role, asked) → whether IAM would: a policy and the boundary allow, and none denies."""
    attached: dict[str, list[dict[str, Any]]] = {}
    for attachment in planned.resources("aws_iam_role_policy_attachment"):
        name = attachment.get("policy_arn").rpartition("/")[2]
        attached.setdefault(attachment.get("role"), []).append(document(planned, name))
    bounds = {
        role.get("name"): document(planned, role.get("permissions_boundary").rpartition("/")[2])
        for role in planned.resources("aws_iam_role")
    }

    @cache
    def about(action: str, role: str) -> list[dict[str, Any]]:
        """What can decide on an action, the boundary first: most statements name others."""
        return [naming(each, action) for each in (bounds[role], *attached[role])]

    def allows(role: str, asked: Asked) -> bool:
        whom = arn("iam", f"role/{role}", region="")
        context = {"aws:PrincipalArn": whom, "aws:RequestedRegion": REGION, **asked.context}
        request = policy.Request(policy.Principal(), asked.action, asked.resource, context)
        bound, *said = (policy.evaluate(each, request) for each in about(asked.action, role))
        return (
            policy.Decision.DENY not in said
            and policy.Decision.ALLOW in said
            and bound is policy.Decision.ALLOW
        )

    return allows
