"""Plan a root on an embedded AWS, from nothing: for pull requests that must not reach an account.

    python -m meshtest.deploy.github.embedded_plan infrastructure/projects/x --env dev --out build/plan/x

It runs setup/deploy.sh, as the plan of a pull request with an account does, and exits with its status. A
project is planned on the foundation's planned outputs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshtest import emulator
from meshtest.deploy import bootstrap_inputs
from meshtest.deploy.github import discover
from meshtest.emulator import Endpoint
from meshtest.terraform import foundation_state, workspace
from meshtest.tools import environment as surroundings
from meshtest.tools import folders, toolchain


def plan(root: str, env: str, out: Path) -> int:
    """Plan `root` (relative to the checkout) and put the results in `out`; deploy.sh's exit status."""
    with tempfile.TemporaryDirectory() as folder, emulator.running(Path(folder) / "emulator") as endpoint:
        copy = Path(folder) / "domain"
        workspace.prepare(copy)
        (copy / "src").symlink_to(toolchain.ROOT / "src")  # the files that findings name
        bucket = foundation_state.make_bucket(endpoint, env)
        variables = _variables(endpoint, copy)
        if root == discover.BOOTSTRAP:
            del variables["TF_CLI_ARGS_init"]  # its state is where it is planned
            _give_subjects(copy / root)
        if root.startswith("infrastructure/projects/"):
            foundation = copy / "build" / "foundation"
            status = _deploy(
                copy, f"infrastructure/environments/{env}", env, foundation, variables, quiet=True
            )
            if status not in (0, 3):  # the gate's verdict on the foundation belongs to its own plan
                return status
            planned = json.loads((foundation / "plan.json").read_text())["planned_values"]["outputs"]
            outputs = {name: value.get("value") for name, value in planned.items()}
            foundation_state.publish(endpoint, bucket, outputs)
        return _deploy(copy, root, env, out.resolve(), variables)


def _give_subjects(root: Path) -> None:
    """Write an example's subjects where the domain has none yet: bootstrap writes its own."""
    file = root / "terraform.tfvars.json"
    if not file.exists():
        file.write_text(json.dumps(bootstrap_inputs.INPUTS))


def _variables(endpoint: Endpoint, copy: Path) -> dict[str, str]:
    return {
        **workspace.environment(endpoint, copy),
        "PYTHON": sys.executable,
        "TERRAFORM": str(toolchain.terraform()),
        "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
    }


def _deploy(
    copy: Path, root: str, env: str, out: Path, variables: Mapping[str, str], *, quiet: bool = False
) -> int:
    command = ["setup/deploy.sh", "plan", root, "--env", env, "--out", str(out)]
    command += ["--account-id", emulator.ACCOUNT_ID]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, cwd=copy, env=dict(variables), stdout=output).returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan one root; returns deploy.sh's exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.embedded_plan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", help="as setup/deploy.sh takes it")
    parser.add_argument("--env", choices=folders.environments(toolchain.ROOT), default="dev")
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    return plan(options.root, options.env, options.out)


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
