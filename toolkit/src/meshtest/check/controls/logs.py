"""Log groups: encrypted, and kept for as long as somebody decided."""

from __future__ import annotations

from collections.abc import Iterator

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Resource

_GROUPS = ("aws_cloudwatch_log_group",)


@control(
    "logs-encrypted",
    "Every log group is encrypted with a customer-managed key",
    "medium",
    of=_GROUPS,
    checkov="CKV_AWS_158",
)
def encrypted(group: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html."""
    yield Seen(group, group.has("kms_key_id"), True, "name a key of yours in kms_key_id")


@control(
    "logs-retention",
    "Every log group says how long its events are kept",
    "medium",
    of=_GROUPS,
    checkov="CKV_AWS_66",
)
def retention(group: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SettingLogRetention.html."""
    yield Seen(group, bool(group.get("retention_in_days")), True, "set retention_in_days")
