"""The embedded AWS dies under an apply: Terraform says so in time, and a new start works."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from meshtest import emulator
from meshtest.domain.backends import Backend
from meshtest.domain.domain import Domain
from meshtest.terraform.stack import TerraformError

MADE_BEFORE = 10
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def _embedded_only(backend: Backend) -> None:
    if backend.name != "embedded":
        pytest.skip(f"backend {backend.name} is not ours to kill")


def test_killing_it_in_mid_apply_is_told_and_a_new_start_works(tmp_path: Path):
    state, killed_at = tmp_path / "emulator", 0.0
    with emulator.running(state) as endpoint:
        domain = Domain(endpoint, tmp_path / "domain")
        foundation = domain.stacks[0]
        domain.prepare()
        foundation.init()

        def kill(progress: str) -> None:
            nonlocal killed_at
            if progress.startswith(f"{MADE_BEFORE}/") and not killed_at:
                killed_at = time.monotonic()
                os.kill(endpoint.pid, signal.SIGKILL)

        with pytest.raises(TerraformError) as caught:
            foundation.apply(kill)
    assert killed_at
    assert time.monotonic() - killed_at < PATIENCE_S
    assert "connection refused" in str(caught.value)
    assert endpoint.https.removeprefix("https://") in str(caught.value)

    with emulator.running(state) as endpoint:
        domain = Domain(endpoint, tmp_path / "domain")
        foundation = domain.stacks[0]
        domain.prepare()
        foundation.init()
        key = ["module.foundation.aws_kms_alias.data_lake"]
        foundation.apply(targets=key)
        assert foundation.pending_changes(key) == 0
