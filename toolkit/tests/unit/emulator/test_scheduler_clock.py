"""Schedules start their state machines when they are due, by a clock that a test moves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from glue_jobs import until

from meshtest import emulator
from meshtest.emulator import ACCOUNT_ID, cron, domain_region

if TYPE_CHECKING:
    from pathlib import Path

    from meshtest.emulator import Endpoint

REGION = domain_region()
BEGUN = datetime(2026, 11, 2, 6, 0, 20, tzinfo=UTC)


# ─── Expressions ───


@pytest.mark.parametrize(
    ("expression", "zone", "due", "not_due"),
    [
        ("cron(30 17 ? * MON-FRI *)", "UTC", "2026-11-06T17:30", "2026-11-07T17:30"),
        ("cron(30 17 ? * MON-FRI *)", "Europe/Berlin", "2026-11-06T16:30", "2026-11-06T17:30"),
        ("cron(30 17 ? * MON-FRI *)", "Europe/Berlin", "2026-07-03T15:30", "2026-07-03T16:30"),
        ("cron(0/15 6 * * ? *)", "UTC", "2026-11-02T06:45", "2026-11-02T06:50"),
        ("cron(0 6 L * ? *)", "UTC", "2026-02-28T06:00", "2026-02-27T06:00"),
        ("cron(0 6 1W * ? *)", "UTC", "2026-08-03T06:00", "2026-08-01T06:00"),
        ("cron(0 6 ? * 2#1 *)", "UTC", "2026-11-02T06:00", "2026-11-09T06:00"),
        ("cron(0 6 ? * 6L 2026)", "UTC", "2026-11-27T06:00", "2026-11-20T06:00"),
        ("cron(0 6 1,15 JAN-MAR ? *)", "UTC", "2026-02-15T06:00", "2026-04-15T06:00"),
        ("rate(2 hours)", "UTC", "2026-11-02T08:00", "2026-11-02T07:00"),
        ("rate(1 day)", "UTC", "2026-11-03T06:00", "2026-11-02T06:00"),
        ("at(2026-11-20T08:00:00)", "Asia/Tokyo", "2026-11-19T23:00", "2026-11-20T08:00"),
    ],
)
def test_a_schedule_is_due_in_its_minute(expression: str, zone: str, due: str, not_due: str) -> None:
    moments = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (due, not_due)]
    assert [cron.is_due(expression, zone, each, BEGUN) for each in moments] == [True, False]


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("0 6 * * ? *", "UTC"),
        ("cron(0 6 * * *)", "UTC"),
        ("cron(0 6 * * * *)", "UTC"),
        ("cron(60 6 * * ? *)", "UTC"),
        ("cron(0 6 * FOO ? *)", "UTC"),
        ("rate(often)", "UTC"),
        ("rate(1 fortnight)", "UTC"),
        ("at(tomorrow)", "UTC"),
        ("rate(1 day)", "Europe/Nowhere"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(cron.ExpressionError, match="Invalid Schedule Expression"):
        cron.check(expression, zone)


# ─── Schedules ───


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator of this module's own: its clock moves."""
    folder: Path = tmp_path_factory.mktemp("scheduler")
    with emulator.running(folder) as running:
        yield running


@pytest.fixture
def machine(own: Endpoint, name: str) -> str:
    definition = {"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}}
    answer = own.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/pipelines"
    )
    return str(answer["stateMachineArn"])


@pytest.fixture
def role(own: Endpoint, machine: str, name: str) -> Callable[[str], str]:
    """role(group) → ARN of a role with which the scheduler may start the machine for a group."""

    def role(group: str) -> str:
        iam = own.client("iam")
        source = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule-group/{group}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        may = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}
        policies = [json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, may)]
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policies[0])["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=policies[1])
        return str(arn)

    return role


def schedule(own: Endpoint, name: str, machine: str, role: str, **fields: Any) -> None:
    given = {"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}} | fields
    scheduler = own.client("scheduler")
    scheduler.create_schedule(
        Name=name, Target={"Arn": machine, "RoleArn": role, "Input": '{"arguments": {}}'}, **given
    )


def started(own: Endpoint, machine: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = own.client("stepfunctions").list_executions(stateMachineArn=machine)[
        "executions"
    ]
    return found


_ahead = timedelta()


def pass_time(own: Endpoint, more: timedelta) -> None:
    """Move the clock on; it never goes back."""
    global _ahead
    _ahead += more
    own.move_clock(_ahead)


def test_a_due_schedule_starts_its_machine(own: Endpoint, name: str, machine: str, role: Any) -> None:
    schedule(own, name, machine, role("default"))
    time.sleep(1)
    assert started(own, machine) == []
    pass_time(own, timedelta(hours=1))
    (execution,) = until(lambda: started(own, machine), bool, 10)
    described = own.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"arguments": {}}
    pass_time(own, timedelta(hours=2))
    until(lambda: started(own, machine), lambda found: len(found) == 3, 10)


def test_a_flexible_window_is_its_beginning(own: Endpoint, name: str, machine: str, role: Any) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    schedule(own, name, machine, role("default"), FlexibleTimeWindow=window)
    pass_time(own, timedelta(hours=1))
    until(lambda: started(own, machine), bool, 10)


def test_a_target_that_is_no_machine_is_told_and_starts_nothing(own: Endpoint, name: str, role: Any) -> None:
    schedule(own, name, f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}", role("default"))
    pass_time(own, timedelta(hours=1))
    told = f"schedule/default/{name} starts nothing: its target is no state machine"
    until(lambda: (own.state_dir / "server.log").read_text(), lambda text: told in text, 10)


def test_a_disabled_schedule_starts_nothing(own: Endpoint, name: str, machine: str, role: Any) -> None:
    schedule(own, name, machine, role("default"), State="DISABLED")
    pass_time(own, timedelta(hours=2))
    time.sleep(2)
    assert started(own, machine) == []


def test_a_role_of_another_group_starts_nothing(own: Endpoint, name: str, machine: str, role: Any) -> None:
    schedule(own, name, machine, role("another"))
    pass_time(own, timedelta(hours=2))
    time.sleep(2)
    assert started(own, machine) == []


def test_an_expression_that_is_none_is_refused(own: Endpoint, name: str, machine: str, role: Any) -> None:
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        schedule(own, name, machine, role("default"), ScheduleExpression="cron(0 6 * * *)")


def test_a_target_is_told_when_it_was_due(own: Endpoint, name: str, machine: str, role: Any) -> None:
    words = {"due": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"}
    target = {"Arn": machine, "RoleArn": role("default"), "Input": json.dumps(words)}
    scheduler = own.client("scheduler")
    scheduler.create_schedule(
        Name=name, Target=target, ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}
    )
    pass_time(own, timedelta(hours=1))
    (execution,) = until(lambda: started(own, machine), bool, 10)
    described = own.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    given = json.loads(described["input"])
    due = datetime.fromisoformat(given["due"])
    assert timedelta(0) <= datetime.now(UTC) + _ahead - due < timedelta(minutes=2)
    assert given["by"] == f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/{name}"
