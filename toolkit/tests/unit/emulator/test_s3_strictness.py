"""What S3 decides and refuses beyond a bucket policy's plain form."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
import urllib3
from buckets import code_of, opened, put_policy
from signing import signed

from meshtest.terraform import workspace
from meshtest.testing import roles

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"


@pytest.fixture
def s3(endpoint: Endpoint) -> Any:
    return endpoint.client("s3")


@pytest.fixture
def bucket(endpoint: Endpoint, s3: Any, name: str) -> str:
    workspace.make_bucket(endpoint, name)
    s3.put_object(Bucket=name, Key="k", Body=b"value")
    return name


def session_of(endpoint: Endpoint, role: str, path: str = "/", **tags: str) -> Any:
    """Make a role that may do all in S3, assume it as "run", and return an S3 client of the session."""
    tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
    arn = roles.make_role(endpoint, role, {"Action": "s3:*"}, Path=path, Tags=tagged)
    return roles.session_of(endpoint, arn)("s3")


# ─── Principals ───


@pytest.mark.parametrize(
    ("statement", "is_denied"),
    [
        ({"Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"{ROLE}/data/NAME"}}}, False),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": f"{ROLE}/data/NAME"}}}, True),
        ({"Principal": {"AWS": f"{ROLE}/data/NAME"}}, True),
        ({"Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/NAME/run"}}, True),
        ({"NotPrincipal": {"AWS": [f"arn:aws:sts::{ACCOUNT}:assumed-role/other/x", ACCOUNT]}}, True),
        ({"NotPrincipal": {"AWS": [f"{ROLE}/data/NAME", ACCOUNT]}}, False),
        ({"Condition": {"StringNotLike": {"aws:userid": "AROA*:run"}}}, False),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "blue"}}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}, True),
    ],
)
def test_a_session_is_known_by_its_role(
    endpoint: Endpoint, s3: Any, bucket: str, statement: dict[str, Any], is_denied: bool
) -> None:
    """Also by a role that has a path, which the session's own ARN does not tell."""
    session = session_of(endpoint, bucket, "/data/", team="blue")
    put_policy(
        s3, bucket, json.loads(json.dumps({"Action": "s3:GetObject"} | statement).replace("NAME", bucket))
    )
    assert code_of(lambda: session.get_object(Bucket=bucket, Key="k")) == (
        "AccessDenied" if is_denied else "OK"
    )


def test_all_but_a_user_are_denied_also_those_of_the_account(
    endpoint: Endpoint, s3: Any, bucket: str
) -> None:
    """The account in NotPrincipal excepts its root user, not every user that it has."""
    bob = endpoint.client("iam").create_user(UserName=bucket)["User"]["Arn"]
    session = session_of(endpoint, bucket)
    put_policy(s3, bucket, {"NotPrincipal": {"AWS": [bob, f"arn:aws:iam::{ACCOUNT}:root"]}, "Action": "s3:*"})
    assert code_of(lambda: session.get_object(Bucket=bucket, Key="k")) == "AccessDenied"
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="k")) == "OK"


# ─── Actions and Keys ───


@pytest.fixture
def version(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    found: str = s3.put_object(Bucket=bucket, Key="k", Body=b"second")["VersionId"]
    return found


@pytest.mark.parametrize(
    ("action", "with_version", "is_deleted"),
    [
        ("s3:DeleteObjectVersion", True, False),
        ("s3:DeleteObjectVersion", False, True),
        ("s3:DeleteObject", True, True),
        ("s3:DeleteObject", False, False),
    ],
)
def test_a_bulk_delete_of_a_version_is_an_action_of_its_own(
    s3: Any, bucket: str, version: str, action: str, with_version: bool, is_deleted: bool
) -> None:
    put_policy(s3, bucket, {"Action": action})
    named = {"Key": "k"} | ({"VersionId": version} if with_version else {})
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [named]})
    assert [error["Code"] for error in answer.get("Errors", [])] == ([] if is_deleted else ["AccessDenied"])
    assert len(answer.get("Deleted", [])) == is_deleted


