"""A foundation for the projects to build on."""

from __future__ import annotations

import pytest

from meshtest.terraform import foundation_state


@pytest.fixture(scope="session")
def foundation(endpoint, infrastructure, plan) -> dict:
    """The foundation's outputs, put where the projects look for them."""
    planned = plan(infrastructure / "environments" / "dev").outputs
    return foundation_state.publish(endpoint, "f01-tfstate-123456789012-dev", planned)
