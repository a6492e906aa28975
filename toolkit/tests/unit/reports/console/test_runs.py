"""Steps of an execution, from its history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meshtest.reports.console import runs

START = datetime(2026, 1, 1, tzinfo=UTC)


def history(*events: tuple) -> list[dict]:
    """Events a second apart, each caused by the one before: (type, what its details say)."""
    made = []
    for number, (kind, details) in enumerate(events, start=1):
        key = {"TaskStateEntered": "stateEntered", "FailStateEntered": "stateEntered"}.get(
            kind, kind[0].lower() + kind[1:]
        )
        event = {"id": number, "previousEventId": number - 1, "type": kind}
        made.append(event | {"timestamp": START + timedelta(seconds=number), f"{key}EventDetails": details})
    return made


def entered(name: str, kind: str = "Task") -> tuple:
    return f"{kind}StateEntered", {"name": name}


STARTED = ("ExecutionStarted", {})
SCHEDULED = ("TaskScheduled", {})
SUBMITTED = ("TaskSubmitted", {"output": '{"JobName": "job", "JobRunId": "jr_1"}'})
FAILED = ("TaskFailed", {"error": "Glue.AWSGlueException", "cause": "busy"})
EXITED = ("TaskStateExited", {})


def test_a_state_runs_until_it_is_left():
    (step,) = runs.steps(history(STARTED, entered("A"), SCHEDULED, SUBMITTED), "RUNNING")
    assert (step.state, step.status, step.seconds) == ("A", "running", None)
    assert (step.job, step.run, step.attempts) == ("job", "jr_1", 1)


def test_a_state_that_is_left_has_succeeded():
    steps = runs.steps(history(STARTED, entered("A"), SCHEDULED, SUBMITTED, EXITED, entered("B")), "RUNNING")
    assert [(step.state, step.status, step.seconds) for step in steps] == [
        ("A", "succeeded", 3.0),
        ("B", "running", None),
    ]


def test_an_error_that_is_tried_again_is_none():
    events = history(STARTED, entered("A"), SCHEDULED, FAILED, SCHEDULED, SUBMITTED, EXITED)
    (step,) = runs.steps(events, "SUCCEEDED")
    assert (step.status, step.attempts, step.error) == ("succeeded", 2, "")


def test_an_error_that_is_caught_is_told():
    events = history(
        STARTED, entered("A"), SCHEDULED, FAILED, EXITED, entered("End", "Fail"), ("ExecutionFailed", {})
    )
    steps = runs.steps(events, "FAILED")
    assert [(step.state, step.status) for step in steps] == [("A", "caught"), ("End", "failed")]
    assert steps[0].error == "Glue.AWSGlueException busy"


def test_an_execution_that_is_stopped_leaves_its_state_aborted():
    events = history(STARTED, entered("A"), SCHEDULED, SUBMITTED, ("ExecutionAborted", {}))
    (step,) = runs.steps(events, "ABORTED")
    assert (step.status, step.seconds) == ("aborted", 3.0)


def test_states_side_by_side_keep_their_own_events():
    events = history(STARTED, entered("A"), entered("B"), SCHEDULED, EXITED)
    events[2]["previousEventId"] = 1  # B is beside A, not after it
    events[3]["previousEventId"] = events[4]["previousEventId"] = 2
    assert {step.state: step.status for step in runs.steps(events, "RUNNING")} == {
        "A": "succeeded",
        "B": "running",
    }
