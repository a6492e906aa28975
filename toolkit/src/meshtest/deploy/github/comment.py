"""The comment on a pull request: what each root would change, and what the gate says of it.

    python -m meshtest.deploy.github.comment section infrastructure/projects/x build/plan/x --note "…"
    python -m meshtest.deploy.github.comment join build/sections/*.md > build/comment.md

A section is made where the plan is; only the sections travel to the job that comments. Nothing secret is in
them: sensitive values are masked by Terraform and by the gate, account ids here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from meshtest.check.gate.masking import masked
from meshtest.check.gate.rendering import code
from meshtest.check.plan import Plan
from meshtest.deploy.github.diagram import diagrams

HEAD = "<!-- terraform-plan -->\n## Terraform plan\n"
COMMENT_LENGTH = 65_000  # GitHub takes 65,536 characters
CHANGES_SHOWN = 60
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
# What `terraform plan` says besides the plan: what it reads before, where it saved it after.
_PLAN = re.compile(
    r"\A.*?(?=^(?:Terraform will perform|Changes to Outputs|No changes\.))|^─+\s*^Saved the plan.*\Z",
    re.DOTALL | re.MULTILINE,
)
_SIGNS = {"create": "🟢 create", "update": "🟡 update", "delete": "🔴 destroy", "replace": "🟠 replace"}
_DETAILS = re.compile(r"<details.*?</details>\n*", re.DOTALL)


# ─── One Root ───


def section(root: str, folder: Path, note: str = "") -> str:
    """A root's part, from the plan.json, plan.txt and gate.md that setup/deploy.sh wrote to a folder.

    Where the plan failed, there is the end of terraform.log instead.
    """
    parts = [f"### {code(root)}", f"_{note}_" if note else ""]
    if (folder / "plan.json").is_file():
        parts += _planned(folder)
    else:
        log = folder / "terraform.log"
        text = log.read_text(encoding="utf-8") if log.is_file() else "Terraform did not start"
        parts += ["❌ **Terraform could not plan it**", _block(text[-8_000:])]
    return _ACCOUNT.sub("************", "\n\n".join(filter(None, parts))) + "\n"


def changes(root: str, folder: Path) -> str:
    """A root's part without the gate's verdict: what an apply would change."""
    text = "\n\n".join([f"### {code(root)}", summary(_masked(folder)), _plan(folder)])
    return _ACCOUNT.sub("************", text) + "\n"


def _masked(folder: Path) -> dict[str, Any]:
    return masked(json.loads((folder / "plan.json").read_text(encoding="utf-8")))


def _plan(folder: Path) -> str:
    text = (folder / "plan.txt").read_text(encoding="utf-8")
    return _folded("Plan", _block(_PLAN.sub("", text)))


def _planned(folder: Path) -> Iterator[str]:
    data = _masked(folder)
    gate = folder / "gate.md"
    yield summary(data)
    yield gate.read_text(encoding="utf-8").strip() if gate.is_file() else "❌ **The gate did not finish**"
    for name, chart in diagrams(Plan(data)).items():
        yield _folded(f"State machine {code(name)}", f"```mermaid\n{chart}\n```", opened=True)
    yield _plan(folder)


def summary(data: dict[str, Any]) -> str:
    """How many resources the plan creates, changes and destroys, and a table of them."""
    changes = [
        (each["address"], _action(each["change"]["actions"])) for each in data.get("resource_changes", [])
    ]
    changes = [(address, action) for address, action in changes if action in _SIGNS]
    if not changes:
        return "**No changes.**"
    counts = Counter(action for _, action in changes)
    added, gone = counts["create"] + counts["replace"], counts["delete"] + counts["replace"]
    lines = [f"**{added} to add, {counts['update']} to change, {gone} to destroy.**"]
    # What is lost comes first; a long list of what is new is in the plan.
    changes.sort(key=lambda change: (list(_SIGNS)[::-1].index(change[1]), change[0]))
    rows = [f"| {_SIGNS[action]} | {code(address)} |" for address, action in changes[:CHANGES_SHOWN]]
    more = [f"\n… and {len(changes) - CHANGES_SHOWN} more"] if len(changes) > CHANGES_SHOWN else []
    table = "\n".join(["| | resource |", "| --- | --- |", *rows, *more])
    lines.append(_folded("Changes", table))
    return "\n\n".join(lines)


def _folded(title: str, text: str, *, opened: bool = False) -> str:
    return f"<details{' open' if opened else ''}><summary>{title}</summary>\n\n{text}\n\n</details>"


def _action(actions: list[str]) -> str:
    return "replace" if sorted(actions) == ["create", "delete"] else actions[0]


def _block(text: str) -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.strip()}\n{fence}"


# ─── All Roots ───


def join(sections: Sequence[str], run: str = "", head: str = HEAD) -> str:
    """The whole comment; what makes it too long is cut, the longest first, and never a root's verdict.

    ``run`` is the address of the workflow's run, whose summary has all.
    """
    if not sections:
        return f"{head}\nNo root module of this environment changes.\n"
    whole = f"[the summary of the run]({run})" if run else "the summary of the job"
    left_out = f"\n… cut: all of it is in {whole}\n"
    limit = COMMENT_LENGTH
    while (
        len(body := "\n".join([head, *(_cut(each, limit, left_out) for each in sections)])) > COMMENT_LENGTH
    ):
        limit = limit * 9 // 10
    return body


def _cut(part: str, limit: int, left_out: str) -> str:
    """A section of at most about `limit` characters: first its plan is cut, then all that is folded goes."""
    if len(part) <= limit:
        return part
    opened = part.rfind("<details><summary>Plan</summary>")
    if 0 <= opened <= limit // 2:
        fence = re.search(r"`{3,}", part[opened:])
        end = f"\n{fence.group() if fence else '```'}\n{left_out}\n</details>\n"
        return part[: max(opened + 60, limit - len(end))].rpartition("\n")[0] + end
    folded_away = _DETAILS.sub("", part)
    kept = folded_away if len(folded_away) <= limit else _without_findings(folded_away, limit)
    return kept.rstrip() + "\n" + left_out


def _without_findings(part: str, limit: int) -> str:
    """The lines of a section that fit, its verdict (the line with ✅ or ❌) always."""
    verdict = next((line for line in part.splitlines() if line.startswith(("✅", "❌"))), "")
    kept = part[:limit].rpartition("\n")[0]
    return kept if verdict in kept else f"{part.partition(chr(10))[0]}\n\n{verdict}"


# ─── Command ───


def run_address() -> str:
    """The address of the run that this is a part of, empty outside of GitHub Actions."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, number = (os.environ.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{number}" if server and number else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one section, or print the comment; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.comment",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    one = commands.add_parser("section", help="write FOLDER/section.md of one root")
    one.add_argument("root", help="the root's path, as a heading")
    one.add_argument("folder", type=Path, help="where setup/deploy.sh put the plan")
    one.add_argument("--note", default="", help="a line below the heading")
    everything = commands.add_parser("join", help="print the comment of all sections")
    everything.add_argument("sections", type=Path, nargs="*", help="section files")
    options = parser.parse_args(arguments)
    try:
        if options.command == "section":
            options.folder.mkdir(parents=True, exist_ok=True)
            text = section(options.root, options.folder, options.note)
            (options.folder / "section.md").write_text(text, encoding="utf-8")
        else:
            sections = [file.read_text(encoding="utf-8") for file in sorted(options.sections)]
            print(join(sections, run_address()))
    except OSError as error:
        print(f"comment: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
