"""A line of an S3 server access log, as AWS documents it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html: space-delimited fields, "-" for what
does not apply. Pure: nothing here knows a request or moto.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

ABSENT = "-"
_QUOTED = frozenset({"request_uri", "referer", "user_agent"})
_SPACED = frozenset({"time", "request_uri", "user_agent"})
# Characters of a key that stay as they are: what S3's own addresses leave unescaped, and the slash.
_SAFE_IN_KEYS = "/-._~!$'()*,;:@&=+"

# What a query parameter asks for, in the resource type of an operation (REST.GET.BUCKETPOLICY).
_BUCKET_RESOURCES = {
    "accelerate": "ACCELERATE",
    "acl": "ACL",
    "analytics": "ANALYTICS",
    "cors": "CORS",
    "delete": "MULTI_OBJECT_DELETE",
    "encryption": "ENCRYPTION",
    "intelligent-tiering": "INTELLIGENT_TIERING",
    "inventory": "INVENTORY",
    "lifecycle": "LIFECYCLE",
    "location": "LOCATION",
    "logging": "LOGGING_STATUS",
    "metrics": "METRICS",
    "notification": "NOTIFICATION",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "ownershipControls": "OWNERSHIP_CONTROLS",
    "policy": "BUCKETPOLICY",
    "policyStatus": "POLICY_STATUS",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "replication": "REPLICATION",
    "requestPayment": "REQUEST_PAYMENT",
    "tagging": "TAGGING",
    "uploads": "UPLOADS",
    "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS",
    "website": "WEBSITE",
}
_OBJECT_RESOURCES = {
    "acl": "ACL",
    "attributes": "OBJECT_ATTRIBUTES",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "restore": "OBJECT_RESTORE",
    "retention": "OBJECT_LOCK_RETENTION",
    "select": "SELECT",
    "tagging": "OBJECT_TAGGING",
    "uploads": "UPLOADS",
}


@dataclass(frozen=True)
class Record:
    """One request in the log: the fields in their documented order, None where one does not apply.

    Sizes are in bytes, times in milliseconds; ``time`` is in UTC.
    """

    bucket_owner: str
    bucket: str
    time: datetime
    remote_ip: str
    requester: str | None
    request_id: str
    operation: str
    key: str | None
    request_uri: str
    http_status: int
    error_code: str | None
    bytes_sent: int | None
    object_size: int | None
    total_time: int | None
    turn_around_time: int | None
    referer: str | None
    user_agent: str | None
    version_id: str | None
    host_id: str | None
    signature_version: str | None
    cipher_suite: str | None
    authentication_type: str | None
    host_header: str | None
    tls_version: str | None
    access_point_arn: str | None = None
    acl_required: str | None = None
    source_region: str | None = None

    def line(self) -> str:
        """The line, with its line feed."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["time"] = f"[{self.time:%d/%b/%Y:%H:%M:%S} +0000]"
        values["key"] = None if self.key is None else quote(self.key, safe=_SAFE_IN_KEYS)
        return " ".join(_field(name, value) for name, value in values.items()) + "\n"


def _field(name: str, value: object) -> str:
    text = ABSENT if value is None else _unbroken(str(value))
    if name in _QUOTED:
        text = '"' + text.replace('"', "%22") + '"'
    return text if name in _SPACED else text.replace(" ", "%20")


def _unbroken(text: str) -> str:
    """Text that cannot begin a line of its own: what a client sends must not forge a record."""
    return "".join(character if character.isprintable() else quote(character) for character in text)


def operation(method: str, query: Mapping[str, object], *, has_key: bool, is_copy: bool = False) -> str:
    """The operation of a request: REST.GET.OBJECT, REST.PUT.PART, REST.COPY.OBJECT …"""
    if has_key and "uploadId" in query:
        resource = "PART" if "partNumber" in query else "UPLOAD"
    elif has_key:
        resource = next((name for key, name in _OBJECT_RESOURCES.items() if key in query), "OBJECT")
    else:
        resource = next((name for key, name in _BUCKET_RESOURCES.items() if key in query), "BUCKET")
    return f"REST.{'COPY' if is_copy else method}.{resource}"
