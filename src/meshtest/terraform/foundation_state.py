"""The foundation's remote state, as an apply would leave it: what project stacks plan against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meshtest.emulator import Endpoint

# What only an apply tells.
APPLIED: Mapping[str, Any] = {
    "glue_job_security_group_id": "sg-0123456789abcdef0",
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1111-2222",
    "kms_key_id": "1111-2222",
    "private_subnet_ids": {"eu-west-1a": "subnet-0a", "eu-west-1b": "subnet-0b"},
}


def publish(endpoint: Endpoint, bucket: str, planned: Mapping[str, Any]) -> dict[str, Any]:
    """Put a state with the planned outputs where the projects look for it, and return the outputs."""
    outputs = {name: APPLIED.get(name, value) for name, value in planned.items()}
    state = {
        "version": 4,
        "terraform_version": "1.14.0",
        "serial": 1,
        "lineage": "planned",
        "outputs": {name: {"value": value, "type": _type(value)} for name, value in outputs.items()},
        "resources": [],
    }
    body = json.dumps(state)
    endpoint.client("s3").put_object(Bucket=bucket, Key="foundation/terraform.tfstate", Body=body)
    return outputs


def _type(value: object) -> object:
    if isinstance(value, list):
        return ["list", "string"]
    return ["map", "string"] if isinstance(value, dict) else "string"
