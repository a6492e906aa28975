"""The real plans that the controls are tried on."""

from __future__ import annotations

import pytest

from meshtest.deploy.bootstrap_inputs import INPUTS


@pytest.fixture(scope="session")
def plans(infrastructure, example_project, plan, foundation) -> dict[str, dict]:
    """The parsed plan of the foundation, of a project on it, and of bootstrap."""
    dev = plan(infrastructure / "environments" / "dev")
    project = plan(example_project, {"env": "dev"})
    bootstrap = plan(infrastructure / "bootstrap", INPUTS)
    return {"bootstrap": dict(bootstrap), "foundation": dict(dev), "project": dict(project)}
