"""Tasks that start other state machines, and wait for them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from glue_jobs import until
from state_machines import StateMachines, machine

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

PLAIN, SYNC, SYNC_2 = (
    f"arn:aws:states:::states:startExecution{suffix}" for suffix in ("", ".sync", ".sync:2")
)


@pytest.fixture
def machines(endpoint: Endpoint) -> StateMachines:
    return StateMachines(endpoint.client("stepfunctions"))


def task(resource: str, child: str, **parameters: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource,
        "Parameters": {"StateMachineArn": child, "Input": {"n.$": "$.n"}} | parameters,
    }


@pytest.fixture
def child(machines: StateMachines) -> str:
    """A machine that gives its input back."""
    return machines.create(machine({"Type": "Pass"}))


@pytest.mark.parametrize(
    ("resource", "seconds"),
    [
        (PLAIN, lambda value: value / 1000),
        (
            "arn:aws:states:::aws-sdk:sfn:startExecution",
            lambda value: datetime.fromisoformat(value).timestamp(),
        ),
    ],
)
def test_a_task_starts_an_execution(
    machines: StateMachines, child: str, resource: str, seconds: Callable[[Any], float]
) -> None:
    """It does not wait: the output is where the execution is, and when it was started."""
    output = machines.output(machine(task(resource, child, Name="named-by-parent")), {"n": 42})
    assert output["ExecutionArn"].endswith(":named-by-parent")
    assert abs(seconds(output["StartDate"]) - time.time()) < 60
    described = machines.wait(output["ExecutionArn"])
    assert (described["stateMachineArn"], json.loads(described["output"])) == (child, {"n": 42})


@pytest.mark.parametrize(("resource", "read"), [(SYNC, json.loads), (SYNC_2, lambda value: value)])
def test_a_task_waits_for_its_execution(
    machines: StateMachines, child: str, resource: str, read: Any
) -> None:
    """``.sync`` gives input and output as text, ``.sync:2`` as JSON."""
    output = machines.output(machine(task(resource, child)), {"n": 42})
    assert (read(output["Input"]), read(output["Output"])) == ({"n": 42}, {"n": 42})
    assert isinstance(output["Output"], str if resource == SYNC else dict)
    assert (output["Status"], output["StateMachineArn"]) == ("SUCCEEDED", child)
    assert output["ExecutionArn"].endswith(output["Name"])
    assert output["OutputDetails"] == {"Included": True}
    assert 0 <= output["StopDate"] - output["StartDate"] < 60_000


def test_the_history_tells_what_was_submitted(machines: StateMachines, child: str) -> None:
    execution = machines.start(machines.create(machine(task(SYNC_2, child))), {"n": 1})
    machines.wait(execution)
    events = machines.states.get_execution_history(executionArn=execution)["events"]
    kinds = [event["type"] for event in events]
    assert kinds[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    details = events[4]["taskSubmittedEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("states", "startExecution.sync:2")
    assert "ExecutionArn" in json.loads(details["output"])


def test_an_execution_names_its_parent(machines: StateMachines, child: str) -> None:
    state = task(SYNC_2, child, Input={"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"})
    described = machines.run(machine(state | {"OutputPath": "$.Output"}))
    assert list(json.loads(described["output"]).values()) == [described["executionArn"]]


def test_an_input_may_be_text_or_missing(machines: StateMachines, child: str) -> None:
    state = task(SYNC_2, child, Input='{"text": true}')
    assert machines.output(machine(state | {"OutputPath": "$.Output"})) == {"text": True}
    del state["Parameters"]["Input"]
    assert machines.output(machine(state | {"OutputPath": "$.Output"})) == {}


@pytest.mark.parametrize("resource", [SYNC, SYNC_2])
def test_a_child_that_fails_fails_its_task(machines: StateMachines, resource: str) -> None:
    failing = machines.create(machine({"Type": "Fail", "Error": "Bad.Row", "Cause": "row 3"}))
    described = machines.run(machine(task(resource, failing)), {"n": 1})
    assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(described["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "Bad.Row", "row 3")
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "B", "ResultPath": "$.failure"}]
    output = machines.output(
        machine(task(resource, failing) | {"Catch": catch}, {"Type": "Succeed"}), {"n": 1}
    )
    assert output["failure"]["Error"] == "States.TaskFailed"


def test_a_child_that_does_not_exist_is_named_by_the_service(machines: StateMachines, child: str) -> None:
    described = machines.run(machine(task(SYNC_2, f"{child}-missing")), {"n": 1})
    assert (described["status"], described["error"]) == (
        "FAILED",
        "StepFunctions.StateMachineDoesNotExistException",
    )


@pytest.mark.parametrize("end", ["stop", "timeout"])
def test_who_is_given_up_stops_its_child(machines: StateMachines, end: str) -> None:
    waiting = machines.create(machine({"Type": "Wait", "Seconds": 600}))
    limit = {"TimeoutSeconds": 2} if end == "timeout" else {}
    execution = machines.start(machines.create(machine(task(SYNC_2, waiting) | limit)), {"n": 1})
    (running,) = until(
        lambda: machines.states.list_executions(stateMachineArn=waiting)["executions"],
        lambda found: len(found) == 1,
    )
    if end == "stop":
        machines.states.stop_execution(executionArn=execution)
    ended = machines.wait(execution)
    assert ended["status"] == ("ABORTED" if end == "stop" else "FAILED")
    assert machines.wait(running["executionArn"])["status"] == "ABORTED"


def test_children_run_side_by_side_in_a_map(machines: StateMachines, child: str) -> None:
    processor = {
        "StartAt": "I",
        "States": {"I": task(SYNC_2, child) | {"OutputPath": "$.Output", "End": True}},
    }
    state = {"Type": "Map", "ItemsPath": "$.l", "ItemProcessor": processor}
    values = [{"n": number} for number in range(5)]
    assert machines.output(machine(state), {"l": values}) == values
