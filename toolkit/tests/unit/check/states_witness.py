"""Definitions with the verdicts of asl-validator, an outside witness of the Amazon States Language.

Each kind of fault in its own test files stands here in a definition of ours, and what is right beside it.
The verdicts are those of asl-validator 4.0.0 (npm, Apache-2.0), asked by:

    npm install asl-validator@4.0.0
    python states_witness.py | node -e '
        const validate = require("asl-validator")
        const cases = JSON.parse(require("fs").readFileSync(0, "utf8"))
        for (const [name, definition] of Object.entries(cases))
            console.log(validate(definition).isValid, name)'

Where the witness and AWS's documentation differ, AWS's word counts: `Case.because` says what it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg"


@dataclass(frozen=True)
class Case:
    """A definition, whether it is valid, and why the witness is of another opinion ("" if it is not)."""

    definition: dict[str, Any]
    is_valid: bool
    because: str = ""

    @property
    def witness(self) -> bool:
        """What asl-validator says."""
        return self.is_valid != bool(self.because)


GLUE = "arn:aws:states:::glue:startJobRun.sync"
DONE = {"Type": "Succeed"}
INNER = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}


def of(state: dict[str, Any], others: dict[str, Any] | None = None, **machine: Any) -> dict[str, Any]:
    """Return a machine of state A, which ends unless it says otherwise, and of others."""
    flow = (
        {}
        if {"Next", "End"} & set(state) or state["Type"] in {"Choice", "Fail", "Succeed"}
        else {"End": True}
    )
    return {"StartAt": "A", "States": {"A": state | flow} | (others or {}), **machine}


def task(**fields: Any) -> dict[str, Any]:
    return of({"Type": "Task", "Resource": GLUE} | fields)


def passing(**fields: Any) -> dict[str, Any]:
    return of({"Type": "Pass"} | fields)


def jsonata(output: Any, **fields: Any) -> dict[str, Any]:
    return passing(QueryLanguage="JSONata", Output=output, **fields)


def choice(**rule: Any) -> dict[str, Any]:
    return of({"Type": "Choice", "Choices": [rule], "Default": "B"}, {"B": DONE})


def mapped(**fields: Any) -> dict[str, Any]:
    return of({"Type": "Map", "ItemProcessor": INNER} | fields)


def distributed(**fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return mapped(ItemProcessor=INNER | {"ProcessorConfig": config}, **fields)


def parallel(*branches: Any, **fields: Any) -> dict[str, Any]:
    return of({"Type": "Parallel", "Branches": list(branches)} | fields)


def valid(definition: dict[str, Any], because: str = "") -> Case:
    return Case(definition, True, because)


def invalid(definition: dict[str, Any], because: str = "") -> Case:
    return Case(definition, False, because)


CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.error"}]
RETRY = {"ErrorEquals": ["Glue.ConcurrentRunsExceededException"], "IntervalSeconds": 60, "MaxAttempts": 3}
READER: dict[str, Any] = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
    "Parameters": {"Bucket": "b", "Key": "k"},
}
OF_CLOUDFORMATION = (
    "the witness lets CloudFormation's placeholders through; CreateStateMachine gets no such text"
)
SPACES = f"spaces within the marks are JSONata's own: {GUIDE}/transforming-data.html"

CASES: dict[str, Case] = {
    # ─── Structure ───
    "a task": valid(task(TimeoutSeconds=60, HeartbeatSeconds=5, Retry=[RETRY])),
    "a state of 80 characters": valid(of({"Type": "Pass", "Next": "x" * 80}, {"x" * 80: DONE})),
    "a state of 81 characters": invalid(of({"Type": "Pass", "Next": "x" * 81}, {"x" * 81: DONE})),
    "a state that is not there": invalid(passing(Next="B")),
    "a state that nobody reaches": invalid(of({"Type": "Pass"}, {"B": DONE})),
    "an unknown field": invalid(passing(Retries=1)),
    "no terminal state": invalid(of({"Type": "Pass", "Next": "B"}, {"B": {"Type": "Pass", "Next": "A"}})),
    "no terminal state in a branch": invalid(
        parallel({"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "I"}}})
    ),
    "no terminal state in a map": invalid(
        mapped(ItemProcessor={"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "I"}}})
    ),
    "Next and End": invalid(of({"Type": "Pass", "Next": "B", "End": True}, {"B": DONE})),
    "a branch that is a list": invalid(parallel([INNER])),
    "no branches": invalid(of({"Type": "Parallel"})),
    "a way out of a branch": invalid(
        of(
            {
                "Type": "Parallel",
                "Branches": [{"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "B"}}}],
                "Next": "B",
            },
            {"B": DONE},
        ),
    ),
    "the same name in two branches": invalid(parallel(INNER, INNER)),
    "the same name in a map": invalid(
        mapped(ItemProcessor={"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    ),
    "a catcher as the only way": valid(
        of({"Type": "Task", "Resource": GLUE, "Catch": CATCH}, {"B": {"Type": "Fail"}})
    ),
    "a catcher of no errors": invalid(
        of({"Type": "Task", "Resource": GLUE, "Catch": [{"Next": "B"}]}, {"B": DONE})
    ),
    "a catcher with an unknown field": invalid(
        of({"Type": "Task", "Resource": GLUE, "Catch": [{"Error Equals": ["X"], "Next": "B"}]}, {"B": DONE})
    ),
    "a catcher of true": invalid(
        of({"Type": "Task", "Resource": GLUE, "Catch": [{"ErrorEquals": [True], "Next": "B"}]}, {"B": DONE})
    ),
    # ─── Fields ───
    "a fail state with paths": valid(of({"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.UUID()"})),
    "a cause and its path": invalid(of({"Type": "Fail", "Cause": "c", "CausePath": "$.c"})),
    "an error and its path": invalid(of({"Type": "Fail", "Error": "e", "ErrorPath": "$.e"})),
    "a timeout of zero": invalid(task(TimeoutSeconds=0)),
    "a timeout and its path": invalid(task(TimeoutSeconds=1, TimeoutSecondsPath="$.t")),
    "a heartbeat and its path": invalid(task(HeartbeatSeconds=1, HeartbeatSecondsPath="$.h")),
    "a placeholder as resource": invalid(task(Resource="${function}"), OF_CLOUDFORMATION),
    "half a placeholder as resource": invalid(task(Resource="${function")),
    "an ARN that ends in a colon": invalid(
        task(Resource="arn:aws:lambda:eu-west-1:123456789012:function:f:")
    ),
    "credentials": valid(task(Credentials={"RoleArn.$": "$.role"})),
    "credentials that are a text": invalid(
        task(Credentials="role"),
        f"an object with a RoleArn: {GUIDE}/concepts-access-cross-acct-resources.html",
    ),
    "credentials that are null": invalid(task(Credentials=None)),
    "credentials without a path": invalid(task(Credentials={"RoleArn.$": "not a path"})),
    "a wait for a path": valid(of({"Type": "Wait", "TimestampPath": "$.until"})),
    "a wait until a time": valid(of({"Type": "Wait", "Timestamp": "2026-01-01T00:00:00Z"})),
    "a wait until a word": invalid(of({"Type": "Wait", "Timestamp": "tomorrow"})),
    "a wait for two things": invalid(of({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.s"})),
    "a wait of a text": invalid(of({"Type": "Wait", "Seconds": "1"})),
    "a wait for nothing": invalid(of({"Type": "Wait"})),
    # ─── Choices ───
    "a comparison": valid(choice(Variable="$.n", NumericEquals=1, Next="B")),
    "a comparison of two paths": valid(choice(Variable="$.n", NumericEqualsPath="$.m", Next="B")),
    "a rule of rules": valid(
        choice(
            And=[{"Variable": "$.n", "IsPresent": True}, {"Not": {"Variable": "$.s", "IsNull": True}}],
            Next="B",
        )
    ),
    "a choice that ends": invalid(choice(Variable="$.n", NumericEquals=1, End=True)),
    "a comparison of a function": invalid(
        choice(Variable="States.ArrayContains($.a, 'b')", BooleanEquals=True, Next="B")
    ),
    "a comparison of a filter": invalid(choice(Variable="$.a[?(@.b > 1)]", IsPresent=True, Next="B")),
    "a comparison with a number as text": invalid(choice(Variable="$.n", NumericEquals="1", Next="B")),
    "an operator that is none": invalid(choice(Variable="$.n", NumericUnequals=1, Next="B")),
    "a path that no operator has": invalid(choice(Variable="$.n", StringMatchesPath="$.p", Next="B")),
    # ─── Maps ───
    "an inline map": valid(
        mapped(
            ItemProcessor=INNER | {"ProcessorConfig": {"Mode": "INLINE"}},
            ItemsPath="$.items",
            ItemSelector={"value.$": "$$.Map.Item.Value"},
            MaxConcurrency=2,
        )
    ),
    "a map by its old names": valid(of({"Type": "Map", "Iterator": INNER, "Parameters": {"a.$": "$.b"}})),
    "a distributed map": valid(distributed(ItemReader=READER, Label="L", ToleratedFailurePercentage=5)),
    "no processor": invalid(of({"Type": "Map"})),
    "two processors": invalid(mapped(Iterator=INNER)),
    "two selectors": invalid(mapped(ItemSelector={"a": 1}, Parameters={"a": 1})),
    "a percentage over 100": invalid(distributed(ToleratedFailurePercentage=105)),
    "a percentage and its path": invalid(
        distributed(ToleratedFailurePercentage=5, ToleratedFailurePercentagePath="$.p")
    ),
    "a count and its path": invalid(distributed(ToleratedFailureCount=5, ToleratedFailureCountPath="$.p")),
    "a concurrency and its path": invalid(mapped(MaxConcurrency=5, MaxConcurrencyPath="$.p")),
    "a negative concurrency": invalid(mapped(MaxConcurrency=-1)),
    "items by a filter": invalid(mapped(ItemsPath="$.items[?(@.n > 1)]")),
    "a reader's limit and its path": invalid(
        distributed(
            ItemReader=READER
            | {"ReaderConfig": READER["ReaderConfig"] | {"MaxItems": 1, "MaxItemsPath": "$.m"}}
        )
    ),
    "a batch": valid(distributed(ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"a.$": "$.b"}})),
    "a batch's limit and its path": invalid(
        distributed(ItemBatcher={"MaxItemsPerBatch": 2, "MaxItemsPerBatchPath": "$.m"})
    ),
    # ─── JSONPath ───
    "paths": valid(
        passing(InputPath="$.a[*].b", OutputPath="$..c", ResultPath="$.d['e f']", Result={"g": 1})
    ),
    "no input, no result": valid(passing(InputPath=None, ResultPath=None)),
    "paths into variables and the context": valid(
        of(
            {"Type": "Pass", "Assign": {"v.$": "$.a", "n": 1}, "Next": "B"},
            {"B": DONE | {"InputPath": "$$.Execution"}},
        )
    ),
    "an input path that begins with no dollar": invalid(passing(InputPath="bug$.a")),
    "a result path that begins with no dollar": invalid(task(ResultPath=".guid")),
    "a result path of two dots": invalid(task(ResultPath="$...")),
    "a result path of parentheses": invalid(task(ResultPath="()")),
    "a result path with a wildcard": invalid(task(ResultPath="$.a[*]")),
    "a result path into a variable": invalid(task(ResultPath="$foo")),
    "a template with paths, functions and lists": valid(
        passing(
            Parameters={
                "a.$": "$.x[0]",
                "b": {"c.$": "States.Format('{} is {}', $.y, $$.State.Name)"},
                "d": [1],
            }
        )
    ),
    "a template that is a list": valid(passing(Parameters=["a", 1])),
    "every function": valid(
        passing(
            Parameters={
                "1.$": "States.StringToJson($.a)",
                "2.$": "States.JsonToString($.a)",
                "3.$": "States.Array('a', 2, $.b, null)",
                "4.$": "States.ArrayPartition($.a, 4)",
                "5.$": "States.ArrayContains($.a, $.b)",
                "6.$": "States.ArrayRange(1, 9, 2)",
                "7.$": "States.ArrayGetItem($.a[?(@.k == 'v')].x, 0)",
                "8.$": "States.ArrayLength($.a)",
                "9.$": "States.ArrayUnique($.a)",
                "10.$": "States.Base64Encode(States.Base64Decode($.a))",
                "11.$": "States.Hash($.a, 'SHA-256')",
                "12.$": "States.JsonMerge($.a, $.b, false)",
                "13.$": "States.MathRandom($.a, 10)",
                "14.$": "States.MathAdd($.a, -1)",
                "15.$": "States.StringSplit($.a, ',')",
                "16.$": "States.UUID()",
            }
        )
    ),
    "a template without a path": invalid(passing(Parameters={"a.$": "ipsum"})),
    "a name with and without a path": invalid(passing(Parameters={"a": 1, "a.$": "$.b"})),
    "a name with and without a path, within": invalid(passing(Parameters={"x": {"a": 1, "a.$": "$.b"}})),
    "a selected result twice": invalid(task(ResultSelector={"a": 1, "a.$": "$.b"})),
    "a function that is none": invalid(passing(Parameters={"a.$": "States.Sum($.a)"})),
    "a sum of texts": invalid(passing(Parameters={"a.$": "States.MathAdd(1, '-1')"})),
    "a function that does not end": invalid(passing(Parameters={"a.$": "States.Format('a"})),
    "a function of too many": invalid(passing(Parameters={"a.$": "States.UUID(1)"})),
    # ─── JSONata ───
    "an expression": valid(jsonata("{% $states.input.a %}", Assign={"v": {"w": "{% 1 + 2 %}"}})),
    "a comment with half a mark": valid(jsonata("{% 1 %}", Comment="{% This is a comment")),
    "an expression that does not end": invalid(jsonata("{% 10 %")),
    "an expression that does not begin": invalid(jsonata("% 10 %}")),
    "an expression in lines": valid(jsonata("{% \n10    %}"), SPACES),
    "an expression without spaces": valid(jsonata("{%10%}"), SPACES),
    "spaces before the mark": invalid(jsonata(" {% 10 %}")),
    "fields of JSONPath": invalid(passing(QueryLanguage="JSONata", Parameters=["a"], ResultPath="$.b")),
    "fields of JSONPath in a branch": invalid(
        parallel(
            {
                "StartAt": "I",
                "States": {"I": {"Type": "Pass", "QueryLanguage": "JSONata", "OutputPath": "$", "End": True}},
            },
            QueryLanguage="JSONata",
        )
    ),
    "items of JSONata": valid(mapped(QueryLanguage="JSONata", Items="{% $states.input %}")),
    "items in both languages": invalid(mapped(QueryLanguage="JSONata", Items=[1], ItemsPath="$.a")),
    "a condition": valid(
        of(
            {"Type": "Choice", "Choices": [{"Condition": "{% $v > 1 %}", "Next": "B"}], "Default": "B"},
            {"B": DONE},
            QueryLanguage="JSONata",
        )
    ),
    "a condition that is a text": invalid(
        of(
            {"Type": "Choice", "Choices": [{"Condition": "$v > 1", "Next": "B"}], "Default": "B"},
            {"B": DONE},
            QueryLanguage="JSONata",
        )
    ),
}

# What is no JSONata is found by the embedded AWS, when the machine is made: the gate has no JSONata.
NO_JSONATA: dict[str, Case] = {
    "two operators": invalid(jsonata("{% 10 + * 2 %}")),
    "a parenthesis too few": invalid(jsonata("{% $sum($states.input.n %}")),
    "a path of JSONPath": invalid(jsonata("{% $.store.book[?(@.price < 10)].title %}")),
    "a number that does not end, within": invalid(
        passing(QueryLanguage="JSONata", Assign={"a": {"b": [{"c": "{% 420. %}"}]}})
    ),
}

if __name__ == "__main__":
    print(json.dumps({name: case.definition for name, case in (CASES | NO_JSONATA).items()}))
