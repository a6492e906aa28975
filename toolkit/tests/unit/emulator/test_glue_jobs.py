"""Gap 6: the definition of Glue jobs."""

from __future__ import annotations

from typing import Any

import pytest


def definition(**changes: Any) -> dict[str, Any]:
    basis = {
        "Role": "arn:aws:iam::123456789012:role/glue",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://artifacts/job.py", "PythonVersion": "3"},
        "GlueVersion": "5.1",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
    }
    return basis | changes


def test_no_execution_class_is_invented(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_job(Name=name, **definition())
    assert "ExecutionClass" not in glue.get_job(JobName=name)["Job"]


@pytest.mark.parametrize(
    "given",
    [{"JobMode": "NOTEBOOK"}, {"JobRunQueuingEnabled": True}, {"MaintenanceWindow": "Sun:10"}],
    ids=lambda given: next(iter(given)),
)
def test_what_was_given_is_answered(aws: Any, name: str, given: dict[str, Any]) -> None:
    glue = aws("glue")
    glue.create_job(Name=name, **definition(**given, ExecutionClass="FLEX"))
    job = glue.get_job(JobName=name)["Job"]
    assert job["ExecutionClass"] == "FLEX"
    assert {key: job[key] for key in given} == given


def test_defaults_follow_the_documentation(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_job(Name=name, **definition())
    job = glue.get_job(JobName=name)["Job"]
    assert (job["MaxCapacity"], job["AllocatedCapacity"]) == (2.0, 2)
    assert (job["Timeout"], job["MaxRetries"]) == (2880, 0)
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}


def test_an_update_replaces_the_whole_definition(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_job(Name=name, **definition(Description="first", Timeout=10))
    assert glue.update_job(JobName=name, JobUpdate=definition(NumberOfWorkers=4))["JobName"] == name
    job = glue.get_job(JobName=name)["Job"]
    assert (job["NumberOfWorkers"], job["MaxCapacity"], job["Timeout"]) == (4, 4.0, 2880)
    assert "Description" not in job


def test_an_update_of_no_job_is_refused(aws: Any, name: str) -> None:
    glue = aws("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_job(JobName=name, JobUpdate=definition())


def test_a_second_job_of_a_name_is_refused(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_job(Name=name, **definition())
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_job(Name=name, **definition())
