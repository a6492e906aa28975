"""Gap 9: server access logs, read back with the expression that AWS publishes for Athena."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from buckets import opened

from meshtest.emulator import domain_region
from meshtest.emulator.access_log import Record

REGION = domain_region()

LOCATION = {"LocationConstraint": REGION}
ACCOUNT = "123456789012"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-s3-access-logs-to-identify-requests.html
ATHENA = re.compile(
    r"([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) (\"[^\"]*\"|-) (-|[0-9]*) ([^ ]*) "
    r"([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) (\"[^\"]*\"|-) ([^ ]*)"
    r"(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?.*$"
)
COLUMNS = re.findall(
    r"\S+",
    "bucketowner bucket_name requestdatetime remoteip requester requestid operation key request_uri "
    "httpstatus errorcode bytessent objectsize totaltime turnaroundtime referrer useragent versionid hostid "
    "sigv ciphersuite authtype endpoint tlsversion accesspointarn aclrequired",
)
Line = dict[str, str]


def parsed(text: str) -> list[Line]:
    lines = []
    for line in text.splitlines():
        match = ATHENA.fullmatch(line)
        assert match, line
        lines.append(dict(zip(COLUMNS, match.groups(), strict=True)))
    return lines


# ─── Buckets ───


def deny_http(bucket: str) -> dict:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def delivery(name: str) -> dict:
    """The statement of the domain's log bucket: this source, this account, this prefix."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}-target/source/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{name}-source"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }


def put_policy(s3, bucket: str, *statements: dict) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def enable_logging(s3, name: str, *statements: dict) -> dict:
    for bucket in (f"{name}-target", f"{name}-source"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=LOCATION)
    if statements:
        put_policy(s3, f"{name}-target", *statements)
    logging = {"TargetBucket": f"{name}-target", "TargetPrefix": "source/"}
    s3.put_bucket_logging(Bucket=f"{name}-source", BucketLoggingStatus={"LoggingEnabled": logging})
    return s3.get_bucket_logging(Bucket=f"{name}-source")["LoggingEnabled"]


@pytest.fixture
def logs(endpoint, name) -> Callable[[], list[Line]]:
    """The lines that were delivered for the bucket `{name}-source`, after a flush."""

    def read() -> list[Line]:
        endpoint.flush_access_logs()
        s3 = endpoint.client("s3")
        found = s3.list_objects_v2(Bucket=f"{name}-target").get("Contents", [])
        bodies = [s3.get_object(Bucket=f"{name}-target", Key=item["Key"])["Body"].read() for item in found]
        return [line for body in bodies for line in parsed(body.decode())]

    return read


@pytest.fixture
def source(endpoint, name) -> str:
    enable_logging(endpoint.client("s3"), name, deny_http(f"{name}-target"), delivery(name))
    return f"{name}-source"


# ─── Configuration ───


def test_a_target_may_have_other_statements_beside_the_delivery(aws, name):
    """`aws` is the emulator, and moto alone, which fails on the principal `*`."""
    target = f"{name}-target"
    enabled = enable_logging(aws("s3"), name, deny_http(target), delivery(name))
    assert enabled["TargetBucket"] == target


def test_a_target_must_exist(endpoint, name):
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=LOCATION)
    logging = {"TargetBucket": f"{name}-absent", "TargetPrefix": ""}
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": logging})


# ─── Lines ───


