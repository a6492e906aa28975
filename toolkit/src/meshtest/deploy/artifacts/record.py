"""Which commit an environment was last deployed from, kept beside its releases.

A deployment compares with it, not with what was pushed before: a run that was cancelled or failed half-way
is made up for by the next one. Where there is no record, everything is deployed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "releases/deployed.json"
_NONE = ("404", "NoSuchBucket", "NoSuchKey")


def write(s3: S3Client, bucket: str, commit: str) -> None:
    """Record that everything of a commit is deployed.

    Raises:
        ClientError: there is no such bucket, or S3 refuses.
    """
    body = json.dumps({"commit": commit}).encode()
    s3.put_object(Bucket=bucket, Key=KEY, Body=body, ContentType="application/json")


def read(s3: S3Client, bucket: str) -> str:
    """Return the commit, empty if nothing was ever deployed whole.

    Raises:
        ClientError: S3 refuses.
    """
    from botocore.exceptions import ClientError

    try:
        found = s3.get_object(Bucket=bucket, Key=KEY)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NONE:
            return ""
        raise
    return str(json.loads(found["Body"].read())["commit"])
