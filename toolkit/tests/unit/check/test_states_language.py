"""The checker of state machine definitions, case by case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshtest.check.states_language import diagnose

TASK = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync"}
RETRY = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 2, "BackoffRate": 2.0}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states), "A"), "States": states}


def task(**fields: Any) -> dict[str, Any]:
    return TASK | ({} if {"Next", "End"} & set(fields) else {"End": True}) | fields


def found(definition: Any) -> list[tuple[str, str]]:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return [(fault.code, fault.location) for fault in diagnose(text)]


BRANCH = machine(Inner=task())
VALID = {
    "one task": machine(A=task()),
    "a pipeline with retry and catch": machine(
        A=task(Next="B", Retry=[RETRY], Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]),
        B=task(TimeoutSeconds=60, HeartbeatSeconds=10),
        Failed={"Type": "Fail", "Error": "PipelineFailed", "Cause": "see the job run"},
    ),
    "a choice with nested rules": machine(
        A={
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        {"Variable": "$.n", "NumericGreaterThan": 1},
                        {"Not": {"Variable": "$.s", "IsNull": True}},
                    ],
                    "Next": "B",
                }
            ],
            "Default": "C",
        },
        B={"Type": "Succeed"},
        C={"Type": "Wait", "Seconds": 1, "Next": "A"},
    ),
    "branches": machine(A={"Type": "Parallel", "Branches": [BRANCH], "End": True}),
    "a map": machine(A={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": BRANCH, "End": True}),
    "parameters with paths": machine(
        A=task(Parameters={"JobName": "j", "Arguments": {"--day.$": "$.day", "--id.$": "States.UUID()"}})
    ),
    "JSONata": {
        "QueryLanguage": "JSONata",
        **machine(A=task(Arguments={"JobName": "{% $states.input.job %}"})),
    },
    "one state in JSONata": machine(
        A=task(QueryLanguage="JSONata", Arguments={"JobName": "j"}, Next="B"),
        B={
            "Type": "Choice",
            "QueryLanguage": "JSONata",
            "Choices": [{"Condition": "{% true %}", "Output": 1, "Next": "C"}],
        },
        C={"Type": "Pass", "InputPath": "$.a", "End": True},
    ),
    "a map in JSONata": {
        "QueryLanguage": "JSONata",
        **machine(A={"Type": "Map", "Items": [1], "ItemProcessor": BRANCH, "Output": 1, "End": True}),
    },
    "an empty pipeline": machine(A={"Type": "Pass", "End": True}),
}


@pytest.mark.parametrize("definition", VALID.values(), ids=VALID)
def test_a_valid_definition_has_no_fault(definition: dict[str, Any]) -> None:
    assert found(definition) == []


SCHEMA, TARGET = "SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET"
INVALID: dict[str, tuple[Any, tuple[str, str]]] = {
    "no JSON": ("{", ("INVALID_JSON_DESCRIPTION", "/")),
    "a list": ("[]", ("INVALID_JSON_DESCRIPTION", "/")),
    "a state given twice": (
        '{"StartAt":"A","States":{"A":{"Type":"Succeed"},"A":{"Type":"Fail"}}}',
        ("INVALID_JSON_DESCRIPTION", "/"),
    ),
    "a query language of another name": (
        {"QueryLanguage": "JSONPAth", **machine(A=task())},
        (SCHEMA, "/QueryLanguage"),
    ),
    "JSONPath under JSONata": (
        {"QueryLanguage": "JSONata", **machine(A=task(QueryLanguage="JSONPath"))},
        (SCHEMA, "/States/A/QueryLanguage"),
    ),
    "Parameters in JSONata": (
        {"QueryLanguage": "JSONata", **machine(A=task(Parameters={}))},
        (SCHEMA, "/States/A/Parameters"),
    ),
    "a path in JSONata": (
        machine(A=task(QueryLanguage="JSONata", ItemsPath="$")),
        (SCHEMA, "/States/A/ItemsPath"),
    ),
    "Output in JSONPath": (machine(A=task(Output=1)), (SCHEMA, "/States/A/Output")),
    "Arguments of a branch in JSONPath": (
        machine(A={"Type": "Parallel", "Branches": [machine(I=task(Arguments={}))], "End": True}),
        (SCHEMA, "/States/A/Branches[0]/States/I/Arguments"),
    ),
    "ResultPath of a catcher in JSONata": (
        machine(
            A=task(
                QueryLanguage="JSONata",
                Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.e"}],
                Next="B",
            ),
            B=task(),
        ),
        (SCHEMA, "/States/A/Catch[0]/ResultPath"),
    ),
    "a condition in JSONPath": (
        machine(
            A={"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "B"}]},
            B={"Type": "Succeed"},
        ),
        (SCHEMA, "/States/A/Choices[0]/Condition"),
    ),
    "no StartAt": ({"States": {"A": task()}}, (SCHEMA, "/StartAt")),
    "StartAt of no state": ({"StartAt": "B", "States": {"A": task()}}, (TARGET, "/StartAt")),
    "no states": ({"StartAt": "A", "States": {}}, (SCHEMA, "/States")),
    "an unknown field of the machine": (machine(A=task()) | {"Timeout": 1}, (SCHEMA, "/Timeout")),
    "Next of no state": (machine(A=task(Next="B")), (TARGET, "/States/A/Next")),
    "Default of no state": (
        machine(
            A={
                "Type": "Choice",
                "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B"}],
                "Default": "X",
            },
            B=task(),
        ),
        (TARGET, "/States/A/Default"),
    ),
    "Catch of no state": (
        machine(A=task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "X"}])),
        (TARGET, "/States/A/Catch[0]/Next"),
    ),
    "a state that nobody reaches": (machine(A=task(), B=task()), (TARGET, "/States/B")),
    "no end": (machine(A=task(Next="B"), B=task(Next="A")), ("MISSING_END_STATE", "/States")),
    "Next and End": (machine(A=task(Next="B", End=True), B=task()), (SCHEMA, "/States/A")),
    "neither Next nor End": (machine(A=TASK), (SCHEMA, "/States/A")),
    "an unknown type": (machine(A={"Type": "Job", "End": True}), (SCHEMA, "/States/A/Type")),
    "an unknown field of a state": (machine(A=task(Retries=[])), (SCHEMA, "/States/A/Retries")),
    "a name of 81 characters": (machine(**{"x" * 81: task()}), (SCHEMA, "/States/" + "x" * 81)),
    "a resource that is no ARN": (machine(A=task(Resource="glue")), (SCHEMA, "/States/A/Resource")),
    "a timeout of zero": (machine(A=task(TimeoutSeconds=0)), (SCHEMA, "/States/A/TimeoutSeconds")),
    "a heartbeat as long as the timeout": (
        machine(A=task(TimeoutSeconds=5, HeartbeatSeconds=5)),
        (SCHEMA, "/States/A/HeartbeatSeconds"),
    ),
    "a wait for two things": (
        machine(A={"Type": "Wait", "Seconds": 1, "Timestamp": "2026-01-01T00:00:00Z", "End": True}),
        (SCHEMA, "/States/A"),
    ),
    "no choices": (machine(A={"Type": "Choice", "Choices": []}), (SCHEMA, "/States/A/Choices")),
    "a rule without a variable": (
        machine(A={"Type": "Choice", "Choices": [{"IsNull": True, "Next": "B"}]}, B=task()),
        (SCHEMA, "/States/A/Choices[0]"),
    ),
    "a rule with two operators": (
        machine(
            A={
                "Type": "Choice",
                "Choices": [{"Variable": "$", "IsNull": True, "IsString": True, "Next": "B"}],
            },
            B=task(),
        ),
        (SCHEMA, "/States/A/Choices[0]"),
    ),
    "no branches": (
        machine(A={"Type": "Parallel", "Branches": [], "End": True}),
        (SCHEMA, "/States/A/Branches"),
    ),
    "a fault in a branch": (
        machine(A={"Type": "Parallel", "Branches": [machine(B=task(Next="X"))], "End": True}),
        (TARGET, "/States/A/Branches[0]/States/B/Next"),
    ),
    "no item processor": (machine(A={"Type": "Map", "End": True}), (SCHEMA, "/States/A")),
    "the same name in a branch": (
        machine(A={"Type": "Parallel", "Branches": [machine(A=task())], "End": True}),
        ("DUPLICATE_STATE_NAME", "/States/A/Branches[0]/States/A"),
    ),
    "States.ALL with company": (
        machine(A=task(Retry=[RETRY | {"ErrorEquals": ["States.ALL", "X"]}])),
        (SCHEMA, "/States/A/Retry[0]/ErrorEquals"),
    ),
    "States.ALL before another": (
        machine(A=task(Retry=[RETRY | {"ErrorEquals": ["States.ALL"]}, RETRY])),
        (SCHEMA, "/States/A/Retry[0]/ErrorEquals"),
    ),
    "a retry of nothing": (
        machine(A=task(Retry=[{"ErrorEquals": []}])),
        (SCHEMA, "/States/A/Retry[0]/ErrorEquals"),
    ),
    "a backoff that shrinks": (
        machine(A=task(Retry=[RETRY | {"BackoffRate": 0.5}])),
        (SCHEMA, "/States/A/Retry[0]/BackoffRate"),
    ),
    "negative attempts": (
        machine(A=task(Retry=[RETRY | {"MaxAttempts": -1}])),
        (SCHEMA, "/States/A/Retry[0]/MaxAttempts"),
    ),
    "a catch without Next": (machine(A=task(Catch=[{"ErrorEquals": ["X"]}])), (SCHEMA, "/States/A/Catch[0]")),
    "a path member with a plain value": (
        machine(A=task(Parameters={"Arguments": {"--day.$": "today"}})),
        (SCHEMA, "/States/A/Parameters/Arguments/--day.$"),
    ),
}


@pytest.mark.parametrize(("definition", "fault"), INVALID.values(), ids=INVALID)
def test_a_fault_is_named_with_its_place(definition: Any, fault: tuple[str, str]) -> None:
    assert fault in found(definition)


@pytest.mark.parametrize(("definition", "fault"), INVALID.values(), ids=INVALID)
def test_one_fault_does_not_raise_a_crowd(definition: Any, fault: tuple[str, str]) -> None:
    assert len(found(definition)) <= 2
