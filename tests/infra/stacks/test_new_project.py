"""`make new-project`: what it makes plans, passes every control and is found."""

from __future__ import annotations

import json
import shutil

import pytest

from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.deploy.github import discover
from meshtest.domain import inputs, projects
from meshtest.testing.plans import resources
from meshtest.tools import toolchain

ACCOUNT = "123456789012"
NAME = "a_name_of_24_characters_"  # as long as one may be


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of this checkout, with a new project."""
    top = tmp_path_factory.mktemp("checkout")
    projects.bare(toolchain.ROOT, top)
    projects.new(projects.Wanted(NAME, "Records", "records@example.com"), top)
    return top


@pytest.fixture(scope="module")
def planned(plan, checkout, infrastructure, foundation):
    root = infrastructure / "projects" / NAME
    shutil.copytree(checkout / "infrastructure" / "projects" / NAME, root)
    shutil.copy(infrastructure / "projects" / "_template" / "embedded_override.tf", root)
    yield plan(root, {"env": "dev"})
    shutil.rmtree(root)


def test_it_plans_its_jobs_tables_and_pipeline_under_its_own_name(planned):
    jobs = {job["name"] for job in resources(planned, "aws_glue_job").values()}
    assert jobs == {f"exa-{NAME}-{job}-dev" for job in ("ingest", "refine", "curate", "migrate")}
    (machine,) = resources(planned, "aws_sfn_state_machine").values()
    assert machine["name"] == f"exa-{NAME}-daily-dev"
    tables = {table["name"] for table in resources(planned, "aws_glue_catalog_table").values()}
    names = ("records", "records_rejected", "daily", "job_runs")
    assert tables == {f"{NAME}_{table}" for table in names}
    assert {tuple(c["change"]["actions"]) for c in planned.resource_changes.values()} == {("create",)}


def test_no_control_fails(planned):
    results = controls.evaluate(Plan(planned))
    assert [controls.describe(each) for each in results if each.status in ("failed", "error")] == []
    assert len([each for each in results if each.status == "passed"]) > 10


def test_it_is_found_and_in_order(checkout):
    assert NAME in discover.projects(checkout)
    assert f"infrastructure/projects/{NAME}" in discover.roots(checkout, "dev")
    assert inputs.check(checkout) == []


def test_nothing_of_the_template_is_left_in_it(checkout):
    for part in projects.parts(NAME):
        place = checkout / part
        for file in [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]:
            own = file.suffix in (".py", ".json", ".csv")
            assert not own or "template" not in file.read_text(), file


def test_its_files_are_the_templates_but_for_the_name(checkout):
    project = checkout / "infrastructure" / "projects" / NAME
    assert json.loads((project / "project.json").read_text()) == {
        "$schema": "../../../setup/schemas/project.schema.json",
        "name": NAME,
        "description": "Records",
        "owner": "records@example.com",
    }
    assert (checkout / "src" / "jobs" / NAME / "contract.odcs.yaml").samefile(project / "contract.odcs.yaml")
    for file in (checkout / "infrastructure" / "projects" / "_template").glob("*.tf"):
        assert (project / file.name).read_text() == file.read_text()