def test_a_quiet_delete_tells_errors_alone(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="kept", Body=b"1")
    put_policy(s3, bucket, {"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/kept"})
    wanted = {"Objects": [{"Key": "k"}, {"Key": "kept"}], "Quiet": True}
    answer = s3.delete_objects(Bucket=bucket, Delete=wanted)
    assert "Deleted" not in answer
    assert [error["Key"] for error in answer["Errors"]] == ["kept"]


def test_a_copy_of_a_version_reads_a_version(s3: Any, bucket: str, version: str) -> None:
    source = {"Bucket": bucket, "Key": "k", "VersionId": version}
    put_policy(s3, bucket, {"Action": "s3:GetObjectVersion"})
    assert code_of(lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=source)) == "AccessDenied"
    put_policy(s3, bucket, {"Action": "s3:GetObject"})
    assert code_of(lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=source)) == "OK"


@pytest.mark.parametrize(
    ("action", "written"),
    [
        ("s3:PutObjectTagging", {"Tagging": "a=b"}),
        ("s3:PutObjectAcl", {"ACL": "bucket-owner-full-control"}),
        ("s3:PutObjectAcl", {"GrantRead": "id=abc"}),
    ],
)
def test_what_is_written_along_needs_its_own_right(
    s3: Any, bucket: str, action: str, written: dict[str, str]
) -> None:
    put_policy(s3, bucket, {"Action": action})
    for call in (s3.put_object, s3.create_multipart_upload):
        assert code_of(lambda call=call: call(Bucket=bucket, Key="n", **written)) == "AccessDenied"  # type: ignore[misc]
        assert code_of(lambda call=call: call(Bucket=bucket, Key="n")) == "OK"  # type: ignore[misc]


def test_a_copy_needs_the_rights_on_the_tags_that_it_takes_along(s3: Any, bucket: str) -> None:
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    put_policy(s3, bucket, {"Action": "s3:GetObjectTagging"})
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    assert code_of(lambda: s3.copy_object(**copy)) == "AccessDenied"
    assert code_of(lambda: s3.copy_object(**copy, TaggingDirective="REPLACE")) == "OK"


def test_conditions_know_tags_and_conditions_of_a_write(s3: Any, bucket: str) -> None:
    def put(**fields: Any) -> str:
        return code_of(lambda: s3.put_object(Bucket=bucket, Key=f"n{len(fields)}", Body=b"", **fields))

    put_policy(
        s3,
        bucket,
        {"Action": "s3:PutObject", "Condition": {"StringNotEquals": {"s3:RequestObjectTag/x": "y"}}},
    )
    assert (put(Tagging="x=y"), put(Tagging="x=z"), put()) == ("OK", "AccessDenied", "AccessDenied")
    put_policy(s3, bucket, {"Action": "s3:PutObject", "Condition": {"Null": {"s3:if-none-match": "true"}}})
    assert (put(IfNoneMatch="*", Tagging="a=b"), put()) == ("OK", "AccessDenied")
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "class", "Value": "pii"}]})
    pii = {"StringEquals": {"s3:ExistingObjectTag/class": "pii"}}
    put_policy(s3, bucket, {"Action": "s3:GetObject", "Condition": pii})
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="k")) == "AccessDenied"
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="n1")) == "OK"


def test_absence_is_told_to_those_who_may_list(s3: Any, bucket: str) -> None:
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="absent")) == "NoSuchKey"
    assert code_of(lambda: s3.head_object(Bucket=bucket, Key="absent")) == "404"
    put_policy(s3, bucket, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="absent")) == "AccessDenied"
    assert code_of(lambda: s3.head_object(Bucket=bucket, Key="absent")) == "403"


# ─── Public Access ───

EVERYBODY = {"Effect": "Allow", "Action": "s3:GetObject"}


@pytest.fixture
def anonymous() -> Any:
    def status(endpoint: Endpoint, path: str) -> int:
        return urllib3.PoolManager().request("GET", endpoint.http + path).status

    return status


