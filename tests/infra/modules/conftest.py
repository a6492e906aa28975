"""Plans of the module that a test file is named after."""

from __future__ import annotations

from typing import Any

import pytest
from inputs import INPUTS


@pytest.fixture(scope="session")
def inputs() -> dict[str, dict[str, Any]]:
    """Inputs that each module accepts, by module."""
    return INPUTS


@pytest.fixture(scope="module")
def planned(request: pytest.FixtureRequest, infrastructure, plan):
    """planned(**changes) → the plan of the module that the test file is named after."""
    module = request.module.__name__.removeprefix("test_")

    def planned(**changes: Any):
        return plan(infrastructure / "modules" / module, {**INPUTS[module], **changes})

    return planned
