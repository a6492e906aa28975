"""A release in the artifacts bucket: put there, read back, gone back to."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshtest.deploy.artifacts import LATEST_KEY, LATEST_ZIP_KEY, LIST, ArtifactsError, Release
from meshtest.deploy.artifacts.building import built_release

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NOT_THERE = ("404", "NoSuchKey", "NotFound")
_TAKEN = ("412", "PreconditionFailed")
Say = Callable[[str], None]


def _nothing(text: str) -> None:
    """Say nothing."""


# ─── Upload ───


def upload(built: Path, s3: S3Client, bucket: str, say: Say = _nothing) -> Release:
    """Put what `build` made below `built` into `bucket`: the versioned wheel first, the ``latest`` ones last.

    What is there already under the version is left alone. Wherever an upload is cut off, ``latest`` is a copy
    of a version that is there, and every version with a list is complete.

    Raises:
        ArtifactsError: see `built_release`; or the version is there with other bytes.
        ClientError: S3 refuses.
    """
    release = built_release(built)
    for key in release.latest:
        _put_once(s3, bucket, key, (built / key).read_bytes(), release, say)
    for key in release.jobs:
        _put_once(s3, bucket, release.folder + key, (built / key).read_bytes(), release, say)
    _put_once(s3, bucket, release.folder + LIST, release.as_json().encode(), release, say)
    for key in release.jobs:
        _put(s3, bucket, key, (built / key).read_bytes(), release.metadata(key))
        say(f"put       {key}")
    for key, copy in release.latest.items():
        _put(s3, bucket, copy, (built / copy).read_bytes(), release.metadata(key))
        say(f"put       {copy}")
    return release


def _put(s3: S3Client, bucket: str, key: str, body: bytes, metadata: dict[str, str], **options: Any) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata, ChecksumAlgorithm="SHA256", **options)


def _put_once(s3: S3Client, bucket: str, key: str, body: bytes, release: Release, say: Say) -> None:
    from botocore.exceptions import ClientError

    digest = hashlib.sha256(body).hexdigest()
    metadata = {"commit": release.commit or "unknown", "sha256": digest, "version": release.version}
    try:
        _put(s3, bucket, key, body, metadata, IfNoneMatch="*")
        say(f"put       {key}")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
        found = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if found != body:
            raise ArtifactsError(
                f"s3://{bucket}/{key} is there with other content: found SHA-256 "
                f"{hashlib.sha256(found).hexdigest()}, expected {digest}; a version is never overwritten: "
                "commit and build again"
            ) from None
        say(f"there     {key}")


# ─── What Is Deployed ───


@dataclass(frozen=True)
class Deployed:
    """What an artifacts bucket holds: the releases to go back to, and the version of each object in use.

    ``problems`` are lines about what does not belong together; a sound deployment has none.
    """

    bucket: str
    releases: tuple[str, ...]
    versions: dict[str, str]
    commit: str
    problems: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version of the wheel that jobs import."""
        return self.versions.get(LATEST_KEY, "")


def deployed(s3: S3Client, bucket: str) -> Deployed:
    """Read back what is in a bucket: from the objects themselves, not from what an upload said of them.

    Raises:
        ClientError: there is no such bucket, or S3 refuses.
    """
    releases = tuple(_releases(s3, bucket))
    latest = _get(s3, bucket, LATEST_KEY)
    if latest is None:
        return Deployed(
            bucket, releases, {}, "", (f"s3://{bucket} has no {LATEST_KEY}: nothing is deployed",)
        )
    body, metadata = latest
    known = {key: Release.from_json(text) for key, text in _lists(s3, bucket, releases)}
    versions = {LATEST_KEY: metadata.get("version", "unknown")}
    problems = [*_wheel_problems(body, metadata, known), *_zip_problems(s3, bucket, metadata, known)]
    for key in _keys(s3, bucket, "jobs/"):
        content, told = _get(s3, bucket, key) or (b"", {})
        versions[key] = told.get("version", "unknown")
        problems += _job_problems(key, content, versions, known)
    return Deployed(bucket, releases, versions, metadata.get("commit", "unknown"), tuple(problems))