def block(s3: Any, bucket: str, **settings: bool) -> None:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    every = dict.fromkeys(names, False) | settings
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=every)


def test_a_new_bucket_blocks_public_access_and_lists(aws: Any, name: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    found = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert found == dict.fromkeys(found, True)
    (rule,) = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}


def test_a_public_policy_is_blocked_or_restricted(
    endpoint: Endpoint, s3: Any, bucket: str, anonymous: Any
) -> None:
    block(s3, bucket, BlockPublicPolicy=True)
    with pytest.raises(
        s3.exceptions.ClientError, match="prevented by the BlockPublicPolicy setting"
    ) as caught:
        put_policy(s3, bucket, EVERYBODY)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    block(s3, bucket)
    put_policy(s3, bucket, EVERYBODY)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert anonymous(endpoint, f"/{bucket}/k") == 200
    block(s3, bucket, RestrictPublicBuckets=True)
    assert anonymous(endpoint, f"/{bucket}/k") == 403
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="k")) == "OK"


def test_public_access_lists_are_blocked_or_ignored(
    endpoint: Endpoint, s3: Any, bucket: str, anonymous: Any
) -> None:
    opened(s3, bucket)
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert anonymous(endpoint, f"/{bucket}/k") == 200
    block(s3, bucket, IgnorePublicAcls=True)
    assert anonymous(endpoint, f"/{bucket}/k") == 403
    block(s3, bucket, BlockPublicAcls=True)
    everyone = "uri=http://acs.amazonaws.com/groups/global/AllUsers"
    for call in (
        lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read"),
        lambda: s3.put_object(Bucket=bucket, Key="k", ACL="public-read-write"),
        lambda: s3.put_object(Bucket=bucket, Key="k", GrantRead=everyone),
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read"),
    ):
        assert code_of(call) == "AccessDenied"
    assert code_of(lambda: s3.put_object(Bucket=bucket, Key="k", ACL="private")) == "OK"


