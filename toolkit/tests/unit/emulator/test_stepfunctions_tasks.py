"""Tasks that ask for what no service has, and the names of errors."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from state_machines import ROLE, StateMachines, machine

from meshtest.emulator.gaps.stepfunctions_tasks import error_prefix
from meshtest.testing import roles

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

GLUE = "arn:aws:states:::glue:startJobRun.sync"
SDK = "arn:aws:states:::aws-sdk"


@pytest.fixture
def machines(endpoint: Endpoint) -> StateMachines:
    return StateMachines(endpoint.client("stepfunctions"))


def task(resource: str, **parameters: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Parameters": parameters}


def inner(state: dict[str, Any]) -> dict[str, Any]:
    """Return a scope of one state, whose name no state around it has."""
    return {"StartAt": "Inner", "States": {"Inner": state | {"End": True}}}


def within(kind: str, state: dict[str, Any]) -> dict[str, Any]:
    """Put a state where it could be overlooked."""
    if kind == "parallel":
        return machine({"Type": "Parallel", "Branches": [inner(state)]})
    return machine({"Type": "Map", "ItemProcessor": inner(state)}) if kind == "map" else machine(state)


UNKNOWN = {
    "a parameter in another case": (task(GLUE, Jobname="x"), 'The field "Jobname" is not supported'),
    "a parameter too much": (task(GLUE, JobName="x", Foo=1), 'The field "Foo" is not supported'),
    "a parameter by path": (
        task(GLUE, **{"JobName": "x", "foo.$": "$.x"}),
        'The field "foo" is not supported',
    ),
    "a parameter too few": (task(GLUE, Arguments={}), 'The field "JobName" is required but was missing'),
    "of the SDK": (task(f"{SDK}:glue:getJob", jobName="x"), 'The field "jobName" is not supported'),
    "an action": (task(f"{SDK}:glue:noSuch"), f"The resource provided {SDK}:glue:noSuch is not recognized"),
    "a service": (task(f"{SDK}:nosuch:get"), f"The resource provided {SDK}:nosuch:get is not recognized"),
    "of a nested execution": (
        task("arn:aws:states:::states:startExecution.sync:2", StateMachineArn="x", Wait=True),
        'The field "Wait" is not supported',
    ),
}


@pytest.mark.parametrize(("state", "message"), UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("kind", ["alone", "parallel", "map"])
def test_what_no_service_has_is_refused(
    machines: StateMachines, state: dict[str, Any], message: str, kind: str
) -> None:
    definition = within(kind, state)
    with pytest.raises(machines.states.exceptions.InvalidDefinition) as caught:
        machines.create(definition)
    assert message in str(caught.value)
    found = machines.states.validate_state_machine_definition(definition=json.dumps(definition))
    assert found["result"] == "FAIL"
    assert any(message in each["message"] for each in found["diagnostics"])


def test_what_services_have_is_taken(machines: StateMachines) -> None:
    for state in (
        task(GLUE, **{"JobName.$": "$.job", "Arguments": {"--a": "b"}}),
        task(f"{SDK}:cloudwatchlogs:describeLogGroups", LogGroupNamePrefix="x"),
        task(f"{SDK}:sfn:startExecution", StateMachineArn="x"),
        task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", QueueUrl="x", MessageBody="y"),
    ):
        machines.create(machine(state))


@pytest.mark.parametrize(
    ("service", "prefix"),
    [
        ("glue", "Glue"),
        ("s3", "S3"),
        ("dynamodb", "DynamoDb"),
        ("sfn", "Sfn"),
        ("kms", "Kms"),
        ("cloudwatchlogs", "CloudWatchLogs"),
        ("secretsmanager", "SecretsManager"),
    ],
)
def test_errors_are_named_as_the_sdk_for_java_names_its_clients(service: str, prefix: str) -> None:
    assert error_prefix(service) == prefix


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (task(f"{SDK}:glue:getJob", JobName="absent"), "Glue.EntityNotFoundException"),
        (task(f"{SDK}:s3:getObject", Bucket="absent-bucket", Key="k"), "S3.NoSuchBucketException"),
    ],
)
def test_an_error_of_an_sdk_integration_is_caught_by_its_name(
    machines: StateMachines, state: dict[str, Any], error: str
) -> None:
    caught = {"Catch": [{"ErrorEquals": [error], "ResultPath": "$.e", "Next": "B"}]}
    output = machines.output(machine(state | caught, {"Type": "Pass"}))
    assert output["e"]["Error"] == error


CANNOT = {
    "ItemBatcher": {"ItemBatcher": {"MaxItemsPerBatch": 2}},
    "EXPRESS": {"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}},
    "ToleratedFailurePercentage": {"ToleratedFailurePercentage": 50},
    "array": {"Type": "Pass", "Parameters": [1]},
}


@pytest.mark.parametrize(("named", "fields"), CANNOT.items(), ids=CANNOT)
def test_what_cannot_be_run_here_is_refused_in_a_sentence(
    machines: StateMachines, named: str, fields: dict[str, Any]
) -> None:
    processor = inner({"Type": "Pass"}) | fields.get("ItemProcessor", {})
    state = fields if "Type" in fields else {"Type": "Map", **fields, "ItemProcessor": processor}
    with pytest.raises(machines.states.exceptions.InvalidDefinition) as caught:
        machines.create(machine(state))
    assert "The embedded AWS cannot run" in str(caught.value)
    assert named in str(caught.value)


def test_one_refused_definition_breaks_no_other(machines: StateMachines) -> None:
    good = machine({"Type": "Pass", "Parameters": {"x": 1}})
    for bad in ("{", json.dumps(good | {"QueryLanguage": "JSONata"}), json.dumps(machine(task(GLUE, X=1)))):
        with pytest.raises(machines.states.exceptions.InvalidDefinition):
            machines.states.create_state_machine(name="bad", definition=bad, roleArn=ROLE)
        assert machines.output(good) == {"x": 1}


@pytest.mark.parametrize("kind", ["parallel", "map"])
@pytest.mark.parametrize("error", ["States.TaskFailed", "States.ALL", "Glue.EntityNotFoundException"])
def test_a_failed_glue_task_within_is_caught_around_it(
    machines: StateMachines, kind: str, error: str
) -> None:
    definition = within(kind, task(GLUE, JobName="absent"))
    definition["States"]["A"] |= {
        "Catch": [{"ErrorEquals": [error], "ResultPath": "$.e", "Next": "B"}],
        **({"ItemsPath": "$.xs"} if kind == "map" else {}),
    }
    definition["States"]["B"] = {"Type": "Pass", "End": True}
    assert machines.output(definition, {"xs": [1]})["e"]["Error"] == "Glue.EntityNotFoundException"


# ─── Output ───


def test_what_an_sdk_integration_answers_is_in_pascal_case_with_times_as_text(
    machines: StateMachines, endpoint: Endpoint
) -> None:
    listing = task(
        f"{SDK}:sfn:listExecutions", **{"StateMachineArn.$": "$$.StateMachine.Id", "StatusFilter": "RUNNING"}
    )
    allowed = roles.make_role(endpoint, "lists-executions", {"Action": ["states:ListExecutions"]})
    arn = machines.create(machine(listing), roleArn=allowed)
    execution = machines.wait(machines.start(arn))
    (found,) = json.loads(execution["output"])["Executions"]
    started = datetime.fromisoformat(found.pop("StartDate"))
    assert found == {
        "ExecutionArn": execution["executionArn"],
        "Name": execution["name"],
        "StateMachineArn": arn,
        "Status": "RUNNING",
    }
    assert abs(started - execution["startDate"]) < timedelta(seconds=1)
