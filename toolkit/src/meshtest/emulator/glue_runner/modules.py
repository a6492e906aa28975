"""Install what ``--additional-python-modules`` names, by pip as Glue does, into the run's own folder.

Wheels come from S3: in an archive ``….gluewheels.zip``, or as ``.whl`` files. pip gets the options of
``--python-modules-installer-option`` as they are.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

ZIP_OF_WHEELS: Final = ".gluewheels.zip"
_FAILED: Final = (
    "LAUNCH ERROR | Python Module Installer indicates modules that failed to install, "
    "check logs from the PythonModuleInstaller."
)
_TIMEOUT_S: Final = 300


class InstallerError(Exception):
    """The modules cannot be installed; the message becomes the run's ErrorMessage."""


def is_installable(uri: str) -> bool:
    """Say whether a module is a file in S3 that is installed here; others need a way to an index."""
    return uri.startswith(("s3://", "s3a://"))


def install(uris: Iterable[str], options: str, directory: Path, fetch: Callable[[str], Path]) -> Path:
    """Install wheels and return the folder that goes on the Python path.

    Args:
        uris: archives of wheels, and wheels.
        options: those of pip.
        directory: the run's.
        fetch: gives the local file of a URI.

    Raises:
        InstallerError: an archive or a wheel is none, or pip fails.
    """
    target = directory / "python-modules"
    found = [wheel for uri in uris for wheel in _wheels(uri, fetch(uri), directory)]
    # No compiling: a run that ends before long has no use for it.
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-compile",
        "--quiet",
    ]
    command += ["--no-input", "--target", str(target), *shlex.split(options), *map(str, found)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, cwd=directory)
    except subprocess.TimeoutExpired as error:
        raise InstallerError(f"{_FAILED} pip took longer than {_TIMEOUT_S} s") from error
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.strip()] or ["pip gives no reason"]
        raise InstallerError(f"{_FAILED} {said[-1].strip()}")
    return target


def _wheels(uri: str, file: Path, directory: Path) -> list[Path]:
    if uri.endswith(".whl"):
        return [file]
    if not uri.endswith(ZIP_OF_WHEELS):
        raise InstallerError(
            f"--additional-python-modules: {uri} is no module: expected …{ZIP_OF_WHEELS} or ….whl in S3"
        )
    folder = directory / "wheels" / file.name.removesuffix(ZIP_OF_WHEELS)
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    except zipfile.BadZipFile as error:
        raise InstallerError(f"--additional-python-modules: {uri} is no zip archive") from error
    wheels = sorted(folder.rglob("*.whl"))
    if not wheels:
        raise InstallerError(f"--additional-python-modules: {uri} holds no wheel")
    return wheels