def _wheel_problems(body: bytes, metadata: dict[str, str], known: dict[str, Release]) -> Iterator[str]:
    told = metadata.get("version", "unknown")
    own = wheel_version(body)
    if own != told:
        yield f"{LATEST_KEY} says version {told}, but its archive says {own}"
    elif told not in known:
        yield f"{LATEST_KEY} is version {told}, of which there is no releases/{told}/{LIST}"
    elif hashlib.sha256(body).hexdigest() != known[told].digests[known[told].wheel]:
        yield f"{LATEST_KEY} is not the wheel of version {told}"


def _zip_problems(
    s3: S3Client, bucket: str, wheel: dict[str, str], known: dict[str, Release]
) -> Iterator[str]:
    body, metadata = _get(s3, bucket, LATEST_ZIP_KEY) or (b"", {})
    told, expected = metadata.get("version", "unknown"), wheel.get("version", "unknown")
    if told != expected:
        yield f"{LATEST_ZIP_KEY} is version {told}, but the wheel is {expected}"
    elif told in known and hashlib.sha256(body).hexdigest() != known[told].digests.get(
        known[told].zip_of_wheels
    ):
        yield f"{LATEST_ZIP_KEY} is not the archive of version {told}"


def _job_problems(
    key: str, content: bytes, versions: dict[str, str], known: dict[str, Release]
) -> Iterator[str]:
    told, latest = versions[key], versions[LATEST_KEY]
    if told not in known:
        yield f"{key} is version {told}, of which there is no releases/{told}/{LIST}"
    elif hashlib.sha256(content).hexdigest() != known[told].digests.get(key):
        yield f"{key} is not the file of version {told}"
    # A job that came after the version in use is left alone by a rollback: nothing of that version starts it.
    elif told != latest and latest in known and key in known[latest].digests:
        yield f"{key} is version {told}, but the wheel is {latest}"


def wheel_version(body: bytes) -> str:
    """The version that a wheel's own metadata tells; "unknown" if it is no wheel."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            text = archive.read(name).decode()
    except (zipfile.BadZipFile, StopIteration):
        return "unknown"
    found = re.search(r"^Version: (\S+)", text, re.MULTILINE)
    return found.group(1) if found else "unknown"


def _releases(s3: S3Client, bucket: str) -> Iterator[str]:
    """The complete releases, oldest upload first."""
    lists = [each for each in _objects(s3, bucket, "releases/") if each["Key"].endswith(f"/{LIST}")]
    yield from (each["Key"].split("/")[1] for each in sorted(lists, key=lambda each: each["LastModified"]))


def _lists(s3: S3Client, bucket: str, releases: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in releases:
        found = _get(s3, bucket, f"releases/{name}/{LIST}")
        if found:
            yield name, found[0].decode()


def _objects(s3: S3Client, bucket: str, prefix: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def _keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    return sorted(each["Key"] for each in _objects(s3, bucket, prefix))


def _get(s3: S3Client, bucket: str, key: str) -> tuple[bytes, dict[str, str]] | None:
    """An object's content and metadata; None if it is not there."""
    from botocore.exceptions import ClientError

    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return None
        raise
    return found["Body"].read(), found["Metadata"]


# ─── Rollback ───


def rollback(wanted: str, s3: S3Client, bucket: str, say: Say = _nothing) -> Release:
    """Make another release the one that the jobs run: its job files, then its wheel as ``latest``.

    Jobs start with it from their next run on. What came after that version stays where it is, unused.

    Raises:
        ArtifactsError: there is no such release in the bucket; the message lists those that are.
        ClientError: S3 refuses.
    """
    text = _get(s3, bucket, f"releases/{wanted}/{LIST}")
    if text is None:
        there = ", ".join(_releases(s3, bucket)) or "none"
        raise ArtifactsError(f"s3://{bucket} has no version {wanted or '(empty)'}; there are: {there}")
    release = Release.from_json(text[0].decode())
    if release.zip_of_wheels not in release.digests:
        raise ArtifactsError(
            f"version {wanted} was built before there was a {release.zip_of_wheels}, which jobs install: "
            "check its commit out, and build and upload it again"
        )
    for key in release.jobs:
        _copy(s3, bucket, release.folder + key, key)
        say(f"restored  {key}")
    for key, copy in release.latest.items():
        _copy(s3, bucket, key, copy)
        say(f"restored  {copy}")
    return release


def _copy(s3: S3Client, bucket: str, source: str, target: str) -> None:
    """Within the bucket, metadata included."""
    s3.copy_object(
        Bucket=bucket,
        Key=target,
        CopySource={"Bucket": bucket, "Key": source},
        ChecksumAlgorithm="SHA256",
    )
