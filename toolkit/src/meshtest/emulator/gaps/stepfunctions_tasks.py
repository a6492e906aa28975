"""Tasks ask services for what these have, and fail with the names that AWS gives their errors.

moto 5.2.5 lacks: the refusal of a service, an action or a parameter that is none (it ignores it, or fails in
the middle of an execution); the case of error names of SDK integrations (``Glue.…``, where it has
``glue.…``); PascalCase and times as text in all of an SDK integration's output (it has the outermost names
alone, and numbers). What its interpreter cannot run is refused when a machine is made, in one sentence.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html and
https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html. Which actions and parameters a service
has is taken from botocore's models; of optimized integrations those of `OPTIMIZED` are looked at.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.model import OperationModel
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)

from meshtest.check.states_scopes import SCHEMA, Diagnostic
from meshtest.emulator import models

# SDK integrations are named as the SDK for Java names its clients: those that botocore names otherwise.
CLIENTS = {
    "cloudwatchlogs": "logs",
    "costandusagereport": "cur",
    "eventbridge": "events",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "sfn": "stepfunctions",
}
OPTIMIZED = {"athena": "athena", "glue": "glue", "sns": "sns", "sqs": "sqs", "states": "stepfunctions"}
_RESOURCE = re.compile(
    r"arn:[a-z-]+:states:[^:]*:[^:]*:(?P<sdk>aws-sdk:)?(?P<service>[A-Za-z0-9-]+):(?P<action>[A-Za-z0-9]+)"
    r"(\.(sync|waitForTaskToken)(:\d)?)?"
)
_ACRONYM = re.compile(r"([A-Z])([A-Z]+)(?![a-z])")
_eval_service_task = StateTaskServiceAwsSdk._eval_service_task
UNABLE = "The embedded AWS cannot run {}, which AWS can: leave it out here, or test it on AWS."


def install() -> None:
    """Name errors, and what is in the output, of SDK integrations as AWS does."""
    service: Any = StateTaskServiceAwsSdk
    service._normalise_service_error_name = staticmethod(error_prefix)
    service._eval_service_task = _with_named_output


@functools.cache
def error_prefix(service: str) -> str:
    """Return what the names of a service's errors begin with: glue → Glue, dynamodb → DynamoDb."""
    name = _client(service.lower())
    if name is None:
        return service
    words = str(models.service(name).service_id).replace("-", " ").split()
    parts = (_ACRONYM.sub(lambda found: found[1] + found[2].lower(), word) for word in words)
    return "".join(part[:1].upper() + part[1:] for part in parts)


def _with_named_output(self: Any, env: Any, *arguments: Any, **named: Any) -> None:
    _eval_service_task(self, env, *arguments, **named)
    client = _client(str(self.resource.api_name).lower())
    operation = models.operation(client, _pascal(self.resource.api_action)) if client else None
    if operation is not None:
        env.stack.append(as_output(env.stack.pop(), operation.output_shape))


def as_output(value: Any, shape: Any) -> Any:
    """Return a service's answer as the SDK for Java names what is in it, with its times as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    kind = getattr(shape, "type_name", None)
    if kind == "list":
        return [as_output(part, shape.member) for part in value]
    if kind == "map":
        return {key: as_output(part, shape.value) for key, part in value.items()}
    if kind == "structure":
        return {_pascal(name): as_output(part, shape.members.get(name)) for name, part in value.items()}
    return value


def diagnose_tasks(definition: str) -> list[Diagnostic]:
    """Every task that asks for what is not there, and every state that cannot be run here."""
    machine = json.loads(definition)
    return list(_in_scope(machine, ""))


def _in_scope(scope: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    for name, state in scope["States"].items():
        place = f"{at}/States/{name}"
        yield from _unable(state, place)
        if state.get("Type") == "Task":
            yield from _in_task(state, place)
        for number, branch in enumerate(state.get("Branches", [])):
            yield from _in_scope(branch, f"{place}/Branches[{number}]")
        for field in ("ItemProcessor", "Iterator"):
            if isinstance(state.get(field), dict):
                yield from _in_scope(state[field], f"{place}/{field}")


# ─── Parameters ───


def _in_task(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    found = _RESOURCE.fullmatch(str(state.get("Resource")))
    if found is None:
        return
    service = found["service"]
    client = _client(service.lower()) if found["sdk"] else OPTIMIZED.get(service)
    if client is None and not found["sdk"]:
        return
    operation = models.operation(client, _pascal(found["action"])) if client else None
    if operation is None:
        message = (
            f"The resource provided {state['Resource']} is not recognized. The value is not a valid resource "
            "ARN, or the resource is not available in this region."
        )
        yield Diagnostic(SCHEMA, message, f"{at}/Resource")
        return
    field = "Arguments" if "Arguments" in state else "Parameters"
    if isinstance(given := state.get(field, {}), dict):
        yield from _check_parameters(operation, given, f"{at}/{field}")


def _check_parameters(operation: OperationModel, given: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    shape: Any = operation.input_shape
    known = {_pascal(name): name for name in (shape.members if shape else {})}
    names = {name.removesuffix(".$") for name in given}
    for name in sorted(names - known.keys()):
        yield Diagnostic(SCHEMA, f'The field "{name}" is not supported by Step Functions', at)
    required = {_pascal(name) for name in (shape.required_members if shape else [])}
    for name in sorted(required - names):
        yield Diagnostic(SCHEMA, f'The field "{name}" is required but was missing', at)


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _client(service: str) -> str | None:
    """Return botocore's name for the service of an SDK integration, None if it has none."""
    name = CLIENTS.get(service, service)
    return name if name in models.names() else None


# ─── What the Interpreter Lacks ───


def _unable(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    config = (state.get("ItemProcessor") or {}).get("ProcessorConfig") or {}
    lacking = {
        "ItemBatcher": "ItemBatcher" in state,
        "a distributed Map whose ExecutionType is EXPRESS": config.get("ExecutionType") == "EXPRESS",
        "ToleratedFailurePercentage as a whole number (50.0 it can)": type(
            state.get("ToleratedFailurePercentage")
        )
        is int,
        "Parameters that are an array": isinstance(state.get("Parameters"), list),
    }
    for what in (what for what, is_there in lacking.items() if is_there):
        yield Diagnostic(SCHEMA, UNABLE.format(what), at)
