"""The workflows and local actions as parsed YAML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from meshtest.tools import folders, toolchain

GITHUB = toolchain.ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
# Environment: branch.
WRAPPERS = {env: "main" if env == "prod" else env for env in folders.environments(toolchain.ROOT)}


def load(file: Path) -> dict[Any, Any]:
    """A file's content; YAML reads the key `on` as true."""
    content = yaml.safe_load(file.read_text())
    return {"on" if key is True else key: value for key, value in content.items()}


def workflow(name: str) -> dict[Any, Any]:
    return load(GITHUB / "workflows" / f"{name}.yml")


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(workflow, job id, job) of every job."""
    for file in WORKFLOWS:
        for name, job in load(file)["jobs"].items():
            yield file.stem, name, job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, step) of every step of every job and local action."""
    for file, name, job in jobs():
        for position, step in enumerate(job.get("steps", [])):
            yield f"{file}/{name}/{position}", step
    for action in ACTIONS:
        for position, step in enumerate(load(action)["runs"]["steps"]):
            yield f"{action.parent.name}/{position}", step
