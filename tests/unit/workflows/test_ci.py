"""CI: the matrices are what the folders are, one job sums up all, nothing that it calls is missing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import workflows

from meshtest.tools import toolchain

CI = workflows.workflow("ci")["jobs"]
PLAN = workflows.workflow("terraform-plan-pr")["jobs"]
INFRA = toolchain.ROOT / "tests" / "infra"


def commands() -> dict[str, str]:
    return {where: step["run"] for where, step in workflows.steps() if "run" in step}


def test_every_module_has_tests():
    modules = [place.parent for place in (toolchain.ROOT / "infrastructure" / "modules").glob("*/main.tf")]
    assert modules
    names = [module.name for module in modules]
    assert [name for name in names if not (INFRA / "modules" / f"test_{name}.py").is_file()] == []


def test_the_suites_are_all_of_the_infrastructure_tests_and_none_runs_twice():
    named = [one for each in CI["infra"]["strategy"]["matrix"]["include"] for one in each["suites"].split()]
    assert len(named) == len(set(named))
    suites = [suite for suite in named if suite != "toolkit"]
    assert len(suites) == len(named) - 1
    covered = {
        file for suite in suites for place in INFRA.glob(suite) for file in [place, *place.rglob("*.py")]
    }
    assert [file for file in INFRA.rglob("test_*.py") if file not in covered] == []
    assert [suite for suite in suites if not list(INFRA.glob(suite))] == []


def test_one_job_sums_up_all_the_others():
    assert set(CI["passed"]["needs"]) == set(CI) - {"passed", "report"}
    assert CI["passed"]["if"] == PLAN["passed"]["if"] == "always()"
    assert set(PLAN["passed"]["needs"]) == {"discover", "plan", "contracts"}


def test_every_output_of_the_filters_is_one_that_there_is():
    import yaml

    filters = yaml.safe_load((workflows.GITHUB / "path-filters.yml").read_text())
    asked = set(
        re.findall(r"steps\.filter\.outputs\.([\w-]+)", "".join(f.read_text() for f in workflows.WORKFLOWS))
    )
    assert asked == set(filters) - {"ci"}


def test_the_outputs_that_jobs_ask_for_exist():
    for file in workflows.WORKFLOWS:
        jobs = workflows.load(file)["jobs"]
        for job, output in re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", file.read_text()):
            assert output in jobs[job]["outputs"], f"{file.name}: needs.{job}.outputs.{output}"


def targets() -> set[str]:
    called = {name for script in commands().values() for name in re.findall(r"\bmake ([a-z-]+)", script)}
    assert called
    return called


@pytest.mark.parametrize("target", sorted(targets()))
def test_the_make_targets_exist(target):
    result = subprocess.run(["make", "--dry-run", target], cwd=toolchain.ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("target", ["test-browser", "test-infra SUITE=toolkit WORKERS=auto"])
def test_a_domain_without_the_toolkits_tests_is_green(tmp_path, target):
    """The toolkit is a dependency there, and its tests are not copied."""
    makefile = str(toolchain.ROOT / "Makefile")
    command = ["make", "--dry-run", "--file", makefile, *target.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nothing to test here" in done.stdout
    assert "pytest" not in done.stdout


def test_the_scripts_exist_and_can_be_run():
    named = {
        name
        for script in commands().values()
        for name in re.findall(r"(?:\.github/scripts|setup)/[\w-]+\.sh", script)
    }
    assert named
    assert [name for name in named if not (toolchain.ROOT / name).stat().st_mode & 0o111] == []


def test_each_test_job_hands_its_results_to_the_report():
    testing = {
        name
        for name, job in CI.items()
        if any("JUNIT=" in step.get("run", "") for step in job.get("steps", []))
    }
    assert testing == set(CI["report"]["needs"])
    for name in testing:
        (upload,) = [step for step in CI[name]["steps"] if "upload-artifact" in step.get("uses", "")]
        assert upload["with"]["name"].startswith("junit-")
        assert upload["with"]["path"] == "build/reports"
        assert upload["if"] == "${{ !cancelled() }}"  # also after a red test


CACHES = [step["with"] for where, step in workflows.steps() if "actions/cache@" in step.get("uses", "")]


def test_each_cache_is_keyed_by_every_lock():
    for cache in CACHES:
        assert cache["key"].endswith("-${{ steps.key.outputs.key }}")
        assert "restore-keys" not in cache  # another lock's packages are no start
    (key,) = [step for _, step in workflows.steps() if step.get("id") == "key"]
    hashed = re.search(r"hashFiles\((.*)\)", key["env"]["LOCKS"]).group(1)
    patterns = re.findall(r"'([^']+)'", hashed)
    keyed = {
        file.relative_to(toolchain.ROOT).as_posix() for name in patterns for file in toolchain.ROOT.glob(name)
    }
    bootstrap = (toolchain.ROOT / "setup" / "bootstrap.sh").read_text()
    inputs = re.search(r"inputs=\((.*?)\)", bootstrap, re.DOTALL).group(1).split()
    assert set(inputs) <= keyed


def cached() -> dict[str, set[Path]]:
    """What each cache holds of this checkout, by the cache's name.

    As actions/cache does it: a pattern with "!" takes out what matches it, never what is below.
    """
    found = {}
    for cache in CACHES:
        patterns = cache["path"].split()
        held = {file for name in patterns if name[0] != "!" for file in toolchain.ROOT.glob(name)}
        out = {file for name in patterns if name[0] == "!" for file in toolchain.ROOT.glob(name[1:])}
        found[cache["key"].partition("-")[0]] = held - out
    return found


def test_the_caches_share_nothing_and_leave_nothing_out():
    parts = cached()
    places = [place for held in parts.values() for place in held]
    assert len(places) == len(set(places))
    assert [place for place in places if any(parent in places for parent in place.parents)] == []
    (packages,) = toolchain.ROOT.glob(".venv/lib/python*/site-packages")
    missing = [
        place
        for place in [*packages.iterdir(), *(packages / "pyspark").iterdir()]
        if place not in places and place.name != "pyspark"
    ]
    assert missing == []


def test_jobs_name_parts_that_there_are():
    known = set(cached()) - {"packages"}
    matrix = CI["infra"]["strategy"]["matrix"]["include"]
    asked = [each["parts"] for each in matrix] + [
        step["with"]["parts"]
        for _, step in workflows.steps()
        if step.get("uses") == "./.github/actions/toolkit" and "with" in step
    ]
    named = {part for parts in asked for part in parts.split() if "${{" not in parts}
    assert named == known


def test_matrices_run_to_their_end():
    matrices = [job["strategy"] for _, _, job in workflows.jobs() if "strategy" in job]
    assert len(matrices) >= 5
    assert [each for each in matrices if each["fail-fast"] is not False] == []


def test_a_fork_gets_no_role_and_the_embedded_aws_instead():
    role = PLAN["plan"]["env"]["ROLE"]
    assert "head.repo.full_name == github.repository &&" in role
    for env, branch in workflows.WRAPPERS.items():
        assert f"github.base_ref == '{branch}' && vars.AWS_PLAN_ROLE_ARN_{env.upper()}" in role
    conditions = {
        step.get("uses", step.get("name")): step.get("if")
        for step in PLAN["plan"]["steps"]
        if "ROLE" in step.get("if", "")
    }
    assert conditions == {
        "./.github/actions/aws": "env.ROLE != ''",
        "./.github/actions/toolkit": "env.ROLE == ''",
    }
    for name in ("comment", "code-scanning"):
        assert "head.repo.full_name == github.repository" in PLAN[name]["if"]
