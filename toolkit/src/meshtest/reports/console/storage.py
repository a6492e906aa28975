"""Buckets and what lies in them, a folder at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PAGE = 200


class Missing(Exception):
    """There is no such thing in the domain; the message names it."""


@dataclass(frozen=True)
class Object:
    """An object of a folder; `name` is its key without the folder's, `size` is in bytes."""

    key: str
    name: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Folder:
    """The keys below a prefix up to the next slash; `after` continues where a page of them ended."""

    prefix: str
    folders: tuple[str, ...]
    objects: tuple[Object, ...]
    after: str

    @property
    def parents(self) -> list[str]:
        """The prefixes above it and its own, the longest last."""
        parts = self.prefix.split("/")[:-1]
        return ["/".join(parts[: end + 1]) + "/" for end in range(len(parts))]


def buckets(s3: Any) -> list[str]:
    """The names of all buckets."""
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def folder(s3: Any, bucket: str, prefix: str, after: str = "") -> Folder:
    """One page of a folder.

    Raises:
        Missing: there is no such bucket.
    """
    query = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/", "MaxKeys": PAGE}
    try:
        found = s3.list_objects_v2(**query, **({"ContinuationToken": after} if after else {}))
    except s3.exceptions.NoSuchBucket:
        raise Missing(f"There is no bucket {bucket}") from None
    objects = tuple(_object(each, prefix) for each in found.get("Contents", []))
    folders = tuple(each["Prefix"] for each in found.get("CommonPrefixes", []))
    return Folder(prefix, folders, objects, found.get("NextContinuationToken", ""))


def _object(found: Mapping[str, Any], prefix: str) -> Object:
    key = found["Key"]
    return Object(key, key.removeprefix(prefix), found["Size"], found["LastModified"])
