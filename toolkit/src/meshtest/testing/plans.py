"""What the tests ask of a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tftest

from meshtest.check.plan import Plan
from meshtest.domain.inputs import checkout
from meshtest.emulator import domain_region
from meshtest.tools import folders, toolchain

# The embedded AWS is in the domain's Region; the names of a plan are those of an example (plugin.py).
REGION = domain_region()
PROJECTS = folders.projects(toolchain.ROOT)

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


def jobs(project: str) -> list[str]:
    """The keys of a project's jobs, in the order of its jobs.tf."""
    return list(_local(project, "jobs.tf", "job_settings"))


def pipelines(project: str) -> dict[str, list[str]]:
    """The jobs of each of a project's pipelines, in their order."""
    found: dict[str, list[str]] = _local(project, "pipelines.tf", "pipeline_jobs")
    return found


def depends_on(project: str) -> list[str]:
    """The projects whose tables a project reads."""
    file = toolchain.ROOT / folders.PROJECTS / project / "project.json"
    named: list[str] = json.loads(file.read_text()).get("depends_on", [])
    return named


def _local(project: str, file: str, name: str) -> Any:
    return checkout.hcl_local((toolchain.ROOT / folders.PROJECTS / project / file).read_text(), name)
