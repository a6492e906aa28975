"""The real plans that the controls are tried on."""

from __future__ import annotations

import pytest
from bootstrap_inputs import INPUTS

from meshtest.terraform import foundation_state


@pytest.fixture(scope="session")
def plans(endpoint, infrastructure, plan) -> dict[str, dict]:
    """The parsed plan of the foundation, of a project on it, and of bootstrap."""
    foundation = plan(infrastructure / "environments" / "dev")
    foundation_state.publish(endpoint, "f01-tfstate-123456789012-dev", foundation.outputs)
    project = plan(infrastructure / "projects" / "project01", {"env": "dev"})
    bootstrap = plan(infrastructure / "bootstrap", INPUTS)
    return {"bootstrap": dict(bootstrap), "foundation": dict(foundation), "project": dict(project)}
