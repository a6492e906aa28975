from __future__ import annotations

import json

LOCATION = {"LocationConstraint": "eu-west-1"}


def deny_http(bucket: str) -> dict:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def delivery(bucket: str) -> dict:
    return {
        "Effect": "Allow",
        "Principal": {"Service": ["logging.s3.amazonaws.com"]},
        "Action": ["s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/source/*"],
    }


def enable_logging(s3, name: str, statements: list[dict]) -> dict:
    for bucket in (f"{name}-target", f"{name}-source"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=LOCATION)
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    s3.put_bucket_policy(Bucket=f"{name}-target", Policy=policy)
    logging = {"TargetBucket": f"{name}-target", "TargetPrefix": "source/"}
    s3.put_bucket_logging(Bucket=f"{name}-source", BucketLoggingStatus={"LoggingEnabled": logging})
    return s3.get_bucket_logging(Bucket=f"{name}-source")["LoggingEnabled"]


def test_a_target_may_have_other_statements_beside_the_delivery(aws, name):
    """`aws` is the emulator, and moto alone, which fails on the principal `*`."""
    target = f"{name}-target"
    enabled = enable_logging(aws("s3"), name, [deny_http(target), delivery(target)])
    assert enabled["TargetBucket"] == target


def test_no_invented_line_is_delivered(aws, name):
    s3 = aws("s3")
    enable_logging(s3, name, [delivery(f"{name}-target")])
    s3.put_object(Bucket=f"{name}-source", Key="key", Body=b"body")
    assert "Contents" not in s3.list_objects_v2(Bucket=f"{name}-target")
