"""Check a form upload against its POST policy, as S3 documents it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

Pure: a policy and the fields of a form go in. Nothing here knows moto.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# No condition has to name these, nor fields that begin with x-ignore-.
_UNCONDITIONAL = frozenset({"awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"})
_ESCAPE = re.compile(r"\\([\\$])")


class PostPolicyError(Exception):
    """The form is refused: status, code and message of S3's answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class _Condition:
    """One condition on a field: ``eq`` or ``starts-with``."""

    operator: str
    field: str
    value: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        actual, wanted = fields.get(self.field.lower(), ""), _ESCAPE.sub(r"\1", self.value)
        if self.operator == "eq":
            return self.field.lower() in fields and actual == wanted
        # A list of content types fits if each of them does.
        values = actual.split(",") if self.field.lower() == "content-type" else [actual]
        return all(value.strip().startswith(wanted) for value in values)

    def __str__(self) -> str:
        return json.dumps([self.operator, f"${self.field}", self.value])


def check(encoded: str, fields: Mapping[str, str], size: int) -> None:
    """Check the fields of a form and the size of its file against its policy.

    ``fields`` have lower-case names and their variables expanded; ``bucket`` is among them.

    Raises:
        PostPolicyError: the policy is none, has expired, or does not allow this form.

    """
    expiration, conditions, ranges = _parse(encoded)
    if expiration <= datetime.now(UTC):
        raise _denied("Policy expired.")
    for condition in conditions:
        if not condition.holds(fields):
            raise _denied(f"Policy Condition failed: {condition}")
    named = {condition.field.lower() for condition in conditions} | _UNCONDITIONAL | {"bucket"}
    if extra := [name for name in fields if name not in named and not name.startswith("x-ignore-")]:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    for smallest, largest in ranges:
        if size > largest:
            raise PostPolicyError(
                400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"
            )
        if size < smallest:
            message = "Your proposed upload is smaller than the minimum allowed size"
            raise PostPolicyError(400, "EntityTooSmall", message)


def _denied(reason: str) -> PostPolicyError:
    return PostPolicyError(403, "AccessDenied", f"Invalid according to Policy: {reason}")


def _invalid(reason: str) -> PostPolicyError:
    return PostPolicyError(400, "InvalidPolicyDocument", f"Invalid Policy: {reason}")


def _parse(encoded: str) -> tuple[datetime, list[_Condition], list[tuple[int, int]]]:
    try:
        document = json.loads(base64.b64decode(encoded))
    except ValueError as error:
        raise _invalid("Invalid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON: a policy is an object.")
    for name in ("expiration", "conditions"):
        if name not in document:
            raise _invalid(f"Policy missing {name}.")
    conditions: list[_Condition] = []
    ranges: list[tuple[int, int]] = []
    if not isinstance(document["conditions"], list):
        raise _invalid("Invalid 'conditions' value: must be a List.")
    for entry in document["conditions"]:
        match entry:
            case dict():
                conditions += [_Condition("eq", name, str(value)) for name, value in entry.items()]
            case ["content-length-range", smallest, largest]:
                ranges.append((_size(smallest), _size(largest)))
            case ["eq" | "starts-with" as operator, str(name), value] if name.startswith("$"):
                conditions.append(_Condition(operator, name[1:], str(value)))
            case _:
                raise _invalid(f"Invalid Condition: {json.dumps(entry)}.")
    return _expiration(document["expiration"]), conditions, ranges


def _size(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise _invalid(f"Invalid content-length-range: {value!r} is not a number of bytes.") from error


def _expiration(value: Any) -> datetime:
    """Read an ISO 8601 time in UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _invalid(f"Invalid 'expiration' value: {value!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
