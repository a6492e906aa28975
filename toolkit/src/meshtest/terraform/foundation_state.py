"""The foundation's remote state, as an apply would leave it: what project stacks plan against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshtest.terraform import workspace
from meshtest.tools import folders, toolchain
from meshtest.tools.account import Account

KEY_ID = "1111-2222"


def bucket(account: str, env: str, top: Path = toolchain.ROOT) -> str:
    """Return the name of the bucket with an environment's Terraform states of the domain at `top`."""
    abbreviation = json.loads((top / toolchain.DOMAIN).read_text())["domain_abbr"]
    return f"{abbreviation}-tfstate-{account}-{env}"


def make_bucket(account: Account, env: str, top: Path = toolchain.ROOT) -> str:
    """Make that bucket, and return its name."""
    name = bucket(account.account_id, env, top)
    workspace.make_bucket(account, name)
    return name


def make_buckets(account: Account, top: Path) -> None:
    """Make the buckets of all environments of the domain at `top`."""
    for env in folders.environments(top):
        make_bucket(account, env, top)


def publish(account: Account, bucket: str, planned: Mapping[str, Any]) -> dict[str, Any]:
    """Put a state with the planned outputs where the projects look for it, and return the outputs."""
    # What only an apply tells.
    zones = [f"{account.region}{zone}" for zone in "ab"]
    applied = {
        "glue_job_security_group_id": "sg-0123456789abcdef0",
        "private_subnet_ids": {zone: f"subnet-0{zone[-1]}" for zone in zones},
        "kms_key_arn": f"arn:aws:kms:{account.region}:{account.account_id}:key/{KEY_ID}",
        "kms_key_id": KEY_ID,
    }
    outputs = {name: applied.get(name, value) for name, value in planned.items()}
    state = {
        "version": 4,
        "terraform_version": "1.14.0",
        "serial": 1,
        "lineage": "planned",
        "outputs": {name: {"value": value, "type": _type(value)} for name, value in outputs.items()},
        "resources": [],
    }
    body = json.dumps(state)
    account.client("s3").put_object(Bucket=bucket, Key="foundation/terraform.tfstate", Body=body)
    return outputs


def _type(value: object) -> object:
    if isinstance(value, list):
        return ["list", "string"]
    return ["map", "string"] if isinstance(value, dict) else "string"
