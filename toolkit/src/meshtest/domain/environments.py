"""Make an environment: ``make new-environment NAME=stage``.

Its root module and its workflow are copies of ``dev``'s under the new name; the workflows that list
environments or their branches and roles get a further entry. It is deployed from the branch of its name.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.mistakes import Mistake
from meshtest.domain import inputs, projects
from meshtest.domain.inputs import InputsError, rules
from meshtest.tools import environment as surroundings
from meshtest.tools import folders, toolchain

MODEL = "dev"
WORKFLOWS = ".github/workflows"
# `branches: [dev, int, main]`: the last one is production's.
_LIST = re.compile(rf"^(\s*(?:branches|environment|options): \[.*\b{MODEL}\b.*), (\w+\])$", re.MULTILINE)
# `… == 'dev' && secrets.AWS_ROLE_ARN_DEV`, one environment a line.
_ROLE = re.compile(
    rf"^(\s*).*?(\w[\w.]* == )'{MODEL}' && ((?:secrets|vars)\.\w+_){MODEL.upper()}$", re.MULTILINE
)


def new(name: str, top: Path = toolchain.ROOT) -> list[str]:
    """Make an environment; returns the files that were made or changed.

    Raises:
        InputsError: there is one of that name, the name is not as it should be, or the names of a project's
            resources would become too long; nothing is written.

    """
    folder = f"{folders.ENVIRONMENTS}/{name}"
    if mistake := next(rules.environment_name(name), None):
        raise InputsError(str(mistake))
    if (top / folder).exists():
        raise InputsError(str(Mistake(folder, "name", name, "a name that no environment has")))
    inputs.require(top)
    with projects.trial(top) as trial:
        _root_module(trial, trial, name)
        inputs.require(trial)
    texts = dict(_workflows(top, name))
    made = _root_module(top, top, name)
    for file, text in texts.items():
        (top / file).write_text(text, encoding="utf-8")
    return [*made, *texts]


def _root_module(source: Path, target: Path, name: str) -> list[str]:
    made = target / folders.ENVIRONMENTS / name
    shutil.copytree(source / folders.ENVIRONMENTS / MODEL, made, ignore=projects.LOCAL)
    (made / "backend.conf").unlink(missing_ok=True)
    for file in (made / "main.tf", made / "README.md"):
        file.write_text(_renamed(file.read_text(encoding="utf-8"), name), encoding="utf-8")
    return [f"{folders.ENVIRONMENTS}/{name}/"]


def _workflows(top: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of the workflows that are new or other."""
    for file in sorted((top / WORKFLOWS).glob("*.yml")):
        text = file.read_text(encoding="utf-8")
        if file.stem == f"deploy-{MODEL}":
            yield f"{WORKFLOWS}/deploy-{name}.yml", _renamed(text, name)
        elif not file.stem.startswith("deploy-"):
            changed = _LIST.sub(rf"\1, {name}, \2", text)
            changed = _ROLE.sub(rf"\g<0>\n\1|| \2'{name}' && \g<3>{name.upper()}", changed)
            if changed != text:
                yield f"{WORKFLOWS}/{file.name}", changed


def _renamed(text: str, name: str) -> str:
    for change in (str.lower, str.upper, str.capitalize):
        text = re.sub(rf"(?<![^\W_]){change(MODEL)}(?![^\W_])", change(name), text)
    return text


# ─── Command ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.domain.environments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0 done, 1 refused, nothing has been changed, 2 bad arguments.",
    )
    parser.add_argument("name", help="2 to 8 lower-case letters and digits")
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        changed = new(options.name, options.top)
    except InputsError as error:
        print(error, file=sys.stderr)
        return 1
    print(*changed, sep="\n")
    print(f"Next: setup/bootstrap.sh aws --repository ORG/REPO, then push the branch {options.name}.")
    return 0


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
