"""A domain of another name in another Region: nothing in the toolkit knows the Region but from domain.json.

us-east-1 is the Region whose buckets are made in another way than those of all others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshtest.domain import projects
from meshtest.tools import toolchain

DOMAIN = {"domain_name": "harbour", "domain_abbr": "h07"}
# In the copy: plan every stack as `make up` applies it, then run a pipeline as `make run` does.
WALK = """
import json, sys
from pathlib import Path
from meshtest import emulator
from meshtest.domain.domain import Domain
from meshtest.terraform import foundation_state

place = Path(sys.argv[1])
with emulator.running(place / "emulator") as endpoint:
    domain = Domain(endpoint, place / "domain")
    domain.prepare()
    foundation, *others = domain.stacks
    project = others[0]
    foundation.init()
    planned = foundation.planned()["planned_values"]["outputs"]
    values = {name: value.get("value") for name, value in planned.items()}
    values = foundation_state.publish(endpoint, domain.bucket("tfstate"), values)
    project.init()
    outputs = project.planned()["planned_values"]["outputs"]
    pipeline = domain.pipelines(project.name)[0]
    endpoint.client("stepfunctions").create_state_machine(
        name=domain.name(project.name, pipeline),
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
        roleArn=f"arn:aws:iam::{endpoint.account_id}:role/any",
    )
    execution = domain.run_pipeline(project.name, pipeline)
    found = json.loads((place / "emulator" / "endpoint.json").read_text())["region"]
    print(json.dumps({
        "endpoint": found,
        "execution": execution.arn,
        "foundation": values,
        "machines": outputs["pipeline_arns"]["value"],
        "status": execution.status,
    }))
"""


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2"])
def test_the_whole_domain_is_where_domain_json_says(tmp_path, region):
    top = tmp_path / "checkout"
    for folder in ("setup", "infrastructure", "src", "samples"):
        shutil.copytree(toolchain.ROOT / folder, top / folder, symlinks=True, ignore=projects.LOCAL)
    shutil.copy(toolchain.ROOT / "pyproject.toml", top)
    (top / ".tools").symlink_to(toolchain.ROOT / ".tools")
    (top / "setup" / "domain.json").write_text(json.dumps(DOMAIN | {"aws_region": region}))
    found = walk(top, tmp_path)
    own = toolchain.ROOT.joinpath("setup", "domain.json").read_text()
    assert found["endpoint"] == region
    assert found["status"] == "SUCCEEDED"
    arns = [found["execution"], *found["machines"].values()]
    assert {arn.split(":")[3] for arn in arns} == {region}
    assert all("h07-" in arn for arn in arns)
    assert found["foundation"]["domain_name"] == "harbour"
    assert found["foundation"]["kms_key_arn"].split(":")[3] == region
    for word in {json.loads(own)["aws_region"], json.loads(own)["domain_abbr"] + "-"} - {region, "h07-"}:
        assert word not in json.dumps(found)


def walk(top: Path, place: Path) -> dict:
    """What the walk tells, in a process of the copy's own sources."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", WALK, str(place)],
        capture_output=True,
        cwd=top,
        env=environment | {"PYTHONPATH": str(top / "src")},
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
