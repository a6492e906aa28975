"""Objects of a bucket that nobody configured are under SSE-S3, as every object of AWS's is."""

from __future__ import annotations

from meshtest.emulator import domain_region

REGION = domain_region()

LOCATION = {"LocationConstraint": REGION}
DEFAULT = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


def rule(s3, bucket: str) -> dict:
    (found,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return found


def test_a_new_bucket_encrypts_with_sse_s3(aws, name):
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=LOCATION)
    assert rule(s3, name) == DEFAULT
    assert s3.put_object(Bucket=name, Key="k", Body=b"value")["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=name, Key="k")["ServerSideEncryption"] == "AES256"


def test_a_deleted_encryption_leaves_the_default(aws, name):
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=LOCATION)
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)
    s3.delete_bucket_encryption(Bucket=name)
    assert rule(s3, name) == DEFAULT
