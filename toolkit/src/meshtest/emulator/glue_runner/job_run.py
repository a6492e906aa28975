"""A Glue job as one run needs it, and the run with its states.

Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html (JobRun structure).
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_GROUP: Final = "/aws-glue/jobs"
RUNTIME_VERSION: Final = "5.1"
DEFAULT_TIMEOUT_MIN: Final = 2880
DEFAULT_WORKERS: Final = 10

ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"})

# DPUs of one worker; https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
_WORKER_DPU: Final = {"Standard": 1.0, "G.025X": 0.25, "G.1X": 1.0, "G.2X": 2.0, "G.4X": 4.0, "G.8X": 8.0}


@dataclass(frozen=True)
class Job:
    """What a run takes from its job and from StartJobRun; the arguments are already merged."""

    name: str
    script_location: str
    arguments: Mapping[str, str]
    command: str = "glueetl"
    glue_version: str = RUNTIME_VERSION
    max_retries: int = 0
    timeout_min: int = DEFAULT_TIMEOUT_MIN
    worker_type: str = "G.1X"
    number_of_workers: int = DEFAULT_WORKERS
    max_capacity: float | None = None
    security_configuration: str | None = None
    notification_property: Mapping[str, int] | None = None
    role: str = ""
    encrypts_logs: bool = False

    @property
    def log_group(self) -> str:
        """What the names of the run's log groups begin with.

        Logs that a security configuration encrypts are in groups of the role and the configuration.
        https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html (LogGroupName) and
        https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html (custom prefixes)
        """
        if prefix := self.arguments.get("--custom-logGroup-prefix"):
            return prefix
        if self.encrypts_logs:
            return f"{LOG_GROUP}-{self.role.rpartition('/')[2]}-{self.security_configuration}"
        return LOG_GROUP

    @property
    def id(self) -> str:
        """The id that the script gets as --JOB_ID: the same for every run of the job."""
        return "j_" + hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def capacity(self) -> float:
        """The DPUs of the run."""
        return self.max_capacity or self.number_of_workers * _WORKER_DPU.get(self.worker_type, 1.0)


def merged_arguments(
    defaults: Mapping[str, str] | None, run: Mapping[str, str] | None, fixed: Mapping[str, str] | None
) -> dict[str, str]:
    """Merge the arguments of a job, of a run, and those of the job that no run may override."""
    return dict(defaults or {}) | dict(run or {}) | dict(fixed or {})


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass
class JobRun:
    """One attempt to run a job. Changed by the runner's thread, read by any."""

    job: Job
    attempt: int = 0
    previous_run_id: str | None = None
    id: str = field(default_factory=lambda: f"jr_{secrets.token_hex(32)}")
    state: str = "STARTING"
    error_message: str | None = None
    started_on: datetime.datetime = field(default_factory=_now)
    stop_requested: threading.Event = field(default_factory=threading.Event, repr=False)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _last_modified_on: datetime.datetime = field(default_factory=_now)
    _running_since: datetime.datetime | None = None
    _completed_on: datetime.datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_active(self) -> bool:
        """Whether the run counts against the job's MaxConcurrentRuns."""
        return self.state not in ENDED

    @property
    def job_run_id(self) -> str:
        """The id, by the name that moto's pagination looks for."""
        return self.id

    def next_attempt(self) -> JobRun:
        """Return the run that Glue starts when this one failed and MaxRetries is not used up."""
        first_id = self.id.split("_attempt_")[0]
        attempt = self.attempt + 1
        return JobRun(self.job, attempt, self.id, f"{first_id}_attempt_{attempt}")

    def begin(self) -> None:
        """Note that the driver starts."""
        with self._lock:
            self._running_since = self._last_modified_on = _now()
            if self.state == "STARTING":
                self.state = "RUNNING"

    def request_stop(self) -> bool:
        """Ask the run to stop; False if it has ended already."""
        with self._lock:
            if not self.is_active:
                return False
            self.state = "STOPPING"
            self._last_modified_on = _now()
        self.stop_requested.set()
        return True

    def end(self, state: str, error_message: str | None = None) -> None:
        """Note the final state."""
        with self._lock:
            self.state, self.error_message = state, error_message
            self._completed_on = self._last_modified_on = _now()
        self.ended.set()

    def as_dict(self) -> dict[str, Any]:
        """Return the JobRun structure, timestamps as aware datetimes."""
        with self._lock:
            optional = {
                "CompletedOn": self._completed_on,
                "ErrorMessage": self.error_message,
                "NotificationProperty": dict(self.job.notification_property or {}),
                "PreviousRunId": self.previous_run_id,
                "SecurityConfiguration": self.job.security_configuration,
            }
            return {
                "Id": self.id,
                "Attempt": self.attempt,
                "JobName": self.job.name,
                "JobRunState": self.state,
                "StartedOn": self.started_on,
                "LastModifiedOn": self._last_modified_on,
                "Arguments": dict(self.job.arguments),
                "PredecessorRuns": [],
                "AllocatedCapacity": int(self.job.capacity),
                "ExecutionTime": self._execution_time_s(),
                "Timeout": self.job.timeout_min,
                "MaxCapacity": self.job.capacity,
                "WorkerType": self.job.worker_type,
                "NumberOfWorkers": self.job.number_of_workers,
                "LogGroupName": self.job.log_group,
                "GlueVersion": self.job.glue_version,
                "ExecutionClass": "STANDARD",
            } | {name: value for name, value in optional.items() if value}

    def _execution_time_s(self) -> int:
        if self._running_since is None:
            return 0
        return round(((self._completed_on or _now()) - self._running_since).total_seconds())
