"""Write what copier.yml asked into the files that copier does not render; copier runs this in the domain."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

# As copier has them: https://copier.readthedocs.io/en/stable/generating/
_SHORTCUTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


def toolkit_requirement(source: str, commit: str) -> str:
    """Return the line for pip that names the toolkit of a template's commit.

    Args:
        source: the template as copier was given it: a URL of git, ``gh:ORG/REPO``, or a folder.
        commit: the full hash.

    Raises:
        SystemExit: the folder is named from where copier was called: no later update would find it.
    """
    for short, url in _SHORTCUTS.items():
        if source.startswith(short):
            source = url + source.removeprefix(short)
    if Path(source).is_dir():
        source = Path(source).resolve().as_uri()
    if found := re.fullmatch(r"(?:ssh://)?(git@[^:/]+)[:/](.+)", source):
        source = f"ssh://{found[1]}/{found[2]}"
    if ":" not in source:
        raise SystemExit(
            f"the template is {source!r}; expected a URL of git, gh:ORG/REPO, or an absolute path"
        )
    return f"meshtest[all] @ git+{source.removeprefix('git+')}@{commit}#subdirectory=toolkit"


def main() -> None:
    """Write domain.json, toolkit.txt and CODEOWNERS below the working directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("name", "abbreviation", "region", "repository", "toolkit", "commit"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    domain = {"domain_name": given.name, "domain_abbr": given.abbreviation, "aws_region": given.region}
    Path("setup/domain.json").write_text(json.dumps(domain, indent=2) + "\n")
    file = Path("setup/toolkit.txt")
    *comments, _ = file.read_text().splitlines(keepends=True)
    file.write_text("".join(comments) + toolkit_requirement(given.toolkit, given.commit) + "\n")
    owners = Path(".github/CODEOWNERS")
    organisation = given.repository.partition("/")[0]
    owners.write_text(re.sub(r"(?<![\w@])@[\w-]+(?=/)", f"@{organisation}", owners.read_text()))


if __name__ == "__main__":
    main()
