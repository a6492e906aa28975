"""An execution that does not succeed is told to the subscribers of the domain's topic, within seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.testing.plans import PROJECTS, depends_on, pipelines
from meshtest.tools import folders, toolchain

pytestmark = pytest.mark.needs(Ability.WHOLE_DOMAIN, Ability.GLUE_RUNS)
PROJECT = next(project for project in PROJECTS if not depends_on(project))
PIPELINE = next(iter(pipelines(PROJECT)))
SECONDS = 10


@pytest.fixture(scope="module")
def told(domain: Domain) -> Iterator[Callable[[], dict]]:
    """told() → the next message that a queue gets which subscribes to the topic."""
    sns, sqs = domain.endpoint.client("sns"), domain.endpoint.client("sqs")
    account, region = domain.endpoint.account_id, domain.endpoint.region
    name = f"{domain.abbreviation}-told-{domain.env}"
    topic = f"arn:aws:sns:{region}:{account}:{domain.abbreviation}-alarms-{domain.env}"
    queue = f"arn:aws:sqs:{region}:{account}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]

    def told() -> dict:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return json.loads(json.loads(message["Body"])["Message"])
        raise AssertionError(f"nothing was told within {SECONDS} seconds")

    yield told
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


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
