"""S3 refuses lifecycle rules that are none.

moto 5.2.5 lacks: nearly all of these checks.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html and,
for codes and wording, https://github.com/ceph/s3-tests (which is run against AWS)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.s3.exceptions import MalformedXML, S3ClientError
from moto.s3.models import S3Backend

MOST_RULES, LONGEST_ID, LEAST_DAYS_OF_IA = 1000, 255, 30
# The actions, each with its member of days and whether S3 takes 0 for it.
_DAYS = {
    "Expiration": ("Days", False),
    "NoncurrentVersionExpiration": ("NoncurrentDays", False),
    "AbortIncompleteMultipartUpload": ("DaysAfterInitiation", False),
    "Transition": ("Days", True),
    "NoncurrentVersionTransition": ("NoncurrentDays", True),
}
_IA = frozenset({"STANDARD_IA", "ONEZONE_IA"})

_put_bucket_lifecycle = S3Backend.put_bucket_lifecycle


class InvalidArgument(S3ClientError):
    """S3's answer to a value that is none."""

    def __init__(self, message: str, code: str = "InvalidArgument") -> None:
        super().__init__(code, message)


def install() -> None:
    """Look at the rules before moto takes them."""
    backend: Any = S3Backend
    backend.put_bucket_lifecycle = _checked


def _checked(self: Any, bucket_name: str, rules: Any) -> None:
    given = _listed(rules)
    if len(given) > MOST_RULES:
        raise MalformedXML
    ids = [rule["ID"] for rule in given if rule.get("ID")]
    if any(len(each) > LONGEST_ID for each in ids):
        raise InvalidArgument(f"ID length should not exceed allowed limit of {LONGEST_ID}")
    if len(set(ids)) < len(ids):
        raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule")
    for rule in given:
        _check(rule)
    _put_bucket_lifecycle(self, bucket_name, rules)


def _check(rule: Mapping[str, Any]) -> None:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXML
    if not any(action in rule for action in _DAYS):
        raise InvalidArgument("At least one action needs to be specified in a rule.", "InvalidRequest")
    expiration = rule.get("Expiration") or {}
    if "Days" in expiration and "Date" in expiration:
        raise MalformedXML
    for action, kind, value in _moments(rule):
        _check_days(action, kind, value)
    for each in [expiration, *_listed(rule.get("Transition"))]:
        if "Date" in each and "T00:00:00" not in each["Date"]:
            raise InvalidArgument("'Date' must be at midnight GMT")
    for each in _listed(rule.get("Transition")):
        _check_transition(each, expiration)


def _moments(rule: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for action, (kind, _) in _DAYS.items():
        for each in _listed(rule.get(action)):
            if isinstance(each, dict) and kind in each:
                yield action, kind, each[kind]


def _check_days(action: str, kind: str, value: str) -> None:
    is_zero_taken = _DAYS[action][1]
    if not value.lstrip("-").isdecimal():
        raise MalformedXML
    if int(value) < (0 if is_zero_taken else 1):
        what = "nonnegative" if is_zero_taken else "a positive integer"
        raise InvalidArgument(f"'{kind}' for {action} action must be {what}")


def _check_transition(transition: Mapping[str, str], expiration: Mapping[str, str]) -> None:
    if "Days" not in transition:
        return
    days, place = int(transition["Days"]), transition.get("StorageClass", "")
    if place in _IA and days < LEAST_DAYS_OF_IA:
        raise InvalidArgument(
            f"'Days' in Transition action must be greater than or equal to {LEAST_DAYS_OF_IA} "
            f"for storageClass '{place}'"
        )
    if "Days" in expiration and int(expiration["Days"]) <= days:
        raise InvalidArgument("'Days' in the Expiration action must be greater than those of the Transition")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
