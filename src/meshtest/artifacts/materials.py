"""The wheel's bill of materials, in CycloneDX, made by CycloneDX' own tool from the wheel as installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from meshtest.artifacts import ArtifactsError


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
    for component in found["components"]:
        for reference in component.get("externalReferences", []):
            # Where the wheel lay on this machine is nobody's business.
            if reference["url"].startswith("file:"):
                reference["url"] = f"wheels/{wheel.name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")


def _run(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run([sys.executable, *arguments], capture_output=True, env=environment, text=True)
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or ["no reason given"]
        raise ArtifactsError(f"no bill of materials: {said[-1]}")
    return answer.stdout
