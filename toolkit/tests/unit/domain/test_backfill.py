"""A backfill runs each day once, and a try that was ended half-way is gone on with."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import date

import pytest

from meshtest.domain.backfill import Backfill, of
from meshtest.domain.domain import Domain, DomainError

FIRST, LAST = date(2026, 10, 30), date(2026, 11, 2)
DAYS = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"]


def machine_of(inner: dict) -> dict:
    """A machine that does something for each date, one after the other, as pipelines do."""
    states = {"One": {"End": True, **inner}}
    if "Choices" in inner:
        del states["One"]["End"]
        states |= {"Bad": {"Type": "Fail", "Error": "E", "Cause": "no such day"}, "Good": {"Type": "Succeed"}}
    each = {
        "Type": "Map",
        "ItemsPath": "$.dates",
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "One", "States": states},
        "End": True,
    }
    return {"StartAt": "EachDate", "States": {"EachDate": each}}


@pytest.fixture
def domain(endpoint, tmp_path):
    return Domain(endpoint, tmp_path)


@pytest.fixture
def filling(domain):
    """filling(inner) → the backfill of DAYS with a machine of its own."""

    def filling(inner: dict) -> Backfill:
        made = domain.endpoint.client("stepfunctions").create_state_machine(
            name=f"m{uuid.uuid4().hex}",
            definition=json.dumps(machine_of(inner)),
            roleArn=f"arn:aws:iam::{domain.endpoint.account_id}:role/any",
        )
        return Backfill(domain, made["stateMachineArn"], FIRST, LAST)

    return filling


def inputs(fill: Backfill) -> list[list[str]]:
    """The dates of each execution, the latest first."""
    client = fill.domain.endpoint.client("stepfunctions")
    listed = client.list_executions(stateMachineArn=fill.machine)["executions"]
    described = [client.describe_execution(executionArn=each["executionArn"]) for each in listed]
    return [json.loads(each["input"])["dates"] for each in described]


def test_every_day_is_run_and_shown(filling):
    shown: list[str] = []
    fill = filling({"Type": "Wait", "Seconds": 1})
    ended = fill.run(shown.append)
    assert ended is not None
    assert ended.status == "SUCCEEDED"
    assert inputs(fill) == [DAYS]
    assert shown[-1] == "2026-11-02, 4 of 4 done"
    assert set(shown) <= {f"{day}, {number} of 4 done" for number, day in enumerate([*DAYS, DAYS[-1]])}


def test_one_that_was_stopped_half_way_goes_on_with_what_is_left(filling):
    fill = filling({"Type": "Wait", "Seconds": 3})
    shown: list[str] = []
    runner = threading.Thread(target=fill.run, args=(shown.append,))
    runner.start()
    while not any(" 0 of" not in each for each in shown):
        time.sleep(0.1)
    client = fill.domain.endpoint.client("stepfunctions")
    (listed,) = client.list_executions(stateMachineArn=fill.machine)["executions"]
    client.stop_execution(executionArn=listed["executionArn"])
    runner.join()
    done = int(shown[-1].split()[1])
    assert 0 < done < 4
    ended = fill.run(shown.append)
    assert ended is not None
    assert ended.status == "SUCCEEDED"
    assert inputs(fill) == [DAYS[done:], DAYS]
    assert shown[-1] == "2026-11-02, 4 of 4 done"


def test_a_day_that_fails_is_told_and_tried_again(filling):
    choice = {"Variable": "$", "StringEquals": DAYS[2], "Next": "Bad"}
    fill = filling({"Type": "Choice", "Choices": [choice], "Default": "Good"})
    for left in (DAYS, DAYS[2:]):
        ended = fill.run(lambda _: None)
        assert ended is not None
        assert (ended.status, ended.cause) == ("FAILED", "no such day")
        assert inputs(fill)[0] == left


def test_one_that_runs_is_followed_and_one_that_is_done_can_be_run_again(filling):
    fill = filling({"Type": "Wait", "Seconds": 1})
    runners = [threading.Thread(target=fill.run, args=(lambda _: None,)) for _ in range(2)]
    runners[0].start()
    while not fill.domain.endpoint.client("stepfunctions").list_executions(stateMachineArn=fill.machine)[
        "executions"
    ]:
        time.sleep(0.1)
    runners[1].start()
    for runner in runners:
        runner.join()
    assert inputs(fill) == [DAYS]
    fill.run(lambda _: None)
    assert inputs(fill) == [DAYS, DAYS]


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("", "2026-11-02", r"FROM=\(empty\): expected a day \(YYYY-MM-DD\)"),
        ("2026-11-01", "02.11.2026", r"TO=02.11.2026: expected a day \(YYYY-MM-DD\)"),
        ("2026-11-02", "2026-11-01", "TO=2026-11-01: expected 2026-11-02 or a later day"),
    ],
)
def test_days_that_are_none_are_refused(domain, monkeypatch, first, last, message):
    monkeypatch.setattr(Domain, "pipelines", lambda *_: ["daily"])
    with pytest.raises(DomainError, match=message):
        of(domain, "orders", "", first, last)


def test_of_several_pipelines_one_is_to_be_named(domain, monkeypatch):
    monkeypatch.setattr(Domain, "pipelines", lambda *_: ["daily", "weekly"])
    with pytest.raises(DomainError, match=r"PIPELINE=\(empty\): expected one of daily, weekly"):
        of(domain, "orders", "", "2026-11-01", "2026-11-02")
