"""The end of an execution is an event, and rules take it to topics and state machines that let them."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from glue_jobs import until

from meshtest.emulator import ACCOUNT_ID, domain_region

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

REGION = domain_region()
PATHS = {
    "cause": "$.detail.cause",
    "execution": "$.detail.executionArn",
    "status": "$.detail.status",
    "time": "$.time",
}
TEMPLATE = '{"cause": <cause>, "link": "https://console/<execution>", "status": <status>, "time": <time>}'
CAUSE = 'rates.zip: "rate" is "n/a"; expected a number'
FAIL = {"Type": "Fail", "Error": "Rates.Invalid", "Cause": CAUSE}
WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


class Bus:
    """Rules, topics, queues and machines that begin with one name."""

    def __init__(self, client: Callable[[str], Any], name: str) -> None:
        self.client, self.name = client, name
        self.events, self.states = client("events"), client("stepfunctions")
        self.rule = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{name}"

    def topic(self, conditions: dict[str, Any] | None = None, **attributes: str) -> str:
        sns = self.client("sns")
        arn: str = sns.create_topic(Name=self.name, Attributes=attributes)["TopicArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": arn,
            **({"Condition": conditions} if conditions else {}),
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
        return arn

    def queue_of(self, topic: str) -> str:
        url: str = self.client("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}"
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return url

    def received(self, url: str) -> list[dict[str, Any]]:
        answer = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(json.loads(each["Body"])["Message"]) for each in answer.get("Messages", [])]

    def machine(self, state: dict[str, Any], suffix: str = "", **fields: Any) -> str:
        definition = {"StartAt": "Only", "States": {"Only": state}} | fields
        answer = self.states.create_state_machine(
            name=f"{self.name}{suffix}",
            definition=json.dumps(definition),
            roleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/pipelines",
        )
        arn: str = answer["stateMachineArn"]
        return arn

    def on(self, machine: str, *statuses: str, state: str = "ENABLED", **target: Any) -> None:
        pattern = {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {"stateMachineArn": [machine], "status": list(statuses)},
        }
        self.events.put_rule(Name=self.name, EventPattern=json.dumps(pattern), State=state)
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "only", **target}])

    def start(self, machine: str) -> str:
        arn: str = self.states.start_execution(stateMachineArn=machine)["executionArn"]
        return arn

    def ended(self, execution: str) -> dict[str, Any]:
        return until(
            lambda: self.states.describe_execution(executionArn=execution),
            lambda seen: seen["status"] != "RUNNING",
        )


@pytest.fixture
def bus(endpoint: Endpoint, name: str) -> Bus:
    return Bus(endpoint.client, name)


# ─── Topics ───


def test_a_failure_reaches_a_subscriber_with_its_cause(aws: Callable[[str], Any], name: str) -> None:
    bus = Bus(aws, name)
    topic, machine = bus.topic(), bus.machine(FAIL)
    url = bus.queue_of(topic)
    transformer = {"InputPathsMap": PATHS, "InputTemplate": TEMPLATE}
    bus.on(machine, "FAILED", Arn=topic, InputTransformer=transformer)
    execution = bus.start(machine)
    (told,) = until(lambda: bus.received(url), bool, 5)
    assert told.pop("time").endswith("Z")
    assert told == {"cause": CAUSE, "link": f"https://console/{execution}", "status": "FAILED"}


def test_a_failure_is_posted_to_an_endpoint(bus: Bus) -> None:
    posted: list[dict[str, Any]] = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        topic, machine = bus.topic(), bus.machine(FAIL)
        address = f"http://127.0.0.1:{server.server_port}/"
        bus.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=address)
        bus.on(machine, "FAILED", Arn=topic)
        bus.start(machine)
        (posted_message,) = until(lambda: [each for each in posted if each.get("Message")], bool, 5)
    finally:
        server.shutdown()
    assert json.loads(posted_message["Message"])["detail"]["cause"] == CAUSE


def test_every_kind_of_end_is_told(bus: Bus) -> None:
    topic = bus.topic()
    url = bus.queue_of(topic)
    slow, short = bus.machine(WAIT), bus.machine(WAIT, "-short", TimeoutSeconds=1)
    bus.on(slow, "ABORTED", Arn=topic)
    stopped = bus.start(slow)
    bus.states.stop_execution(executionArn=stopped, error="By.Hand", cause="not today")
    (aborted,) = until(lambda: bus.received(url), bool, 5)
    bus.on(short, "TIMED_OUT", Arn=topic)
    bus.start(short)
    (timed_out,) = until(lambda: bus.received(url), bool, 10)
    assert (aborted["detail"]["error"], aborted["detail"]["cause"]) == ("By.Hand", "not today")
    assert aborted["detail"]["stopDate"] >= aborted["detail"]["startDate"]
    assert timed_out["detail"]["status"] == "TIMED_OUT"
    assert timed_out["resources"] == [timed_out["detail"]["executionArn"]]


def test_a_start_and_a_success_are_told(bus: Bus) -> None:
    topic, machine = bus.topic(), bus.machine({"Type": "Pass", "Result": {"rows": 3}, "End": True})
    url = bus.queue_of(topic)
    bus.on(machine, "RUNNING", "SUCCEEDED", Arn=topic)
    bus.start(machine)
    told: list[dict[str, Any]] = []
    until(lambda: told.extend(bus.received(url)) or len(told), lambda count: count == 2, 20)
    by_status = {each["detail"]["status"]: each["detail"] for each in told}
    assert by_status["RUNNING"]["output"] is None
    assert json.loads(by_status["SUCCEEDED"]["output"]) == {"rows": 3}


def test_a_disabled_rule_delivers_nothing(bus: Bus) -> None:
    topic, machine = bus.topic(), bus.machine(FAIL)
    url = bus.queue_of(topic)
    bus.on(machine, "FAILED", state="DISABLED", Arn=topic)
    bus.ended(bus.start(machine))
    time.sleep(1)
    assert bus.received(url) == []


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/*"}},
    ],
    ids=["account", "rule"],
)
def test_a_topic_that_demands_a_source_gets_no_event(bus: Bus, conditions: dict[str, Any]) -> None:
    topic, machine = bus.topic(conditions), bus.machine(FAIL)
    url = bus.queue_of(topic)
    bus.on(machine, "FAILED", Arn=topic)
    bus.ended(bus.start(machine))
    time.sleep(1)
    assert bus.received(url) == []


# ─── Encrypted Topics ───


def key_policy(**conditions: Any) -> str:
    root = {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}
    statements = [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": conditions,
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def delivered_under(bus: Bus, **conditions: Any) -> list[dict[str, Any]]:
    """What arrives if the topic's key lets EventBridge in on some conditions."""
    key = bus.client("kms").create_key(Policy=key_policy(**conditions))["KeyMetadata"]["Arn"]
    topic, machine = bus.topic(KmsMasterKeyId=key), bus.machine(FAIL)
    url = bus.queue_of(topic)
    bus.on(machine, "FAILED", Arn=topic)
    bus.ended(bus.start(machine))
    time.sleep(1)
    return bus.received(url)


