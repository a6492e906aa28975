"""Which key an object ends up under, asked of the object; and that the domain's key rotates."""

from __future__ import annotations

import json
from collections.abc import Iterator

import probes
import pytest
from botocore.exceptions import ClientError

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.terraform import workspace

DATA = ("raw", "refined", "curated", "artifacts")


@pytest.fixture(scope="module")
def cmk(domain: Domain) -> str:
    """ARN of the domain's key, by its alias."""
    alias = f"alias/{domain.abbreviation}-data-lake-{domain.env}"
    return domain.endpoint.client("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def other_key(domain: Domain) -> Iterator[str]:
    kms = domain.endpoint.client("kms")
    key = kms.create_key(Description="of a live probe")["KeyMetadata"]
    yield key["Arn"]
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)


def configured(domain: Domain, bucket: str) -> dict:
    rules = domain.endpoint.client("s3").get_bucket_encryption(Bucket=bucket)
    return rules["ServerSideEncryptionConfiguration"]["Rules"][0]


# ─── The Domain's Buckets ───


@pytest.mark.proves("s3-customer-key")
@pytest.mark.parametrize("purpose", DATA)
def test_an_object_put_without_any_header_is_under_the_domain_s_key(domain, cmk, purpose):
    assert probes.encryption(domain.endpoint, domain.bucket(purpose)) == ("aws:kms", cmk)
    assert configured(domain, domain.bucket(purpose))["BucketKeyEnabled"]


@pytest.mark.proves("s3-log-target-aes256")
def test_a_log_is_under_s3_s_own_key(domain):
    """With SSE-KMS by default S3 would deliver no log there."""
    assert probes.encryption(domain.endpoint, domain.bucket("logs")) == ("AES256", None)


@pytest.mark.proves("s3-customer-key")
def test_an_upload_in_parts_is_under_the_domain_s_key(domain, cmk):
    s3, upload = domain.endpoint.client("s3"), {"Bucket": domain.bucket("raw"), "Key": probes.KEY}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"value")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    head = s3.head_object(Bucket=upload["Bucket"], Key=probes.KEY)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", cmk)


def test_an_upload_may_ask_for_another_key_of_the_account_and_for_no_other_encryption(domain, other_key):
    """A first plan knows no key's ARN, so that the bucket's policy names the account's (docs/adr/0041)."""
    raw = domain.bucket("raw")
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other_key}
    assert probes.encryption(domain.endpoint, raw, **asked) == ("aws:kms", other_key)
    with pytest.raises(ClientError, match="AccessDenied"):
        probes.encryption(domain.endpoint, raw, ServerSideEncryption="AES256")


@pytest.mark.proves("kms-rotation")
def test_the_key_rotates(domain, cmk):
    status = domain.endpoint.client("kms").get_key_rotation_status(KeyId=cmk)
    assert status["KeyRotationEnabled"] is True


# ─── Counter-Probes and Mutants ───


@pytest.fixture
def scratch(domain: Domain) -> Iterator[str]:
    name = domain.bucket("keys")
    workspace.make_bucket(domain.endpoint, name)
    yield name
    domain.delete_bucket("keys")


@pytest.mark.notices("s3-customer-key")
def test_a_bucket_of_one_s_own_has_what_it_is_given(domain, scratch, cmk, other_key):
    """The probe tells no default, the domain's key, another key and SSE-S3 apart."""
    s3 = domain.endpoint.client("s3")
    seen = []
    for default in (None, ("aws:kms", cmk), ("aws:kms", other_key), ("AES256", None)):
        if default:
            rule = {"SSEAlgorithm": default[0]} | ({"KMSMasterKeyID": default[1]} if default[1] else {})
            rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
            s3.put_bucket_encryption(Bucket=scratch, ServerSideEncryptionConfiguration=rules)
        seen.append(probes.encryption(domain.endpoint, scratch))
    assert seen == [("AES256", None), ("aws:kms", cmk), ("aws:kms", other_key), ("AES256", None)]


@pytest.mark.needs(Ability.BUCKET_POLICIES)
def test_a_policy_that_names_the_key_refuses_any_other(domain, scratch, cmk, other_key):
    """How the buckets would insist on it: an upload that asks for another key, or for none, is denied."""
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{scratch}/*",
    }
    key = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    condition = {"StringNotEqualsIfExists": {key: cmk}, "Null": {"s3:x-amz-server-side-encryption": "false"}}
    policy = {"Version": "2012-10-17", "Statement": [deny | {"Condition": condition}]}
    domain.endpoint.client("s3").put_bucket_policy(Bucket=scratch, Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="AccessDenied"):
        probes.encryption(domain.endpoint, scratch, ServerSideEncryption="aws:kms", SSEKMSKeyId=other_key)
    with pytest.raises(ClientError, match="AccessDenied"):
        probes.encryption(domain.endpoint, scratch, ServerSideEncryption="AES256")
    named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": cmk}
    assert probes.encryption(domain.endpoint, scratch, **named) == ("aws:kms", cmk)
    assert probes.encryption(domain.endpoint, scratch)[0] == "AES256"


@pytest.mark.notices("kms-rotation")
def test_a_key_that_does_not_rotate_is_told(domain, other_key):
    kms = domain.endpoint.client("kms")
    assert kms.get_key_rotation_status(KeyId=other_key)["KeyRotationEnabled"] is False
