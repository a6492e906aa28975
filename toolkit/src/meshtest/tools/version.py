"""The version of what this checkout ships: a release number, and the commit that it is built from.

``1.0.0+g1a2b3c4d`` is that commit; ``1.0.0+g1a2b3c4d.d5e6f7a8b`` is that commit with changes that are not in
it, the last part a digest of them. The ``g`` stays: a commit of digits only would lose its leading zeros, as
any number does in a version (https://packaging.python.org/en/latest/specifications/version-specifiers/).

Where the commit comes from: git; in an archive without ``.git`` the file ``setup/version.toml``, which ``git
archive`` (and so GitHub's downloads) fills in; else nowhere: ``1.0.0+unknown.d5e6f7a8b``, a digest of what
ships. The release number stands in that file, too.
``CORE_VERSION`` overrides all.

setuptools calls `current` for the wheel (pyproject.toml), with nothing but the standard library at hand.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

FILE = Path("setup", "version.toml")
SHORT = 8  # digits of the commit
# What ships, or decides how it is built. With a change elsewhere the artifacts are still the commit's.
SHIPPED = ("pyproject.toml", "requirements-build.lock", "setup/version.toml", "src/core", "src/jobs")
PATTERN = re.compile(r"\d+\.\d+\.\d+\+(?:g[0-9a-f]{8}|unknown)(?:\.d[0-9a-f]{8})?")
VARIABLE = "CORE_VERSION"

# Zip has no earlier time.
_NO_TIME = 315532800


class VersionError(Exception):
    """``CORE_VERSION`` or ``setup/version.toml`` gives no version; the message is one line."""


@dataclass(frozen=True)
class Version:
    """A version, the full commit (empty if unknown, and then `why`) and its time in seconds since 1970."""

    text: str
    commit: str
    seconds: int
    why: str = ""

    @property
    def is_commit(self) -> bool:
        """Whether it is exactly what was committed: known, and nothing changed since."""
        return bool(self.commit) and self.text.endswith(f"+g{self.commit[:SHORT]}")

    def __str__(self) -> str:
        return self.text


def current() -> str:
    """The version of the checkout in the working directory as text, for setuptools.

    Raises:
        VersionError: as `describe`.
    """
    return describe(Path.cwd()).text


def describe(root: Path) -> Version:
    """The version of the checkout, or unpacked archive, at `root`.

    Raises:
        VersionError: ``CORE_VERSION`` is set to something else than a version of this form, or the checkout's
            ``setup/version.toml`` names no release.
    """
    found = _from_git(root) if (root / ".git").exists() else _from_archive(root)
    given = os.environ.get(VARIABLE)
    if not given:
        return found
    if not PATTERN.fullmatch(given):
        raise VersionError(f"{VARIABLE} is {given!r}; expected a version such as 1.0.0+g1a2b3c4d")
    return replace(found, text=given)


def release(root: Path) -> str:
    """The release number of the checkout at `root`, such as ``1.0.0``.

    Raises:
        VersionError: its ``setup/version.toml`` has none.
    """
    found = _written(root)["release"]
    if not re.fullmatch(r"\d+\.\d+\.\d+", found):
        raise VersionError(f"{FILE}: release is {found!r}; expected three numbers such as 1.0.0")
    return found


def _written(root: Path) -> dict[str, str]:
    try:
        return {"commit": "$", "release": "", **tomllib.loads((root / FILE).read_text())}
    except (FileNotFoundError, tomllib.TOMLDecodeError) as error:
        raise VersionError(f"{FILE}: {error}; expected release, commit and seconds") from error


def _from_git(root: Path) -> Version:
    try:
        commit, seconds = _git(root, "log", "-1", "--format=%H %ct", "HEAD", "--").decode().split()
        return Version(f"{release(root)}+g{commit[:SHORT]}{_changes(root)}", commit, int(seconds))
    except FileNotFoundError:
        return _unknown(root, "git is not installed")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        return _unknown(root, f"git says: {said[-1] if said else error}")


def knows(root: Path, commit: str) -> bool:
    """Whether the clone at `root` has a commit: a shallow one has few, and a rewritten branch loses some."""
    try:
        _git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


def _changes(root: Path) -> str:
    """``.d`` and a digest of what ships and is not committed, new files included; empty if all is."""
    difference = _git(root, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--", *SHIPPED)
    added = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *SHIPPED)
    new = sorted(name for name in added.decode().split("\0") if name)
    if not difference and not new:
        return ""
    digest = hashlib.sha256(difference)
    for name in new:
        digest.update(f"\0{name}\0".encode())
        digest.update((root / name).read_bytes())
    return f".d{digest.hexdigest()[:SHORT]}"


def _from_archive(root: Path) -> Version:
    written = _written(root)
    commit = written["commit"]
    if commit.startswith("$"):
        return _unknown(root, "there is no .git, and this is no archive that git made")
    return Version(f"{release(root)}+g{commit[:SHORT]}", commit, int(written["seconds"]))


def _unknown(root: Path, why: str) -> Version:
    digest = hashlib.sha256()
    for file in sorted(file for name in SHIPPED for file in (root / name, *(root / name).rglob("*.py"))):
        if file.is_file():
            digest.update(f"\0{file.relative_to(root)}\0".encode() + file.read_bytes())
    return Version(f"{release(root)}+unknown.d{digest.hexdigest()[:SHORT]}", "", _NO_TIME, why)


def _git(root: Path, *arguments: str) -> bytes:
    # The folder may belong to another user, as in a container with the checkout mounted.
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout
