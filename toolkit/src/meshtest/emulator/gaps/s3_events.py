"""An object that is created is an event on the default bus, if its bucket's configuration says so.

moto 5.2.5 lacks: the form that AWS documents (its reason is ObjectCreated, its etag is called eTag, and ids
and sequencers are the same in all), the way by the default bus alone, one event of an upload in parts (there
is a second, of a PutObject), and EventBridge in what GetBucketNotificationConfiguration tells. Other events
stay moto's.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
"""

from __future__ import annotations

import json
import secrets
import time
from contextvars import ContextVar
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.s3 import notifications
from moto.s3.models import S3Backend
from moto.s3.notifications import S3NotificationEvent
from moto.s3.responses import S3Response

REASONS: Final = {
    S3NotificationEvent.OBJECT_CREATED_PUT_EVENT: "PutObject",
    S3NotificationEvent.OBJECT_CREATED_POST_EVENT: "POST Object",
    S3NotificationEvent.OBJECT_CREATED_COPY_EVENT: "CopyObject",
    S3NotificationEvent.OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD_EVENT: "CompleteMultipartUpload",
}
_send_otherwise = notifications._send_event_bridge_message
_complete = S3Backend.complete_multipart_upload
_get_notification = S3Response.get_bucket_notification
_is_completing: ContextVar[bool] = ContextVar("is_completing", default=False)


def install() -> None:
    """Send the events of created objects as AWS does."""
    module: Any = notifications
    module._send_event_bridge_message = _send
    backend: Any = S3Backend
    backend.complete_multipart_upload = _complete_multipart_upload
    response: Any = S3Response
    response.get_bucket_notification = _get_bucket_notification


def _get_bucket_notification(self: Any) -> Any:
    configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
    if configuration is None or configuration.event_bridge is None:
        return _get_notification(self)
    serialized = self.serialized
    self.serialized = lambda answer: serialized(
        ActionResult(answer.result | {"EventBridgeConfiguration": {}})
    )
    try:
        return _get_notification(self)
    finally:
        del self.serialized


def _complete_multipart_upload(self: Any, *arguments: Any, **named: Any) -> Any:
    token = _is_completing.set(True)
    try:
        return _complete(self, *arguments, **named)
    finally:
        _is_completing.reset(token)


def _send(account_id: str, bucket: Any, event_name: S3NotificationEvent, key: Any) -> None:
    if event_name not in REASONS:
        _send_otherwise(account_id, bucket, event_name, key)
        return
    if _is_completing.get() and event_name == S3NotificationEvent.OBJECT_CREATED_PUT_EVENT:
        return
    # Not by HTTP: the caller holds the lock of its service.
    from moto.events.models import events_backends

    from meshtest.emulator import gaps

    gaps.install("events")
    events_backends[account_id][bucket.region_name].put_events(
        [
            {
                "Source": "aws.s3",
                "DetailType": "Object Created",
                "Resources": [bucket.arn],
                "Detail": json.dumps(detail(account_id, bucket, event_name, key)),
            }
        ]
    )


def detail(account_id: str, bucket: Any, event_name: S3NotificationEvent, key: Any) -> dict[str, Any]:
    """Return what an event says of an object; its version is there if the bucket keeps versions."""
    version = {"version-id": key.version_id} if bucket.is_versioned else {}
    return {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {
            "key": key.name,
            "size": key.size,
            "etag": key.etag.strip('"'),
            **version,
            "sequencer": f"{time.time_ns():018X}",
        },
        "request-id": secrets.token_hex(8).upper(),
        "requester": account_id,
        "source-ip-address": "127.0.0.1",
        "reason": REASONS[event_name],
    }
