"""Tell of drift: what an apply of the deployed commit would change, which nobody changed there.

    python -m meshtest.deploy.github.drift section infrastructure/projects/x build/drift/x
    python -m meshtest.deploy.github.drift tell build/sections --env dev

A section is written where the plan is, for a root that differs. `tell` keeps one issue per environment: it
opens or renews it while there is a section, and closes it when all roots were planned and none differs.
API: https://docs.github.com/en/rest/issues/issues
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meshtest.deploy.github import api, comment
from meshtest.deploy.github.api import ApiError, Repository

_NOTHING = (["no-op"], ["read"])
_ISSUES_ARE_OFF = 410


def has_drift(plan: dict[str, Any]) -> bool:
    """Tell whether applying a plan would change a resource or an output.

    What AWS changes by itself and Terraform ignores (``ignore_changes``) is none.
    """
    changed = [*plan.get("resource_changes", []), *plan.get("output_changes", {}).values()]
    return any(each.get("change", each)["actions"] not in _NOTHING for each in changed)


def section(root: str, folder: Path) -> tuple[str, bool]:
    """Return a root's part of the summary, and whether it drifted; one that drifted is left in section.md.

    Raises:
        FileNotFoundError: there is no plan.json: Terraform failed.
    """
    file = folder / "section.md"
    file.unlink(missing_ok=True)
    if not has_drift(json.loads((folder / "plan.json").read_text(encoding="utf-8"))):
        return f"### `{root}`\n\nNo drift.\n", False
    text = comment.changes(root, folder)
    file.write_text(text, encoding="utf-8")
    return text, True


def tell(repository: Repository, env: str, sections: Sequence[str], *, is_complete: bool) -> str:
    """Open, renew or close the issue of an environment; returns what was done, with its address.

    Raises:
        ApiError: GitHub refuses, or does not answer.
    """
    title = f"Drift in {env}"
    head = (
        f"<!-- drift: {env} -->\n## {title}\n\nAn apply of the commit that is deployed would change what "
        "follows: somebody changed it by hand, or a deployment was cut off. To bring it back, start the "
        f"workflow *Deploy* of {env} by hand. Each run renews this issue, and closes it when nothing "
        "differs.\n"
    )
    marker = head.partition("\n")[0]
    entries = repository.pages("issues?state=open")
    earlier = next((e for e in entries if "pull_request" not in e and api.is_ours(e, marker)), None)
    if sections:
        body = comment.join(sections, comment.run_address(), head)
        if earlier:
            repository.call("PATCH", f"issues/{earlier['number']}", {"body": body})
            return f"renewed {earlier['html_url']}"
        made = repository.call("POST", "issues", {"title": title, "body": body})
        return f"opened {made['html_url']}"
    if earlier and is_complete:
        gone = {"body": f"Nothing differs any more. {comment.run_address()}".strip()}
        repository.call("POST", f"issues/{earlier['number']}/comments", gone)
        closed = {"state": "closed", "state_reason": "completed"}
        repository.call("PATCH", f"issues/{earlier['number']}", closed)
        return f"closed {earlier['html_url']}"
    return "no issue to open or close"


# ─── Command ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one section, or tell of all; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.drift",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    one = commands.add_parser("section", help="print a root's part; write FOLDER/section.md if it drifted")
    one.add_argument("root", help="the root's path, as a heading")
    one.add_argument("folder", type=Path, help="where setup/deploy.sh put the plan")
    everything = commands.add_parser("tell", help="open, renew or close the environment's issue")
    everything.add_argument("folder", type=Path, help="where the sections are, at any depth")
    everything.add_argument("--env", required=True, help="the environment")
    everything.add_argument("--incomplete", action="store_true", help="a plan failed: close nothing")
    options = parser.parse_args(arguments)
    try:
        return _section(options) if options.command == "section" else _tell(options)
    except (ApiError, OSError) as error:
        print(f"drift: {error}", file=sys.stderr)
        return 1


def _section(options: argparse.Namespace) -> int:
    if not (options.folder / "plan.json").is_file():
        print(comment.section(options.root, options.folder))
        return 1
    print(section(options.root, options.folder)[0])
    return 0


def _tell(options: argparse.Namespace) -> int:
    if missing := api.missing_variables():
        print(f"drift: {missing} not set", file=sys.stderr)
        return 2
    sections = [file.read_text(encoding="utf-8") for file in sorted(options.folder.rglob("section.md"))]
    try:
        done = tell(api.repository(), options.env, sections, is_complete=not options.incomplete)
    except ApiError as error:
        if error.status != _ISSUES_ARE_OFF:
            raise
        done = "no issue: issues are switched off in this repository"
    print(f"{len(sections)} roots of {options.env} drifted; {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
