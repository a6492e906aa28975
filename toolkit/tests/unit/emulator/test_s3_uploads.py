"""Objects hold the bytes that were sent: whatever Content-Type says, by form too, and never a part."""

from __future__ import annotations

import base64
import functools
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import pytest
import urllib3
from botocore.config import Config
from buckets import opened
from signing import signed

from meshtest.emulator import domain_region

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from meshtest.emulator import Endpoint

URLENCODED = "application/x-www-form-urlencoded"
CONTENT_TYPES = [
    URLENCODED,
    f"{URLENCODED}; charset=utf-8",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
]
BODIES = {
    "text": b"a,b\n1,2\n",
    "empty": b"",
    "query": b"Action=ListUsers&Version=2010-05-08",
    "unsigned query": b"Action=AssumeRoleWithSAML&Version=2011-06-15",
    "other service": b"Version=2009-04-15",
    "key": b"key=other&file=x&acl=public-read",
    "binary": bytes(range(256)),
    "form": b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nother\r\n--b\r\n'
    b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--b--\r\n',
}


@functools.cache
def browser(ca_bundle: Path) -> urllib3.PoolManager:
    """A client that signs nothing."""
    return urllib3.PoolManager(ca_certs=str(ca_bundle), retries=False)


def ask(endpoint: Endpoint, method: str, target: str, content_type: str, body: bytes) -> Any:
    """Send a request that the root user signs, with the body as it is."""
    host = endpoint.https.removeprefix("https://")
    headers = signed(endpoint, method, target, host=host) | {"Content-Type": content_type}
    return browser(endpoint.ca_bundle).request(method, endpoint.https + target, headers=headers, body=body)


def make_bucket(s3: Any, name: str) -> Any:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": domain_region()})
    return s3


