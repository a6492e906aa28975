"""What definitions say in JSONPath: the Context object, paths, variables and intrinsic functions."""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from state_machines import ROLE, StateMachines, as_terraform, machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshtest.emulator import Endpoint

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ROWS = {"rows": [{"n": 1, "s": "x"}, {"n": 2, "s": 'it\'s "y"'}], "o": {"p": {"q": 1}}, "e": []}


@pytest.fixture
def machines(endpoint: Endpoint) -> StateMachines:
    return StateMachines(endpoint.client("stepfunctions"))


def value_of(
    machines: StateMachines, expression: str, value: Any, write: Callable[..., str] = as_terraform
) -> Any:
    """Return the value of a path or an intrinsic function."""
    return machines.output(write(machine({"Type": "Pass", "Parameters": {"x.$": expression}})), value)["x"]


# ─── Context Object ───


def test_the_context_object_tells_of_execution_machine_and_state(machines: StateMachines) -> None:
    arn = machines.create(machine({"Type": "Pass", "Parameters": {"all.$": "$$"}}))
    described = machines.wait(machines.start(arn, {"day": "2026-11-23"}))
    assert described["status"] == "SUCCEEDED", described
    context = json.loads(described["output"])["all"]
    execution, state = context["Execution"], context["State"]
    started = execution.pop("StartTime")
    assert MOMENT.fullmatch(started)
    assert started == f"{described['startDate'].astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    assert execution == {
        "Id": described["executionArn"],
        "Input": {"day": "2026-11-23"},
        "Name": described["name"],
        "RoleArn": ROLE,
    }
    assert context["StateMachine"] == {"Id": arn, "Name": arn.rpartition(":")[2]}
    assert MOMENT.fullmatch(state.pop("EnteredTime"))
    assert state == {"Name": "A", "RetryCount": 0}


@pytest.mark.parametrize(
    "field",
    ["Execution.StartTime", "State.EnteredTime", "Execution.Name", "StateMachine.Name", "State.RetryCount"],
)
def test_each_field_is_read_by_a_path(machines: StateMachines, field: str) -> None:
    value = value_of(machines, f"$$.{field}", {})
    assert value == 0 if field.endswith("RetryCount") else isinstance(value, str)


def test_the_start_time_is_one_in_all_states_and_the_time_of_entering_is_not(machines: StateMachines) -> None:
    times = {"started.$": "$$.Execution.StartTime", "entered.$": "$$.State.EnteredTime"}
    first = {"Type": "Pass", "Parameters": times, "ResultPath": "$.first"}
    wait = {"Type": "Wait", "Seconds": 1}
    second = {"Type": "Pass", "Parameters": times, "ResultPath": "$.second"}
    output = machines.output(machine(first, wait, second))
    assert output["first"]["started"] == output["second"]["started"] <= output["first"]["entered"]
    assert output["first"]["entered"] < output["second"]["entered"]


def test_times_of_the_context_can_be_compared_and_formatted(machines: StateMachines) -> None:
    assert value_of(machines, "States.Format('at {}', $$.Execution.StartTime)", {}).startswith("at 20")
    choice = {
        "Type": "Choice",
        "Choices": [
            {
                "Variable": "$$.Execution.StartTime",
                "TimestampGreaterThan": "2020-01-01T00:00:00Z",
                "Next": "C",
            }
        ],
        "Default": "B",
    }
    assert machines.run(machine(choice, {"Type": "Fail"}, {"Type": "Succeed"}))["status"] == "SUCCEEDED"


def test_items_see_their_context(machines: StateMachines) -> None:
    item = {
        "i.$": "$$.Map.Item.Index",
        "v.$": "$$.Map.Item.Value",
        "started.$": "$$.Execution.StartTime",
        "name.$": "$$.State.Name",
    }
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    output = machines.output(
        machine({"Type": "Map", "ItemsPath": "$.l", "ItemSelector": item, "ItemProcessor": processor}),
        {"l": ["a", "b"]},
    )
    assert [(one["i"], one["v"]) for one in output] == [(0, "a"), (1, "b")]
    assert all(MOMENT.fullmatch(one["started"]) for one in output)


