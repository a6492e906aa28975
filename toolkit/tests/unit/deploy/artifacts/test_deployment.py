"""A release in the bucket of an embedded AWS: put there in order, read back, gone back to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkouts import PROJECT

from meshtest.deploy.artifacts import LATEST_KEY, LATEST_ZIP_KEY, ArtifactsError, Release, deployment


class Cut(Exception):
    """The connection is gone."""


class Recorder:
    """An S3 client that notes the keys it puts, and fails at the put of a given number."""

    def __init__(self, client, fail_at: int | None = None) -> None:
        self._client, self._fail_at, self.keys = client, fail_at, []

    def put_object(self, **arguments):
        if len(self.keys) == self._fail_at:
            raise Cut
        self.keys.append(arguments["Key"])
        return self._client.put_object(**arguments)

    def __getattr__(self, name: str):
        return getattr(self._client, name)


def keys(s3, bucket: str) -> set[str]:
    return {found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def upload_both(builds, s3, bucket: str) -> list[Release]:
    """The old release, then the new one, in another second: S3 tells no less of when an object was made."""
    releases = []
    for name in ("old", "new"):
        built, release = builds(name)
        deployment.upload(built, s3, bucket)
        releases.append(release)
        time.sleep(1 - time.time() % 1)
    return releases


def metadata(s3, bucket: str, key: str) -> dict[str, str]:
    return s3.head_object(Bucket=bucket, Key=key)["Metadata"]


# ─── Upload ───


def test_the_versioned_wheel_goes_first_and_latest_last(builds, s3, bucket):
    built, release = builds("old")
    recorder = Recorder(s3)
    deployment.upload(built, recorder, bucket)
    assert recorder.keys[0] == release.wheel
    assert recorder.keys[-2:] == [LATEST_KEY, LATEST_ZIP_KEY]
    assert recorder.keys.index(f"{release.folder}release.json") < recorder.keys.index(release.jobs[0])
    assert keys(s3, bucket) == set(recorder.keys)


def test_wherever_an_upload_is_cut_off_what_jobs_use_is_of_a_version_that_is_there(builds, s3, bucket):
    old, first = builds("old")
    new, second = builds("new")
    deployment.upload(old, s3, bucket)
    wanted = len(second.jobs) * 2 + 4
    for cut in (0, 1, len(second.jobs), len(second.jobs) + 2, wanted - 2, wanted - 1):
        with pytest.raises(Cut):
            deployment.upload(new, Recorder(s3, fail_at=cut), bucket)
        found = deployment.deployed(s3, bucket)
        assert found.version == first.version
        for version in {*found.versions.values()}:
            assert version in found.releases
    deployment.upload(new, s3, bucket)
    assert deployment.deployed(s3, bucket).problems == ()


def test_every_object_carries_commit_version_and_digest(builds, s3, bucket):
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    copies = {copy: key for key, copy in release.latest.items()}
    for key in (*release.latest, *copies, *release.jobs):
        source = copies.get(key, key)
        assert metadata(s3, bucket, key) == {
            "commit": release.commit,
            "sha256": release.digests[source],
            "version": release.version,
        }


def test_a_second_upload_of_a_version_leaves_it_alone(builds, s3, bucket):
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    before = s3.head_object(Bucket=bucket, Key=release.wheel)["LastModified"]
    said: list[str] = []
    deployment.upload(built, s3, bucket, said.append)
    assert f"there     {release.wheel}" in said
    assert s3.head_object(Bucket=bucket, Key=release.wheel)["LastModified"] == before


def test_a_version_is_never_overwritten_by_other_bytes(builds, s3, bucket):
    built, release = builds("old")
    s3.put_object(Bucket=bucket, Key=release.wheel, Body=b"another")
    with pytest.raises(ArtifactsError, match="is there with other content: found SHA-256") as caught:
        deployment.upload(built, s3, bucket)
    assert release.digests[release.wheel] in str(caught.value)
    assert keys(s3, bucket) == {release.wheel}
    assert s3.get_object(Bucket=bucket, Key=release.wheel)["Body"].read() == b"another"


# ─── What is deployed ───


def test_an_empty_bucket_has_nothing_deployed(s3, bucket):
    found = deployment.deployed(s3, bucket)
    assert (found.version, found.releases) == ("", ())
    assert found.problems == (f"s3://{bucket} has no {LATEST_KEY}: nothing is deployed",)


def test_the_version_of_everything_that_jobs_use_is_read_back(builds, s3, bucket):
    releases = upload_both(builds, s3, bucket)
    release = releases[-1]
    found = deployment.deployed(s3, bucket)
    assert found.releases == tuple(each.version for each in releases)
    assert found.versions == dict.fromkeys([LATEST_KEY, *release.jobs], release.version)
    assert (found.version, found.commit, found.problems) == (release.version, release.commit, ())


def test_what_somebody_changed_by_hand_is_a_problem(builds, s3, bucket):
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    script = release.jobs[0]
    s3.put_object(Bucket=bucket, Key=script, Body=b"by hand")
    assert deployment.deployed(s3, bucket).problems == (
        f"{script} is version unknown, of which there is no releases/unknown/release.json",
    )
    s3.put_object(Bucket=bucket, Key=script, Body=b"by hand", Metadata=release.metadata(script))
    assert deployment.deployed(s3, bucket).problems == (
        f"{script} is not the file of version {release.version}",
    )


def test_a_latest_that_is_another_versions_wheel_is_a_problem(builds, s3, bucket):
    old, first = builds("old")
    new, second = builds("new")
    deployment.upload(old, s3, bucket)
    deployment.upload(new, s3, bucket)
    body = (old / first.wheel).read_bytes()
    s3.put_object(Bucket=bucket, Key=LATEST_KEY, Body=body, Metadata=second.metadata(second.wheel))
    assert deployment.deployed(s3, bucket).problems == (
        f"{LATEST_KEY} says version {second.version}, but its archive says {first.version}",
    )
    s3.put_object(Bucket=bucket, Key=LATEST_ZIP_KEY, Body=body, Metadata=second.metadata(second.wheel))
    archive = f"{LATEST_ZIP_KEY} is not the archive of version {second.version}"
    assert archive in deployment.deployed(s3, bucket).problems
    s3.put_object(Bucket=bucket, Key=LATEST_KEY, Body=body, Metadata=first.metadata(first.wheel))
    problems = deployment.deployed(s3, bucket).problems
    for key in (LATEST_ZIP_KEY, first.jobs[0]):
        assert f"{key} is version {second.version}, but the wheel is {first.version}" in problems


def test_a_latest_of_a_version_without_a_list_is_a_problem(builds, s3, bucket):
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    s3.delete_object(Bucket=bucket, Key=f"{release.folder}release.json")
    problem = f"is version {release.version}, of which there is no {release.folder}release.json"
    assert deployment.deployed(s3, bucket).problems == tuple(
        f"{key} {problem}" for key in (LATEST_KEY, *release.jobs)
    )


def test_a_latest_that_is_no_wheel_is_a_problem(builds, s3, bucket):
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    s3.put_object(Bucket=bucket, Key=LATEST_KEY, Body=b"x", Metadata=release.metadata(release.wheel))
    assert deployment.deployed(s3, bucket).problems == (
        f"{LATEST_KEY} says version {release.version}, but its archive says unknown",
    )


# ─── Rollback ───


def test_a_rollback_brings_the_wheel_and_the_job_files_of_the_version(builds, s3, bucket, tmp_path):
    old, _ = builds("old")
    first, second = upload_both(builds, s3, bucket)
    assert "NEWS" in core_in_use(s3, bucket, tmp_path / "before")
    deployment.rollback(first.version, s3, bucket)
    found = deployment.deployed(s3, bucket)
    assert (found.version, found.commit, found.problems) == (first.version, first.commit, ())
    assert found.releases == (first.version, second.version)
    for key in (LATEST_KEY, LATEST_ZIP_KEY, *first.jobs):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == (old / key).read_bytes()
    assert "NEWS" not in core_in_use(s3, bucket, tmp_path / "after")
    # A job that came later stays where it is: the state machines of the old version do not start it.
    assert found.versions[f"jobs/{PROJECT}/added.py"] == second.version


def core_in_use(s3, bucket: str, folder: Path) -> str:
    """The names of core.errors, imported from the archive that jobs are given."""
    folder.mkdir()
    wheel = folder / Path(LATEST_KEY).name
    s3.download_file(bucket, LATEST_KEY, str(wheel))
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import core.errors; print(dir(core.errors))"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True
    ).stdout


def test_a_version_without_an_archive_to_install_is_none_to_go_back_to(builds, s3, bucket):
    """As those are that were uploaded before there was one."""
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    files = {key: digest for key, digest in release.digests.items() if key != release.zip_of_wheels}
    older = Release("0.9.0", release.commit, files)
    s3.put_object(Bucket=bucket, Key=f"{older.folder}release.json", Body=older.as_json().encode())
    with pytest.raises(
        ArtifactsError, match=r"version 0\.9\.0 was built before there was a wheels/core-0\.9"
    ):
        deployment.rollback("0.9.0", s3, bucket)
    assert deployment.deployed(s3, bucket).version == release.version


def test_a_rollback_can_be_taken_back(builds, s3, bucket):
    versions = [release.version for release in upload_both(builds, s3, bucket)]
    deployment.rollback(versions[0], s3, bucket)
    deployment.rollback(versions[1], s3, bucket)
    found = deployment.deployed(s3, bucket)
    assert (found.version, found.problems) == (versions[1], ())


def test_a_rollback_to_what_is_not_there_lists_what_is_and_changes_nothing(builds, s3, bucket):
    versions = [release.version for release in upload_both(builds, s3, bucket)]
    with pytest.raises(ArtifactsError) as caught:
        deployment.rollback("1.0.0+g00000000", s3, bucket)
    assert str(caught.value) == (
        f"s3://{bucket} has no version 1.0.0+g00000000; there are: {', '.join(versions)}"
    )
    assert deployment.deployed(s3, bucket).version == versions[1]


def test_an_upload_that_was_cut_off_cannot_be_gone_back_to(builds, s3, bucket):
    built, release = builds("old")
    with pytest.raises(Cut):
        deployment.upload(built, Recorder(s3, fail_at=2), bucket)
    with pytest.raises(ArtifactsError, match="there are: none"):
        deployment.rollback(release.version, s3, bucket)


def test_the_list_in_the_bucket_is_that_of_the_build(builds, s3, bucket):
    built, release = builds("old")
    deployment.upload(built, s3, bucket)
    stored = s3.get_object(Bucket=bucket, Key=f"{release.folder}release.json")["Body"].read()
    assert json.loads(stored) == json.loads((built / "release.json").read_text())
