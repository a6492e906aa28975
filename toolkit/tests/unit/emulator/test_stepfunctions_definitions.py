"""Gap 5a: definitions and versions of state machines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshtest.emulator import domain_region

REGION = domain_region()

ROLE = "arn:aws:iam::123456789012:role/pipeline"
VALID = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
BROKEN = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})


def test_a_valid_definition_is_ok(aws: Any) -> None:
    answer = aws("stepfunctions").validate_state_machine_definition(definition=VALID)
    assert (answer["result"], answer["diagnostics"]) == ("OK", [])


def test_a_missing_target_is_diagnosed(aws: Any) -> None:
    answer = aws("stepfunctions").validate_state_machine_definition(definition=BROKEN, type="STANDARD")
    assert answer["result"] == "FAIL"
    faults = {(fault["severity"], fault["code"], fault["location"]) for fault in answer["diagnostics"]}
    assert ("ERROR", "MISSING_TRANSITION_TARGET", "/States/A/Next") in faults


def test_diagnostics_are_cut_where_asked(aws: Any) -> None:
    answer = aws("stepfunctions").validate_state_machine_definition(definition=BROKEN, maxResults=1)
    assert (len(answer["diagnostics"]), answer["truncated"]) == (1, True)


def test_what_cannot_run_is_not_created(aws: Any, name: str) -> None:
    states = aws("stepfunctions")
    with pytest.raises(states.exceptions.InvalidDefinition, match="MISSING_TRANSITION_TARGET"):
        states.create_state_machine(name=name, definition=BROKEN, roleArn=ROLE)


def test_what_cannot_run_does_not_replace_what_can(aws: Any, name: str) -> None:
    states = aws("stepfunctions")
    arn = states.create_state_machine(name=name, definition=VALID, roleArn=ROLE)["stateMachineArn"]
    with pytest.raises(states.exceptions.InvalidDefinition):
        states.update_state_machine(stateMachineArn=arn, definition=BROKEN)
    assert states.describe_state_machine(stateMachineArn=arn)["definition"] == VALID


def test_versions_are_listed_newest_first(aws: Any, name: str) -> None:
    states = aws("stepfunctions")
    arn = states.create_state_machine(name=name, definition=VALID, roleArn=ROLE, publish=True)[
        "stateMachineArn"
    ]
    states.update_state_machine(stateMachineArn=arn, definition=VALID, publish=True)
    listed = states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [version["stateMachineVersionArn"] for version in listed] == [f"{arn}:2", f"{arn}:1"]


def test_versions_of_no_machine_are_refused(aws: Any, name: str) -> None:
    states = aws("stepfunctions")
    arn = f"arn:aws:states:{REGION}:123456789012:stateMachine:{name}"
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.list_state_machine_versions(stateMachineArn=arn)


@pytest.mark.parametrize(
    "expression",
    ["{% 10 + * 2 %}", "{% $sum($states.input.n %}", "{% $.a[?(@.price < 10)].b %}", "{% 420. %}"],
)
def test_what_is_no_jsonata_is_not_created(aws: Any, name: str, expression: str) -> None:
    """Within templates, too; the gate leaves this to the embedded AWS."""
    states = aws("stepfunctions")
    state = {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Assign": {"a": {"b": [{"c": expression}]}},
        "End": True,
    }
    definition = json.dumps({"StartAt": "A", "States": {"A": state}})
    with pytest.raises(states.exceptions.InvalidDefinition, match="not a valid JSONata expression"):
        states.create_state_machine(name=name, definition=definition, roleArn=ROLE)


@pytest.mark.parametrize(
    "fields",
    [
        {"InputPath": "a"},
        {"ResultPath": "$.a[*]"},
        {"Parameters": {"a.$": "States.UUID(1)"}},
        {"Parameters": {"a": 1, "a.$": "$.b"}},
    ],
    ids=str,
)
def test_what_is_no_path_is_not_created(aws: Any, name: str, fields: dict[str, Any]) -> None:
    states = aws("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True} | fields}})
    with pytest.raises(states.exceptions.InvalidDefinition, match="SCHEMA_VALIDATION_FAILED"):
        states.create_state_machine(name=name, definition=definition, roleArn=ROLE)
