"""Buckets, and who may do what with them, as several tests need them."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError


def opened(s3: Any, bucket: str) -> None:
    """Let a bucket take public policies and access lists, which a new one does not."""
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )


def put_policy(s3: Any, bucket: str, *statements: dict[str, Any]) -> None:
    """Give a bucket a policy; what a statement leaves out is a Deny to everybody of all its objects."""
    whole = [
        {"Effect": "Deny", "Resource": f"arn:aws:s3:::{bucket}/*"}
        | ({} if "NotPrincipal" in each else {"Principal": "*"})
        | each
        for each in statements
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": whole}))


def code_of(call: Any) -> str:
    """Call, and return the code of the error or OK."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"
