"""What there is to plan and deploy, as JSON lists for a workflow's matrix.

    python -m meshtest.deploy.github.discover projects --output projects
    python -m meshtest.deploy.github.discover changed-roots --base HEAD^1 --env dev --per-job 4 --output roots

An entry of a list is one job: one name, or several with a space between. There are never more entries than
a matrix takes. A pull request plans what its merge will deploy: both take the changed roots from here. Exit
status: 0 found; 1 git failed; 2 bad arguments. Nothing but Python and git is needed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path

from meshtest.deploy.github import outputs
from meshtest.terraform import sources
from meshtest.tools import folders, toolchain

BOOTSTRAP = "infrastructure/bootstrap"
# https://docs.github.com/en/actions/reference/limits: jobs that a matrix makes in one run
MATRIX_LIMIT = 256
# What makes and judges every plan: a change here plans and deploys every root anew.
JUDGES = (
    ".github/actions/aws/",
    ".github/workflows/_deploy.yml",
    ".github/workflows/terraform-plan-pr.yml",
    ".terraform-version",
    "setup/deploy.sh",
    "setup/gate-exceptions.toml",
    "setup/init-terraform.sh",
    "setup/python.sh",
    "setup/toolkit.txt",
    "toolkit/src/meshtest/check/",
)


class DiscoveryError(Exception):
    """No answer from git, or nothing to ask it."""


def projects(top: Path) -> list[str]:
    """The projects to deploy, by their folders' names."""
    return folders.projects(top)


def roots(top: Path, env: str) -> list[str]:
    """The root modules of an environment, the foundation first."""
    foundation = f"infrastructure/environments/{env}"
    return [foundation, *(f"infrastructure/projects/{name}" for name in projects(top))]


def grouped(names: Sequence[str], per_job: int = 1) -> list[str]:
    """Put names into the entries of a matrix: `per_job` in each, more if there were too many entries.

    Bootstrap stays by itself: it is planned without a role.
    """
    alone = [name for name in names if name == BOOTSTRAP]
    others = [name for name in names if name != BOOTSTRAP]
    count = min(ceil(len(others) / per_job), MATRIX_LIMIT - len(alone))
    bounds = [position * len(others) // count for position in range(count + 1)] if count else []
    return [*(" ".join(others[start:end]) for start, end in pairwise(bounds)), *alone]


def changed_roots(top: Path, env: str, changed: Collection[str]) -> list[str]:
    """The roots whose plan may differ after these files (relative to `top`) changed, came or went.

    The projects read the foundation's outputs: where it changes, they all may.
    """
    foundation, *others = roots(top, env)
    files = [top / name for name in changed]
    if any(name.startswith(JUDGES) for name in changed) or _depends(top / foundation, files):
        return [foundation, *others]
    return [root for root in others if _depends(top / root, files)]


def _also_bootstrap(top: Path, changed: Collection[str]) -> list[str]:
    return [BOOTSTRAP] if _depends(top / BOOTSTRAP, [top / name for name in changed]) else []


def _depends(root: Path, changed: Collection[Path]) -> bool:
    files = sources.files(root)
    folders = {file.parent for file in files}
    return any(
        file.resolve() in files or (not file.exists() and file.parent.resolve() in folders)
        for file in changed
    )


def changed_files(top: Path, base: str) -> list[str]:
    """The files that differ between a commit and the checkout's HEAD, renamed ones by both names.

    Raises:
        DiscoveryError: git does not know the commit.
    """
    command = ["git", "diff", "--name-only", "--no-renames", "-z", base, "HEAD", "--"]
    result = subprocess.run(command, capture_output=True, cwd=top, text=True)
    if result.returncode:
        raise DiscoveryError(f"git diff {base} HEAD: {' '.join(result.stderr.split())}")
    return [name for name in result.stdout.split("\0") if name]


# ─── Command ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one list; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        found = _find(options)
    except DiscoveryError as error:
        print(f"discover: {error}", file=sys.stderr)
        return 1
    line = json.dumps(grouped(found, options.per_job))
    print(line)
    if options.output:
        outputs.write(options.output, line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.discover",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        choices=["projects", "roots", "changed-foundation", "changed-projects", "changed-roots"],
    )
    parser.add_argument(
        "--env",
        choices=folders.environments(toolchain.ROOT),
        default="dev",
        help="of the roots (default dev)",
    )
    parser.add_argument("--base", help="the commit to compare HEAD with; empty: everything has changed")
    parser.add_argument(
        "--bootstrap",
        action="store_true",
        help="with the root that an administrator applies, if it has changed",
    )
    parser.add_argument(
        "--per-job", type=_positive, default=1, metavar="N", help="names in an entry (default 1)"
    )
    parser.add_argument("--output", metavar="NAME", help="append NAME=LIST to the file $GITHUB_OUTPUT, too")
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from 1 on")
    return int(text)


def _find(options: argparse.Namespace) -> list[str]:
    if options.what.startswith("changed-"):
        return _changed(options)
    return projects(options.top) if options.what == "projects" else roots(options.top, options.env)


def _changed(options: argparse.Namespace) -> list[str]:
    if options.base is None:
        raise DiscoveryError("--base is missing; expected a commit, or an empty text for everything")
    if options.base:
        files = changed_files(options.top, options.base)
        found = changed_roots(options.top, options.env, files)
        found += _also_bootstrap(options.top, files) if options.bootstrap else []
    else:
        found = roots(options.top, options.env)
    kind = {"changed-foundation": "environments", "changed-projects": "projects"}.get(options.what)
    return [Path(root).name for root in found if Path(root).parent.name == kind] if kind else found


if __name__ == "__main__":
    sys.exit(main())
