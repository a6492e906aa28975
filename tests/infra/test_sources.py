"""What can be read from the Terraform sources without a plan: their order, and what has to be gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshtest.tools import folders, toolchain

INFRASTRUCTURE = toolchain.ROOT / "infrastructure"
SOURCES = sorted(file for file in INFRASTRUCTURE.rglob("*.tf") if ".terraform" not in file.parts)
MODULES = sorted(folder for folder in (INFRASTRUCTURE / "modules").iterdir() if folder.is_dir())
PROJECTS = [toolchain.ROOT / folders.PROJECTS / name for name in folders.project_folders(toolchain.ROOT)]
ENVIRONMENTS = sorted(file.parent for file in (INFRASTRUCTURE / "environments").glob("*/main.tf"))
# The files of a project that are its own; the others are the template's, word for word.
OWN = {"jobs.tf", "pipelines.tf", "project.json", "contract.odcs.yaml"}

PARTS = ("main", "outputs", "variables", "versions")


def name(path: Path) -> str:
    return path.relative_to(INFRASTRUCTURE).as_posix()


def blocks(kind: str, text: str) -> list[tuple[str, str]]:
    return re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', text, re.M | re.S)


# ─── Layout ───


def test_there_are_the_twelve_modules():
    assert [folder.name for folder in MODULES] == [
        "external",
        "glue_catalog_database",
        "glue_catalog_table",
        "glue_iceberg_table",
        "glue_job",
        "iam_glue_job",
        "iam_role",
        "iam_table_optimizer",
        "own_tags",
        "project",
        "s3_bucket",
        "stepfunction_pipeline",
    ]


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_has_its_four_files_and_says_what_it_is_for(module):
    files, four = {file.name for file in module.glob("*.tf")}, {f"{part}.tf" for part in PARTS}
    assert four == files or (module.name == "project" and four < files)
    assert re.match(r"# ─── .+ ───\n# .+", (module / "main.tf").read_text())


def test_the_environments_are_the_same_but_for_their_name():
    texts = {
        environment.name: {
            file.name: file.read_text()
            .replace(f'"{environment.name}"', "ENV")
            .replace(f": {environment.name}", "ENV")
            for file in environment.glob("*.tf")
            if not file.name.endswith("_override.tf")
        }
        for environment in ENVIRONMENTS
    }
    assert len(texts) == len(ENVIRONMENTS) > 2
    assert [env for env, text in texts.items() if text != texts["dev"]] == []


@pytest.mark.parametrize("project", PROJECTS, ids=name)
def test_a_project_is_the_template_but_for_its_own_files(project):
    template = INFRASTRUCTURE / "projects" / "_template"
    shared = {file.name for file in template.iterdir() if file.is_file()} - OWN
    assert {file: (project / file).read_text() for file in shared} == {
        file: (template / file).read_text() for file in shared
    }
    assert {file.name for file in project.iterdir()} >= OWN


# ─── Variables and outputs ───


@pytest.mark.parametrize("file", [f for f in SOURCES if f.name in ("variables.tf", "outputs.tf")], ids=name)
def test_variables_and_outputs_are_described_typed_and_in_order(file):
    kind = "variable" if file.name == "variables.tf" else "output"
    declared = blocks(kind, file.read_text())
    assert [label for label, _ in declared] == sorted(label for label, _ in declared)
    assert [label for label, body in declared if not re.search(r'^  description\s+= "..', body, re.M)] == []
    if kind == "variable":
        assert [label for label, body in declared if not re.search(r"^  type\s+=", body, re.M)] == []


# ─── Versions ───


@pytest.mark.parametrize("root", [*ENVIRONMENTS, *PROJECTS], ids=name)
def test_every_root_commits_the_same_provider_lock(root):
    """P3-01: the policy is that all have it."""
    lock = (root / ".terraform.lock.hcl").read_text()
    assert lock == (INFRASTRUCTURE / "environments" / "dev" / ".terraform.lock.hcl").read_text()
    assert 'version     = "5.100.0"' in lock
    assert 'constraints = "~> 5.0"' in lock


@pytest.mark.parametrize(
    "folder",
    [
        *MODULES,
        *(INFRASTRUCTURE / each for each in ("bootstrap", "bootstrap/environment", "foundation")),
        *ENVIRONMENTS,
        *PROJECTS,
    ],
    ids=name,
)
def test_every_folder_says_which_versions_it_needs(folder):
    text = (folder / "versions.tf").read_text()
    assert 'required_version = ">= 1.14"' in text
    assert 'version = "~> 5.0"' in text


# ─── What has to be gone ───


@pytest.mark.parametrize(
    "path",
    [
        "modules/glue_table_optimizer",  # P2-04
        "foundation/iam_glue_job.tf",  # P2-05
        "foundation/iam_table_optimizer.tf",  # P2-05
        "modules/stepfunction_pipeline/asl.json",  # P3-03
    ],
)
def test_what_was_removed_stays_away(path):
    assert not (INFRASTRUCTURE / path).exists()


@pytest.mark.parametrize("word", ["aws_internet_gateway", "glue_table_optimizer", "igw", r"0\.0\.0\.0/0"])
def test_no_source_refers_to_it(word):
    """P1-04, P2-04, P1-05."""
    pattern = re.compile(rf"(?<![a-z_]){word}(?![a-z_])")
    assert [name(file) for file in SOURCES if pattern.search(file.read_text())] == []
