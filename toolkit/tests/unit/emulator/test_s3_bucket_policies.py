"""Gap 8: bucket policies, by what the connection really is and for every principal."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from buckets import opened
from signing import signed

from meshtest.emulator import domain_region
from meshtest.testing import roles

REGION = domain_region()

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

ACCOUNT = "123456789012"


def https_only(bucket: str) -> dict[str, Any]:
    return deny(bucket, Condition={"Bool": {"aws:SecureTransport": "false"}})


def deny(bucket: str, **changes: Any) -> dict[str, Any]:
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both} | changes


def put_policy(s3: Any, bucket: str, *statements: dict[str, Any]) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def bucket_with_object(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=name, Key="k", Body=b"value")


def plain_http(endpoint: Endpoint) -> Any:
    return endpoint.client("s3", endpoint_url=endpoint.http)


def is_denied(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return True
    return False


CALLS: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="k"),
    "head": lambda s3, bucket: s3.head_object(Bucket=bucket, Key="k"),
    "put": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="k", Body=b"new"),
    "copy": lambda s3, bucket: s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k"),
    "tag": lambda s3, bucket: s3.get_object_tagging(Bucket=bucket, Key="k"),
    "start an upload": lambda s3, bucket: s3.create_multipart_upload(Bucket=bucket, Key="m"),
    "delete": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="k"),
    "list": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    "list versions": lambda s3, bucket: s3.list_object_versions(Bucket=bucket),
    "head bucket": lambda s3, bucket: s3.head_bucket(Bucket=bucket),
    "read versioning": lambda s3, bucket: s3.get_bucket_versioning(Bucket=bucket),
    "write versioning": lambda s3, bucket: s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    ),
    "delete bucket": lambda s3, bucket: s3.delete_bucket(Bucket=bucket),
}


# ─── HTTPS Only ───


def test_the_https_only_policy_lets_https_pass(aws: Any, name: str) -> None:
    """Plain moto denies this call: it takes the condition for unmet, and denies for that."""
    s3 = aws("s3")
    bucket_with_object(s3, name)
    put_policy(s3, name, https_only(name) if s3.meta.endpoint_url.startswith("https") else unmet(name))
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"value"


def unmet(bucket: str) -> dict[str, Any]:
    return deny(bucket, Condition={"StringEquals": {"aws:UserAgent": "nobody"}})


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_https_only_policy_denies_every_call_by_http(endpoint: Endpoint, name: str, call: Any) -> None:
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    assert is_denied(lambda: call(plain_http(endpoint), name))
    assert endpoint.client("s3").get_object(Bucket=name, Key="k")["Body"].read() == b"value"


@pytest.mark.parametrize("call", [call for key, call in CALLS.items() if key != "delete bucket"])
def test_the_https_only_policy_denies_no_call_by_https(endpoint: Endpoint, name: str, call: Any) -> None:
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    assert not is_denied(lambda: call(endpoint.client("s3"), name))


# Query parameter by the methods that S3 has for it; an object's ones are on the key.
SUBRESOURCES = {
    "": ("GET", "HEAD", "PUT", "DELETE", "POST"),
    "acl": ("GET", "PUT"),
    "cors": ("GET", "PUT", "DELETE"),
    "encryption": ("GET", "PUT", "DELETE"),
    "lifecycle": ("GET", "PUT", "DELETE"),
    "location": ("GET",),
    "logging": ("GET", "PUT"),
    "notification": ("GET", "PUT"),
    "object-lock": ("GET", "PUT"),
    "ownershipControls": ("GET", "PUT", "DELETE"),
    "policyStatus": ("GET",),
    "publicAccessBlock": ("GET", "PUT", "DELETE"),
    "replication": ("GET", "PUT", "DELETE"),
    "tagging": ("GET", "PUT", "DELETE"),
    "uploads": ("GET", "POST"),
    "versioning": ("GET", "PUT"),
    "versions": ("GET",),
    "website": ("GET", "PUT", "DELETE"),
}


def test_every_subresource_is_denied_by_http(endpoint: Endpoint, name: str) -> None:
    """By path and by virtual host, of the bucket and of an object; over HTTPS none is."""
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    hosts = {"path": (f"/{name}", {}), "virtual": ("", {"Host": f"{name}.s3.localhost"})}
    outcome = {
        (style, key, query, method): raw_status(endpoint, f"{base}{key}?{query}", headers, method)
        for style, (base, headers) in hosts.items()
        for key in ("/", "/k")
        for query, methods in SUBRESOURCES.items()
        for method in methods
    }
    assert outcome == dict.fromkeys(outcome, 403)
    assert endpoint.client("s3").get_object(Bucket=name, Key="k")["Body"].read() == b"value"


def raw_status(endpoint: Endpoint, target: str, headers: dict[str, str], method: str = "GET") -> int:
    connection = http.client.HTTPConnection(endpoint.http.removeprefix("http://"), timeout=10)
    own = signed(endpoint, method, target, host=headers.get("Host"))
    connection.request(method, target, headers=own | headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_virtual_host_is_the_bucket(endpoint: Endpoint, name: str) -> None:
    """With a certificate for the host's name, and for every call that the path style has."""
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    host = f"{name}.s3.localhost"
    connection = http.client.HTTPConnection(endpoint.https.removeprefix("https://"), timeout=10)
    connection.connect()
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    for target, body in (("/k", b"value"), ("/?location", REGION.encode()), ("/", f"<Name>{name}<".encode())):
        connection.request("GET", target, headers=signed(endpoint, "GET", target, host=host))
        answer = connection.getresponse()
        assert (answer.status, body in answer.read()) == (200, True)
        assert raw_status(endpoint, target, {"Host": host}) == 403
    connection.close()


