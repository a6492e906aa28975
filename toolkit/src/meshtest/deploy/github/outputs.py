"""Hand a value to later steps of a workflow."""

from __future__ import annotations

import os
from pathlib import Path


def write(name: str, value: str) -> None:
    """Append an output to the file that GitHub Actions names in ``$GITHUB_OUTPUT``.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")
