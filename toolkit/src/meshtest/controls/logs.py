"""Log groups: encrypted, and kept for as long as somebody decided."""

from __future__ import annotations

from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import Plan

_KEY = "kms_key_id"


@control(
    "logs-encrypted",
    "Every log group is encrypted with a customer-managed key",
    "medium",
    checkov="CKV_AWS_158",
)
def encrypted(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html."""
    for group in plan.resources("aws_cloudwatch_log_group"):
        has_key = bool(group.get(_KEY)) if group.is_known(_KEY) else bool(group.refers(_KEY))
        yield Seen(group, has_key, True)


@control(
    "logs-retention", "Every log group says how long its events are kept", "medium", checkov="CKV_AWS_66"
)
def retention(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SettingLogRetention.html."""
    for group in plan.resources("aws_cloudwatch_log_group"):
        yield Seen(group, bool(group.get("retention_in_days")), True)
