"""Find the projects and the environments of a checkout. A folder that git ignores is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROJECTS = "infrastructure/projects"
ENVIRONMENTS = "infrastructure/environments"


def projects(top: Path) -> list[str]:
    """Return the projects to deploy: folders with a project.json; one that starts with _ is a template."""
    folder = top / PROJECTS
    return [
        name
        for name in project_folders(top)
        if not name.startswith("_") and (folder / name / "project.json").is_file()
    ]


def environments(top: Path) -> list[str]:
    """Return the environments by name: the folders of root modules in infrastructure/environments."""
    return [name for name in kept(top, ENVIRONMENTS) if (top / ENVIRONMENTS / name / "main.tf").is_file()]


def project_folders(top: Path) -> list[str]:
    """Return the folders of projects and templates by name, whatever is in them."""
    return kept(top, PROJECTS)


def kept(top: Path, place: str) -> list[str]:
    """Return the names of the folders in a place of the checkout, without those that git ignores."""
    found = sorted(folder.name for folder in (top / place).glob("*/") if folder.is_dir())
    known = _known_to_git(top, place)
    return [name for name in found if not name.startswith(".") and (known is None or name in known)]


def _known_to_git(top: Path, place: str) -> set[str] | None:
    """Return the folders in which git sees a file, committed or new; None where git does not keep `top`."""
    if not (top / ".git").exists():  # a copy: git would look for a repository around it
        return None
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f"{place}/"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, cwd=top, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return {name.removeprefix(f"{place}/").partition("/")[0] for name in listed.split("\0") if name}
