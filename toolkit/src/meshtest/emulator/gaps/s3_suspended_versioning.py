"""A bucket whose versioning is suspended keeps the versions that it has.

moto 5.2.5 lacks: that. An object that is written then replaces all of its versions, where S3 replaces the
one without an id alone.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import S3Backend

NULL, SUSPENDED = "null", "Suspended"
_put_object = S3Backend.put_object


def install() -> None:
    """Write to such a bucket as to one with versions, and give the new version the id that is none."""
    backend: Any = S3Backend
    backend.put_object = _keeping_versions


def _keeping_versions(self: Any, bucket_name: str, key_name: str, *arguments: Any, **named: Any) -> Any:
    bucket = self.get_bucket(bucket_name)
    if bucket.versioning_status != SUSPENDED:
        return _put_object(self, bucket_name, key_name, *arguments, **named)
    bucket.versioning_status = "Enabled"  # under the lock of S3
    try:
        new = _put_object(self, bucket_name, key_name, *arguments, **named)
    finally:
        bucket.versioning_status = SUSPENDED
    new._version_id = NULL
    kept = [key for key in bucket.keys.getlist(key_name) if key is new or key.version_id != NULL]
    bucket.keys.setlist(key_name, kept)
    return new