def read(s3: Any, bucket: str, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


@pytest.fixture
def s3(endpoint: Endpoint, name: str) -> Any:
    """A client, and a bucket of the test's name."""
    return make_bucket(endpoint.client("s3"), name)


# ─── Bodies that Look like Forms ───


def test_a_body_is_kept_whatever_its_content_type(aws: Callable[[str], Any], name: str) -> None:
    s3 = make_bucket(aws("s3"), name)
    s3.put_object(Bucket=name, Key="k", Body=BODIES["text"], ContentType=URLENCODED)
    assert read(s3, name, "k") == BODIES["text"]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("scheme", ["http", "https"])  # by HTTPS boto3 sends aws-chunked
def test_put_object_keeps_every_body(endpoint: Endpoint, name: str, content_type: str, scheme: str) -> None:
    s3 = make_bucket(endpoint.client("s3", endpoint_url=getattr(endpoint, scheme)), name)
    for body in BODIES.values():
        s3.put_object(Bucket=name, Key="k", Body=body, ContentType=content_type)
        answer = s3.get_object(Bucket=name, Key="k")
        assert (answer["Body"].read(), answer["ContentType"]) == (body, content_type)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_presigned_put_keeps_every_body(
    endpoint: Endpoint, s3: Any, name: str, content_type: str, style: str, body: bytes
) -> None:
    port = urlsplit(endpoint.https).port
    url = f"https://s3.localhost:{port}" if style == "virtual" else endpoint.https
    config = Config(signature_version="s3v4", s3={"addressing_style": style})
    signer = endpoint.client("s3", endpoint_url=url, config=config)
    parameters = {"Bucket": name, "Key": "k", "ContentType": content_type}
    signed = urlsplit(signer.generate_presigned_url("put_object", parameters))
    answer = browser(endpoint.ca_bundle).request(
        "PUT",
        f"{endpoint.https}{signed.path}?{signed.query}",
        body=body,
        headers={"Content-Type": content_type, "Host": signed.netloc},
    )
    assert answer.status == 200, answer.data
    assert read(s3, name, "k") == body


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_parts_keep_their_bodies(endpoint: Endpoint, s3: Any, name: str, content_type: str) -> None:
    """Also the calls around them, whose documents are POSTed."""
    begun = ask(endpoint, "POST", f"/{name}/k?uploads", content_type, b"")
    upload = ElementTree.fromstring(begun.data).findtext("{*}UploadId")  # noqa: S314
    parts = [b"key=x&" + b"a" * (5 << 20), b"Action=b"]
    tags = []
    for number, part in enumerate(parts, 1):
        target = f"/{name}/k?partNumber={number}&uploadId={upload}"
        answer = ask(endpoint, "PUT", target, content_type, part)
        tags.append(f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part>")
    document = f"<CompleteMultipartUpload>{''.join(tags)}</CompleteMultipartUpload>".encode()
    answer = ask(endpoint, "POST", f"/{name}/k?uploadId={upload}", content_type, document)
    assert answer.status == 200, answer.data
    assert read(s3, name, "k") == b"".join(parts)


def test_documents_of_other_calls_are_read(endpoint: Endpoint, s3: Any, name: str) -> None:
    s3.put_object(Bucket=name, Key="k", Body=b"")
    tagging = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    assert ask(endpoint, "PUT", f"/{name}/k?tagging", URLENCODED, tagging).status == 200
    assert s3.get_object_tagging(Bucket=name, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = ask(endpoint, "POST", f"/{name}?delete", URLENCODED, document)
    assert (answer.status, s3.list_objects_v2(Bucket=name)["KeyCount"]) == (200, 0)


# ─── Form Uploads ───


Form = dict[str, str]


def post(
    endpoint: Endpoint,
    url: str,
    fields: Form,
    content: bytes = b"abc",
    filename: str | None = "f.txt",
    **headers: str,
) -> urllib3.BaseHTTPResponse:
    """Send a form as a browser does, its file last."""
    file = (filename, content) if filename else content
    return browser(endpoint.ca_bundle).request(
        "POST", url, fields=[*fields.items(), ("file", file)], headers=headers, redirect=False
    )


def signed_form(s3: Any, bucket: str, key: str, fields: Form | None = None, conditions: Any = ()) -> Any:
    return s3.generate_presigned_post(bucket, key, Fields=dict(fields or {}), Conditions=list(conditions))


def error_of(answer: urllib3.BaseHTTPResponse) -> tuple[int, str | None, str | None]:
    document = ElementTree.fromstring(answer.data)  # noqa: S314
    return answer.status, document.findtext("{*}Code"), document.findtext("{*}Message")


def test_the_owner_uploads_by_form(endpoint: Endpoint, s3: Any, name: str) -> None:
    form = signed_form(
        s3,
        name,
        "in/${filename}",
        {"x-amz-meta-a": "1", "Content-Type": "text/csv"},
        [{"x-amz-meta-a": "1"}, ["starts-with", "$Content-Type", "text/"]],
    )
    assert post(endpoint, form["url"], form["fields"], b"a=1&b=2").status == 204
    answer = s3.get_object(Bucket=name, Key="in/f.txt")
    assert (answer["Body"].read(), answer["ContentType"], answer["Metadata"]) == (
        b"a=1&b=2",
        "text/csv",
        {"a": "1"},
    )


@pytest.mark.parametrize(
    ("wanted", "found"), [(None, 204), ("200", 200), ("201", 201), ("204", 204), ("418", 204)]
)
def test_a_form_names_the_status_of_its_success(
    endpoint: Endpoint, s3: Any, name: str, wanted: str | None, found: int
) -> None:
    fields = {"success_action_status": wanted} if wanted else {}
    form = signed_form(s3, name, "a b.txt", fields, [fields] if fields else [])
    answer = post(endpoint, form["url"], form["fields"])
    assert answer.status == found, answer.data
    assert answer.headers["Location"] == f"{endpoint.https}/{name}/a%20b.txt"
    assert answer.headers["ETag"] == s3.head_object(Bucket=name, Key="a b.txt")["ETag"]
    if found == 201:
        document = ElementTree.fromstring(answer.data)  # noqa: S314
        assert document.tag == "PostResponse"
        assert {part.tag: part.text for part in document} == {
            "Location": answer.headers["Location"],
            "Bucket": name,
            "Key": "a b.txt",
            "ETag": answer.headers["ETag"],
        }
    else:
        assert answer.data == b""


@pytest.mark.parametrize("field", ["success_action_redirect", "redirect"])
def test_a_form_redirects_on_success(endpoint: Endpoint, s3: Any, name: str, field: str) -> None:
    fields = {field: "https://example.com/done?lang=en"}
    form = signed_form(s3, name, "k", fields, [fields])
    answer = post(endpoint, form["url"], form["fields"])
    etag = quote(s3.head_object(Bucket=name, Key="k")["ETag"])
    place = f"https://example.com/done?lang=en&bucket={name}&key=k&etag={etag}"
    assert (answer.status, answer.headers["Location"]) == (303, place)


def test_a_form_goes_to_the_bucket_of_its_host(endpoint: Endpoint, s3: Any, name: str) -> None:
    form = signed_form(s3, name, "k")
    host = f"{name}.s3.localhost:{urlsplit(endpoint.https).port}"
    answer = post(endpoint, f"{endpoint.https}/", form["fields"], b"by host", Host=host)
    assert (answer.status, read(s3, name, "k")) == (204, b"by host"), answer.data


def test_what_a_form_says_of_its_object_is_kept(endpoint: Endpoint, s3: Any, name: str) -> None:
    opened(s3, name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b &#43; c</Value></Tag></TagSet></Tagging>"
    fields = {
        "Cache-Control": "no-cache",
        "Content-Disposition": "attachment",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-server-side-encryption": "aws:kms",
        "tagging": tagging,
        "acl": "public-read",
    }
    form = signed_form(s3, name, "k", fields, [{field: value} for field, value in fields.items()])
    answer = post(endpoint, form["url"], form["fields"])
    assert answer.status == 204, answer.data
    head = s3.head_object(Bucket=name, Key="k")
    assert answer.headers["x-amz-version-id"] == head["VersionId"]
    assert (head["CacheControl"], head["ContentDisposition"]) == ("no-cache", "attachment")
    assert (head["StorageClass"], head["ServerSideEncryption"]) == ("STANDARD_IA", "aws:kms")
    assert head["ContentType"] == "binary/octet-stream"
    assert s3.get_object_tagging(Bucket=name, Key="k")["TagSet"] == [{"Key": "a", "Value": "b + c"}]
    grants = s3.get_object_acl(Bucket=name, Key="k")["Grants"]
    assert any(grant["Grantee"].get("URI", "").endswith("/AllUsers") for grant in grants)


@pytest.mark.parametrize("filename", ["f.txt", None])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_form_keeps_every_file(
    endpoint: Endpoint, s3: Any, name: str, body: bytes, filename: str | None
) -> None:
    form = signed_form(s3, name, "k")
    content = body.replace(b"--b", b"--c")  # what is within cannot end the form
    assert post(endpoint, form["url"], form["fields"], content, filename).status == 204
    assert read(s3, name, "k") == content


ALLOWED: list[tuple[str, Form, list[Any]]] = [
    ("in/a", {}, [["starts-with", "$key", "in/"]]),
    ("in/a", {}, [["eq", "$key", "in/a"]]),
    ("in/a", {}, [["eq", "$KEY", "in/a"]]),
    ("in/a", {}, [["starts-with", "$key", ""]]),
    ("in/a", {}, [["content-length-range", 3, 3]]),
    ("in/a", {}, [["content-length-range", "0", "3"]]),
    ("in/${filename}", {}, [["eq", "$key", "in/f.txt"]]),
    ("in/a", {"Content-Type": "image/png,image/gif"}, [["starts-with", "$Content-Type", "image/"]]),
    ("in/a", {"x-ignore-me": "1"}, []),
    ("in/a", {"x-amz-meta-a": "$5"}, [["eq", "$x-amz-meta-a", "\\$5"]]),
]
REFUSED: list[tuple[str, Form, list[Any], tuple[int, str, str]]] = [
    (
        "out/a",
        {},
        [["starts-with", "$key", "in/"]],
        (
            403,
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "in/"]',
        ),
    ),
    (
        "out/a",
        {"acl": "public-read"},
        [{"acl": "private"}],
        (
            403,
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]',
        ),
    ),
    (
        "out/a",
        {},
        [{"acl": "private"}],
        (
            403,
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]',
        ),
    ),
    (
        "out/a",
        {"Content-Type": "image/png,text/html"},
        [["starts-with", "$Content-Type", "image/"]],
        (
            403,
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["starts-with", "$Content-Type", "image/"]',  # noqa: E501
        ),
    ),
    (
        "out/a",
        {"x-amz-meta-a": "1"},
        [],
        (403, "AccessDenied", "Invalid according to Policy: Extra input fields: x-amz-meta-a"),
    ),
    (
        "out/a",
        {},
        [["content-length-range", 0, 2]],
        (400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
    ),
    (
        "out/a",
        {},
        [["content-length-range", 4, 9]],
        (400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"),
    ),
]


def form_of_policy(
    endpoint: Endpoint, key: str, fields: Form, conditions: list[Any], expiration: str = ""
) -> Form:
    """Make the fields of a form for a policy of exactly these conditions and those on the signature."""
    day = "20260101"
    scope = f"{day}/{endpoint.region}/s3/aws4_request"
    signature = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{endpoint.access_key_id}/{scope}",
        "x-amz-date": f"{day}T000000Z",
    }
    in_an_hour = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    policy = {
        "expiration": expiration or in_an_hour,
        "conditions": [*({name: value} for name, value in signature.items()), *conditions],
    }
    text = base64.b64encode(json.dumps(policy).encode()).decode()
    return {"key": key, **fields, **signature, "policy": text} | signature_of(endpoint, scope, text)


def signature_of(endpoint: Endpoint, scope: str, text: str) -> Form:
    digest = f"AWS4{endpoint.secret_access_key}".encode()
    for part in (*scope.split("/"), text):
        digest = hmac.digest(digest, part.encode(), "sha256")
    return {"x-amz-signature": digest.hex()}


@pytest.mark.parametrize(("key", "fields", "conditions"), ALLOWED)
def test_a_form_within_its_policy_is_taken(
    endpoint: Endpoint, s3: Any, name: str, key: str, fields: Form, conditions: list[Any]
) -> None:
    on_key = [] if any("key" in str(condition).lower() for condition in conditions) else [{"key": key}]
    form = form_of_policy(endpoint, key, fields, [{"bucket": name}, *on_key, *conditions])
    answer = post(endpoint, f"{endpoint.https}/{name}", form)
    assert answer.status == 204, answer.data


@pytest.mark.parametrize(("key", "fields", "conditions", "error"), REFUSED)
def test_a_form_against_its_policy_is_refused(
    endpoint: Endpoint,
    s3: Any,
    name: str,
    key: str,
    fields: Form,
    conditions: list[Any],
    error: tuple[int, str, str],
) -> None:
    on_key = [] if any("key" in str(condition) for condition in conditions) else [{"key": key}]
    form = form_of_policy(endpoint, key, fields, [{"bucket": name}, *on_key, *conditions])
    assert error_of(post(endpoint, f"{endpoint.https}/{name}", form)) == error
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0


def test_a_policy_holds_for_its_bucket_alone(endpoint: Endpoint, s3: Any, name: str) -> None:
    form = form_of_policy(endpoint, "k", {}, [{"bucket": "another"}, {"key": "k"}])
    status, code, message = error_of(post(endpoint, f"{endpoint.https}/{name}", form))
    assert (status, code) == (403, "AccessDenied")
    assert message == 'Invalid according to Policy: Policy Condition failed: ["eq", "$bucket", "another"]'


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z"])
def test_an_expired_policy_is_refused(endpoint: Endpoint, s3: Any, name: str, moment: str) -> None:
    form = form_of_policy(endpoint, "k", {}, [{"bucket": name}, {"key": "k"}], moment)
    error = error_of(post(endpoint, f"{endpoint.https}/{name}", form))
    assert error == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")


@pytest.mark.parametrize(
    "policy",
    ["not base64!", base64.b64encode(b"not JSON").decode()]
    + [
        base64.b64encode(json.dumps(document).encode()).decode()
        for document in (
            {},
            [],
            {"expiration": "tomorrow", "conditions": []},
            {"expiration": "2999-01-01T00:00:00Z"},
            {"expiration": "2999-01-01T00:00:00Z", "conditions": [["less", "$key", "k"]]},
            {"expiration": "2999-01-01T00:00:00Z", "conditions": ["key"]},
            {"expiration": "2999-01-01T00:00:00Z", "conditions": [["content-length-range", 0, "much"]]},
        )
    ],
)
def test_what_is_no_policy_is_told(endpoint: Endpoint, s3: Any, name: str, policy: str) -> None:
    form = form_of_policy(endpoint, "k", {}, []) | {"policy": policy}
    status, code, _ = error_of(post(endpoint, f"{endpoint.https}/{name}", form))
    assert (status, code) == (400, "InvalidPolicyDocument")


def test_a_credential_without_a_policy_is_refused(endpoint: Endpoint, s3: Any, name: str) -> None:
    form = form_of_policy(endpoint, "k", {}, [])
    del form["policy"]
    status, code, message = error_of(post(endpoint, f"{endpoint.https}/{name}", form))
    assert (status, code) == (400, "InvalidArgument")
    assert message == "Bucket POST must contain a field named 'policy'."


def test_what_follows_the_file_is_not_read(endpoint: Endpoint, s3: Any, name: str) -> None:
    form = form_of_policy(endpoint, "k", {}, [{"bucket": name}, {"key": "k"}])
    fields = [*form.items(), ("file", ("f", b"abc")), ("x-amz-meta-a", "1"), ("key", "other")]
    answer = browser(endpoint.ca_bundle).request("POST", f"{endpoint.https}/{name}", fields=fields)
    assert (answer.status, read(s3, name, "k")) == (204, b"abc"), answer.data


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ([("key", "k")], "InvalidArgument", 400),
        ([("file", ("f", b"abc"))], "InvalidArgument", 400),
        ([("file", ("f", b"abc")), ("key", "k")], "InvalidArgument", 400),
    ],
)
def test_a_form_without_key_or_file_is_refused(
    endpoint: Endpoint, s3: Any, name: str, fields: Any, code: str, status: int
) -> None:
    own = [*form_of_policy(endpoint, "", {}, []).items()][1:]
    answer = browser(endpoint.ca_bundle).request("POST", f"{endpoint.https}/{name}", fields=own + fields)
    assert error_of(answer)[:2] == (status, code)


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        (URLENCODED, b"key=k&file=abc", (412, "PreconditionFailed")),
        ("multipart/form-data", b"abc", (400, "MalformedPOSTRequest")),
        ("multipart/form-data; boundary=b", b"abc", (400, "MalformedPOSTRequest")),
        ("multipart/form-data; boundary=b", b"", (400, "MalformedPOSTRequest")),
    ],
)
def test_a_post_that_is_no_form_is_refused(
    endpoint: Endpoint, s3: Any, name: str, content_type: str, body: bytes, error: tuple[int, str]
) -> None:
    answer = ask(endpoint, "POST", f"/{name}", content_type, body)
    assert error_of(answer)[:2] == error


