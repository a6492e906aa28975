"""A foundation for the projects to build on: its state, as an apply would leave it."""

from __future__ import annotations

import json

import pytest

# What only an apply tells: the key, and ids of the network.
APPLIED = {
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1111-2222",
    "kms_key_id": "1111-2222",
}


@pytest.fixture(scope="session")
def foundation(endpoint, infrastructure, plan) -> dict:
    """The foundation's outputs, put where the projects look for them."""
    planned = plan(infrastructure / "environments" / "dev").outputs
    outputs = {name: APPLIED.get(name, planned[name]) for name in planned}
    state = {
        "version": 4,
        "terraform_version": "1.14.0",
        "serial": 1,
        "lineage": "planned",
        "outputs": {name: {"value": value, "type": kind(value)} for name, value in outputs.items()},
        "resources": [],
    }
    endpoint.client("s3").put_object(
        Bucket="f01-tfstate-123456789012-dev", Key="foundation/terraform.tfstate", Body=json.dumps(state)
    )
    return outputs


def kind(value: object) -> object:
    if isinstance(value, list):
        return ["list", "string"]
    return ["map", "string"] if isinstance(value, dict) else "string"
