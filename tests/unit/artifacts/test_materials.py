"""The wheel's bill of materials: what is in it, by which bytes, the same each time."""

from __future__ import annotations

import hashlib
import json

from checkouts import python


def test_the_wheel_is_named_by_version_and_digest_and_needs_nothing(builds, checkout, tmp_path):
    built, release = builds("old")
    file = tmp_path / "core.cdx.json"
    answer = python(
        checkout, "-m", "meshtest.artifacts", "sbom", "--built", str(built), "--output", str(file)
    )
    assert (answer.returncode, answer.stdout) == (0, f"{file}\n"), answer.stderr
    content = json.loads(file.read_text())
    assert content["bomFormat"] == "CycloneDX"
    (component,) = content["components"]
    assert (component["name"], component["version"]) == ("core", release.version)
    (reference,) = component["externalReferences"]
    assert reference["url"] == release.wheel
    digest = hashlib.sha256((built / release.wheel).read_bytes()).hexdigest()
    assert reference["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert content["dependencies"] == [{"ref": component["bom-ref"]}]

    again = tmp_path / "again.cdx.json"
    python(checkout, "-m", "meshtest.artifacts", "sbom", "--built", str(built), "--output", str(again))
    assert again.read_bytes() == file.read_bytes()


def test_without_a_build_the_remedy_is_named(checkout, tmp_path):
    answer = python(checkout, "-m", "meshtest.artifacts", "sbom", "--built", str(tmp_path / "none"))
    assert answer.returncode == 1
    assert answer.stderr == f"artifacts: {tmp_path}/none holds no build: run `make wheel` first\n"
