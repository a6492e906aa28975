"""Objects that are created are events of the form that AWS documents, where a bucket has them sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from glue_jobs import until

from meshtest.emulator import ACCOUNT_ID, domain_region

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

REGION = domain_region()
PREFIX = "landing/orders/"
Told = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def s3(endpoint: Endpoint, name: str) -> Any:
    client = endpoint.client("s3")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def told(endpoint: Endpoint, s3: Any, name: str) -> Told:
    """told() → the events of the bucket below PREFIX that have come since, as a queue got them."""
    sns, sqs, events = (endpoint.client(each) for each in ("sns", "sqs", "events"))
    topic = sns.create_topic(Name=name)["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [name]}, "object": {"key": [{"prefix": PREFIX}]}},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic}])

    def told() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(json.loads(each["Body"])["Message"]) for each in found]

    return told


def enable(s3: Any, bucket: str) -> None:
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def put(s3: Any, bucket: str, key: str) -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=b"12345")["ETag"]).strip('"')


def test_an_event_has_the_form_that_aws_documents(s3: Any, name: str, told: Told) -> None:
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    enable(s3, name)
    etag = put(s3, name, f"{PREFIX}a.csv")
    (event,) = until(told, bool, 5)
    (version,) = s3.list_object_versions(Bucket=name)["Versions"]
    assert {key: event[key] for key in ("version", "detail-type", "source", "account", "region")} == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT_ID,
        "region": REGION,
    }
    assert event["resources"] == [f"arn:aws:s3:::{name}"]
    assert event["time"].endswith("Z")
    detail = event["detail"]
    assert int(detail["object"].pop("sequencer"), 16) > 0
    assert len(detail.pop("request-id")) == 16
    assert detail == {
        "version": "0",
        "bucket": {"name": name},
        "object": {"key": f"{PREFIX}a.csv", "size": 5, "etag": etag, "version-id": version["VersionId"]},
        "requester": ACCOUNT_ID,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }


def copied(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="elsewhere/a.csv", Body=b"12345")
    s3.copy_object(
        Bucket=bucket, Key=f"{PREFIX}a.csv", CopySource={"Bucket": bucket, "Key": "elsewhere/a.csv"}
    )


def in_parts(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": f"{PREFIX}a.csv"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"12345")["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)


@pytest.mark.parametrize(
    ("create", "reason"), [(copied, "CopyObject"), (in_parts, "CompleteMultipartUpload")]
)
def test_an_event_tells_how_its_object_came(
    s3: Any, name: str, told: Told, create: Callable[[Any, str], None], reason: str
) -> None:
    enable(s3, name)
    create(s3, name)
    (event,) = until(told, bool, 5)
    assert (event["detail"]["reason"], event["detail"]["object"]["size"]) == (reason, 5)
    put(s3, name, f"{PREFIX}last.csv")
    (following,) = until(told, bool, 5)  # and there was one event of the first
    assert following["detail"]["object"]["key"] == f"{PREFIX}last.csv"


def test_a_bucket_sends_no_events_until_it_is_told_to(s3: Any, name: str, told: Told) -> None:
    put(s3, name, f"{PREFIX}a.csv")
    put(s3, name, "elsewhere/a.csv")
    enable(s3, name)
    put(s3, name, f"{PREFIX}b.csv")
    (event,) = until(told, bool, 5)
    assert event["detail"]["object"]["key"] == f"{PREFIX}b.csv"
    assert "version-id" not in event["detail"]["object"]


def test_the_configuration_is_told_as_it_was_put(s3: Any, name: str) -> None:
    def told() -> dict[str, Any]:
        found = s3.get_bucket_notification_configuration(Bucket=name)
        return {key: value for key, value in found.items() if key != "ResponseMetadata"}

    assert told() == {}
    given = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=given)
    assert told() == given
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    assert told() == {}
