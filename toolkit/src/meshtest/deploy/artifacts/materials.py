"""The bills of materials of the wheel and of the container, in CycloneDX, made by CycloneDX' own tool.

The wheel's is made from the wheel as installed, the container's from the locks that it is built of: all that
the Dockerfile adds to its base image is in them by hash. What the base image itself holds (Debian's packages)
is in the base image's own bill, which its digest leads to.

Source: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from meshtest.deploy.artifacts import ArtifactsError
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

_REQUIREMENTS = ("requirements-build.lock", "requirements-container.lock")
_IMAGE = {"os_name": "posix", "platform_machine": "x86_64", "sys_platform": "linux"}
_JARS = Path("setup", "jars.lock.json")
_BASE = re.compile(
    r"^FROM (?P<name>[^:@\s]+):(?P<tag>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64}) AS base$", re.M
)


def write(wheel: Path, file: Path) -> None:
    """Install the wheel, with what it requires, into an environment of its own, and write what is there.

    The wheel requires nothing: Spark and the rest are Glue's own. The document names the wheel by its SHA-256
    and by its key in the bucket, and it is the same for the same wheel.

    Raises:
        ArtifactsError: the wheel does not install, or cyclonedx-bom is missing or fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, symlinks=True)
        python = str(Path(folder, "bin", "python"))
        pip = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--python", python)
        _run(*pip, "install", "--no-index", str(wheel.resolve()))
        text = _run("-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON", python)
    found = json.loads(text)
    name_wheel(found, wheel)
    _write(found, file)


def name_wheel(bill: dict[str, Any], wheel: Path) -> None:
    """Refer to the wheel by its key and digest, instead of by what pip noted of where it lay.

    Pip notes no digest before version 23.1.
    """
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for component in bill["components"]:
        for reference in component.get("externalReferences", []):
            if reference["url"].startswith("file:"):
                reference["url"] = f"wheels/{wheel.name}"
                reference["hashes"] = [{"alg": "SHA-256", "content": digest}]


def write_container(version: str, file: Path, root: Path = toolchain.ROOT) -> None:
    """Write what the image for jobs is built of: base image, Python packages, jars.

    Args:
        version: the version of the jobs' code in it.
        file: where to write.
        root: the checkout that holds Dockerfile and locks.

    Raises:
        ArtifactsError: the Dockerfile pins no base image, or cyclonedx-bom is missing or fails.
    """
    locked = "".join(_in_image((root / name).read_text()) for name in _REQUIREMENTS)
    text = _run(
        "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--of", "JSON", "-", given=locked
    )
    found = json.loads(text)
    for component in found["components"]:
        del component["description"]  # the lock's line once more
    found["components"] += [_base_image(root / "Dockerfile"), *_jars(root / _JARS)]
    found["metadata"]["component"] = {
        "bom-ref": "container",
        "name": "jobs",
        "type": "container",
        "version": version,
    }
    parts = sorted(component["bom-ref"] for component in found["components"])
    found["dependencies"] = [{"ref": "container", "dependsOn": parts}, *({"ref": part} for part in parts)]
    _write(found, file)


def _in_image(lock: str) -> str:
    """Leave out of a lock what is only for other machines than the image's."""
    from packaging.markers import Marker

    kept = []
    for entry in re.split(r"^(?=[^\s#])", lock, flags=re.M):
        marker = re.search(r" ; (.+?)\s*\\?$", entry, re.M)
        if marker is None or Marker(marker[1]).evaluate(_IMAGE):
            kept.append(entry)
    return "".join(kept)


def _base_image(dockerfile: Path) -> dict[str, Any]:
    base = _BASE.search(dockerfile.read_text())
    if base is None:
        raise ArtifactsError(
            f"{dockerfile.name}: no line FROM name:tag@sha256:… AS base; expected a pinned image"
        )
    name, tag, digest = base.group("name", "tag", "digest")
    return {
        "bom-ref": "base-image",
        "hashes": [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}],
        "name": name,
        "purl": f"pkg:docker/{name}@{digest.replace(':', '%3A')}?tag={tag}",
        "type": "container",
        "version": tag,
    }


def _jars(lock: Path) -> list[dict[str, Any]]:
    found = []
    for coordinates, digest in json.loads(lock.read_text()).items():
        group, artifact, version = coordinates.split(":")
        found.append(
            {
                "bom-ref": f"jar-{artifact}",
                "group": group,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "name": artifact,
                "purl": f"pkg:maven/{group}/{artifact}@{version}",
                "type": "library",
                "version": version,
            }
        )
    return found


def _write(content: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _run(*arguments: str, given: str | None = None) -> str:
    answer = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        env=surroundings.inherited(),
        input=given,
        text=True,
    )
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or ["no reason given"]
        raise ArtifactsError(f"no bill of materials: {said[-1]}")
    return answer.stdout
