"""`make new-project` and a schedule: the project is deployed, runs on its sample when due, and goes again."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta

import pytest

from meshtest.domain import domain as domains
from meshtest.domain import projects
from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.tools import toolchain

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS, Ability.LOCAL_SPARK)
NAME = "newcomer"
MINUTES = 10  # of three jobs on a busy machine
NO_TRIGGERS = "pipeline_triggers = {}"
TRIGGERS = """pipeline_triggers = {
    daily = { schedules = { early = { expression = "cron(30 4 * * ? *)", time_zone = "Europe/Berlin" } } }
  }"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """This checkout with the new project, in the place of this checkout."""
    top = tmp_path_factory.mktemp("checkout")
    for folder in ("setup", "infrastructure", "src", "samples", "tests/spark"):
        shutil.copytree(toolchain.ROOT / folder, top / folder, symlinks=True, ignore=projects.LOCAL)
    shutil.copy(toolchain.ROOT / "pyproject.toml", top)
    (top / ".tools").symlink_to(toolchain.ROOT / ".tools")
    assert projects.main(["new", NAME, "--top", str(top)]) == 0
    pipelines = top / "infrastructure" / "projects" / NAME / "pipelines.tf"
    text = pipelines.read_text()
    assert NO_TRIGGERS in text
    pipelines.write_text(text.replace(NO_TRIGGERS, TRIGGERS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "ROOT", top)
        patch.setattr(domains, "SAMPLES", top / "samples")
        yield top


@pytest.fixture(scope="module")
def grown(domain: Domain, checkout, tmp_path_factory):
    """The session's domain with the new project's stack, job files and sample in it."""
    grown = Domain(domain.endpoint, tmp_path_factory.mktemp("grown"), domain.env, domain.unique)
    grown.prepare()
    stack = grown.stack(NAME)
    stack.init()
    stack.apply()
    grown.build_artifacts()
    grown.upload_artifacts()
    grown.drop_inputs()
    return grown


def executions(grown) -> list[str]:
    """The states of the executions that have begun."""
    states = grown.endpoint.client("stepfunctions")
    machine = grown.state_machine(NAME, "daily")
    return [each["status"] for each in states.list_executions(stateMachineArn=machine)["executions"]]


def test_its_pipeline_runs_on_its_sample_when_it_is_due(grown):
    assert executions(grown) == []
    grown.endpoint.move_clock(timedelta(days=1))
    try:
        deadline = time.monotonic() + MINUTES * 60
        while executions(grown) in ([], ["RUNNING"]) and time.monotonic() < deadline:
            time.sleep(1)
    finally:
        grown.endpoint.move_clock(timedelta(0))
    assert executions(grown) == ["SUCCEEDED"]
    found = grown.read_tables(project=NAME)
    assert {label: table["rows"] for label, table in found.items()} == {
        f"raw.{NAME}_records": 7,
        f"refined.{NAME}_records": 4,
        f"refined.{NAME}_records_rejected": 3,
        f"curated.{NAME}_daily": 3,
    }


def test_it_is_taken_down_with_everything_it_has(grown, checkout):
    projects.take_down(NAME, grown)
    assert grown.stack(NAME).resources() == []
    s3 = grown.endpoint.client("s3")
    for purpose in ("raw", "refined", "curated", "artifacts"):
        listed = s3.list_object_versions(Bucket=grown.bucket(purpose))
        kept = [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, [])]
        assert [key for key in kept if NAME in key] == []
    projects.remove(NAME, checkout)
    assert [part for part in projects.parts(NAME) if (checkout / part).exists()] == []