def test_every_step_of_an_upload_in_parts_is_denied_by_http(endpoint: Endpoint, name: str) -> None:
    s3, plain = endpoint.client("s3"), plain_http(endpoint)
    bucket_with_object(s3, name)
    put_policy(s3, name, https_only(name))
    upload = {"Bucket": name, "Key": "m"}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    assert is_denied(lambda: plain.upload_part(**upload, PartNumber=1, Body=b"other"))
    assert is_denied(lambda: plain.upload_part_copy(**upload, PartNumber=1, CopySource=f"{name}/k"))
    assert is_denied(lambda: plain.list_parts(**upload))
    assert is_denied(lambda: plain.complete_multipart_upload(**upload, MultipartUpload=parts))
    assert is_denied(lambda: plain.abort_multipart_upload(**upload))
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=name, Key="m")["Body"].read() == b"part"


def test_a_bulk_delete_by_http_deletes_nothing(endpoint: Endpoint, name: str) -> None:
    """As on AWS, the request itself is answered, and each object in it is denied."""
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    put_policy(s3, name, https_only(name))
    answer = plain_http(endpoint).delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}]})
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("k", "AccessDenied")]
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"value"


def test_another_bucket_is_not_concerned(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    bucket_with_object(s3, name + "b")
    put_policy(s3, name, https_only(name))
    assert plain_http(endpoint).get_object(Bucket=name + "b", Key="k")["Body"].read() == b"value"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "proto=https"},
        {"X-Forwarded-Ssl": "on"},
        {"X-Url-Scheme": "https"},
        {"Meshtest-Tls-Version": "TLSv1.3"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_turns_http_into_https(endpoint: Endpoint, name: str, headers: dict[str, str]) -> None:
    bucket_with_object(endpoint.client("s3"), name)
    assert raw_status(endpoint, f"/{name}/k", headers) == 200
    put_policy(endpoint.client("s3"), name, https_only(name))
    assert raw_status(endpoint, f"/{name}/k", headers) == 403


def test_no_request_line_turns_http_into_https(endpoint: Endpoint, name: str) -> None:
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    assert raw_status(endpoint, endpoint.https + f"/{name}/k", {}) == 400


@pytest.mark.parametrize(
    ("version", "status"), [(ssl.TLSVersion.TLSv1_2, 403), (ssl.TLSVersion.TLSv1_3, 404)]
)
def test_the_tls_version_is_that_of_the_connection(
    endpoint: Endpoint, name: str, version: ssl.TLSVersion, status: int
) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    put_policy(s3, name, deny(name, Condition={"NumericLessThan": {"s3:TlsVersion": "1.3"}}))
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    context.maximum_version = version
    connection = http.client.HTTPSConnection(
        endpoint.https.removeprefix("https://"), context=context, timeout=10
    )
    host = endpoint.https.removeprefix("https://")
    own = signed(endpoint, "GET", f"/{name}/absent", host=host)
    connection.request("GET", f"/{name}/absent", headers=own)
    assert connection.getresponse().status == status
    connection.close()


def test_the_answer_is_that_of_s3(endpoint: Endpoint, name: str) -> None:
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    with pytest.raises(ClientError) as caught:
        plain_http(endpoint).get_object(Bucket=name, Key="k")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert caught.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: s3:GetObject "
        f'on resource: "arn:aws:s3:::{name}/k" with an explicit deny in a resource-based policy'
    )


