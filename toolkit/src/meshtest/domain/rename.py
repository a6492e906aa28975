"""Give the domain another name: ``make rename NAME=… ABBREVIATION=… REGION=… [REPOSITORY=…]``.

Everything reads the names from ``setup/domain.json``; beside it only ``.github/CODEOWNERS`` names the
organisation whose teams must agree. No file holds an account's id: the account is that of who is signed in.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.mistakes import Mistake
from meshtest.domain import inputs, projects
from meshtest.domain.inputs import InputsError, checkout, schemas
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

CODEOWNERS = ".github/CODEOWNERS"
_REPOSITORY = re.compile(r"([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})/[\w.-]{1,100}")
_ORGANISATION = re.compile(r"(?<![\w@])@[\w-]+(?=/)")


def rename(wanted: Mapping[str, str], repository: str = "", top: Path = toolchain.ROOT) -> list[str]:
    """Write new values of domain.json's fields, and the owner of the repository; returns one line a change.

    Raises:
        InputsError: a value is bad, or the checkout would not be in order; nothing is written.

    """
    texts = {checkout.DOMAIN: _domain(wanted, top)}
    if repository:
        if not (found := _REPOSITORY.fullmatch(repository)):
            raise InputsError(str(Mistake(CODEOWNERS, "REPOSITORY", repository, "ORG/REPO, as on GitHub")))
        owners = (top / CODEOWNERS).read_text(encoding="utf-8")
        texts[CODEOWNERS] = _ORGANISATION.sub(f"@{found[1]}", owners)
    _require(texts[checkout.DOMAIN], top)
    changes = [line for name, text in texts.items() for line in _changes(name, top, text)]
    for name, text in texts.items():
        (top / name).write_text(text, encoding="utf-8")
    return changes


def _domain(wanted: Mapping[str, str], top: Path) -> str:
    """Return domain.json with the new values, and everything else as it stands there."""
    text = (top / checkout.DOMAIN).read_text(encoding="utf-8")
    before = checkout.json_object(text)
    if found := schemas.against(schemas.schema("domain"), {**before, **wanted}, checkout.DOMAIN):
        raise InputsError("\n".join(map(str, found)))
    for field, value in wanted.items():
        text = re.sub(rf'("{field}"\s*:\s*)"[^"]*"', rf'\g<1>"{value}"', text)
    if json.loads(text) != {**before, **wanted}:  # a field was missing, or no text
        text = json.dumps({**before, **wanted}, indent=2) + "\n"
    return text


def _require(domain: str, top: Path) -> None:
    """Stop unless a copy of the checkout with this domain.json is in order."""
    with projects.trial(top) as copy:
        (copy / checkout.DOMAIN).write_text(domain, encoding="utf-8")
        inputs.require(copy)


def _changes(name: str, top: Path, text: str) -> list[str]:
    before = (top / name).read_text(encoding="utf-8").splitlines()
    pairs = zip(before, text.splitlines(), strict=False)
    return [
        f"{name}:{n}: {_short(old)} → {_short(new)}" for n, (old, new) in enumerate(pairs, 1) if old != new
    ]


def _short(line: str) -> str:
    return " ".join(line.split())


# ─── Command ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    given = {
        "domain_name": options.name,
        "domain_abbr": options.abbreviation,
        "aws_region": options.region,
    }
    wanted = {field: value for field, value in given.items() if value}
    if not wanted and not options.repository:
        print("rename: expected at least one of NAME, ABBREVIATION, REGION and REPOSITORY", file=sys.stderr)
        return 2
    try:
        changes = rename(wanted, options.repository, options.top)
    except (InputsError, checkout.Unreadable) as error:
        print(error, file=sys.stderr)
        return 1
    for line in changes or ["nothing to change"]:
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.domain.rename",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0 done, 1 refused, nothing has been changed, 2 bad arguments.",
    )
    parser.add_argument("--name", default="", help="of the domain, for tags")
    parser.add_argument("--abbreviation", default="", help="the prefix of every name")
    parser.add_argument("--region", default="", help="the AWS Region of everything")
    parser.add_argument(
        "--repository", default="", metavar="ORG/REPO", help="whose teams must agree to changes"
    )
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