def test_the_retry_count_counts(machines: StateMachines) -> None:
    """The name of the child counts the attempts; the first two are of machines that do not exist."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn.$": "States.ArrayGetItem($.machines, $$.State.RetryCount)"},
        "Retry": [
            {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1.0}
        ],
    }
    child = machines.create(machine({"Type": "Pass"}))
    described = machines.run(machine(task), {"machines": [f"{child}-1", f"{child}-2", child]})
    assert described["status"] == "SUCCEEDED", described
    assert child.rpartition(":")[2] in json.loads(described["output"])["ExecutionArn"]


# ─── Paths ───

PATHS: list[tuple[str, Any]] = [
    ("$.rows[?(@.n > 1)].n", [2]),
    ("$.rows[?(@.n >= 1)].n", [1, 2]),
    ("$.rows[?(@.n < 2)]", [{"n": 1, "s": "x"}]),
    ("$.rows[?(@.n > 0 && @.s == 'x')].n", [1]),
    ("$.rows[?(@.n > 1 || @.s == 'x')].n", [1, 2]),
    ('$.rows[?(@.s == "x")].n', [1]),
    ("$.rows[?(@.n > 9)]", []),
    ("$.rows[?(@.n > 1)].s", ['it\'s "y"']),
    ("$.rows[0].n", 1),
    ("$['rows'][0]['n']", 1),
    ('$["rows"][0].n', 1),
    ("$.rows[*].n", [1, 2]),
    ("$.rows[0:1].n", [1]),
    ("$.rows[0,1].n", [1, 2]),
    ("$..q", [1]),
    ("$..missing", []),
    ("$.e[*]", []),
    ("$.o.p.q", 1),
    ("$.o", {"p": {"q": 1}}),
]


@pytest.mark.parametrize("write", [as_terraform, json.dumps])
@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[path for path, _ in PATHS])
def test_a_path_gives_a_list_where_it_could_give_more(
    machines: StateMachines, path: str, expected: Any, write: Callable[..., str]
) -> None:
    assert value_of(machines, path, ROWS, write) == expected


@pytest.mark.parametrize("field", ["InputPath", "OutputPath", "ResultSelector"])
def test_escapes_are_read_in_every_field_with_paths(machines: StateMachines, field: str) -> None:
    path = '$.rows[?(@.n > 0 && @.s == "x")]'
    states: dict[str, dict[str, Any]] = {
        "InputPath": {"Type": "Pass", "InputPath": path},
        "OutputPath": {"Type": "Pass", "OutputPath": path},
        "ResultSelector": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}],
            "ResultSelector": {"x.$": path.replace("$.", "$[0].")},
            "OutputPath": "$.x",
        },
    }
    assert machines.output(as_terraform(machine(states[field])), ROWS) == [{"n": 1, "s": "x"}]


def test_escapes_are_read_in_reference_paths(machines: StateMachines) -> None:
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    items = {"Type": "Map", "ItemsPath": "$['<&>']", "ItemProcessor": processor}
    assert machines.output(as_terraform(machine(items)), {"<&>": [1, 2]}) == [1, 2]
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.rows[0].s", "StringEquals": '<&>"\\', "Next": "B"}],
    }
    described = machines.run(as_terraform(machine(choice, {"Type": "Succeed"})), {"rows": [{"s": '<&>"\\'}]})
    assert described["status"] == "SUCCEEDED", described


def test_names_and_texts_with_escapes_are_themselves(machines: StateMachines) -> None:
    text = '<a> & "b" \\ é \t \u2028 😀'
    first = {"Type": "Pass", "Result": {text: text}, "ResultPath": "$.r", "Next": text}
    definition = {
        "StartAt": "A",
        "States": {"A": first, text: {"Type": "Pass", "Comment": text, "End": True}},
    }
    assert machines.output(as_terraform(definition))["r"] == {text: text}


def test_a_missing_path_is_a_failure(machines: StateMachines) -> None:
    described = machines.run(machine({"Type": "Pass", "Parameters": {"x.$": "$.a.b"}}), {"a": {}})
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert "$.a.b" in described["cause"]


def test_paths_lead_into_variables(machines: StateMachines) -> None:
    assign = {"Type": "Pass", "Assign": {"rows.$": "$.rows", "text": 'a "b"'}}
    use = {
        "Type": "Pass",
        "Parameters": {
            "filtered.$": "$rows[?(@.n > 1)].n",
            "one.$": "$rows[0].n",
            "all.$": "$rows",
            "text.$": "$text",
            "formatted.$": "States.Format('{}', $text)",
        },
    }
    assert machines.output(as_terraform(machine(assign, use)), ROWS) == {
        "filtered": [2],
        "one": 1,
        "all": ROWS["rows"],
        "text": 'a "b"',
        "formatted": 'a "b"',
    }


# ─── Intrinsic Functions ───

FUNCTIONS: list[tuple[str, Any]] = [
    ("States.Format('{} -> {}', $.a, $.b)", "1 -> 2"),
    ("States.Format('a < {} && {} > c', $.a, $.b)", "a < 1 && 2 > c"),
    ('States.Format(\'say "{}" and "{}"\', $.a, $.b)', 'say "1" and "2"'),
    ("States.Format('it\\'s {}', $.a)", "it's 1"),
    ("States.Format('back\\\\slash {}', $.a)", "back\\slash 1"),
    ("States.Format('\\{{}\\}', $.a)", "{1}"),
    ("States.Format('\\{\\}')", "{}"),
    ("States.Format('line\n{}', $.a)", "line\n1"),
    ("States.Format('no place')", "no place"),
    ("States.Format('{}', 'a, b) (c')", "a, b) (c"),
    ("States.Format('{} {} {} {}', 1, 1.5, true, null)", "1 1.5 true null"),
    ("States.Format('{}', -3)", "-3"),
    ("States.Format('{0} {x}')", "{0} {x}"),
    ("States.Format($.template, $.a)", "t 1"),
    ("States.Format('{}', States.Format('<{}>', $.a))", "<1>"),
    ("States.Format('{}',$.q.s)", "x \"y\" 'z'"),
    ("States.Format('{}', $$.State.Name)", "A"),
    ("States.Format('é {}', $.a)", "é 1"),
    ('States.StringToJson(\'{"a": [1, "<b>"]}\')', {"a": [1, "<b>"]}),
    ('States.StringToJson(\'{"a": "q \\"b\\""}\')', {"a": 'q "b"'}),
    ("States.JsonToString($.q)", '{"s":"x \\"y\\" \'z\'"}'),
    ("States.Array('a\"b', $.l[?(@.n > 1)].n, 'it\\'s')", ['a"b', [2], "it's"]),
    ("States.Array()", []),
    ("States.ArrayContains($.l[*].n, 2)", True),
    ("States.ArrayLength($.l[?(@.n >= 1 && @.s == ',)')])", 1),
    ("States.StringSplit('a&b&c', '&')", ["a", "b", "c"]),
    ("States.MathAdd($.a, -1)", 0),
    ("States.Base64Encode('<a>')", "PGE+"),
    ("States.ArrayGetItem(States.Array(1, 2), 1)", 2),
]
FUNCTION_INPUT = {
    "a": 1,
    "b": 2,
    "q": {"s": "x \"y\" 'z'"},
    "l": [{"n": 1, "s": ",)"}, {"n": 2, "s": ""}],
    "template": "t {}",
}


@pytest.mark.parametrize("write", [as_terraform, json.dumps])
@pytest.mark.parametrize(("text", "expected"), FUNCTIONS, ids=[text for text, _ in FUNCTIONS])
def test_an_intrinsic_function_reads_its_arguments(
    machines: StateMachines, text: str, expected: Any, write: Callable[..., str]
) -> None:
    assert value_of(machines, text, FUNCTION_INPUT, write) == expected


@pytest.mark.parametrize(
    "text",
    [
        "States.Format('a)",
        "States.Nothing('a')",
        "States.Format('{}' $.a)",
        "States.Format('{}', a)",
        "States.Format('{}', $.a) and more)",
        "States.Format('{}', States.Format('a')",
    ],
)
def test_what_is_no_intrinsic_function_is_refused(machines: StateMachines, text: str) -> None:
    with pytest.raises(machines.states.exceptions.InvalidDefinition):
        machines.create(machine({"Type": "Pass", "Parameters": {"x.$": text}}))


@pytest.mark.parametrize("text", ["States.Format('{} {}', $.a)", "States.Format('{}', $.a, $.b)"])
def test_places_and_values_must_be_as_many(machines: StateMachines, text: str) -> None:
    described = machines.run(machine({"Type": "Pass", "Parameters": {"x.$": text}}), FUNCTION_INPUT)
    assert (described["status"], described["error"]) == ("FAILED", "States.IntrinsicFailure")


# ─── Refused Definitions ───


def test_a_refused_definition_leaves_no_trace(machines: StateMachines) -> None:
    """In neither query language, whichever the refused one has."""
    exceptions = machines.states.exceptions
    good = machine({"Type": "Pass", "Parameters": {"x": 1}})
    good_jsonata = machine({"Type": "Pass", "Output": {"x": "{% 1 %}"}}, QueryLanguage="JSONata")
    refused = [
        machine({"Type": "Pass", "Parameters": {"x": 1}}, QueryLanguage="JSONata"),
        machine({"Type": "Pass", "Output": {"x": "{% 1 %}"}}),
        machine({"Type": "Pass", "QueryLanguage": "JSONata", "InputPath": "$.a"}),
        machine({"Type": "Pass", "QueryLanguage": "JSONPath"}, QueryLanguage="JSONata"),
    ]
    for bad in refused:
        with pytest.raises(exceptions.InvalidDefinition):
            machines.create(bad)
        for definition in (good, good_jsonata):
            assert machines.output(definition) == {"x": 1}
    arn = machines.create(good)
    with pytest.raises(exceptions.InvalidDefinition):
        machines.states.update_state_machine(stateMachineArn=arn, definition=json.dumps(refused[0]))
    assert json.loads(machines.wait(machines.start(arn))["output"]) == {"x": 1}