def test_every_field_is_that_of_the_request(endpoint, name, source, logs):
    s3 = endpoint.client("s3", config=Config(user_agent="probe/1.0 (a b)"))
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=source, Key="a b/ü.txt", Body=b"twelve bytes")["VersionId"]
    answer = s3.get_object(Bucket=source, Key="a b/ü.txt", VersionId=version, Range="bytes=0-5")
    line = logs()[-1]
    metadata = answer["ResponseMetadata"]
    received = datetime.strptime(line["requestdatetime"], "%d/%b/%Y:%H:%M:%S %z")
    assert abs(datetime.now(UTC) - received) < timedelta(minutes=1)
    assert re.fullmatch("[0-9a-f]{64}", line["bucketowner"])
    assert int(line["totaltime"]) >= int(line["turnaroundtime"]) >= 0
    assert line["ciphersuite"].startswith("TLS_")
    assert {column: line[column] for column in COLUMNS if column not in UNSTEADY} == {
        "bucket_name": source,
        "remoteip": "127.0.0.1",
        "requester": line["bucketowner"],
        "requestid": metadata["RequestId"],
        "operation": "REST.GET.OBJECT",
        "key": "a%20b/%C3%BC.txt",
        "request_uri": f'"GET /{source}/a%20b/%C3%BC.txt?versionId={version} HTTP/1.1"',
        "httpstatus": "206",
        "errorcode": "-",
        "bytessent": "6",
        "objectsize": "12",
        "referrer": '"-"',
        "useragent": f'"probe/1.0 (a b) Botocore/{botocore.__version__}"',
        "versionid": version,
        "hostid": metadata["HostId"],
        "sigv": "SigV4",
        "authtype": "AuthHeader",
        "endpoint": endpoint.https.removeprefix("https://"),
        "tlsversion": "TLSv1.3",
        "accesspointarn": "-",
        "aclrequired": "-",
    }


UNSTEADY = {"bucketowner", "requestdatetime", "totaltime", "turnaroundtime", "ciphersuite"}


def test_a_denied_request_is_logged_with_its_error(endpoint, name, source, logs):
    """Also one by plain HTTP, which has no TLS to tell of, and one by nobody in particular."""
    s3, plain = endpoint.client("s3"), endpoint.client("s3", endpoint_url=endpoint.http)
    s3.put_object(Bucket=source, Key="k", Body=b"value")
    put_policy(s3, source, deny_http(source))
    with pytest.raises(ClientError, match="AccessDenied"):
        plain.get_object(Bucket=source, Key="k")
    with pytest.raises(ClientError, match="403"):
        plain.head_object(Bucket=source, Key="k")
    anonymous(endpoint, f"/{source}/k")
    read, looked, nobody = logs()[-3:]
    told = ("operation", "httpstatus", "errorcode", "tlsversion", "ciphersuite", "sigv", "authtype")
    assert [read[column] for column in told] == [
        "REST.GET.OBJECT",
        "403",
        "AccessDenied",
        "-",
        "-",
        "SigV4",
        "AuthHeader",
    ]
    assert [looked[column] for column in told[:3]] == ["REST.HEAD.OBJECT", "403", "AccessDenied"]
    assert int(read["bytessent"]) > 0
    assert looked["bytessent"] == "-"
    assert [nobody[column] for column in (*told[1:3], "requester", "sigv", "authtype")] == [
        "403",
        "AccessDenied",
        "-",
        "-",
        "-",
    ]


def anonymous(endpoint, target: str, **headers: str) -> int:
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    address = endpoint.https.removeprefix("https://")
    connection = http.client.HTTPSConnection(address, context=context, timeout=10)
    connection.request("GET", target, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_an_access_list_that_was_needed_is_told(endpoint, name, source, logs):
    opened(endpoint.client("s3"), source)
    endpoint.client("s3").put_object(Bucket=source, Key="k", Body=b"value", ACL="public-read")
    assert anonymous(endpoint, f"/{source}/k") == 200
    assert logs()[-1]["aclrequired"] == "Yes"


OPERATIONS: dict[str, Callable[[Any, str], Any]] = {
    "REST.PUT.OBJECT": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="k", Body=b"value"),
    "REST.HEAD.OBJECT": lambda s3, bucket: s3.head_object(Bucket=bucket, Key="k"),
    "REST.GET.OBJECT_TAGGING": lambda s3, bucket: s3.get_object_tagging(Bucket=bucket, Key="k"),
    "REST.GET.BUCKET": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    "REST.GET.BUCKETVERSIONS": lambda s3, bucket: s3.list_object_versions(Bucket=bucket),
    "REST.HEAD.BUCKET": lambda s3, bucket: s3.head_bucket(Bucket=bucket),
    "REST.GET.VERSIONING": lambda s3, bucket: s3.get_bucket_versioning(Bucket=bucket),
    "REST.GET.LOGGING_STATUS": lambda s3, bucket: s3.get_bucket_logging(Bucket=bucket),
    "REST.PUT.ENCRYPTION": lambda s3, bucket: s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    ),
    "REST.POST.UPLOADS": lambda s3, bucket: s3.create_multipart_upload(Bucket=bucket, Key="m"),
    "REST.DELETE.OBJECT": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="k"),
}


