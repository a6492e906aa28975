"""`make new-environment`: what it makes is in order, what it refuses changes nothing."""

from __future__ import annotations

import filecmp
import shutil
import subprocess

import pytest
import yaml

from meshtest.domain import inputs
from meshtest.domain.environments import main
from meshtest.tools import folders, toolchain


@pytest.fixture
def checkout(tmp_path):
    for place in ("setup", "infrastructure", "src/jobs", ".github"):
        shutil.copytree(
            toolchain.ROOT / place,
            tmp_path / place,
            symlinks=True,
            ignore=shutil.ignore_patterns(".terraform"),
        )
    return tmp_path


def contents(top):
    return {
        file: file.read_bytes() for file in top.rglob("*") if file.is_file() and "build" not in file.parts
    }


def workflow(top, name):
    return yaml.safe_load((top / ".github/workflows" / f"{name}.yml").read_text())


def test_a_new_environment_is_in_order_and_has_its_workflow(checkout, capsys):
    known = folders.environments(checkout)
    assert main(["trial", "--top", str(checkout)]) == 0
    assert folders.environments(checkout) == sorted([*known, "trial"])
    assert inputs.check(checkout) == []
    main_tf = (checkout / "infrastructure/environments/trial/main.tf").read_text()
    assert main_tf.count('env  = "trial"') + main_tf.count('env         = "trial"') == 2
    assert '"dev"' not in main_tf
    deploy = workflow(checkout, "deploy-trial")
    assert deploy[True]["push"]["branches"] == ["trial"]
    assert deploy["name"] == "Deploy - Trial"
    assert deploy["jobs"]["deploy"]["secrets"] == {"AWS_ROLE_ARN": "${{ secrets.AWS_ROLE_ARN_TRIAL }}"}
    for name, event in (("ci", "push"), ("terraform-plan-pr", "pull_request")):
        assert workflow(checkout, name)[True][event]["branches"][-2:] == ["trial", "main"]
    role = workflow(checkout, "terraform-plan-pr")["jobs"]["plan"]["env"]["ROLE"]
    assert "|| github.base_ref == 'trial' && vars.AWS_PLAN_ROLE_ARN_TRIAL" in role
    assert "(github.base_ref == 'dev' && vars.AWS_PLAN_ROLE_ARN_DEV" in role
    rollback = workflow(checkout, "rollback")
    assert "trial" in rollback[True]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert "inputs.environment == 'trial' && secrets.AWS_ROLE_ARN_TRIAL" in str(rollback["jobs"])
    drift = workflow(checkout, "drift")["jobs"]["drift"]["strategy"]["matrix"]["environment"]
    assert drift[-2:] == ["trial", "prod"]
    role = workflow(checkout, "_drift")["env"]["ROLE"]
    assert "|| inputs.environment == 'trial' && vars.AWS_PLAN_ROLE_ARN_TRIAL" in role
    told = capsys.readouterr().out.splitlines()
    assert ".github/workflows/deploy-trial.yml" in told
    assert "infrastructure/environments/trial/" in told


def test_actionlint_takes_the_workflows_that_result(checkout):
    main(["trial", "--top", str(checkout)])
    subprocess.run(["git", "init", "--quiet"], check=True, cwd=checkout)
    subprocess.run([toolchain.ROOT / ".venv/bin/actionlint", "-shellcheck="], check=True, cwd=checkout)


@pytest.mark.parametrize("name", ["dev", "a", "pre-prod", "Stage", "1st", "muchtoolong", "shared", "../x"])
def test_what_is_refused_changes_nothing(checkout, capsys, name):
    before = contents(checkout)
    assert main(["--top", str(checkout), "--", name]) == 1
    said = capsys.readouterr().err
    assert f'name is "{name}"; expected' in said
    assert contents(checkout) == before


def test_the_other_environments_stay_as_they_are(checkout):
    main(["trial", "--top", str(checkout)])
    for env in folders.environments(toolchain.ROOT):
        place = f"infrastructure/environments/{env}/main.tf"
        assert filecmp.cmp(checkout / place, toolchain.ROOT / place, shallow=False)
