"""Nothing that matters changes without a job that looks at it."""

from __future__ import annotations

import subprocess

import workflows
import yaml

from meshtest.tools import toolchain

# What only an editor or git reads.
UNWATCHED = (
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    ".vscode/settings.json",
    "{{ ",
    ".copier-answers.yml",
)
# What copier leaves out of a domain (copier.yml).
OF_THE_TEMPLATE = ("copier.yml", "requirements-clients.lock", "toolkit/")


def filters() -> dict[str, list[str]]:
    raw = yaml.safe_load((workflows.GITHUB / "path-filters.yml").read_text())
    return {name: _flat(patterns) for name, patterns in raw.items()}


def _flat(patterns: list) -> list[str]:
    return [one for each in patterns for one in (each if isinstance(each, list) else [each])]


def matches(pattern: str, file: str) -> bool:
    if pattern.endswith("/**"):
        return file.startswith(pattern.removesuffix("**"))
    assert "*" not in pattern, f"{pattern}: this test knows exact names and folder/** alone"
    return file == pattern


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(
        command, cwd=toolchain.ROOT, capture_output=True, check=True, text=True
    ).stdout.splitlines()


def test_every_file_is_watched_or_read_by_no_test():
    patterns = [pattern for each in filters().values() for pattern in each]
    files = tracked()
    assert len(files) > 200
    missed = [f for f in files if not f.startswith(UNWATCHED) and not any(matches(p, f) for p in patterns)]
    assert missed == []


def test_every_pattern_is_about_something():
    patterns = {pattern for each in filters().values() for pattern in each}
    files = tracked()
    unused = [pattern for pattern in patterns if not any(matches(pattern, file) for file in files)]
    is_template = (toolchain.ROOT / "copier.yml").exists()
    assert [pattern for pattern in unused if is_template or not pattern.startswith(OF_THE_TEMPLATE)] == []


def test_the_filters_cover_each_folder_of_the_infrastructure():
    for place in (toolchain.ROOT / "infrastructure").iterdir():
        if place.is_dir():
            file = f"infrastructure/{place.name}/x.tf"
            assert any(matches(pattern, file) for pattern in filters()["infra"]), file


def test_a_job_is_run_by_a_change_to_its_own_tests():
    for name, folder in (
        ("python", "tests/unit"),
        ("python", "toolkit/tests/unit"),
        ("browser", "toolkit/tests/browser"),
        ("spark", "tests/spark"),
        ("infra", "tests/infra"),
        ("infra", "toolkit/tests/infra"),
    ):
        assert any(matches(pattern, f"{folder}/test_x.py") for pattern in filters()[name])