def test_operations_have_their_documented_names(endpoint, name, source, logs):
    s3 = endpoint.client("s3")
    for call in OPERATIONS.values():
        call(s3, source)
    names = [line["operation"] for line in logs()]
    assert names[-len(OPERATIONS) :] == list(OPERATIONS)


def test_an_upload_in_parts_is_one_line_a_request(endpoint, name, source, logs):
    s3 = endpoint.client("s3")
    upload = s3.create_multipart_upload(Bucket=source, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=source, Key="m", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=source, Key="m", UploadId=upload, MultipartUpload=parts)
    last = [(line["operation"], line["key"]) for line in logs()[-3:]]
    assert last == [("REST.POST.UPLOADS", "m"), ("REST.PUT.PART", "m"), ("REST.POST.UPLOAD", "m")]


def test_a_copy_is_logged_at_its_source_too(endpoint, name, source, logs):
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=source, Key="from", Body=b"value")
    s3.copy_object(Bucket=source, Key="to", CopySource={"Bucket": source, "Key": "from"})
    put, get = logs()[-2:]
    assert (put["operation"], put["key"]) == ("REST.COPY.OBJECT", "to")
    assert (get["operation"], get["key"], get["objectsize"]) == ("REST.COPY.OBJECT_GET", "from", "5")
    assert put["requestid"] == get["requestid"]


def test_a_bulk_delete_is_one_line_a_key_besides(endpoint, name, source, logs):
    s3 = endpoint.client("s3")
    for key in ("kept", "gone"):
        s3.put_object(Bucket=source, Key=key, Body=b"value")
    kept = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject"}
    put_policy(s3, source, kept | {"Resource": f"arn:aws:s3:::{source}/kept"})
    s3.delete_objects(Bucket=source, Delete={"Objects": [{"Key": "kept"}, {"Key": "gone"}]})
    request, *keys = logs()[-3:]
    assert (request["operation"], request["httpstatus"]) == ("REST.POST.MULTI_OBJECT_DELETE", "200")
    assert sorted(
        (line["operation"], line["key"], line["httpstatus"], line["errorcode"]) for line in keys
    ) == [
        ("BATCH.DELETE.OBJECT", "gone", "204", "-"),
        ("BATCH.DELETE.OBJECT", "kept", "403", "AccessDenied"),
    ]


def test_a_client_cannot_forge_a_line(endpoint, name, source, logs):
    """A quote, a space or a control character of the client's stays within its field."""
    for header in ('x" 200 - "', "a\tb"):
        anonymous(endpoint, f"/{source}/a%22%20c", **{"User-Agent": header, "Referer": header})
    for line, agent in zip(logs()[-2:], ('"x%22 200 - %22"', '"a%09b"'), strict=True):
        assert (line["key"], line["httpstatus"]) == ("a%22%20c", "403")
        assert (line["useragent"], line["referrer"]) == (agent, agent.replace(" ", "%20"))


