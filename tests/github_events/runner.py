"""Run a workflow on this machine by act, without Docker and without GitHub.

The shell of every step, the expressions, conditions, needs and matrices are real. The actions are not: small
stand-ins do here what a job needs of them (`ACTIONS`). `make` only notes what it was asked for: the targets
have tests of their own, and take minutes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from meshtest.tools import toolchain

ACT = toolchain.ROOT / ".tools" / "act" / "bin" / "act"
REPOSITORY = "acme/example"
WHO = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]

# actions/checkout, and beside the sources what the toolkit's caches hold, as installed at this path.
_CHECKOUT = """
git clone --quiet "$SOURCE" "${PATH_:-.}"
cd "${PATH_:-.}"
git checkout --quiet "${REF:-HEAD}"
ln -s "$TOOLS/.venv" .venv
mkdir .tools
ln -s "$TOOLS/.tools/bin" .tools/bin
inputs=$(sed -n '/^inputs=(/,/)$/p' setup/bootstrap.sh | sed 's/inputs=//' | tr -d '()')
[ ! -f toolkit/pyproject.toml ] || inputs="$inputs toolkit/pyproject.toml"
{ pwd; cat $inputs; } | cksum > .tools/setup.stamp
"""
# What each action does here: shell, inputs as environment variables, outputs.
ACTIONS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "actions/cache": ('echo "cache-hit=true" >> "$GITHUB_OUTPUT"', ("key", "path"), ("cache-hit",)),
    "actions/checkout": (_CHECKOUT, ("path", "ref"), ()),
    "actions/download-artifact": (
        'mkdir -p "$PATH_"; cp -r "$ARTIFACTS"/. "$PATH_"/',
        ("path", "pattern", "name"),
        (),
    ),
    "actions/setup-python": ('echo "python-version=3.11" >> "$GITHUB_OUTPUT"', (), ("python-version",)),
    "actions/upload-artifact": (
        'shopt -s globstar nullglob; mkdir -p "$ARTIFACTS/$NAME"\n'
        'for file in $PATH_; do [ ! -e "$file" ] || cp --parents -r "$file" "$ARTIFACTS/$NAME"; done',
        ("name", "path"),
        (),
    ),
    "dorny/paths-filter": (
        f'"$PYTHON" {Path(__file__).with_name("paths_filter.py")}',
        ("base", "filters"),
        tuple(yaml.safe_load((toolchain.ROOT / ".github/path-filters.yml").read_text())),
    ),
    "dorny/test-reporter": ("true", ("fail-on-error",), ()),
    "github/codeql-action/upload-sarif": ('test -f "$SARIF_FILE"', ("sarif_file",), ()),
    "hashicorp/setup-terraform": ("true", (), ()),
}


@dataclass
class Run:
    """What a run came to."""

    results: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    made: list[str] = field(default_factory=list)
    log: str = ""

    @property
    def jobs(self) -> dict[str, str]:
        """The jobs that ran, by id: success, or failure if one of a matrix failed."""
        return {
            job: "success" if set(found) == {"success"} else "failure" for job, found in self.results.items()
        }


def stand_ins(folder: Path) -> list[str]:
    """Write the actions' stand-ins; returns act's arguments that put them in place."""
    pins = {
        match
        for file in [*(toolchain.ROOT / ".github").rglob("*.yml")]
        for match in re.findall(r"uses: ([\w-]+/[\w/-]+)@([0-9a-f]{40})", file.read_text())
    }
    arguments = []
    for name, sha in sorted(pins):
        script, inputs, outputs = ACTIONS.get(name, ("true", (), ()))
        owner, repository, *below = name.split("/")
        place = folder / owner / repository
        variable = {each: each.upper().replace("-", "_").replace("PATH", "PATH_") for each in inputs}
        step = {
            "id": "it",
            "run": script,
            "shell": "bash",
            "env": {variable[each]: f"${{{{ inputs.{each} }}}}" for each in inputs},
        }
        action = {
            "name": name,
            "description": "stand-in",
            "inputs": {each: {"description": each, "default": ""} for each in inputs},
            "outputs": {
                each: {"description": each, "value": f"${{{{ steps.it.outputs.{each} }}}}"}
                for each in outputs
            },
            "runs": {"using": "composite", "steps": [step]},
        }
        target = place.joinpath(*below)
        target.mkdir(parents=True, exist_ok=True)
        (target / "action.yml").write_text(yaml.safe_dump(action))
        arguments += ["--local-repository", f"{owner}/{repository}@{sha}={place}"]
    return arguments


def git(top: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *WHO, *arguments], check=True, cwd=top, capture_output=True, text=True
    ).stdout.strip()


def checkout(top: Path) -> Path:
    """A repository of these files as they are, with the branches main and dev."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=toolchain.ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source = toolchain.ROOT / name
        if source.is_file():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, top / name)
    git(top, "init", "--quiet", "--initial-branch", "main")
    git(top, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "first")
    git(top, "branch", "dev")
    return top


