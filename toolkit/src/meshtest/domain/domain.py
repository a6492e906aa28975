"""The domain on the embedded AWS: its names, stacks, inputs, pipelines and tables.

Names follow the convention of the Terraform code, ``{domain_abbr}-{purpose}-{account_id}-{env}`` for
buckets; everything else that a stack decides is read from the stack's outputs.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from core import contract, yaml_file
from meshtest.deploy.artifacts import building, deployment
from meshtest.domain.inputs import checkout
from meshtest.emulator.glue_runner.job_run import ENDED, LOG_GROUP
from meshtest.spark.runtime import S3A_REGION, glue_catalog_conf, spark_environment
from meshtest.terraform import workspace
from meshtest.terraform.stack import Stack
from meshtest.tools import folders, toolchain

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint
    from meshtest.tools.account import Account

LAYERS = ("raw", "refined", "curated")
FOUNDATION = "foundation"
# The most that any role may do: without it, a role that names it may do nothing.
BOUNDARY = 'module.environment["{env}"].aws_iam_policy.boundary'
SAMPLES = toolchain.ROOT / "samples"
# What lies beside the input: the program that makes more of it, and its description.
MAKER, ABOUT = "make.py", "README.md"
POLL_SECONDS = 0.5
# The status of an execution whose pipeline says `overlap = "skip"` and was at work; on AWS it has succeeded.
SKIPPED = "SKIPPED"


class DomainError(Exception):
    """The domain is not as a command needs it; the message says what to do."""


@dataclass(frozen=True)
class Table:
    """One table of a project; `columns` and the layer's format are those of its contract."""

    project: str
    layer: str
    name: str
    database: str
    location: str
    holds_rejects: bool = False

    @property
    def label(self) -> str:
        """The name in reports: layer.table."""
        return f"{self.layer}.{self.name}"


@dataclass(frozen=True)
class Execution:
    """A finished execution of a state machine; `cause` is empty unless it failed."""

    arn: str
    status: str
    cause: str


@dataclass(frozen=True)
class JobRun:
    """A finished run of a Glue job; `message` is empty unless it failed."""

    id: str
    status: str
    seconds: int
    message: str


