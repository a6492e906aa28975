"""Every root by the plain binary: the warm engine never looks at a lock file, so this does."""

from __future__ import annotations

import pytest
import tftest

from meshtest.terraform import workspace
from meshtest.tools import toolchain

ROOTS = [root.relative_to(toolchain.ROOT) for root in workspace.roots(toolchain.ROOT / "infrastructure")]


@pytest.fixture
def cold(endpoint, infrastructure):
    """cold(root) → stock tftest on the plain binary, with a data folder apart from the warm engine's."""

    def cold(root) -> tftest.TerraformTest:
        runner = tftest.TerraformTest(str(infrastructure.parent / root), binary=str(toolchain.terraform()))
        environment = workspace.environment(endpoint, infrastructure.parent)
        runner.env = {**environment, "TF_DATA_DIR": ".terraform.cold"}
        return runner

    return cold


@pytest.mark.parametrize("root", ROOTS, ids=str)
def test_a_root_installs_what_its_lock_file_says_and_is_valid(cold, root):
    runner = cold(root)
    runner.execute_command("init", "-backend=false", "-input=false", "-lockfile=readonly")
    assert '"valid": true' in runner.execute_command("validate", "-json").out


def test_a_lock_file_with_another_hash_is_refused(cold, infrastructure):
    root = ROOTS[0]
    lock = infrastructure.parent / root / ".terraform.lock.hcl"
    text = lock.read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith('"')]
    lines.insert(lines.index("  hashes = [") + 1, f'    "h1:{"0" * 43}=",')
    lock.write_text("\n".join(lines) + "\n")
    try:
        with pytest.raises(tftest.TerraformTestError, match="checksums"):
            cold(root).execute_command("init", "-backend=false", "-input=false", "-lockfile=readonly")
    finally:
        lock.write_text(text)