def test_the_denial_is_the_documented_xml(endpoint: Endpoint, name: str) -> None:
    """To a stranger it says no more than it must; its ids are those of the headers; HEAD has no body."""
    bucket_with_object(endpoint.client("s3"), name)
    put_policy(endpoint.client("s3"), name, https_only(name))
    connection = http.client.HTTPConnection(endpoint.http.removeprefix("http://"), timeout=10)
    connection.request("GET", f"/{name}/k")
    answer = connection.getresponse()
    error = ElementTree.fromstring(answer.read())  # noqa: S314
    assert (answer.status, answer.getheader("Content-Type")) == (403, "application/xml")
    assert error.tag == "Error"
    assert {child.tag: child.text for child in error} == {
        "Code": "AccessDenied",
        "Message": "Access Denied",
        "RequestId": answer.getheader("x-amz-request-id"),
        "HostId": answer.getheader("x-amz-id-2"),
    }
    connection.request("HEAD", f"/{name}/k")
    looked = connection.getresponse()
    assert (looked.status, looked.read()) == (403, b"")
    connection.request("GET", f"/{name}")  # the connection is still in step
    assert connection.getresponse().status == 403
    connection.close()


# ─── Principals ───


def user_client(endpoint: Endpoint, name: str) -> tuple[str, Any]:
    """Create an IAM user who may do all in S3; returns the ARN and an S3 client of this user."""
    iam = endpoint.client("iam")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=roles.policy({"Action": "s3:*"}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, client_with(endpoint, key["AccessKeyId"], key["SecretAccessKey"])


def client_with(endpoint: Endpoint, key_id: str, secret: str, token: str | None = None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint.https,
        verify=str(endpoint.ca_bundle),
        region_name=REGION,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def test_a_deny_of_one_user_binds_this_user_only(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    alice, of_alice = user_client(endpoint, name + "-alice")
    _, of_bob = user_client(endpoint, name + "-bob")
    put_policy(s3, name, deny(name, Principal={"AWS": alice}))
    assert is_denied(lambda: of_alice.get_object(Bucket=name, Key="k"))
    assert not is_denied(lambda: of_bob.get_object(Bucket=name, Key="k"))
    assert not is_denied(lambda: s3.get_object(Bucket=name, Key="k"))


def test_a_deny_of_a_role_binds_its_sessions(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    role = roles.make_role(endpoint, name, {"Action": "s3:*"})
    session = roles.session_of(endpoint, role)("s3")
    assert not is_denied(lambda: session.get_object(Bucket=name, Key="k"))
    put_policy(s3, name, deny(name, Principal={"AWS": role}))
    assert is_denied(lambda: session.get_object(Bucket=name, Key="k"))


def test_an_explicit_deny_binds_root_but_for_the_policy_itself(endpoint: Endpoint, name: str) -> None:
    """AWS lets a root user always read, put and delete the policy, so that nobody is shut out for good."""
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    put_policy(s3, name, deny(name))
    assert is_denied(lambda: s3.get_object(Bucket=name, Key="k"))
    assert is_denied(lambda: s3.get_bucket_versioning(Bucket=name))
    _, of_user = user_client(endpoint, name)
    assert is_denied(lambda: of_user.delete_bucket_policy(Bucket=name))
    s3.delete_bucket_policy(Bucket=name)
    assert not is_denied(lambda: s3.get_object(Bucket=name, Key="k"))


def anonymous_status(endpoint: Endpoint, target: str) -> int:
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    connection = http.client.HTTPSConnection(
        endpoint.https.removeprefix("https://"), context=context, timeout=10
    )
    connection.request("GET", target)
    status = connection.getresponse().status
    connection.close()
    return status


def test_nobody_in_particular_needs_an_allow(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    opened(s3, name)
    assert anonymous_status(endpoint, f"/{name}/k") == 403
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    put_policy(s3, name, allow)
    assert anonymous_status(endpoint, f"/{name}/k") == 200
    assert anonymous_status(endpoint, f"/{name}") == 403


def test_a_presigned_address_is_its_signer(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    signer = endpoint.client("s3", config=Config(signature_version="s3v4"))
    address = signer.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    target = address.removeprefix(endpoint.https)
    assert anonymous_status(endpoint, target) == 200
    put_policy(s3, name, https_only(name))
    assert anonymous_status(endpoint, target) == 200
    connection = http.client.HTTPConnection(endpoint.http.removeprefix("http://"), timeout=10)
    connection.request("GET", target)
    assert connection.getresponse().status == 403
    connection.close()


# ─── Actions, Resources, Keys ───


@pytest.mark.parametrize(
    ("action", "denied", "allowed"),
    [
        ("s3:PutObject", ["put", "copy", "start an upload"], ["get", "list", "tag", "write versioning"]),
        ("s3:GetObject", ["get", "head", "copy"], ["put", "list", "tag"]),
        ("s3:ListBucket", ["list", "head bucket"], ["list versions", "get"]),
        ("s3:PutBucketVersioning", ["write versioning"], ["read versioning", "put"]),
        ("s3:DeleteObject", ["delete"], ["get"]),
        ("s3:GetObjectTagging", ["tag"], ["get"]),
    ],
)
def test_an_action_names_just_its_calls(
    endpoint: Endpoint, name: str, action: str, denied: list[str], allowed: list[str]
) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    put_policy(s3, name, deny(name, Action=action))
    outcome = {key: is_denied(lambda call=CALLS[key]: call(s3, name)) for key in (*denied, *allowed)}  # type: ignore[misc]
    assert outcome == dict.fromkeys(denied, True) | dict.fromkeys(allowed, False)


def test_a_copy_needs_its_source_and_its_target(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    bucket_with_object(s3, name + "b")
    put_policy(s3, name, deny(name, Action="s3:GetObject"))
    assert is_denied(
        lambda: s3.copy_object(Bucket=name + "b", Key="c", CopySource={"Bucket": name, "Key": "k"})
    )
    put_policy(s3, name, deny(name, Action="s3:PutObject"))
    assert is_denied(
        lambda: s3.copy_object(Bucket=name, Key="c", CopySource={"Bucket": name + "b", "Key": "k"})
    )
    s3.copy_object(Bucket=name + "b", Key="c", CopySource={"Bucket": name, "Key": "k"})


def test_of_many_objects_the_denied_ones_stay(endpoint: Endpoint, name: str) -> None:
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    s3.put_object(Bucket=name, Key="kept/a b", Body=b"1")
    put_policy(s3, name, deny(name, Action="s3:DeleteObject", Resource=f"arn:aws:s3:::{name}/kept/*"))
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}, {"Key": "kept/a b"}]})
    assert [deleted["Key"] for deleted in answer["Deleted"]] == ["k"]
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("kept/a b", "AccessDenied")]
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=name)["Contents"]] == ["kept/a b"]