def change(top: Path, *names: str) -> str:
    """Commit a change of files; returns the commit before it."""
    before = git(top, "rev-parse", "HEAD")
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).open("a").write("\n")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "change")
    return before


def act(
    top: Path, workflow: str, event: str, payload: dict[str, Any], *options: str, failing: str = "nothing"
) -> Run:
    """Run a workflow for an event; returns what came of its jobs. The target `failing` of make fails."""
    place = top.parent / "act"
    place.mkdir(exist_ok=True)
    artifacts = place / "artifacts"
    artifacts.mkdir(exist_ok=True)
    binaries = place / "bin"
    binaries.mkdir(exist_ok=True)
    made = place / "made"
    made.write_text("")
    (binaries / "make").write_text(f'#!/bin/sh\necho "$*" >> {made}\n[ "$1" != {failing} ]\n')
    python = toolchain.ROOT / ".venv" / "bin" / "python"
    # What pip is to install is there: nothing may change the packages that tests share.
    (binaries / "python").write_text(f'#!/bin/sh\n[ "$2" = pip ] || exec {python} "$@"\n')
    for name in ("make", "python"):
        (binaries / name).chmod(0o755)
    # Newer than act: more than one run may wait. It decides nothing within a run.
    for file in (top / ".github" / "workflows").glob("*.yml"):
        file.write_text(file.read_text().replace(", queue: max", ""))
    repository = {
        "full_name": REPOSITORY,
        "default_branch": "main",
        "visibility": "private",
        "name": "example",
    }
    (place / "event.json").write_text(json.dumps({"repository": repository, **payload}))
    command = [
        *(str(ACT), event, "--workflows", f".github/workflows/{workflow}.yml", "--eventpath"),
        *(str(place / "event.json"), "--platform", "ubuntu-24.04=-self-hosted"),
        *("--no-skip-checkout", "--json", "--action-offline-mode", "--pull=false", "--no-cache-server"),
        *(
            "--action-cache-path",
            str(place / "cache"),
            "--secret",
            "GITHUB_TOKEN=token",
            *stand_ins(place / "actions"),
            *options,
        ),
    ]
    given = {
        "ARTIFACTS": str(artifacts),
        "HOME": str(place),
        "LANG": "C.UTF-8",
        "PATH": f"{binaries}:{toolchain.ROOT}/.venv/bin:{os.environ['PATH']}",
        "SOURCE": str(top),
        "TOOLS": str(toolchain.ROOT),
        "PYTHON": str(python),
    }
    done = subprocess.run(
        command, cwd=top, env=given, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    run = Run(made=made.read_text().splitlines(), log=done.stdout + done.stderr)
    for line in done.stdout.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "jobResult" in entry:
            run.results[entry["jobID"]].append(entry["jobResult"])
    return run
