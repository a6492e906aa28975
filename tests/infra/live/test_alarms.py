"""An execution that does not succeed is told to the subscribers of the domain's topic, within seconds."""

from __future__ import annotations

import json

import pytest

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.testing.plans import PROJECTS, depends_on, pipelines
from meshtest.tools import folders, toolchain

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS)
PROJECT = next(project for project in PROJECTS if not depends_on(project))
PIPELINE = next(iter(pipelines(PROJECT)))


@pytest.mark.proves("sns-policy", "sns-reached-by-rules")
def test_a_failing_job_is_told_with_its_cause(domain: Domain, emptied, told):
    with emptied(PROJECT):
        execution = domain.run_pipeline(PROJECT, PIPELINE).arn
    message = told()
    assert (
        f"s3://{domain.bucket('raw')}/landing/{PROJECT}/" in json.loads(message.pop("cause"))["ErrorMessage"]
    )
    described = domain.endpoint.client("stepfunctions").describe_execution(executionArn=execution)
    owner = json.loads((toolchain.ROOT / folders.PROJECTS / PROJECT / "project.json").read_text())["owner"]
    console = f"https://{domain.endpoint.region}.console.aws.amazon.com/states/home"
    assert message.pop("time").endswith("Z")
    assert message == {
        "project": PROJECT,
        "environment": domain.env,
        "owner": owner,
        "pipeline": described["stateMachineArn"],
        "status": "FAILED",
        "execution": execution,
        "error": "States.TaskFailed",
        "console": f"{console}?region={domain.endpoint.region}#/v2/executions/details/{execution}",
    }


def test_an_execution_that_somebody_stops_is_told(domain: Domain, told):
    states = domain.endpoint.client("stepfunctions")
    region, account = domain.endpoint.region, domain.endpoint.account_id
    machine = f"arn:aws:states:{region}:{account}:stateMachine:{domain.name(PROJECT, PIPELINE)}"
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    states.stop_execution(executionArn=execution)
    message = told()
    assert (message["execution"], message["status"], message["cause"]) == (execution, "ABORTED", "")
