"""What of the caller's shell reaches the commands that make starts, set-up's pip among them."""

from __future__ import annotations

import os
import shutil
import subprocess

from meshtest.tools import toolchain

FOREIGN = {
    "BASH_ENV": "/nowhere",
    "PIP_NO_INDEX": "1",
    "PIP_PREFIX": "/nowhere",
    "PIP_TARGET": "/nowhere",
    "PIP_USER": "yes",
    "PYTHONPATH": "/nowhere",
    "VIRTUAL_ENV": "/nowhere",
}
CHOSEN = {"PIP_INDEX_URL": "https://packages.example.com/simple"}


def test_options_of_other_work_reach_no_recipe_and_a_chosen_index_does():
    """A pip that is told to install for the user installs nothing into the checkout's own environment."""
    make = shutil.which("make")
    assert make
    recipe = "shown: ; @env"
    answer = subprocess.run(
        [make, "--no-print-directory", f"--eval={recipe}", "shown"],
        capture_output=True,
        cwd=toolchain.ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **FOREIGN, **CHOSEN},
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    reached = dict(line.partition("=")[::2] for line in answer.stdout.splitlines())
    assert not FOREIGN.keys() & reached.keys()
    assert reached.items() >= CHOSEN.items()
