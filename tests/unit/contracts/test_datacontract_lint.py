"""Every contract of the repository, before the linter of the standard's own tools."""

from __future__ import annotations

import subprocess

import pytest

from core.contract import FILE
from meshtest.tools import toolchain

DATACONTRACT = toolchain.ROOT / ".tools" / "datacontract" / "bin" / "datacontract"
CONTRACTS = sorted(
    file.relative_to(toolchain.ROOT).as_posix()
    for folder in ("infrastructure/projects", "tests")
    for file in (toolchain.ROOT / folder).rglob(FILE)
)


def test_there_is_a_contract_of_the_template():
    assert f"infrastructure/projects/_template/{FILE}" in CONTRACTS


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_contract_is_one_for_other_tools_too(contract):
    assert DATACONTRACT.exists(), "expected datacontract-cli: run `make .tools/datacontract/.installed`"
    command = [str(DATACONTRACT), "lint", str(toolchain.ROOT / contract)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_linter_sees_what_is_wrong(tmp_path):
    good = (toolchain.ROOT / CONTRACTS[0]).read_text()
    (tmp_path / FILE).write_text(good.replace("logicalType: date", "logicalType: day"))
    ended = subprocess.run([str(DATACONTRACT), "lint", str(tmp_path / FILE)], capture_output=True, text=True)
    assert ended.returncode == 1
