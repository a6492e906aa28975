"""A small plan in Terraform's JSON, and evidence made of it."""

from __future__ import annotations

import json
from typing import Any

from meshtest.check.controls import all_controls
from meshtest.check.plan import Plan
from meshtest.reports.evidence.aws_lists import demands
from meshtest.reports.evidence.model import Evidence, Source, entries
from meshtest.reports.evidence.plans import FOUNDATION
from meshtest.reports.evidence.results import Mutant, Mutation, Proof

HOSTILE = '<img src=x onerror="alert(1)">&"'
TEST = "tests/infra/modules/test_x.py::test_the_key_rotates"
DEFINITION = {
    "StartAt": "First",
    "States": {
        "First": {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": "load"},
            "TimeoutSeconds": 600,
            "Next": "Done",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
        },
        "Done": {"Type": "Succeed"},
        "Failed": {"Type": "Fail"},
    },
}


def resource(kind: str, name: str, /, **values: Any) -> dict[str, Any]:
    return {
        "address": f"{kind}.{name}",
        "mode": "managed",
        "type": kind,
        "change": {"actions": ["create"], "after": values, "after_unknown": {}},
    }


def foundation(*, rotates: bool = True) -> Plan:
    return Plan(
        {
            "configuration": {},
            "resource_changes": [
                resource("aws_kms_key", "data", enable_key_rotation=rotates),
                resource("aws_kms_alias", "data", name="alias/data"),
                resource("aws_s3_bucket", "raw", bucket=HOSTILE),
            ],
        }
    )


def project() -> Plan:
    machine = {
        "name": "pipeline",
        "role_arn": "arn:aws:iam::1:role/runs",
        "definition": json.dumps(DEFINITION),
    }
    table = {"name": "rates", "database_name": "raw", "storage_descriptor": [{"location": "s3://raw/rates/"}]}
    return Plan(
        {
            "configuration": {},
            "resource_changes": [
                resource("aws_sfn_state_machine", "this", **machine),
                resource("aws_glue_job", "load", name="load", role_arn="arn:aws:iam::1:role/loads"),
                resource("aws_glue_catalog_table", "rates", **table),
                resource("aws_iam_role_policy", "load", role="loads", policy=json.dumps(rights())),
            ],
        }
    )


def rights() -> dict[str, Any]:
    return {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["glue:GetTable", "glue:UpdateTable"],
                "Resource": ["arn:aws:glue:eu-central-1:1:table/raw/rates"],
            }
        ]
    }


def evidence(*, rotates: bool = True, outcome: str = "passed", mutation: Mutation | None = None) -> Evidence:
    """Of two plans, one test for each control that ended with `outcome`, and hostile names."""
    plans = {FOUNDATION: foundation(rotates=rotates), "projects/p": project()}
    proofs = {
        each.id: [
            Proof(each.id, "assertion", TEST, outcome),
            Proof(each.id, "fault", f"{TEST}[{HOSTILE}]", outcome),
        ]
        for each in all_controls()
    }
    return Evidence(
        entries=entries(plans, proofs, mutation),
        demands=tuple(demands()),
        sources=(Source("Live probes", "missing", "no live probes run"),),
        mutation=mutation,
        plans=plans,
        versions={"Domain": "example", "Version": "1.0.0", "Made": "today", "Terraform": "1.14"},
        packages={"moto": "5"},
    )


def mutated() -> Mutation:
    return Mutation(
        0.975,
        0.88,
        (Mutant("m1", "infrastructure/foundation/kms.tf", 3, "flip", "killed", ("kms-rotation",)),),
    )
