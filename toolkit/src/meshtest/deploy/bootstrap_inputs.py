"""The inputs of infrastructure/bootstrap, as setup/bootstrap.sh aws writes them for a repository."""

from __future__ import annotations

from typing import Any

from meshtest.deploy.bootstrap import PLANNERS
from meshtest.tools import folders, toolchain

REPOSITORY = "acme/example"
ENVIRONMENTS = folders.environments(toolchain.ROOT)
INPUTS: dict[str, Any] = {
    "deploy_subjects": {env: [f"repo:{REPOSITORY}:environment:{env}"] for env in ENVIRONMENTS},
    "plan_subjects": {env: [f"repo:{REPOSITORY}:{who}" for who in PLANNERS] for env in ENVIRONMENTS},
}
