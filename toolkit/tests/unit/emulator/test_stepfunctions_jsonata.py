"""JSONata in definitions: its fields, its variables, and the functions that Step Functions adds."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from state_machines import StateMachines, as_terraform, machine

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

INPUT = {"l": [1, 2, 3], "s": 'a "b" \\ c', "o": {"x": None, "y": {"z": 1.5}}, "rows": [{"n": 1}, {"n": 2}]}


@pytest.fixture
def machines(endpoint: Endpoint) -> StateMachines:
    return StateMachines(endpoint.client("stepfunctions"))


def jsonata(*states: dict[str, Any], **fields: Any) -> str:
    """Write a machine whose query language is JSONata."""
    return as_terraform(machine(*states, QueryLanguage="JSONata", **fields))


def value_of(machines: StateMachines, expression: str, value: Any = None) -> Any:
    return machines.output(jsonata({"Type": "Pass", "Output": f"{{% {expression} %}}"}), value)


# ─── Expressions ───

EXPRESSIONS: list[tuple[str, Any]] = [
    ("$sum($states.input.l)", 6),
    ("$states.input.l[$ > 1]", [2, 3]),
    ("$states.input.rows[n > 1].n", 2),
    ("$states.input.rows.n", [1, 2]),
    ("$states.input.s", 'a "b" \\ c'),
    ("$states.input.s & '<&>'", 'a "b" \\ c<&>'),
    ("$states.input.o.x", None),
    ("$states.input", INPUT),
    ("{'a': $states.input.o.y.z * 2, 'b': [1..3]}", {"a": 3, "b": [1, 2, 3]}),
    ("$map($states.input.l, function($v, $i) { $v * $i })", [0, 2, 6]),
    ("($x := 2; $x * 21)", 42),
    ("$states.context.State.Name", "A"),
    ("$exists($states.errorOutput)", False),
    ("$exists($states.input.missing) ? 1 : 2", 2),
    ("1 < 2 and 2 > 1", True),
    ("6 / 3", 2),
    ("[]", []),
    ("$states.input.rows ~> $count", 2),
    ("$string({'a': 1})", '{"a":1}'),
    ("$toMillis('2026-11-27T00:00:00Z')", 1795737600000),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_an_expression_has_its_value(machines: StateMachines, expression: str, expected: Any) -> None:
    assert value_of(machines, expression, INPUT) == expected


ADDED: list[tuple[str, Any]] = [
    ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
    ("$partition([1,2], 5)", [[1, 2]]),
    ("$range(0, 10, 2)", [0, 2, 4, 6, 8, 10]),
    ("$range(1, 4, 2)", [1, 3]),
    ("$range(5, 1, -2)", [5, 3, 1]),
    ("$range(2, 1, 1)", []),
    ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
    ("$hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("$length($hash('a', 'SHA-384'))", 96),
    ("$length($hash('a', 'SHA-512'))", 128),
    ("$random() < 1 and $random() >= 0", True),
    ("$random(7) = $random(7)", True),
    ("$random(7) = $random(8)", False),
    ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
    ("$parse('null')", None),
    ("$parse('7') + 1", 8),
    ("$uuid() = $uuid()", False),
]


@pytest.mark.parametrize(("expression", "expected"), ADDED, ids=[text for text, _ in ADDED])
def test_step_functions_adds_functions(machines: StateMachines, expression: str, expected: Any) -> None:
    assert value_of(machines, expression) == expected


def test_a_uuid_is_of_version_4(machines: StateMachines) -> None:
    assert uuid.UUID(value_of(machines, "$uuid()")).version == 4


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("$states.input.missing", "returned nothing (undefined)"),
        ("'a' + 1", "must evaluate to a number"),
        ("function($x) { $x }", "unsupported result type"),
        ("[$sum]", "unsupported result type"),
        ("$error('no rows')", "no rows"),
        ("$eval('1')", "$eval"),
        ("$hash('a', 'CRC')", "SHA-512"),
        ("$partition([1], 0)", "$partition"),
        ("$range(1, 2, 0)", "$range"),
        ("$range(1, 2000, 1)", "1000"),
        ("$parse('{')", "threw an error"),
        ("$unknown(1)", "non-function"),
    ],
)
def test_an_expression_without_a_value_fails(machines: StateMachines, expression: str, why: str) -> None:
    described = machines.run(jsonata({"Type": "Pass", "Output": f"{{% {expression} %}}"}))
    assert (described["status"], described["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert expression in described["cause"]
    assert why in described["cause"]


@pytest.mark.parametrize("expression", ["$sum(", "1 +", "{'a': }", "'open"])
def test_what_is_no_jsonata_is_refused(machines: StateMachines, expression: str) -> None:
    with pytest.raises(machines.states.exceptions.InvalidDefinition):
        machines.create(jsonata({"Type": "Pass", "Output": f"{{% {expression} %}}"}))


# ─── Fields ───

CHILD = machine({"Type": "Pass"})
RESOURCE = "arn:aws:states:::states:startExecution.sync:2"


def task(child: str, **fields: Any) -> dict[str, Any]:
    arguments = {"StateMachineArn": child, "Input": {"n": "{% $states.input.n %}"}}
    return {"Type": "Task", "Resource": RESOURCE, "Arguments": arguments} | fields


def test_a_task_has_arguments_output_and_variables(machines: StateMachines) -> None:
    """Input and result are apart, and both are there for Output and Assign."""
    child = machines.create(CHILD)
    state = task(
        child,
        Output={"got": "{% $states.result.Output.n %}", "had": "{% $states.input.n %}"},
        Assign={"both": "{% $states.input.n + $states.result.Output.n %}"},
    )
    last = {"Type": "Pass", "Output": "{% $merge([$states.input, {'both': $both}]) %}"}
    assert machines.output(jsonata(state, last), {"n": 21}) == {"got": 21, "had": 21, "both": 42}


def test_without_output_the_result_goes_on(machines: StateMachines) -> None:
    output = machines.output(jsonata(task(machines.create(CHILD))), {"n": 1})
    assert (output["Status"], output["Output"]) == ("SUCCEEDED", {"n": 1})


def test_arguments_may_be_one_expression(machines: StateMachines) -> None:
    child = machines.create(CHILD)
    arguments = "{% {'StateMachineArn': '" + child + "', 'Input': $states.input} %}"
    state = task(child, Arguments=arguments, Output="{% $states.result.Output %}")
    assert machines.output(jsonata(state), {"n": 1}) == {"n": 1}


def test_variables_live_on(machines: StateMachines) -> None:
    """Values of all types, with quotes, in later states, changed, and within items."""
    assign = {
        "Type": "Pass",
        "Assign": {"s": "{% $states.input.s %}", "n": 1, "o": {"a": ["{% 1 + 1 %}", None]}},
    }
    change = {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}}
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": "{% $n * 10 %}", "End": True}}}
    items = {
        "Type": "Map",
        "Items": [1, 2],
        "ItemProcessor": processor,
        "Assign": {"items": "{% $states.result %}"},
    }
    last = {
        "Type": "Pass",
        "Output": {"s": "{% $s %}", "n": "{% $n %}", "o": "{% $o %}", "i": "{% $items %}"},
    }
    assert machines.output(jsonata(assign, change, items, last), INPUT) == {
        "s": 'a "b" \\ c',
        "n": 2,
        "o": {"a": [2, None]},
        "i": [20, 20],
    }


def test_output_and_assign_see_the_variables_of_the_state_s_begin(machines: StateMachines) -> None:
    first = {"Type": "Pass", "Assign": {"x": 1, "y": 2}}
    swap = {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Output": "{% [$x, $y] %}"}
    last = {"Type": "Pass", "Output": {"before": "{% $states.input %}", "after": "{% [$x, $y] %}"}}
    assert machines.output(jsonata(first, swap, last)) == {"before": [1, 2], "after": [2, 1]}


@pytest.mark.parametrize(("number", "status"), [(5, "SUCCEEDED"), (1, "FAILED")])
def test_a_choice_has_conditions(machines: StateMachines, number: int, status: str) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [
            {
                "Condition": "{% $states.input.n > 3 and $states.input.n < 9 %}",
                "Next": "C",
                "Output": "{% 'big' %}",
            },
            {"Condition": "{% false %}", "Next": "B"},
        ],
        "Default": "B",
    }
    fail = {
        "Type": "Fail",
        "Error": "{% 'Small.' & $string($states.input.n) %}",
        "Cause": "{% 'n = ' & $states.input.n %}",
    }
    described = machines.run(jsonata(choice, fail, {"Type": "Succeed"}), {"n": number})
    assert described["status"] == status, described
    if status == "SUCCEEDED":
        assert json.loads(described["output"]) == "big"
    else:
        assert (described["error"], described["cause"]) == ("Small.1", "n = 1")


@pytest.mark.parametrize(
    ("condition", "error"),
    [("$states.input.n", "States.QueryEvaluationError"), ("$states.input.n > 3", "States.NoChoiceMatched")],
)
def test_a_choice_without_a_way_out_fails(machines: StateMachines, condition: str, error: str) -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": f"{{% {condition} %}}", "Next": "B"}]}
    described = machines.run(jsonata(choice, {"Type": "Succeed"}), {"n": 1})
    assert (described["status"], described["error"]) == ("FAILED", error)


def test_the_history_tells_what_was_assigned(machines: StateMachines) -> None:
    state = {"Type": "Pass", "Assign": {"s": 'a "b"', "n": "{% [1, null] %}"}}
    execution = machines.start(machines.create(jsonata(state)))
    machines.wait(execution)
    events = machines.states.get_execution_history(executionArn=execution)["events"]
    (exited,) = (event for event in events if event["type"] == "PassStateExited")
    assigned = exited["stateExitedEventDetails"]["assignedVariables"]
    assert {name: json.loads(value) for name, value in assigned.items()} == {"s": 'a "b"', "n": [1, None]}


@pytest.mark.parametrize("items", ["{% $states.input.rows %}", [{"n": 1}, "{% $states.input.rows[1] %}"]])
def test_a_map_has_items(machines: StateMachines, items: Any) -> None:
    state = {
        "Type": "Map",
        "Items": items,
        "ItemSelector": {
            "v": "{% $states.context.Map.Item.Value.n %}",
            "i": "{% $states.context.Map.Item.Index %}",
        },
        "MaxConcurrency": "{% 1 + 1 %}",
        "ItemProcessor": {
            "StartAt": "I",
            "States": {
                "I": {"Type": "Pass", "Output": "{% $states.input.v * 10 + $states.input.i %}", "End": True}
            },
        },
        "Output": "{% $sum($states.result) %}",
    }
    assert machines.output(jsonata(state), INPUT) == 31


def test_a_parallel_has_arguments_and_a_result(machines: StateMachines) -> None:
    def branch(name: str, text: str) -> dict[str, Any]:
        return {"StartAt": name, "States": {name: {"Type": "Pass", "Output": text, "End": True}}}

    state = {
        "Type": "Parallel",
        "Arguments": {"n": "{% $states.input.l[0] %}"},
        "Branches": [branch("X", "{% $states.input.n + 1 %}"), branch("Y", "{% $states.input.n + 2 %}")],
        "Output": {"sum": "{% $sum($states.result) %}", "of": "{% $states.input.l %}"},
    }
    assert machines.output(jsonata(state), INPUT) == {"sum": 5, "of": [1, 2, 3]}


def test_a_catch_has_the_error(machines: StateMachines) -> None:
    failing = machines.create(machine({"Type": "Fail", "Error": "Bad.Row", "Cause": 'row "3"'}))
    catch = {
        "ErrorEquals": ["States.TaskFailed"],
        "Assign": {"why": "{% $parse($states.errorOutput.Cause).Error %}"},
        "Output": {"error": "{% $states.errorOutput.Error %}", "n": "{% $states.input.n %}"},
        "Next": "B",
    }
    last = {"Type": "Pass", "Output": "{% $merge([$states.input, {'why': $why}]) %}"}
    output = machines.output(jsonata(task(failing, Catch=[catch]), last), {"n": 1})
    assert output == {"error": "States.TaskFailed", "n": 1, "why": "Bad.Row"}


def test_a_failed_expression_of_a_task_can_be_caught(machines: StateMachines) -> None:
    state = task(
        machines.create(CHILD), Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "B"}]
    )
    assert machines.run(jsonata(state, {"Type": "Succeed"}), {})["status"] == "SUCCEEDED"


def test_waits_and_limits_may_be_expressions(machines: StateMachines) -> None:
    waits = [
        {"Type": "Wait", "Seconds": "{% $states.input.seconds %}"},
        {"Type": "Wait", "Timestamp": "{% $now() %}"},
        task(
            machines.create(CHILD), TimeoutSeconds="{% $states.input.seconds * 30 %}", Output="{% 'done' %}"
        ),
    ]
    assert machines.output(jsonata(*waits), {"seconds": 1, "n": 1}) == "done"


def test_a_succeed_state_has_an_output(machines: StateMachines) -> None:
    assert machines.output(jsonata({"Type": "Succeed", "Output": {"n": "{% 1 + 1 %}", "t": "plain"}})) == {
        "n": 2,
        "t": "plain",
    }


def test_one_state_of_a_machine_may_be_jsonata(machines: StateMachines) -> None:
    first = {"Type": "Pass", "Parameters": {"n.$": "$.l[0]"}, "Assign": {"v.$": "$.n"}}
    second = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"n": "{% $states.input.n + $v %}"}}
    third = {"Type": "Pass", "Parameters": {"all.$": "$", "text": "{% 1 %}"}}
    assert machines.output(as_terraform(machine(first, second, third)), INPUT) == {
        "all": {"n": 2},
        "text": "{% 1 %}",
    }


def test_the_context_object_is_the_same(machines: StateMachines) -> None:
    context = value_of(machines, "$states.context", {"n": 1})
    assert context["Execution"]["StartTime"].endswith("Z")
    assert (context["Execution"]["Input"], context["State"]["RetryCount"]) == ({"n": 1}, 0)
