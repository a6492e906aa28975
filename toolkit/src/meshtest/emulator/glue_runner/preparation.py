"""Turn a job into a command: fetch its files from S3, read Glue's own arguments, configure Spark.

Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from meshtest.emulator.glue_runner import modules
from meshtest.emulator.glue_runner.job_run import RUNTIME_VERSION, JobRun
from meshtest.spark.runtime import spark_environment
from meshtest.tools import toolchain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshtest.emulator import Endpoint

_DRIVER: Final = Path(__file__).with_name("driver.py")
_SITE: Final = Path(__file__).with_name("site")
_ARCHIVES: Final = (".zip", ".egg")
_MODULES: Final = "--additional-python-modules"

# Glue acts on these and this runtime does not: said in the error log, so that nobody wonders.
_WITHOUT_EFFECT: Final = ("--extra-files", "--extra-jars")


class JobError(Exception):
    """The job cannot be run as it is defined; the message becomes the run's ErrorMessage."""


@dataclass(frozen=True)
class Preparation:
    """A run's directory and what starts its driver there."""

    directory: Path
    script: Path
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def stdout(self) -> Path:
        """The file that takes the driver's standard output."""
        return self.directory / "stdout.log"

    @property
    def stderr(self) -> Path:
        """The file that takes the driver's standard error."""
        return self.directory / "stderr.log"

    @property
    def error(self) -> Path:
        """The file in which the driver says why it failed."""
        return self.directory / "error.txt"

    @property
    def scratch(self) -> Path:
        """Spark's temporary files, of no use after the run."""
        return self.directory / "scratch"

    def command(self, liveness_fd: int) -> list[str]:
        """Return the driver's command line; ``liveness_fd`` closes when the emulator is gone."""
        own = (str(liveness_fd), str(self.error), str(self.script))
        # -P: the driver's own directory must not be importable by the job.
        return [sys.executable, "-P", str(_DRIVER), *own, *self.arguments]


def prepare(run: JobRun, endpoint: Endpoint, directory: Path) -> Preparation:
    """Fetch what the run needs into ``directory`` and configure Spark for it.

    Raises:
        JobError: the job asks for what is not there, or for what this runtime is not.

    """
    arguments = run.job.arguments
    _check_runtime(run)
    s3 = endpoint.client("s3")
    location = arguments.get("--scriptLocation") or run.job.script_location
    script = _fetch(s3, location, directory / "script", "ScriptLocation")
    python_path = [_fetch_python_file(s3, uri, directory) for uri in _listed(arguments, "--extra-py-files")]
    python_path += _installed_modules(s3, arguments, directory)
    try:
        conf = spark_conf(arguments.get("--conf", ""))
        formats = frozenset(_listed(arguments, "--datalake-formats"))
        environment = spark_environment(endpoint, conf, directory, formats)
    except ValueError as error:
        raise JobError(f"job {run.job.name}: {error}") from error
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (_SITE, *python_path)))
    environment["PYTHONUNBUFFERED"] = "1"
    environment[toolchain.ROOT_VARIABLE] = str(toolchain.ROOT)  # whose src/ a job must not see
    (directory / "work").mkdir()
    return Preparation(
        directory, script, tuple(_script_arguments(run)), environment, tuple(_notes(arguments))
    )


def _check_runtime(run: JobRun) -> None:
    job = run.job
    if job.glue_version.split(".")[0] != RUNTIME_VERSION.split(".")[0]:
        raise JobError(
            f"job {job.name}: GlueVersion {job.glue_version} does not run here: expected {RUNTIME_VERSION}"
        )
    if job.command != "glueetl":
        raise JobError(f"job {job.name}: Command.Name {job.command} does not run here: expected glueetl")


def _notes(arguments: Mapping[str, str]) -> Iterator[str]:
    for name in _WITHOUT_EFFECT:
        if arguments.get(name):
            yield f"{name} has no effect on the emulator"
    for module in _listed(arguments, _MODULES):
        if not modules.is_installable(module):
            yield f"{_MODULES}: {module} has no effect on the emulator, which has no index"


# ─── Arguments ───


def spark_conf(text: str) -> dict[str, str]:
    """Read Glue's ``--conf``: ``a=b --conf c=d``, the one string in which it takes several properties.

    Raises:
        ValueError: a part is not name=value.

    """
    conf = {}
    for part in re.split(r"(?:^|\s)--conf\s+", text):
        if not part.strip():
            continue
        name, separator, value = part.strip().partition("=")
        if not separator or not name or " " in name:
            raise ValueError(f"--conf: {part.strip()!r} is not a property: expected name=value")
        conf[name] = value
    return conf


def _script_arguments(run: JobRun) -> Iterator[str]:
    ids = {"--JOB_ID": run.job.id, "--JOB_RUN_ID": run.id, "--JOB_NAME": run.job.name}
    for name, value in {**run.job.arguments, **ids}.items():
        yield name
        yield str(value)


def _listed(arguments: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in arguments.get(name, "").split(",") if part.strip()]


# ─── Files from S3 ───


def _installed_modules(s3: Any, arguments: Mapping[str, str], directory: Path) -> list[Path]:
    """Install the modules that are in S3 and return the folder that goes on the Python path."""
    uris = list(filter(modules.is_installable, _listed(arguments, _MODULES)))
    if not uris:
        return []
    options = arguments.get("--python-modules-installer-option", "")
    try:
        fetched = directory / "modules"
        return [modules.install(uris, options, directory, lambda uri: _fetch(s3, uri, fetched, _MODULES))]
    except modules.InstallerError as error:
        raise JobError(str(error)) from error


def _fetch_python_file(s3: Any, uri: str, directory: Path) -> Path:
    """Fetch one of --extra-py-files and return what goes on the Python path.

    A wheel is none of them: what goes to Spark's --py-files is not installed.
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
    """
    if uri.endswith(".whl"):
        raise JobError(
            f"--extra-py-files: {uri} is a wheel, which is installed and not put on the path: "
            f"name it, or a zip of wheels (….gluewheels.zip), in {_MODULES}"
        )
    if not uri.endswith((*_ARCHIVES, ".py")):
        raise JobError(f"--extra-py-files: {uri} is not a Python file: expected .py, {', '.join(_ARCHIVES)}")
    path = _fetch(s3, uri, directory / "py-files", "--extra-py-files")
    return path if uri.endswith(_ARCHIVES) else path.parent


def _fetch(s3: Any, uri: str, directory: Path, setting: str) -> Path:
    bucket, key = _bucket_and_key(uri, setting)
    directory.mkdir(exist_ok=True)
    path = directory / Path(key).name
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file)
    except (BotoCoreError, ClientError) as error:
        raise JobError(f"{setting}: cannot read {uri}: {_reason(error)}") from error
    return path


def _bucket_and_key(uri: str, setting: str) -> tuple[str, str]:
    match = re.fullmatch(r"s3a?://([^/]+)/(.*[^/])", uri)
    if not match:
        raise JobError(f"{setting}: {uri or 'nothing'} is not a file in S3: expected s3://bucket/key")
    return match[1], match[2]


def _reason(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return str(error)
