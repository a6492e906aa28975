"""Plans of modules and stacks, each made once for the session, on an embedded AWS of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tftest

from meshtest import emulator
from meshtest.emulator import Endpoint
from meshtest.terraform import workspace
from meshtest.terraform.engine import TerraformTest

STATE_BUCKET = "f01-tfstate-123456789012-{env}"
Plan = Callable[..., tftest.TerraformPlanOutput]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as endpoint:
        for env in ("dev", "int", "prod"):
            bucket = STATE_BUCKET.format(env=env)
            location = {"LocationConstraint": endpoint.region}
            endpoint.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        yield endpoint


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy of infrastructure/ and setup/, which Terraform and tests may write into."""
    return workspace.prepare(tmp_path_factory.mktemp("domain"))


@pytest.fixture(scope="session")
def terraform(endpoint: Endpoint, infrastructure: Path) -> Callable[[Path], tftest.TerraformTest]:
    """A root module, initialised: a module's folder, or a stack's with its state in the emulator."""
    environment = workspace.environment(endpoint, infrastructure.parent)
    known: dict[Path, tftest.TerraformTest] = {}

    def terraform(root: Path) -> tftest.TerraformTest:
        if root not in known:
            runner = TerraformTest(root, env=environment)
            runner.init(init_vars=backend(root, endpoint) if "backend" in settings(root) else None)
            known[root] = runner
        return known[root]

    return terraform


@pytest.fixture(scope="session")
def plan(terraform: Callable[[Path], tftest.TerraformTest]) -> Plan:
    """plan(root, variables) → the plan of a root module from an empty state, made once."""
    known: dict[tuple[Path, str], tftest.TerraformPlanOutput] = {}

    def plan(root: Path, variables: Mapping[str, Any] | None = None) -> tftest.TerraformPlanOutput:
        key = root, json.dumps(variables, sort_keys=True)
        if key not in known:
            known[key] = terraform(root).plan(output=True, tf_vars=as_arguments(variables or {}), lock=False)
        return known[key]

    return plan


def settings(root: Path) -> str:
    return "".join(file.read_text() for file in root.glob("versions.tf"))


def backend(root: Path, endpoint: Endpoint) -> dict[str, str]:
    # Not the keys of a deployed domain: a plan here always starts from nothing.
    env = root.name if root.parent.name == "environments" else "dev"
    return {
        "bucket": STATE_BUCKET.format(env=env),
        "key": f"planned/{root.name}.tfstate",
        "region": endpoint.region,
        "use_path_style": "true",
    }


def as_arguments(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
