"""Hold a call against the limits that AWS's own model of its service has: types, lengths, forms.

moto takes what the SDKs would send, and the SDKs leave lengths and forms to the service. The models are
botocore's, which AWS makes of its services: https://github.com/boto/botocore/tree/develop/botocore/data.
Values of enumerations are not looked at: the models are older than the services.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

from meshtest.emulator import models

# The services whose calls are JSON documents, by moto's names for them, with botocore's.
SERVICES = {"glue": "glue", "kms": "kms", "logs": "logs", "stepfunctions": "stepfunctions"}
_SHOWN = 256


class Invalid(Exception):
    """A call is refused: AWS's code for it and its sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(service: str, target: str, body: bytes) -> None:
    """Check the document of a call; ``target`` is its X-Amz-Target.

    Raises:
        Invalid: a member has another type than its service wants, or is too long, too short or malformed.
    """
    operation = models.operation(SERVICES[service], target.rpartition(".")[2])
    if operation is None or operation.input_shape is None:
        return
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise Invalid("SerializationException", "The document is not JSON") from error
    faults = list(_faults(operation.input_shape, parameters, ""))
    if faults:
        many = "s" if len(faults) > 1 else ""
        message = f"{len(faults)} validation error{many} detected: {'; '.join(faults)}"
        raise Invalid("ValidationException", message)


def _faults(shape: Any, value: Any, at: str) -> Iterator[str]:
    """Yield what is wrong with a value, and with those in it."""
    kind, expected = shape.type_name, {"structure": dict, "map": dict, "list": list}
    if value is None:
        return
    if kind == "string":
        yield from _text_faults(shape, value, at)
    elif kind in expected and not isinstance(value, expected[kind]):
        found = type(value).__name__
        raise Invalid("SerializationException", f"{found} cannot be converted to {kind} at {at}")
    elif kind in expected:
        yield from _faults_within(shape, value, at)


def _faults_within(shape: Any, value: Any, at: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield _fault(None, _path(at, name), "Member must not be null")
        for name, member in shape.members.items():
            yield from _faults(member, value.get(name), _path(at, name))
    elif shape.type_name == "list":
        yield from _size_faults(shape, value, len(value), at)
        for number, item in enumerate(value, 1):
            yield from _faults(shape.member, item, f"{at}.{number}.member")
    else:
        for name, item in value.items():
            yield from _faults(shape.key, name, at)
            yield from _faults(shape.value, item, f"{at}.{name}")


def _text_faults(shape: Shape, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, str):
        found = json.dumps(value)[:_SHOWN]
        raise Invalid("SerializationException", f"{found} at {at} can not be converted to a String")
    yield from _size_faults(shape, value, len(value), at)
    pattern = _compiled(shape.metadata.get("pattern") or "")
    if pattern and not pattern.fullmatch(value):
        rule = shape.metadata["pattern"]
        yield _fault(value, at, f"Member must satisfy regular expression pattern: {rule}")


def _size_faults(shape: Shape, value: Any, size: int, at: str) -> Iterator[str]:
    largest, smallest = shape.metadata.get("max"), shape.metadata.get("min")
    if largest is not None and size > largest:
        yield _fault(value, at, f"Member must have length less than or equal to {largest}")
    if smallest is not None and size < smallest:
        yield _fault(value, at, f"Member must have length greater than or equal to {smallest}")


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern of AWS's, which are Java's; None for those that Python has no word for."""
    if not pattern or "\\p" in pattern or "\\u" in pattern or "&&" in pattern:
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _fault(value: Any, at: str, rule: str) -> str:
    shown = "null" if value is None else str(value)[:_SHOWN]
    return f"Value '{shown}' at '{at}' failed to satisfy constraint: {rule}"


def _path(at: str, name: str) -> str:
    """Write a member's place as services do, which begin names in lower case."""
    own = name[:1].lower() + name[1:]
    return f"{at}.{own}" if at else own
