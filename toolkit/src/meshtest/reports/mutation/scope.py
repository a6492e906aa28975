"""Which assertions concern a file, the likeliest killers first, and which stacks have it in their plan."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from meshtest.reports.mutation.mutants import Mutant
from meshtest.terraform import sources
from meshtest.tools import folders, toolchain

# What the gate is held against, the whole of what is deployed to one environment.
STACKS = (
    "environments/dev",
    *(f"projects/{name}" for name in folders.projects(toolchain.ROOT)),
    "bootstrap",
)
# Everything that may judge a mutant; the rest of tests/infra takes minutes, or applies.
SUITE = (
    "tests/infra/modules",
    "tests/infra/bootstrap/test_plan.py",
    "tests/infra/bootstrap/test_permissions.py",
    "tests/infra/stacks/test_bad_inputs.py::test_a_projects_plan_is_refused_in_the_same_words",
    "tests/infra/stacks/test_foundation.py",
    "tests/infra/stacks/test_projects.py",
    "tests/infra/stacks/test_stack_controls.py",
    "tests/infra/test_sources.py",
)
_SOURCES = "tests/infra/test_sources.py"
_OF_STACK = {
    "environments/dev": (
        "tests/infra/stacks/test_foundation.py",
        r".*test_stack_controls.py.*\[environments/",
    ),
    "projects": ("tests/infra/stacks/test_projects.py", r".*test_stack_controls.py.*\[projects/"),
    "bootstrap": (
        "tests/infra/bootstrap/test_permissions.py",
        r".*test_stack_controls.py.*\[bootstrap",
        "tests/infra/bootstrap/test_plan.py",
    ),
}


def tiers(mutant: Mutant, stacks: Iterable[str]) -> list[list[str]]:
    """Patterns of the tests that concern a mutant: those of its own folder, then those of the stacks with it.

    What a module refuses is for its own tests alone: no stack tries it.
    """
    affected = {"projects" if stack.startswith("projects/") else stack for stack in stacks}
    if "environments/dev" in affected:
        affected.add("projects")  # which are planned on the foundation's outputs
    of_stacks = [
        pattern for stack, patterns in _OF_STACK.items() if stack in affected for pattern in patterns
    ]
    folder, _, rest = mutant.file.partition("/")
    if folder == "bootstrap" and rest.endswith("variables.tf"):
        of_stacks.reverse()  # what is refused
    if rest == "project/checks.tf":
        of_stacks.insert(0, r"tests/infra/stacks/test_projects.py::test_(a_)?bad_")
    if folder == "projects" or rest.startswith("project/"):
        of_stacks.append("tests/infra/stacks/test_bad_inputs.py")
    if folder != "modules":
        return [[_SOURCES], of_stacks]
    module = rest.partition("/")[0]
    own = [
        f"tests/infra/modules/test_{module}.py",
        rf"tests/infra/modules/test_module_controls.py.*\[{module}[-\]]",
        rf"tests/infra/modules/test_module_outputs.py.*\[{module}\]",
        rf"tests/infra/modules/test_inputs.py.*\[{module}[-\]]",
    ]
    own = own[::-1] if rest.endswith("variables.tf") else own
    return [[*own, _SOURCES], [] if "/validation" in mutant.id else of_stacks]


def files_of(patterns: Iterable[Iterable[str]]) -> set[str]:
    """The test files that the patterns of some tiers are about."""
    return {
        re.sub(r"^\.\*", "tests/infra/stacks/", pattern[: pattern.index(".py") + 3])
        for tier in patterns
        for pattern in tier
    }


def matching(patterns: Iterable[str], tests: Iterable[str]) -> Iterator[str]:
    """The tests that a pattern matches, in the order of the patterns."""
    for pattern in patterns:
        yield from (test for test in tests if re.match(pattern, test))


def stacks_with(infrastructure: Path, files: Iterable[str]) -> list[str]:
    """The stacks whose plan depends on one of the files."""
    changed = {(infrastructure / file).resolve() for file in files}
    return [stack for stack in STACKS if changed & sources.files(infrastructure / stack)]


def gated(mutant: Mutant, stacks: list[str]) -> list[str]:
    """The stacks whose plan the gate is asked about: one is enough of those that share a file.

    None for what changes no plan: what refuses inputs, names versions, or hands outputs on.
    """
    changes_no_plan = mutant.file.endswith(("versions.tf", "outputs.tf")) or "/validation" in mutant.id
    return [] if changes_no_plan else stacks[:1]


def digest(root: Path, files: Iterable[Path]) -> str:
    """A digest of files and of their places below a root."""
    content = hashlib.sha256()
    for file in sorted(files):
        content.update(f"\0{file.relative_to(root)}\0".encode() + file.read_bytes())
    return content.hexdigest()


def text_digest(*texts: str) -> str:
    """A digest of several texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
