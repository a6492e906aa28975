"""State machines of any definition, and what their executions come to."""

from __future__ import annotations

import json
import uuid
from typing import Any

from glue_jobs import until

ROLE = "arn:aws:iam::123456789012:role/states"


class StateMachines:
    """What tests ask of Step Functions."""

    def __init__(self, client: Any) -> None:
        self.states = client

    def create(self, definition: dict[str, Any] | str, **fields: Any) -> str:
        """Make a machine and return its ARN."""
        text = definition if isinstance(definition, str) else json.dumps(definition)
        named = {"name": f"m{uuid.uuid4().hex[:12]}", "roleArn": ROLE} | fields
        arn: str = self.states.create_state_machine(definition=text, **named)["stateMachineArn"]
        return arn

    def start(self, machine: str, value: Any = None, **fields: Any) -> str:
        """Start an execution and return its ARN."""
        text = json.dumps({} if value is None else value)
        arn: str = self.states.start_execution(stateMachineArn=machine, input=text, **fields)["executionArn"]
        return arn

    def wait(self, execution: str) -> dict[str, Any]:
        """Describe an execution once it has ended."""
        described: dict[str, Any] = until(
            lambda: self.states.describe_execution(executionArn=execution),
            lambda seen: seen["status"] != "RUNNING",
            30,
        )
        return described

    def run(self, definition: dict[str, Any] | str, value: Any = None) -> dict[str, Any]:
        """Run a definition and describe its execution."""
        return self.wait(self.start(self.create(definition), value))

    def output(self, definition: dict[str, Any] | str, value: Any = None) -> Any:
        """Run a definition that must succeed and return its output."""
        described = self.run(definition, value)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])


def machine(first: dict[str, Any], *others: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a definition of states ``A``, ``B`` … that run one after the other."""
    names = [chr(ord("A") + number) for number in range(1 + len(others))]
    states = dict(zip(names, ({**state} for state in (first, *others)), strict=True))
    for name, following in zip(names, [*names[1:], None], strict=True):
        if states[name]["Type"] not in {"Choice", "Fail", "Succeed"} and "Next" not in states[name]:
            states[name] |= {"Next": following} if following else {"End": True}
    return {"StartAt": "A", "States": states, **fields}


def as_terraform(definition: dict[str, Any]) -> str:
    """Write a definition as Terraform's jsonencode does, which escapes what HTML would read."""
    text = json.dumps(definition)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
