"""The plans that the evidence is drawn from: every root of one environment, from nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshtest import emulator
from meshtest.check.gate.masking import masked
from meshtest.check.plan import Plan
from meshtest.terraform import foundation_state, workspace
from meshtest.terraform.engine import TerraformTest
from meshtest.tools.progress import Stages

ENVIRONMENT = "dev"
FOUNDATION = f"environments/{ENVIRONMENT}"
# What bootstrap asks for, as setup/bootstrap.sh writes it for a repository.
_BOOTSTRAP: dict[str, Any] = {
    "environments": [ENVIRONMENT],
    "deploy_subjects": {ENVIRONMENT: [f"repo:example/domain:environment:{ENVIRONMENT}"]},
    "plan_subjects": {ENVIRONMENT: ["repo:example/domain:pull_request"]},
}


def plan_all(stages: Stages) -> dict[str, Plan]:
    """The plan of bootstrap, of the foundation and of each project, by the root's path.

    Sensitive values are masked: the evidence holds none.

    Raises:
        tftest.TerraformTestError: Terraform could not plan a root.
    """
    with tempfile.TemporaryDirectory() as folder, emulator.running(Path(folder) / "emulator") as endpoint:
        infrastructure = workspace.prepare(Path(folder) / "domain")
        environment = workspace.environment(endpoint, infrastructure.parent)
        bucket = foundation_state.make_bucket(endpoint, ENVIRONMENT)
        backend = {"bucket": bucket, "region": endpoint.region, "use_path_style": "true"}

        def plan(root: str, variables: Mapping[str, Any], settings: Mapping[str, str] | None) -> Any:
            with stages.stage(f"plan {root}"):
                terraform = TerraformTest(infrastructure / root, env=environment)
                terraform.init(init_vars=settings)
                values = {
                    name: value if isinstance(value, str) else json.dumps(value)
                    for name, value in variables.items()
                }
                return terraform.plan(output=True, tf_vars=values, lock=False)

        found = {"bootstrap": plan("bootstrap", _BOOTSTRAP, None)}
        found[FOUNDATION] = plan(FOUNDATION, {}, {**backend, "key": "planned/foundation.tfstate"})
        foundation_state.publish(endpoint, bucket, found[FOUNDATION].outputs)
        for root in _projects(infrastructure):
            settings = {**backend, "key": f"planned/{root}.tfstate"}
            found[root] = plan(root, {"env": ENVIRONMENT}, settings)
    return {root: Plan(masked(each)) for root, each in found.items()}


def _projects(infrastructure: Path) -> list[str]:
    roots = [root for root in workspace.roots(infrastructure) if root.parent.name == "projects"]
    return [f"projects/{root.name}" for root in roots if not root.name.startswith("_")]