def test_the_expression_reads_a_line_of_the_documentation():
    """The parser of these tests is right by AWS's own example, not by our lines alone."""
    owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    example = (
        f"{owner} amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {owner} 891CE47D2EXAMPLE "
        'REST.GET.LOGGING_STATUS - "GET /amzn-s3-demo-bucket1?logging HTTP/1.1" 200 - 242 - 11 - "-" '
        '"S3Console/0.4" - 9vKBE6vMhrNiWHZmb2L0mXOcqPGzQOI5XLnCtZNPxev+Hf+7tpT6sxDwDty4LHBUOZJG96N1234= '
        "SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com "
        "TLSV1.2 - -"
    )
    (line,) = parsed(example)
    record = Record(
        bucket_owner=owner,
        bucket="amzn-s3-demo-bucket1",
        time=datetime(2019, 2, 6, 0, 0, 38, tzinfo=UTC),
        remote_ip="192.0.2.3",
        requester=owner,
        request_id="891CE47D2EXAMPLE",
        operation="REST.GET.LOGGING_STATUS",
        key=None,
        request_uri="GET /amzn-s3-demo-bucket1?logging HTTP/1.1",
        http_status=200,
        error_code=None,
        bytes_sent=242,
        object_size=None,
        total_time=11,
        turn_around_time=None,
        referer=None,
        user_agent="S3Console/0.4",
        version_id=None,
        host_id=line["hostid"],
        signature_version="SigV4",
        cipher_suite="ECDHE-RSA-AES128-GCM-SHA256",
        authentication_type="AuthHeader",
        host_header="amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com",
        tls_version="TLSV1.2",
    )
    assert record.line() == example + " -\n"  # and the source Region, which is newer than the example


# ─── Delivery ───


def test_logs_come_in_batches_below_the_prefix(endpoint, name, source, logs):
    s3 = endpoint.client("s3")
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=source, Key=key, Body=b"value")
    assert [line["key"] for line in logs()[-3:]] == ["a", "b", "c"]
    found = s3.list_objects_v2(Bucket=f"{name}-target")["Contents"]
    assert len(found) <= 2  # a batch every few seconds, not an object a request
    assert all(re.fullmatch(r"source/\d{4}(-\d\d){5}-[0-9A-F]{16}", item["Key"]) for item in found)
    assert logs() == logs()


def test_without_a_flush_they_come_by_themselves(endpoint, name, source):
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=source, Key="k", Body=b"value")
    deadline = time.monotonic() + 20
    while not s3.list_objects_v2(Bucket=f"{name}-target").get("Contents"):
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.parametrize(
    "statements",
    [
        lambda name: [],
        lambda name: [delivery(name) | {"Principal": {"Service": "delivery.logs.amazonaws.com"}}],
        lambda name: [delivery(name) | {"Action": "s3:GetObject"}],
        lambda name: [delivery(name) | {"Resource": f"arn:aws:s3:::{name}-target/other/*"}],
        lambda name: [delivery(name) | {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::other"}}}],
        lambda name: [delivery(name) | {"Condition": {"StringEquals": {"aws:SourceAccount": "9" * 12}}}],
        lambda name: [delivery(name), delivery(name) | {"Effect": "Deny"}],
    ],
    ids=["no policy", "service", "action", "prefix", "source", "account", "denied"],
)
def test_nothing_is_delivered_that_the_target_does_not_allow(endpoint, name, logs, statements):
    s3 = endpoint.client("s3")
    enable_logging(s3, name, *statements(name))
    s3.put_object(Bucket=f"{name}-source", Key="k", Body=b"value")
    assert logs() == []
    put_policy(s3, f"{name}-target", delivery(name))
    s3.put_object(Bucket=f"{name}-source", Key="k", Body=b"value")
    assert [line["operation"] for line in logs()] == ["REST.PUT.OBJECT"]


def test_nothing_is_delivered_to_a_target_with_a_kms_key(endpoint, name, source, logs):
    """The trap that the log bucket's AES256 avoids: on AWS, too, the logs just do not come."""
    s3 = endpoint.client("s3")
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
    s3.put_bucket_encryption(Bucket=f"{name}-target", ServerSideEncryptionConfiguration={"Rules": rules})
    before = len(logs())
    s3.put_object(Bucket=source, Key="k", Body=b"value")
    assert len(logs()) == before


def test_nothing_is_recorded_for_a_bucket_that_does_not_log(endpoint, name, source, logs):
    s3 = endpoint.client("s3")
    s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={})
    before = len(logs())
    s3.put_object(Bucket=source, Key="k", Body=b"value")
    assert len(logs()) == before
