"""Every bucket encrypts with SSE-S3 unless it is told otherwise, and says so of every object.

moto 5.2.5 lacks: that. Its buckets have no encryption until they get one, and their objects tell of none.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket, S3Backend

_init = FakeBucket.__init__


def install() -> None:
    """Give new buckets the default, and return to it when a bucket's own is deleted."""
    bucket: Any = FakeBucket
    bucket.__init__ = _with_default
    backend: Any = S3Backend
    backend.delete_bucket_encryption = lambda self, name: _to_default(self.get_bucket(name))


def _with_default(self: Any, *arguments: Any, **named: Any) -> None:
    _init(self, *arguments, **named)
    _to_default(self)


def _to_default(self: Any) -> None:
    self.encryption = {
        "Rule": {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
        }
    }
