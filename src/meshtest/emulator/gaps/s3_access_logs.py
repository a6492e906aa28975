"""Server access logging can be configured as in AWS, and no invented lines are delivered.

moto 5.2.5 lacks: true log lines (it invents them: address, status, size, time) and the right check of
PutBucketLogging: it reads the target's policy only if a statement names exactly one resource. AWS lets
a bucket log to any bucket of its own that exists, and looks at permissions when it delivers.

Until lines can be delivered as documented, none are.
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket, S3Backend


def install() -> None:
    """Accept every target that exists, deliver nothing."""
    bucket: Any = FakeBucket
    bucket._log_permissions_enabled_policy = staticmethod(lambda **_: True)
    backend: Any = S3Backend
    backend.log_incoming_request = lambda *_, **__: None