def test_keys_of_the_request_reach_conditions(endpoint: Endpoint, name: str) -> None:
    """The pattern that refuses uploads without the right encryption, and lists outside of a prefix."""
    s3 = endpoint.client("s3")
    bucket_with_object(s3, name)
    unencrypted = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    outside = {"StringNotLike": {"s3:prefix": "shared/*"}}
    put_policy(
        s3,
        name,
        deny(name, Action="s3:PutObject", Condition=unencrypted),
        deny(name, Action="s3:ListBucket", Condition=outside),
    )
    assert is_denied(lambda: s3.put_object(Bucket=name, Key="a", Body=b"1"))
    assert not is_denied(
        lambda: s3.put_object(Bucket=name, Key="a", Body=b"1", ServerSideEncryption="aws:kms")
    )
    assert is_denied(lambda: s3.list_objects_v2(Bucket=name))
    assert not is_denied(lambda: s3.list_objects_v2(Bucket=name, Prefix="shared/x"))


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "{}",
        json.dumps({"Statement": [deny("another-bucket")]}),
        json.dumps({"Statement": [deny("x", Condition={"StringIs": {"a": "b"}})]}),
    ],
    ids=["no JSON", "no statement", "another bucket", "no such operator"],
)
def test_a_malformed_policy_is_refused(aws: Any, name: str, policy: str) -> None:
    s3 = aws("s3")
    bucket_with_object(s3, name)
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_policy(Bucket=name, Policy=policy)
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)
