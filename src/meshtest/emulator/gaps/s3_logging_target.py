"""PutBucketLogging accepts a target bucket whose policy has statements of any legal shape.

moto 5.2.5 fails with an AttributeError on ``"Principal": "*"`` (every HTTPS-only policy has it), and
sees the delivery statement only if its elements are single values.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from moto.s3.models import LOGGING_SERVICE_PRINCIPAL, FakeBucket


def install() -> None:
    """Patch moto's look at the target bucket's policy."""
    bucket: Any = FakeBucket
    bucket._log_permissions_enabled_policy = staticmethod(_lets_logging_write)


def _lets_logging_write(target_bucket: Any, target_prefix: str | None) -> bool:
    document = json.loads(target_bucket.policy or b"{}")
    key = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}log"
    return any(_allows(statement, key) for statement in _values(document.get("Statement")))


def _allows(statement: dict[str, Any], arn: str) -> bool:
    principal = statement.get("Principal")
    services = _values(principal.get("Service")) if isinstance(principal, dict) else []
    return (
        statement.get("Effect") == "Allow"
        and LOGGING_SERVICE_PRINCIPAL in services
        and any(fnmatchcase("s3:PutObject", action) for action in _values(statement.get("Action")))
        and any(fnmatchcase(arn, resource) for resource in _values(statement.get("Resource")))
    )


def _values(element: Any) -> list[Any]:
    """Make a list of a policy element: a single value means a list of one."""
    if element is None:
        return []
    return element if isinstance(element, list) else [element]