def test_an_encrypted_topic_needs_its_key(bus: Bus) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:{bus.name}"
    assert delivered_under(bus, StringEquals={"kms:EncryptionContext:aws:sns:topicArn": topic})


@pytest.mark.parametrize(
    "condition",
    [
        {"aws:SourceAccount": ACCOUNT_ID},
        {"kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:another"},
    ],
    ids=["source", "another topic"],
)
def test_a_key_that_demands_what_is_not_told_lets_no_event_through(
    bus: Bus, condition: dict[str, str]
) -> None:
    assert delivered_under(bus, StringEquals=condition) == []


# ─── State Machines ───


@pytest.fixture
def starter(bus: Bus) -> Iterator[Callable[..., str]]:
    """starter(machine, source) → ARN of a role with which EventBridge may start a machine for a rule."""

    def starter(machine: str, source: str) -> str:
        iam = bus.client("iam")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        may = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}
        policies = [json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, may)]
        role = iam.create_role(RoleName=bus.name, AssumeRolePolicyDocument=policies[0])["Role"]
        iam.put_role_policy(RoleName=bus.name, PolicyName="start", PolicyDocument=policies[1])
        return str(role["Arn"])

    return starter


def test_a_success_starts_another_machine(bus: Bus, starter: Callable[..., str]) -> None:
    first, second = bus.machine({"Type": "Succeed"}), bus.machine({"Type": "Succeed"}, "-next")
    role = starter(second, bus.rule)
    bus.on(first, "SUCCEEDED", Arn=second, RoleArn=role, Input='{"arguments": {}}')
    bus.start(first)
    listed = until(
        lambda: bus.states.list_executions(stateMachineArn=second)["executions"],
        lambda found: found and found[0]["status"] == "SUCCEEDED",
        5,
    )
    (execution,) = (bus.states.describe_execution(executionArn=each["executionArn"]) for each in listed)
    assert json.loads(execution["input"]) == {"arguments": {}}


@pytest.mark.parametrize("short", ["trust", "right"])
def test_a_role_that_does_not_let_it_starts_nothing(
    bus: Bus, starter: Callable[..., str], short: str
) -> None:
    first, second = bus.machine({"Type": "Succeed"}), bus.machine({"Type": "Succeed"}, "-next")
    role = starter(first if short == "right" else second, bus.rule + ("" if short == "right" else "-other"))
    bus.on(first, "SUCCEEDED", Arn=second, RoleArn=role)
    bus.ended(bus.start(first))
    time.sleep(1)
    assert bus.states.list_executions(stateMachineArn=second)["executions"] == []
