"""Tell which filters a change matches, as dorny/paths-filter does: git's own patterns match alike."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

NOBODY = "0" * 40


def base(event: dict[str, Any], given: str) -> str:
    """The commit to compare with: given, or a pull request's base, or what a branch was before a push."""
    if len(given) == len(NOBODY):
        return given
    if "pull_request" in event:
        return str(event["pull_request"]["base"]["sha"])
    before = event.get("before", NOBODY)
    return str(event["repository"]["default_branch"] if before == NOBODY else before)


def flat(patterns: list[Any]) -> Iterator[str]:
    for each in patterns:
        yield from flat(each) if isinstance(each, list) else [each]


def main() -> None:
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())
    commit = base(event, os.environ["BASE"])
    filters = yaml.safe_load(Path(os.environ["FILTERS"]).read_text())
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
        for name, patterns in filters.items():
            specs = [f":(glob){pattern}" for pattern in flat(patterns)]
            command = ["git", "diff", "--quiet", commit, "HEAD", "--", *specs]
            file.write(f"{name}={'true' if subprocess.run(command).returncode else 'false'}\n")


if __name__ == "__main__":
    main()