def test_a_form_to_no_bucket_is_told(endpoint: Endpoint, name: str) -> None:
    form = form_of_policy(endpoint, "k", {}, [{"bucket": name}, {"key": "k"}])
    assert error_of(post(endpoint, f"{endpoint.https}/{name}", form))[:2] == (404, "NoSuchBucket")


@pytest.mark.parametrize(
    ("effect", "resource", "signed", "status"),
    [
        ("Deny", "k", True, 403),
        ("Deny", "other", True, 204),
        ("Allow", "k", False, 403),  # also where the policy lets everybody in: a page could send it
    ],
)
def test_bucket_policies_see_the_object_of_a_form(
    endpoint: Endpoint, s3: Any, name: str, effect: str, resource: str, signed: bool, status: int
) -> None:
    opened(s3, name)
    statement = {
        "Effect": effect,
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/{resource}",
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    form = form_of_policy(endpoint, "k", {}, [{"bucket": name}, {"key": "k"}]) if signed else {"key": "k"}
    assert post(endpoint, f"{endpoint.https}/{name}", form).status == status


def test_bucket_policies_see_the_headers_of_a_form(endpoint: Endpoint, s3: Any, name: str) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    encryption = {"x-amz-server-side-encryption": "aws:kms"}
    for fields, status in (({}, 403), (encryption, 204)):
        form = form_of_policy(
            endpoint, "k", fields, [{"bucket": name}, {"key": "k"}, *([fields] if fields else [])]
        )
        assert post(endpoint, f"{endpoint.https}/{name}", form).status == status


def test_the_access_log_tells_of_a_form(endpoint: Endpoint, s3: Any, name: str) -> None:
    logs = f"{name}-logs"
    make_bucket(s3, logs)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{logs}/*",
    }
    s3.put_bucket_policy(Bucket=logs, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    target = {"TargetBucket": logs, "TargetPrefix": ""}
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": target})
    taken = form_of_policy(endpoint, "k", {}, [{"bucket": name}, {"key": "k"}])
    refused = form_of_policy(endpoint, "other", {}, [{"bucket": name}, {"key": "k"}])
    for form, status in ((taken, 204), (refused, 403)):
        assert post(endpoint, f"{endpoint.https}/{name}", form).status == status
    endpoint.flush_access_logs()
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=logs)["Contents"]]
    lines = [line for key in keys for line in read(s3, logs, key).decode().splitlines() if ".OBJECT" in line]
    assert [
        f'REST.POST.OBJECT {key} "POST /{name} HTTP/1.1" {status}' in line
        for line, key, status in zip(lines, ["k", "other"], ["204", "403 AccessDenied"], strict=True)
    ] == [True, True], lines


# ─── Bodies that End Early ───


def send_and_hang_up(endpoint: Endpoint, head: str, body: bytes) -> bytes:
    """Send a request, and no more; returns the answer to what was sent."""
    address = urlsplit(endpoint.http)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


AWS_CHUNKED = "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\nx-amz-decoded-content-length: 1000"
AWS_SIGNED = "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nx-amz-decoded-content-length: 1000"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Length: 1000", b"a part"),
        ("Content-Length: 1000", b""),
        (f"Content-Length: 1000\nContent-Type: {URLENCODED}", b"key=a"),
        ("Transfer-Encoding: chunked", b"8\r\nPAR1only\r\n"),
        ("Transfer-Encoding: chunked", b"8\r\nPAR1"),
        ("Transfer-Encoding: chunked", b""),
        ("Transfer-Encoding: chunked", b"8\r\nPAR1only\r\n0\r\n"),
        (f"Content-Length: 13\n{AWS_CHUNKED}", b"8\r\nPAR1only\r\n"),
        (f"Content-Length: 18\n{AWS_CHUNKED}", b"8\r\nPAR1only\r\n0\r\n\r\n"),
        (f"Content-Length: 7\n{AWS_CHUNKED}", b"8\r\nPAR1"),
        (f"Content-Length: 31\n{AWS_SIGNED}", b"8;chunk-signature=0\r\nPAR1only\r\n"),
    ],
)
@pytest.mark.parametrize("target", ["k", "k?partNumber=1&uploadId={upload}"])
def test_a_body_that_ends_early_changes_nothing(
    endpoint: Endpoint, s3: Any, name: str, headers: str, body: bytes, target: str
) -> None:
    s3.put_object(Bucket=name, Key="k", Body=b"whole")
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    place = target.format(upload=upload)
    further = dict(line.split(": ", 1) for line in headers.split("\n") if line.startswith("x-amz-"))
    own = signed(endpoint, "PUT", f"/{name}/{place}", host="s3.localhost", headers=further)
    kept = [line for line in headers.split("\n") if not line.startswith("x-amz-")]
    lines = [f"{key}: {value}" for key, value in own.items()] + kept
    head = "\n".join([f"PUT /{name}/{place} HTTP/1.1", *lines])
    answer = send_and_hang_up(endpoint, head, body)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"<Code>IncompleteBody</Code>" in answer
    assert read(s3, name, "k") == b"whole"
    assert "Parts" not in s3.list_parts(Bucket=name, Key="k", UploadId=upload)
