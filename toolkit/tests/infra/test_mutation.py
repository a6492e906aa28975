"""A judge kills real mutants of a module, tells what noticed them, and lets one go of a weaker suite."""

from __future__ import annotations

import subprocess

import pytest

from meshtest.reports.mutation import running, scope
from meshtest.reports.mutation.mutants import all_mutants
from meshtest.tools import toolchain

MODULE = "glue_catalog_database"
BAD_LOCATION = """        ({"location_uri": "exa-raw"}, 'location_uri is "exa-raw"'),\n"""
A_FIELD_UNCHECKED = "modules/project/checks.tf::locals/field_problems::drop-element::2"


@pytest.fixture(scope="module")
def everything():
    return all_mutants(running.INFRASTRUCTURE)


@pytest.fixture(scope="module")
def mutants(everything):
    """Those of one small module, by what follows the file in their ids."""
    return {each.id.partition("::")[2]: each for each in everything if each.module == MODULE}


def judged(judge, mutant):
    return judge.judge(mutant, scope.stacks_with(running.INFRASTRUCTURE, mutant.texts))


def test_a_judge_kills_what_the_suite_notices(mutants, everything):
    with running.Judge() as judge:
        location = judged(judge, mutants["aws_glue_catalog_database.this/location_uri::drop-argument::1"])
        assert location["killed_by"] == [
            f"tests/infra/modules/test_{MODULE}.py::test_the_database_has_its_name_and_place"
        ]
        bound = judged(judge, mutants["var.description/validation/condition::weaken-comparison::1"])
        assert bound["killed_by"] == [
            f"tests/infra/modules/test_inputs.py::test_what_lies_on_a_bound_is_taken[{MODULE}]"
        ]
        version = judged(judge, mutants["terraform/required_version::loosen-version::1"])
        assert version["killed_by"][0].startswith("tests/infra/test_sources.py::")
        refused = judged(judge, mutants["aws_glue_catalog_database.this::drop-resource::1"])
        assert refused["refused"] == "Error: Reference to undeclared resource"
        (unchecked,) = (each for each in everything if each.id == A_FIELD_UNCHECKED)
        (killer,) = judged(judge, unchecked)["killed_by"]
        assert killer.startswith("tests/infra/stacks/test_projects.py::test_a_bad_project_json_is_named")
        # Nothing of one mutant is left for the next.
        assert judged(judge, mutants["var.name/validation::drop-validation::1"])["refused"] == ""


def test_a_weakened_suite_lets_a_mutant_go(mutants, tmp_path):
    running.copy_committed(toolchain.ROOT, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    inputs = tmp_path / "tests" / "infra" / "modules" / "test_inputs.py"
    assert BAD_LOCATION in inputs.read_text()
    inputs.write_text(inputs.read_text().replace(BAD_LOCATION, ""))
    with running.Judge(tmp_path) as judge:
        answer = judged(judge, mutants["var.location_uri/validation::drop-validation::1"])
    assert (answer["refused"], answer["killed_by"], answer["controls"]) == ("", [], [])
