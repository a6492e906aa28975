"""The toolkit's rooms build on each other in one order, without a circle (toolkit/pyproject.toml)."""

from __future__ import annotations

import subprocess

import pytest

from meshtest.tools import toolchain

LINTER = toolchain.ROOT / ".venv" / "bin" / "lint-imports"
CONFIGURATION = toolchain.ROOT / "toolkit" / "pyproject.toml"


def lint(configuration) -> subprocess.CompletedProcess[str]:
    command = [LINTER, configuration, "--no-cache", "--no-logo"]
    return subprocess.run(command, capture_output=True, cwd=toolchain.ROOT, text=True)


def test_no_room_builds_on_one_above_it():
    linted = lint(CONFIGURATION)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(("room", "below"), [("emulator", "tools"), ("domain", "check")])
def test_an_import_of_a_room_above_is_noticed(tmp_path, room, below):
    """With two rooms in the other order, what one imports of the other is told."""
    text = CONFIGURATION.read_text()
    for name, other in ((room, "?"), (below, room), ("?", below)):
        assert text.count(f'    "{name}",\n') == 1
        text = text.replace(f'    "{name}",\n', f'    "{other}",\n')
    (tmp_path / "pyproject.toml").write_text(text)
    linted = lint(tmp_path / "pyproject.toml")
    assert linted.returncode == 1
    assert f"meshtest.{room} is not allowed to import meshtest.{below}" in linted.stdout.replace("\n", " ")