def test_a_bucket_without_lists_takes_none(s3: Any, bucket: str) -> None:
    refused = "AccessControlListNotSupported"
    assert code_of(lambda: s3.put_bucket_acl(Bucket=bucket, ACL="private")) == refused
    assert code_of(lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")) == refused
    assert code_of(lambda: s3.put_object(Bucket=bucket, Key="k", ACL="public-read")) == refused
    assert code_of(lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", ACL="private")) == refused
    assert code_of(lambda: s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")) == "OK"


def test_a_bucket_is_not_made_with_a_list(endpoint: Endpoint, s3: Any, name: str) -> None:
    made = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": endpoint.region}}
    refused = "InvalidBucketAclWithObjectOwnership"
    assert code_of(lambda: s3.create_bucket(**made, ACL="public-read")) == refused
    assert code_of(lambda: s3.head_bucket(Bucket=name)) == "404"


def test_nobody_in_particular_lists_no_buckets(endpoint: Endpoint, anonymous: Any) -> None:
    assert anonymous(endpoint, "/") == 403


# ─── Regions ───


def test_a_call_is_signed_for_the_region_of_its_bucket(endpoint: Endpoint, s3: Any, bucket: str) -> None:
    """Also what makes a job fail whose S3A has no Region; boto3 itself looks again where S3 tells it."""
    other, right = "us-east-2", endpoint.region
    signer = endpoint.client("s3", region_name=other)
    assert signer.get_object(Bucket=bucket, Key="k")["Body"].read() == b"value"
    presigned = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with urllib3.PoolManager(ca_certs=str(endpoint.ca_bundle)) as pool:
        headers = signed(endpoint, "GET", f"/{bucket}/k", region=other)
        by_header = pool.request("GET", f"{endpoint.http}/{bucket}/k", headers=headers)
        by_query = pool.request("GET", presigned)
    wrong = f"; the region '{other}' is wrong; expecting '{right}'"
    for answer, code, prefix in (
        (by_header, "AuthorizationHeaderMalformed", "The authorization header is malformed"),
        (by_query, "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter"),
    ):
        document = ElementTree.fromstring(answer.data)  # noqa: S314
        assert (answer.status, answer.headers["x-amz-bucket-region"]) == (400, right)
        told = [document.findtext(name) for name in ("Code", "Message", "Region")]
        assert told == [code, prefix + wrong, right]


# ─── Encryption and Lifecycles ───

KEY = "0" * 32


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"ServerSideEncryption": "AES256"}, "OK"),
        ({"ServerSideEncryption": "aws:rot13"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "k"}, "InvalidArgument"),
        ({"SSEKMSKeyId": "k"}, "InvalidArgument"),
        ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        ({"SSECustomerAlgorithm": "DES", "SSECustomerKey": KEY}, "InvalidEncryptionAlgorithmError"),
        (
            {"ServerSideEncryption": "AES256", "SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY},
            "InvalidArgument",
        ),
    ],
    ids=str,
)
def test_encryption_is_of_one_kind_that_there_is(
    s3: Any, bucket: str, asked: dict[str, Any], code: str
) -> None:
    assert code_of(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **asked)) == code
    assert code_of(lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", **asked)) == code


IA = {"StorageClass": "STANDARD_IA"}


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([{"ID": "a"}, {"ID": "b", "Filter": {"Prefix": "b/"}}], "OK"),
        ([{"Transitions": [{"Days": 30} | IA], "Expiration": {"Days": 60}}], "OK"),
        ([{"Expiration": {"Days": 0}}], "InvalidArgument"),
        ([{"Status": "enabled"}], "MalformedXML"),
        ([{"ID": "a"}, {"ID": "a", "Filter": {"Prefix": "b/"}}], "InvalidArgument"),
        ([{"ID": "x" * 256}], "InvalidArgument"),
        ([{"Expiration": None}], "InvalidRequest"),
        ([{"Expiration": {"Days": 1, "Date": "2030-01-01T00:00:00Z"}}], "MalformedXML"),
        ([{"Expiration": {"Date": "2030-01-01T01:00:00Z"}}], "InvalidArgument"),
        ([{"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}], "InvalidArgument"),
        ([{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}], "InvalidArgument"),
        ([{"Transitions": [{"Days": 29} | IA], "Expiration": {"Days": 60}}], "InvalidArgument"),
        ([{"Transitions": [{"Days": 30} | IA], "Expiration": {"Days": 30}}], "InvalidArgument"),
        ([{"ID": f"{number}", "Filter": {"Prefix": f"{number}/"}} for number in range(1001)], "MalformedXML"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_lifecycle_rule_that_is_none_is_refused(
    s3: Any, bucket: str, rules: list[dict[str, Any]], code: str
) -> None:
    plain = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    whole = [{name: value for name, value in (plain | rule).items() if value is not None} for rule in rules]
    given = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": whole}}
    assert code_of(lambda: s3.put_bucket_lifecycle_configuration(**given)) == code


# ─── Integrity ───


def wrong(algorithm: str, size: int) -> dict[str, str]:
    return {algorithm: base64.b64encode(bytes(size)).decode()}


@pytest.mark.parametrize(
    "digest",
    [
        wrong("ContentMD5", 16),
        wrong("ChecksumCRC32", 4),
        wrong("ChecksumCRC32C", 4),
        wrong("ChecksumCRC64NVME", 8),
        wrong("ChecksumSHA1", 20),
        wrong("ChecksumSHA256", 32),
    ],
    ids=lambda digest: next(iter(digest)),
)
def test_another_body_than_was_meant_is_refused(s3: Any, bucket: str, digest: dict[str, str]) -> None:
    assert code_of(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"other", **digest)) == "BadDigest"
    upload = {"Bucket": bucket, "Key": "m"}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    assert code_of(lambda: s3.upload_part(**upload, PartNumber=1, Body=b"other", **digest)) == "BadDigest"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"value"


def test_right_digests_are_taken(s3: Any, bucket: str) -> None:
    body = b"123456789"  # the check values of the catalogue of CRCs are of this text
    for digest in (
        {"ContentMD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()},
        {"ChecksumCRC32C": base64.b64encode(bytes.fromhex("e3069283")).decode()},
        {"ChecksumCRC64NVME": base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()},
        {"ChecksumSHA256": base64.b64encode(hashlib.sha256(body).digest()).decode()},
    ):
        assert (
            code_of(lambda digest=digest: s3.put_object(Bucket=bucket, Key="k", Body=body, **digest)) == "OK"
        )  # type: ignore[misc]
    refused = code_of(lambda: s3.put_object(Bucket=bucket, Key="k", Body=body, ContentMD5="bm90IG9uZQ=="))
    assert refused == "InvalidDigest"


def test_the_digest_of_a_source_is_no_digest_of_a_copy(endpoint: Endpoint, bucket: str) -> None:
    """Hadoop's S3A sends it along with a rename, and S3 does not look at it."""
    digest = base64.b64encode(hashlib.md5(b"value", usedforsecurity=False).digest()).decode()
    further = {"x-amz-copy-source": f"/{bucket}/k", "Content-MD5": digest}
    headers = signed(endpoint, "PUT", f"/{bucket}/c", headers=further)
    answer = urllib3.PoolManager().request("PUT", f"{endpoint.http}/{bucket}/c", headers=headers)
    assert answer.status == 200, answer.data


def test_completes_and_copies_keep_their_conditions(s3: Any, bucket: str) -> None:
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    upload = {"Bucket": bucket, "Key": "k"}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"by parts")
    whole = upload | {"MultipartUpload": {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}}
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    failed = "PreconditionFailed"
    assert code_of(lambda: s3.complete_multipart_upload(**whole, IfMatch='"0"')) == failed
    assert code_of(lambda: s3.complete_multipart_upload(**whole, IfNoneMatch="*")) == failed
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"value"
    assert code_of(lambda: s3.complete_multipart_upload(**whole, IfMatch=etag)) == "OK"
    assert code_of(lambda: s3.copy_object(**copy, IfMatch='"0"')) == "NoSuchKey"
    assert code_of(lambda: s3.copy_object(**copy, IfNoneMatch="*")) == "OK"
    assert code_of(lambda: s3.copy_object(**copy, IfNoneMatch="*")) == failed
    assert code_of(lambda: s3.copy_object(**copy, IfMatch='"0"')) == failed


def test_a_copy_to_itself_changes_something(s3: Any, bucket: str) -> None:
    copy = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    assert code_of(lambda: s3.copy_object(**copy)) == "InvalidRequest"
    assert code_of(lambda: s3.copy_object(**copy, MetadataDirective="REPLACE", Metadata={"a": "b"})) == "OK"


def test_a_part_of_an_object_is_read_by_its_number(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "m"}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    bodies = [b"a" * (5 << 20), b"rest"]
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=body)["ETag"]}
        for n, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    second = s3.get_object(Bucket=bucket, Key="m", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"rest", 2)
    assert second["ContentRange"] == f"bytes {5 << 20}-{(5 << 20) + 3}/{(5 << 20) + 4}"
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=1)["Body"].read() == b"value"
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="m", PartNumber=3)) == "InvalidPartNumber"


def test_suspended_versioning_keeps_older_versions(aws: Any, name: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=name, Key="k", Body=b"first")["VersionId"]
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"second", b"third"):
        s3.put_object(Bucket=name, Key="k", Body=body)
    versions = s3.list_object_versions(Bucket=name)["Versions"]
    assert sorted(found["VersionId"] for found in versions) == sorted([first, "null"])
    assert s3.get_object(Bucket=name, Key="k", VersionId=first)["Body"].read() == b"first"
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"third"


def test_an_error_names_its_request_once(endpoint: Endpoint, bucket: str) -> None:
    answer = urllib3.PoolManager().request("GET", f"{endpoint.http}/{bucket}/absent")
    error = {child.tag: child.text for child in ElementTree.fromstring(answer.data)}  # noqa: S314
    assert error["RequestId"] == answer.headers["x-amz-request-id"]
