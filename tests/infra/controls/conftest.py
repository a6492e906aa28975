"""The real plans that the controls are tried on."""

from __future__ import annotations

import foundation_state
import pytest


@pytest.fixture(scope="session")
def plans(endpoint, infrastructure, plan) -> dict[str, dict]:
    """The parsed plan of the foundation and of a project on it."""
    foundation = plan(infrastructure / "environments" / "dev")
    foundation_state.publish(endpoint, "f01-tfstate-123456789012-dev", foundation.outputs)
    project = plan(infrastructure / "projects" / "project01", {"env": "dev"})
    return {"foundation": dict(foundation), "project": dict(project)}
