"""The bills of materials: what is in the wheel and in the container, by which bytes, the same each time."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from checkouts import python

from meshtest.deploy.artifacts import materials


def bills(checkout, built, folder):
    """Wheel's and container's bills."""
    answer = python(
        checkout, "-m", "meshtest.deploy.artifacts", "sbom", "--built", str(built), "--output", str(folder)
    )
    assert answer.returncode == 0, answer.stderr
    files = [folder / line.rsplit("/", 1)[1] for line in answer.stdout.splitlines()]
    assert sorted(folder.iterdir()) == sorted(files)
    return files


def test_the_wheel_is_named_by_version_and_digest_and_needs_nothing(builds, checkout, tmp_path):
    built, release = builds("old")
    file, _ = bills(checkout, built, tmp_path / "sbom")
    assert file.name == f"core-{release.version}.cdx.json"
    content = json.loads(file.read_text())
    assert content["bomFormat"] == "CycloneDX"
    (component,) = content["components"]
    assert (component["name"], component["version"]) == ("core", release.version)
    (reference,) = component["externalReferences"]
    assert reference["url"] == release.wheel
    digest = hashlib.sha256((built / release.wheel).read_bytes()).hexdigest()
    assert reference["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert content["dependencies"] == [{"ref": component["bom-ref"]}]


@pytest.mark.parametrize("noted", [{}, {"hashes": [{"alg": "SHA-256", "content": "f" * 64}]}])
def test_the_digest_is_the_wheels_whatever_pip_notes(tmp_path, noted):
    wheel = tmp_path / "core-1.0.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    kept = {"type": "website", "url": "https://example.com"}
    lain = {"type": "distribution", "url": f"file://{wheel}", **noted}
    bill = {"components": [{"name": "core", "externalReferences": [kept, lain]}, {"name": "other"}]}
    materials.name_wheel(bill, wheel)
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(b"wheel").hexdigest()}]
    named = {"type": "distribution", "url": f"wheels/{wheel.name}", "hashes": hashes}
    assert bill["components"][0]["externalReferences"] == [kept, named]


def test_the_container_is_base_image_packages_and_jars(builds, checkout, tmp_path):
    built, release = builds("old")
    _, file = bills(checkout, built, tmp_path / "sbom")
    assert file.name == f"container-{release.version}.cdx.json"
    content = json.loads(file.read_text())
    assert content["metadata"]["component"]["version"] == release.version
    kinds = {}
    for component in content["components"]:
        kinds.setdefault(component["purl"].split("/")[0], {})[component["name"]] = component
    assert kinds.keys() == {"pkg:docker", "pkg:maven", "pkg:pypi"}

    digest = re.search(r"sha256:(\w+)", (checkout / "Dockerfile").read_text()).group(1)
    assert kinds["pkg:docker"]["python"]["hashes"] == [{"alg": "SHA-256", "content": digest}]

    locks = [(checkout / f"requirements-{name}.lock").read_text() for name in ("build", "container")]
    locked = {name: version for lock in locks for name, version in re.findall(r"^(\S+)==(\S+)", lock, re.M)}
    del locked["colorama"]  # for Windows
    assert {name: found["version"] for name, found in kinds["pkg:pypi"].items()} == locked
    assert locked["pyspark"] == "3.5.6"
    for found in kinds["pkg:pypi"].values():
        assert found["externalReferences"][0]["hashes"], found["name"]

    jars = json.loads((checkout / "setup" / "jars.lock.json").read_text())
    assert {
        f"{found['group']}:{name}:{found['version']}": found["hashes"][0]["content"]
        for name, found in kinds["pkg:maven"].items()
    } == jars
    (root, *_) = content["dependencies"]
    assert root["dependsOn"] == sorted(component["bom-ref"] for component in content["components"])


def test_the_same_build_gives_the_same_bills(builds, checkout, tmp_path):
    built, _ = builds("old")
    once, again = (bills(checkout, built, tmp_path / name) for name in ("once", "again"))
    assert [file.read_bytes() for file in once] == [file.read_bytes() for file in again]


@pytest.mark.parametrize("line", ["FROM python:3.11 AS base", f"FROM python:3.11@sha256:{'0' * 64} AS other"])
def test_a_base_image_that_is_not_pinned_is_refused(builds, checkout, tmp_path, line):
    built, _ = builds("old")
    file = checkout / "Dockerfile"
    file.write_text(re.sub(r"^FROM .* AS base$", line, file.read_text(), flags=re.M))
    folder = str(tmp_path / "sbom")
    answer = python(
        checkout, "-m", "meshtest.deploy.artifacts", "sbom", "--built", str(built), "--output", folder
    )
    assert answer.returncode == 1
    assert answer.stderr == (
        "artifacts: Dockerfile: no line FROM name:tag@sha256:… AS base; expected a pinned image\n"
    )


def test_without_a_build_the_remedy_is_named(checkout, tmp_path):
    answer = python(checkout, "-m", "meshtest.deploy.artifacts", "sbom", "--built", str(tmp_path / "none"))
    assert answer.returncode == 1
    assert answer.stderr == f"artifacts: {tmp_path}/none holds no build: run `make wheel` first\n"
