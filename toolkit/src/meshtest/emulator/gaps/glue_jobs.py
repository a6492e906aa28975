"""Glue jobs answer with what was asked for and with the defaults that AWS documents.

moto 5.2.5 lacks: UpdateJob; JobMode, JobRunQueuingEnabled and MaintenanceWindow; the capacity that
follows from the workers; the refusal of a second job of the same name. It answers an ExecutionClass
that nobody gave, which the provider sees as drift.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.glue.exceptions import AlreadyExistsException, GlueClientError
from moto.glue.models import FakeJob
from moto.glue.responses import GlueResponse

DEFAULT_TIMEOUT_MIN = 2880
DPU_OF_WORKER = {
    "G.025X": 0.25,
    "Standard": 1,
    "G.1X": 1,
    "G.2X": 2,
    "G.4X": 4,
    "G.8X": 8,
    "G.12X": 12,
    "G.16X": 16,
}
KEPT_AS_GIVEN = ("ExecutionClass", "JobMode", "JobRunQueuingEnabled", "MaintenanceWindow")
# The members of JobUpdate, each with moto's attribute.
ATTRIBUTES = {
    "AllocatedCapacity": "allocated_capacity",
    "CodeGenConfigurationNodes": "code_gen_configuration_nodes",
    "Command": "command",
    "Connections": "connections",
    "DefaultArguments": "default_arguments",
    "Description": "description",
    "ExecutionProperty": "execution_property",
    "GlueVersion": "glue_version",
    "LogUri": "log_uri",
    "MaxCapacity": "max_capacity",
    "MaxRetries": "max_retries",
    "NonOverridableArguments": "non_overridable_arguments",
    "NotificationProperty": "notification_property",
    "NumberOfWorkers": "number_of_workers",
    "Role": "role",
    "SecurityConfiguration": "security_configuration",
    "SourceControlDetails": "source_control_details",
    "Timeout": "timeout",
    "WorkerType": "worker_type",
}

_as_dict = FakeJob.as_dict
_create_job = GlueResponse.create_job


def install() -> None:
    """Add UpdateJob and complete what CreateJob keeps and GetJob answers."""
    job: Any = FakeJob
    job.as_dict = _complete_dict
    response: Any = GlueResponse
    response.create_job = _create
    response.update_job = _update


def check_arguments(*arguments: dict[str, str] | None) -> None:
    """Check that the names of arguments are those of options.

    Raises:
        InvalidInputException: one does not begin with two hyphens.
    """
    for name in (name for each in arguments for name in each or {}):
        if not name.startswith("--") or name == "--":
            raise GlueClientError(
                "InvalidInputException",
                f"Job argument {name!r} is not valid: expected a name that begins with --",
            )


def _create(self: Any) -> ActionResult:
    name = self.parameters["Name"]
    _check_definition(self.parameters)
    if name in self.glue_backend.jobs:
        raise AlreadyExistsException(f"Job {name}")
    answer = _create_job(self)
    _apply_defaults(self.glue_backend.jobs[name], self.parameters)
    return answer


def _update(self: Any) -> ActionResult:
    """The new definition replaces the old one as a whole; what it leaves out goes back to the default."""
    name, definition = self.parameters["JobName"], self.parameters["JobUpdate"]
    _check_definition(definition)
    job = self.glue_backend.get_job(name)
    for member, attribute in ATTRIBUTES.items():
        setattr(job, attribute, definition.get(member))
    _apply_defaults(job, definition)
    job.last_modified_on = utcnow()
    return ActionResult({"JobName": name})


def _check_definition(definition: dict[str, Any]) -> None:
    check_arguments(definition.get("DefaultArguments"), definition.get("NonOverridableArguments"))


def _apply_defaults(job: Any, definition: dict[str, Any]) -> None:
    job.meshtest_given = {key: definition[key] for key in KEPT_AS_GIVEN if key in definition}
    job.default_arguments = job.default_arguments or {}
    job.execution_property = job.execution_property or {"MaxConcurrentRuns": 1}
    job.max_retries = job.max_retries or 0
    is_streaming = (job.command or {}).get("Name") == "gluestreaming"
    if job.timeout is None and not is_streaming:
        job.timeout = DEFAULT_TIMEOUT_MIN
    if job.max_capacity is None and job.number_of_workers and job.worker_type in DPU_OF_WORKER:
        job.max_capacity = float(job.number_of_workers * DPU_OF_WORKER[job.worker_type])
    if job.allocated_capacity is None and job.max_capacity is not None:
        job.allocated_capacity = int(job.max_capacity)


def _complete_dict(self: Any) -> dict[str, Any]:
    described = {key: value for key, value in _as_dict(self).items() if key not in KEPT_AS_GIVEN}
    given: dict[str, Any] = self.meshtest_given
    return described | {"JobMode": "SCRIPT"} | given