@dataclass(frozen=True)
class Domain:
    """One environment of the domain, in an AWS, with its files below `directory`.

    `unique` takes the place of ``domain_abbr`` in every name, where others work in the same account.
    """

    endpoint: Account
    directory: Path
    env: str = "dev"
    unique: str = ""

    # ─── Names ───

    @cached_property
    def abbreviation(self) -> str:
        """``domain_abbr`` of setup/domain.json, or the unique one."""
        return self.unique or str(_read_json(toolchain.ROOT / "setup" / "domain.json")["domain_abbr"])

    @cached_property
    def projects(self) -> dict[str, dict[str, Any]]:
        """The ``project.json`` of each project, by the project's folder; the template is none."""
        place = toolchain.ROOT / folders.PROJECTS
        return {name: _read_json(place / name / "project.json") for name in folders.projects(toolchain.ROOT)}

    def require_project(self, project: str) -> None:
        """Stop unless there is a project of this name.

        Raises:
            DomainError: there is none; the message names those that there are.

        """
        if project not in self.projects:
            raise DomainError(f"PROJECT={project or '(empty)'}: expected one of {', '.join(self.projects)}")

    def name(self, project: str, key: str) -> str:
        """The name of a project's state machine or job, as its Terraform code makes it from the key."""
        return f"{self.abbreviation}-{project}-{key.replace('_', '-')}-{self.env}"

    def bucket(self, purpose: str) -> str:
        """The bucket for raw, refined, curated, artifacts, logs or tfstate."""
        return f"{self.abbreviation}-{purpose}-{self.endpoint.account_id}-{self.env}"

    def tables(self) -> Iterator[Table]:
        """Every table of every project."""
        for project in self.projects:
            name = f"infrastructure/projects/{project}/{contract.FILE}"
            content = yaml_file.parsed((toolchain.ROOT / name).read_text(encoding="utf-8"), name)
            declared = contract.read(content, name).tables.values()
            rejects = {(table.layer, table.quarantine) for table in declared}
            for layer, table in (
                (layer, each) for layer in LAYERS for each in declared if each.layer == layer
            ):
                database = f"{self.abbreviation}_{layer}_{self.env}"
                location = f"s3://{self.bucket(layer)}/{project}/{table.name}/"
                yield Table(project, layer, table.name, database, location, (layer, table.name) in rejects)

    # ─── Terraform ───

    @property
    def is_emulated(self) -> bool:
        """Whether the AWS is one of this machine, at an address of its own."""
        return "AWS_ENDPOINT_URL" in self.endpoint.environment()

    def prepare(self) -> None:
        """Make the working copy of the stacks, and the bucket that holds their states."""
        workspace.prepare(self.directory, {"domain_abbr": self.abbreviation}, is_emulated=self.is_emulated)
        s3 = self.endpoint.client("s3")
        bucket = self.bucket("tfstate")
        if bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
            workspace.make_bucket(self.endpoint, bucket)

    def stack(self, name: str) -> Stack:
        """The stack of the foundation or of a project."""
        infrastructure = self.directory / "infrastructure"
        is_foundation = name == FOUNDATION
        root = infrastructure / (f"environments/{self.env}" if is_foundation else f"projects/{name}")
        backend = {
            "bucket": self.bucket("tfstate"),
            "key": f"{'foundation' if is_foundation else f'projects/{name}'}/terraform.tfstate",
            "region": self.endpoint.region,
            "use_lockfile": "true",
            "use_path_style": "true",
        }
        if self.is_emulated:
            backend["max_retries"] = str(workspace.MAX_RETRIES)
        variables = {} if is_foundation else {"env": self.env}
        environment = workspace.environment(self.endpoint, self.directory)
        return Stack(name, root, environment, backend, variables)

    @property
    def boundary(self) -> Stack:
        """Bootstrap's stack for this environment alone, of which `BOUNDARY` is all that a domain here needs.

        Its roles are for GitHub Actions; the subjects, which it asks for, are nobody's.
        """
        root = self.directory / "infrastructure" / "bootstrap"
        subjects = json.dumps({self.env: [f"repo:example/example:environment:{self.env}"]})
        variables = {
            "deploy_subjects": subjects,
            "environments": json.dumps([self.env]),
            "plan_subjects": subjects,
        }
        return Stack("boundary", root, workspace.environment(self.endpoint, self.directory), {}, variables)

    @property
    def stacks(self) -> list[Stack]:
        """The foundation's stack, then those of the projects."""
        return [self.stack(name) for name in (FOUNDATION, *self.projects)]

    def empty_bucket(self, purpose: str) -> None:
        """Delete every version of every object of a bucket, if there is such a bucket."""
        s3 = self.endpoint.client("s3")
        bucket = self.bucket(purpose)
        try:
            pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket))
        except s3.exceptions.NoSuchBucket:
            return
        for page in pages:
            _delete(s3, bucket, page)

    def forget_project(self, project: str) -> None:
        """Delete what a project has in the buckets: data, input, and its jobs' files, in releases, too."""
        s3 = self.endpoint.client("s3")
        places = [(layer, f"{project}/") for layer in LAYERS]
        places += [
            ("raw", f"landing/{project}/"),
            ("artifacts", f"jobs/{project}/"),
            ("artifacts", f"temp/{project}/"),
            *(("artifacts", f"{release}jobs/{project}/") for release in self._releases()),
        ]
        for purpose, prefix in places:
            bucket = self.bucket(purpose)
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
                _delete(s3, bucket, page)

    def _releases(self) -> Iterator[str]:
        """The prefix of each release in the artifacts bucket."""
        lists = self.endpoint.client("s3").get_paginator("list_objects_v2")
        pages = lists.paginate(Bucket=self.bucket("artifacts"), Prefix="releases/", Delimiter="/")
        yield from (each["Prefix"] for page in pages for each in page.get("CommonPrefixes", []))

    def delete_bucket(self, purpose: str) -> None:
        """Delete a bucket with everything in it, if there is such a bucket."""
        s3 = self.endpoint.client("s3")
        if self.bucket(purpose) in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
            self.empty_bucket(purpose)
            s3.delete_bucket(Bucket=self.bucket(purpose))

    # ─── Inputs and Artifacts ───

    def build_artifacts(self) -> None:
        """Build the wheel and the projects' job files.

        Raises:
            ArtifactsError, VersionError: see `building.build`.
        """
        building.build(self._artifacts, self.projects)

    def upload_artifacts(self) -> None:
        """Put what `build_artifacts` made into the artifacts bucket."""
        deployment.upload(self._artifacts, self.endpoint.client("s3"), self.bucket("artifacts"))

    def make_inputs(self) -> None:
        """Let each project's ``samples/<project>/make.py`` write what is too large to be kept.

        Raises:
            DomainError: one of these programs failed.

        """
        for project in self.projects:
            maker, folder = SAMPLES / project / MAKER, self._generated / project
            if maker.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                ended = subprocess.run([sys.executable, maker, folder], capture_output=True, text=True)
                if ended.returncode:
                    raise DomainError(f"samples/{project}/{MAKER} failed: {ended.stderr.strip()}")

    def samples(self, project: str) -> Iterator[tuple[str, Path]]:
        """The key and the file of each sample of a project's input.

        It is what lies in ``samples/<project>/``, and what `make_inputs` made.
        """
        beside = {SAMPLES / project / name for name in (MAKER, ABOUT)}
        for folder in (SAMPLES, self._generated):
            for file in sorted((folder / project).rglob("*")):
                if file.is_file() and file not in beside and "__pycache__" not in file.parts:
                    yield f"landing/{file.relative_to(folder).as_posix()}", file

    def drop_inputs(self) -> None:
        """Put each sample where its source would put it, ``landing/<project>/``, once.

        What has ever been there under its name stays as it is: replaced by somebody, or deleted.
        """
        s3, bucket = self.endpoint.client("s3"), self.bucket("raw")
        for project in self.projects:
            known = self._keys_ever(s3, bucket, f"landing/{project}/")
            for key, file in self.samples(project):
                if key not in known:
                    s3.upload_file(str(file), bucket, key)

    def drop(self, project: str, file: Path, folder: str = "") -> tuple[str, int]:
        """Put a file into a project's landing zone, below `folder`; returns its URI and its bytes.

        Raises:
            DomainError: there is no such project or file, or the folder is not one below the landing zone.

        """
        self.require_project(project)
        if not file.is_file():
            raise DomainError(
                f"FILE={file}: expected a file, there is {'a folder' if file.is_dir() else 'none'}"
            )
        parts = [part for part in folder.split("/") if part]
        if {".", ".."} & set(parts):
            raise DomainError(f"TO={folder}: expected a folder below landing/{project}, without . and ..")
        bucket, key = self.bucket("raw"), "/".join(("landing", project, *parts, file.name))
        self.endpoint.client("s3").upload_file(str(file), bucket, key)
        return f"s3://{bucket}/{key}", file.stat().st_size

    def _keys_ever(self, s3: Any, bucket: str, prefix: str) -> set[str]:
        """The keys below a prefix, those of deleted objects included."""
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        kinds = ("Versions", "DeleteMarkers")
        return {found["Key"] for page in pages for kind in kinds for found in page.get(kind, [])}

    @property
    def _artifacts(self) -> Path:
        return self.directory / "artifacts"

    @property
    def _generated(self) -> Path:
        return self.directory / "inputs"

    # ─── Pipelines ───

    def pipelines(self, project: str) -> list[str]:
        """The keys of a project's pipelines, in the order of its pipelines.tf."""
        return self._keys_of(project, "pipelines.tf", "pipeline_jobs")

    def jobs(self, project: str) -> list[str]:
        """The keys of a project's jobs, in the order of its jobs.tf."""
        return self._keys_of(project, "jobs.tf", "job_settings")

    def _keys_of(self, project: str, file: str, local: str) -> list[str]:
        self.require_project(project)
        place = f"{folders.PROJECTS}/{project}/{file}"
        try:
            found = checkout.hcl_local((toolchain.ROOT / place).read_text(encoding="utf-8"), local)
        except (OSError, checkout.Unreadable) as error:
            raise DomainError(f"{place}: {error}; `make check-inputs` tells more") from None
        return list(found) if isinstance(found, dict) else []

    def state_machine(self, project: str, pipeline: str) -> str:
        """The ARN of a pipeline's state machine.

        Raises:
            DomainError: there is no such project or pipeline, or it has not been applied.

        """
        known = self.pipelines(project)
        if pipeline not in known:
            expected = f"one of {', '.join(known)}" if known else f"a pipeline: {project} has none"
            raise DomainError(f"PIPELINE={pipeline}: expected {expected}")
        name = self.name(project, pipeline)
        pages = self.endpoint.client("stepfunctions").get_paginator("list_state_machines").paginate()
        for machine in (machine for page in pages for machine in page["stateMachines"]):
            if machine["name"] == name:
                return str(machine["stateMachineArn"])
        raise DomainError(f"there is no state machine {name} here: `make up` makes it")

    def run_pipeline(
        self,
        project: str,
        pipeline: str,
        progress: Callable[[str], None] = lambda text: None,
        given: Mapping[str, Any] = MappingProxyType({}),
    ) -> Execution:
        """Run a pipeline to its end on an input; `progress` gets each state that it enters."""
        client = self.endpoint.client("stepfunctions")
        machine = self.state_machine(project, pipeline)
        arn = client.start_execution(stateMachineArn=machine, input=json.dumps(dict(given)))["executionArn"]
        while True:
            description = client.describe_execution(executionArn=arn)
            if entered := self._last_state(arn):
                progress(entered)
            if description["status"] != "RUNNING":
                if has_skipped(description):
                    return Execution(arn, SKIPPED, "another execution of this pipeline is running")
                return Execution(arn, description["status"], description.get("cause", ""))
            time.sleep(POLL_SECONDS)

    def _last_state(self, arn: str) -> str | None:
        client = self.endpoint.client("stepfunctions")
        history = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in history
            if "stateEnteredEventDetails" in event
        ]
        return entered[-1] if entered else None

    # ─── Jobs ───

    def require_job(self, project: str, job: str) -> None:
        """Stop unless the project has a job of this key.

        Raises:
            DomainError: it has none; the message names those that there are.

        """
        known = self.jobs(project)
        if job not in known:
            raise DomainError(f"JOB={job or '(empty)'}: expected one of {', '.join(known)}")

    def run_job(
        self, project: str, job: str, arguments: Mapping[str, str], progress: Callable[[str], None]
    ) -> JobRun:
        """Run one job to its end; `progress` gets its state.

        Raises:
            DomainError: there is no such project or job, or it has not been applied.

        """
        self.require_job(project, job)
        glue, name = self.endpoint.client("glue"), self.name(project, job)
        try:
            run = glue.start_job_run(JobName=name, Arguments=dict(arguments))["JobRunId"]
        except glue.exceptions.EntityNotFoundException:
            raise DomainError(f"there is no job {name} here: `make up` makes it") from None
        while True:
            found = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
            progress(found["JobRunState"])
            if found["JobRunState"] in ENDED:
                message = found.get("ErrorMessage", "")
                return JobRun(run, found["JobRunState"], found.get("ExecutionTime", 0), message)
            time.sleep(POLL_SECONDS)

    def job_log(self, run: str) -> list[dict[str, Any]]:
        """Return what a run wrote by `core.log`, a dictionary a line."""
        logs = self.endpoint.client("logs")
        lines: list[str] = []
        # A security configuration has groups of its own.
        for groups in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=LOG_GROUP):
            for group in groups["logGroups"]:
                if group["logGroupName"].endswith("/output"):
                    lines += _messages(logs, group["logGroupName"], run)
        return [json.loads(line) for line in lines if line.startswith('{"time"')]

    # ─── Reading Back ───

    def read_tables(self, samples: int = 0, project: str | None = None) -> dict[str, dict[str, Any]]:
        """Count the tables (of one project, or all) with Spark, with `samples` rows of the curated ones.

        Returns a dictionary by ``layer.table`` with ``rows`` and, for curated tables, ``sample``.
        """
        tables = [
            {
                "label": table.label,
                "layer": table.layer,
                "name": f"{table.database}.{table.name}",
                "location": table.location,
            }
            for table in self.tables()
            if project in (None, table.project)
        ]
        workdir = self.directory / "readback"
        conf = glue_catalog_conf(f"s3://{self.bucket('refined')}/") | {S3A_REGION: self.endpoint.region}
        # Only an endpoint of this machine comes here: the others' tables are read elsewhere.
        environment = spark_environment(cast("Endpoint", self.endpoint), conf, workdir)
        result = subprocess.run(
            [sys.executable, "-m", "meshtest.spark.readback", json.dumps(tables), str(samples)],
            capture_output=True,
            env=environment,
            text=True,
        )
        if result.returncode:
            raise DomainError(f"the tables could not be read back:\n{result.stderr}")
        answer: dict[str, dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
        return answer


def has_skipped(described: Mapping[str, Any]) -> bool:
    """Whether an execution found another one at work, and its pipeline says `overlap = "skip"`."""
    return bool(described.get("output")) and json.loads(described["output"]) == {"skipped": True}


def _delete(s3: Any, bucket: str, page: Mapping[str, Any]) -> None:
    """Delete the versions and the delete markers of a page of a listing."""
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
    if objects:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _read_json(file: Path) -> dict[str, Any]:
    name = file.relative_to(toolchain.ROOT)
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise DomainError(f"{name}: missing") from None
    except json.JSONDecodeError as error:
        raise DomainError(f"{name}:{error.lineno}: no valid JSON: {error.msg}") from None
    if not isinstance(content, dict):
        raise DomainError(f"{name}: expected a JSON object, found {type(content).__name__}")
    return content


def _messages(logs: Any, group: str, stream: str) -> list[str]:
    """Return what a stream of a log group has; nothing if there is no such stream."""
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, logStreamNames=[stream])
        return [event["message"] for page in pages for event in page["events"]]
    return []
