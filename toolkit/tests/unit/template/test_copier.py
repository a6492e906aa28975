"""copier makes a domain of the template's commit, and brings a later one into it without a conflict."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import copies
import pytest
import yaml

from meshtest.domain import inputs
from meshtest.tools import folders, toolchain

ANSWERS = {
    "domain_name": "harbour",
    "domain_abbr": "hbr",
    "aws_region": "eu-north-1",
    "repository": "acme-data/harbour",
}


def release(template: Path, tag: str) -> str:
    """Commit and tag a release of the template, and return its hash."""
    commit = copies.commit(template, tag)
    assert copies.run(template, "git", "tag", tag).returncode == 0
    return commit


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The files of this checkout as a repository with one release."""
    place = tmp_path_factory.mktemp("template")
    listed = copies.run(
        toolchain.ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = toolchain.ROOT / name
        if source.exists() or source.is_symlink():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / name, follow_symlinks=False)
    copies.run(place, "git", "init", "--quiet")
    release(place, "v1.0.0")
    return place


@pytest.fixture
def domain(template, tmp_path):
    """domain(samples) → a new domain of the template's first release, in git."""

    def domain(*, samples: bool) -> Path:
        place = tmp_path / "harbour"
        made = copies.copier(
            "copy", tmp_path, "--vcs-ref=v1.0.0", template, place, samples=samples, **ANSWERS
        )
        assert made.returncode == 0, made.stderr
        copies.run(place, "git", "init", "--quiet")
        copies.commit(place, "start")
        return place

    return domain


@pytest.mark.parametrize("samples", [False, True])
def test_a_new_domain_is_in_order_and_has_the_names_that_were_asked_for(template, domain, samples):
    place = domain(samples=samples)
    assert inputs.check(place) == []
    assert (place / "setup/domain.json").read_text() == (
        '{\n  "domain_name": "harbour",\n  "domain_abbr": "hbr",\n  "aws_region": "eu-north-1"\n}\n'
    )
    assert set(re.findall(r"@[\w-]+/", (place / ".github/CODEOWNERS").read_text())) == {"@acme-data/"}
    assert folders.projects(place) == (folders.projects(template) if samples else [])
    released = copies.run(template, "git", "rev-parse", "v1.0.0").stdout.strip()
    last = (place / "setup/toolkit.txt").read_text().splitlines()[-1]
    assert last == f"meshtest[all] @ git+{template.as_uri()}@{released}#subdirectory=toolkit"


def test_without_samples_nothing_of_them_is_left(template, domain):
    place = domain(samples=False)
    names = folders.projects(template)
    left = [file for file in place.rglob("*") if ".git" not in file.parts and set(names) & set(file.parts)]
    assert left == []
    assert [link for link in place.rglob("*") if link.is_symlink() and not link.exists()] == []
    assert not (place / "toolkit").exists()


def test_an_update_brings_what_is_newer_and_leaves_what_the_team_made(template, domain):
    place = domain(samples=False)
    shutil.copytree(place / "infrastructure/projects/_template", place / "infrastructure/projects/orders")
    (place / "README.md").write_text("# Harbour\n")
    (place / "setup/tags.json").write_text(json.dumps({"CostCenter": "42"}))
    copies.commit(place, "ours")
    module = template / "infrastructure/modules/s3_bucket/main.tf"
    module.write_text(module.read_text() + "\n# newer\n")
    (template / "README.md").write_text("# Newer\n")
    newer = release(template, "v1.1.0")
    before = {file: file.read_bytes() for file in (place / "infrastructure/projects/orders").iterdir()}

    updated = copies.copier("update", place, "--vcs-ref=v1.1.0")

    assert updated.returncode == 0, updated.stderr
    changed = copies.run(place, "git", "status", "--porcelain").stdout.splitlines()
    assert {line[3:] for line in changed} == {
        ".copier-answers.yml",
        "infrastructure/modules/s3_bucket/main.tf",
        "setup/toolkit.txt",
    }
    assert f"@{newer}#" in (place / "setup/toolkit.txt").read_text()
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"domain_name": "Harbour"}, "expected 2 to 63 lower-case letters"),
        ({"domain_abbr": "much-too-long"}, "expected 2 to 8 lower-case letters"),
        ({"aws_region": "Stockholm"}, "expected an AWS Region"),
        ({"repository": "harbour"}, "expected ORG/REPO"),
    ],
)
def test_a_bad_answer_is_refused_before_anything_is_written(template, tmp_path, wrong, expected):
    place = tmp_path / "domain"
    made = copies.copier(
        "copy", tmp_path, "--vcs-ref=v1.0.0", template, place, samples=False, **{**ANSWERS, **wrong}
    )
    assert made.returncode != 0
    assert expected in made.stderr
    assert not place.exists()


def test_a_template_that_no_update_would_find_is_refused(template, tmp_path):
    where = os.path.relpath(template, tmp_path)
    made = copies.copier(
        "copy", tmp_path, "--vcs-ref=v1.0.0", where, tmp_path / "domain", samples=False, **ANSWERS
    )
    assert made.returncode != 0
    assert (
        f"the template is {where!r}; expected a URL of git, gh:ORG/REPO, or an absolute path" in made.stderr
    )


def test_the_questions_take_what_the_schema_takes():
    questions = yaml.safe_load((toolchain.ROOT / "copier.yml").read_text())
    schema = json.loads((toolchain.ROOT / "setup/schemas/domain.schema.json").read_text())
    for name, field in schema["properties"].items():
        assert f"'{field['pattern']}'" in questions[name]["validator"], name
