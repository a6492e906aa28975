"""The version: the commit, told apart from what is not committed, in a checkout, an archive, a bare copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from checkouts import copy_sources, git, python

from meshtest.tools import version

SCRIPT = (
    "import pathlib; from meshtest.tools.version import describe; "
    "print(vars(describe(pathlib.Path().resolve())))"
)


def describe(folder: Path, **environment: str) -> dict[str, object]:
    """What the toolkit says of the checkout."""
    answer = python(folder, "-c", SCRIPT, **environment)
    assert answer.returncode == 0, answer.stderr
    return eval(answer.stdout)  # noqa: S307  (our own repr)


def test_a_commit_is_the_version_and_its_time_the_builds(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    assert describe(checkout) == {
        "text": f"1.0.0+g{commit[:8]}",
        "commit": commit,
        "seconds": 1793534400,  # 2026-11-01T12:00:00Z
        "why": "",
    }


def test_a_change_is_told_apart_from_the_commit_and_from_another_change(checkout):
    clean, file = describe(checkout)["text"], checkout / "src/core/errors.py"
    before, seen = file.read_text(), {clean}
    for change in ("# a\n", "# b\n"):
        file.write_text(before + change)
        text = describe(checkout)["text"]
        assert re.fullmatch(rf"{re.escape(clean)}\.d[0-9a-f]{{8}}", text)
        seen.add(text)
    assert len(seen) == 3
    file.write_text(before)
    assert describe(checkout)["text"] == clean


def test_a_new_file_is_a_change_and_so_is_a_removed_one(checkout):
    (checkout / "src/core/new.py").write_text("x = 1\n")
    assert ".d" in describe(checkout)["text"]
    (checkout / "src/core/new.py").unlink()
    (checkout / "src/core/errors.py").unlink()
    assert ".d" in describe(checkout)["text"]


def test_what_does_not_ship_does_not_count(checkout):
    clean = describe(checkout)["text"]
    (checkout / "notes.md").write_text("to do")
    (checkout / "setup/domain.json").write_text("{}")
    assert describe(checkout)["text"] == clean


def test_an_archive_of_git_knows_its_commit(checkout, tmp_path):
    known = describe(checkout)
    archive = tmp_path / "archive.zip"
    git(checkout, "archive", "--format=zip", f"--output={archive}", "HEAD")
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path / "archive")
    assert describe(tmp_path / "archive") == known


def test_a_bare_copy_says_that_it_does_not_know_and_why(tmp_path):
    folder = copy_sources(tmp_path / "copy")
    found = describe(folder)
    assert re.fullmatch(r"1\.0\.0\+unknown\.d[0-9a-f]{8}", found["text"])
    assert found["why"] == "there is no .git, and this is no archive that git made"
    (folder / "src/core/errors.py").write_text("# another content\n")
    assert describe(folder)["text"] != found["text"]


def test_a_repository_without_a_commit_says_so(tmp_path):
    folder = copy_sources(tmp_path / "copy")
    git(folder, "init", "--quiet")
    found = describe(folder)
    assert found["text"].startswith("1.0.0+unknown.d")
    assert found["why"].startswith("git says: ")


def test_without_git_a_checkout_says_so(checkout, tmp_path):
    assert describe(checkout, PATH=str(tmp_path))["why"] == "git is not installed"


def test_a_given_version_wins_and_a_bad_one_is_named(checkout):
    assert describe(checkout, CORE_VERSION="2.0.0+g00000000")["text"] == "2.0.0+g00000000"
    answer = python(checkout, "-m", "meshtest.deploy.artifacts", "build", CORE_VERSION="2.0")
    assert (answer.returncode, answer.stderr) == (
        1,
        "artifacts: CORE_VERSION is '2.0'; expected a version such as 1.0.0+g1a2b3c4d\n",
    )


def test_a_short_commit_of_digits_keeps_its_zeros():
    """What `+00123456` would lose: packaging makes it `+123456`."""
    from packaging.version import Version

    assert str(Version("1.0.0+g00123456")) == "1.0.0+g00123456"
    assert version.PATTERN.fullmatch("1.0.0+g00123456")
    assert not version.PATTERN.fullmatch("1.0.0+00123456")


@pytest.mark.parametrize(
    "front_end",
    [
        ["build", "--wheel", "--no-isolation"],
        [
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--quiet",
            "--wheel-dir",
            "dist",
            ".",
        ],
    ],
    ids=["build", "pip"],
)
def test_any_front_end_gives_the_wheel_the_commits_version(checkout, front_end):
    answer = python(checkout, "-m", *front_end)
    assert answer.returncode == 0, answer.stderr
    (wheel,) = (checkout / "dist").glob("*.whl")
    assert wheel.name == f"core-{describe(checkout)['text']}-py3-none-any.whl"
    shutil.rmtree(checkout / "dist")
    assert subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True).stdout == b""
