"""Glue StartJobRun really runs the job's script; BatchStopJobRun stops it.

moto 5.2.5 lacks: running anything (its runs go from STARTING to SUCCEEDED by being looked at, with an
invented ExecutionTime, GlueVersion and LogGroupName), errors, retries, timeouts, BatchStopJobRun.
A run reads its script, writes its logs and does its work with a session of its job's role, and has no other
credentials.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.glue.exceptions import ConcurrentRunsExceededException, JobRunNotFoundException
from moto.glue.models import FakeJob
from moto.glue.responses import GlueResponse

from meshtest.emulator import Endpoint, sessions, stored
from meshtest.emulator.gaps import glue_bookmarks
from meshtest.emulator.gaps.glue_jobs import check_arguments
from meshtest.emulator.glue_runner import GlueRunner, Job, JobRun
from meshtest.emulator.glue_runner.job_run import (
    DEFAULT_TIMEOUT_MIN,
    DEFAULT_WORKERS,
    RUNTIME_VERSION,
    merged_arguments,
)
from meshtest.emulator.glue_runner.preparation import JobError

SERVICE = "glue.amazonaws.com"
SESSION = "GlueJobRunnerSession"  # as CloudTrail shows Glue's
# Glue renews a run's credentials; here they last as long as the run may, and end with it.
_GRACE = timedelta(minutes=15)


def install() -> None:
    """Patch moto's Glue jobs."""
    job: Any = FakeJob
    job.start_job_run = _start_job_run
    job.get_job_run = _get_job_run
    job.get_job_runs = _get_job_runs
    response: Any = GlueResponse
    response.batch_stop_job_run = _batch_stop_job_run


@functools.cache
def _runner() -> GlueRunner:
    from meshtest.emulator import server

    runner = GlueRunner(server.current_endpoint(), acting_as=_acting_as)
    server.on_shutdown(runner.shut_down)
    return runner


@contextlib.contextmanager
def _acting_as(job: Job) -> Iterator[Endpoint]:
    """Give an endpoint with the credentials of a session of the job's role, which ends with the block."""
    from meshtest.emulator import server

    endpoint = server.current_endpoint()
    source = f"arn:aws:glue:{endpoint.region}:{endpoint.account_id}:job/{job.name}"
    life = timedelta(minutes=job.timeout_min) + _GRACE
    try:
        session = sessions.begin(endpoint, job.role, SERVICE, SESSION, source, life)
    except sessions.NotTrusted as error:
        role = stored.role_arn(job.role)
        message = f"Role {role} should be given assume role permissions for Glue Service."
        raise JobError(message) from error
    try:
        yield sessions.endpoint_of(endpoint, session)
    finally:
        sessions.end(session)


def _start_job_run(
    self: Any,
    *,
    arguments: dict[str, str] | None,
    max_capacity: float | None,
    timeout: int | None,
    worker_type: str | None,
    security_configuration: str | None,
    number_of_workers: int | None,
    notification_property: dict[str, int] | None,
    **_: Any,
) -> str:
    check_arguments(arguments)
    if sum(run.is_active for run in self.job_runs) >= self.execution_property.get("MaxConcurrentRuns", 1):
        raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {self.name}")
    command = self.command or {}
    workers = worker_type or self.worker_type
    job = Job(
        name=self.name,
        script_location=command.get("ScriptLocation", ""),
        arguments=merged_arguments(self.default_arguments, arguments, self.non_overridable_arguments),
        command=command.get("Name", ""),
        glue_version=self.glue_version or RUNTIME_VERSION,
        max_retries=self.max_retries or 0,
        timeout_min=timeout or self.timeout or DEFAULT_TIMEOUT_MIN,
        worker_type=workers or "G.1X",
        number_of_workers=number_of_workers or self.number_of_workers or DEFAULT_WORKERS,
        # GetJob shows the capacity of the job's own workers; a run may have others.
        max_capacity=None if workers else max_capacity or self.max_capacity,
        security_configuration=security_configuration or self.security_configuration,
        notification_property=notification_property or self.notification_property,
        role=self.role or "",
        encrypts_logs=_encrypts_logs(self.backend, security_configuration or self.security_configuration),
    )
    run = _runner().start(
        job, on_retry=self.job_runs.append, on_bookmark=functools.partial(glue_bookmarks.keep, self)
    )
    self.job_runs.append(run)
    return run.id


def _encrypts_logs(backend: Any, name: str | None) -> bool:
    """Return whether a security configuration is there, and has logs encrypted."""
    found = backend.security_configurations.get(name)
    rules = (found.configuration or {}) if found else {}
    mode = (rules.get("CloudWatchEncryption") or {}).get("CloudWatchEncryptionMode", "DISABLED")
    return bool(mode != "DISABLED")


def _get_job_run(self: Any, run_id: str) -> JobRun:
    for run in self.job_runs:
        if run.id == run_id:
            return run  # type: ignore[no-any-return]
    raise JobRunNotFoundException(run_id)


def _get_job_runs(self: Any) -> list[JobRun]:
    """Return the newest run first, as AWS does."""
    return list(reversed(self.job_runs))


def _batch_stop_job_run(self: Any) -> ActionResult:
    """Answer BatchStopJobRun.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_BatchStopJobRun.html
    """
    name = self._get_param("JobName")
    job = self.glue_backend.get_job(name)
    submitted, errors = [], []
    for run_id in self._get_param("JobRunIds"):
        if error := _stop(job, run_id):
            errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": error})
        else:
            submitted.append({"JobName": name, "JobRunId": run_id})
    return ActionResult({"SuccessfulSubmissions": submitted, "Errors": errors})


def _stop(job: Any, run_id: str) -> dict[str, str] | None:
    """Stop a run; returns the ErrorDetail if it cannot be stopped."""
    run = next((run for run in job.job_runs if run.id == run_id), None)
    if run is None:
        return {"ErrorCode": "EntityNotFoundException", "ErrorMessage": f"Job run {run_id} not found."}
    if not run.request_stop():
        message = f"Job run {run_id} is in state {run.state} and cannot be stopped."
        return {"ErrorCode": "JobRunInTerminalStateException", "ErrorMessage": message}
    return None
