"""A job's bookmark: committed by its runs, read, rewound, and gone with the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from glue_jobs import FAST_START, GlueJobs

from meshtest.testing import roles

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

BOILERPLATE = """
    import sys
    from awsglue.job import Job
    from awsglue.utils import getResolvedOptions
    from pyspark.sql import SparkSession
    arguments = getResolvedOptions(sys.argv, ["JOB_NAME"])
    job = Job(SparkSession.builder.getOrCreate())
    job.init(arguments["JOB_NAME"], arguments)
    print("is initialized:", job.isInitialized())
    job.commit()
"""


def arguments(option: str) -> dict[str, str]:
    conf = f"spark.driver.extraJavaOptions={FAST_START}"
    return {"--job-bookmark-option": f"job-bookmark-{option}", "--conf": conf}


@pytest.fixture
def jobs(endpoint: Endpoint, name: str) -> GlueJobs:
    return GlueJobs(endpoint.client, name)


def entry_of(jobs: GlueJobs, job: str, **run: str) -> dict[str, Any]:
    found: dict[str, Any] = jobs.glue.get_job_bookmark(JobName=job, **run)["JobBookmarkEntry"]
    return found


def code_of(call: Any, **parameters: str) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_run_that_commits_keeps_its_bookmark(jobs: GlueJobs) -> None:
    """Only where it is enabled: a pause reads the bookmark and leaves it as it is."""
    job = jobs.create(BOILERPLATE, DefaultArguments=arguments("enable"))
    assert code_of(jobs.glue.get_job_bookmark, JobName=job) == "EntityNotFoundException"
    first = jobs.run(job)
    assert jobs.log_lines(first["Id"]) == ["is initialized: True"], first
    counted = {"JobName": job, "Version": 1, "Run": 1, "Attempt": 0, "RunId": first["Id"]}
    assert entry_of(jobs, job) == counted | {"JobBookmark": "{}"}
    for option in ("pause", "disable"):
        assert jobs.run(job, Arguments=arguments(option))["JobRunState"] == "SUCCEEDED"
    assert entry_of(jobs, job)["Run"] == 1

    second = jobs.run(job)
    newest = entry_of(jobs, job)
    found = [newest[name] for name in ("Version", "Run", "RunId", "PreviousRunId")]
    assert found == [2, 2, second["Id"], first["Id"]]
    assert entry_of(jobs, job, RunId=first["Id"])["Run"] == 1

    rewound = jobs.glue.reset_job_bookmark(JobName=job, RunId=first["Id"])["JobBookmarkEntry"]
    assert (rewound["Version"], rewound["Run"], rewound["RunId"]) == (3, 1, first["Id"])
    reset = jobs.glue.reset_job_bookmark(JobName=job)["JobBookmarkEntry"]
    assert reset == {"JobName": job, "Version": 4, "Run": 0, "Attempt": 0, "JobBookmark": "{}"}
    assert entry_of(jobs, job) == reset

    jobs.glue.delete_job(JobName=job)
    assert code_of(jobs.glue.get_job_bookmark, JobName=job) == "EntityNotFoundException"


def test_a_run_that_does_not_commit_keeps_none(jobs: GlueJobs) -> None:
    """Glue's option alone does nothing: init and commit have to be called."""
    job = jobs.create("print('nothing')", DefaultArguments=arguments("enable"))
    assert jobs.run(job)["JobRunState"] == "SUCCEEDED"
    assert code_of(jobs.glue.reset_job_bookmark, JobName=job) == "EntityNotFoundException"


def test_a_failure_after_the_commit_keeps_the_bookmark(jobs: GlueJobs) -> None:
    script = BOILERPLATE + "    raise ValueError('late')\n"
    job = jobs.create(script, DefaultArguments=arguments("enable"))
    run = jobs.run(job)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: late")
    assert entry_of(jobs, job)["RunId"] == run["Id"]


def test_a_glue_context_is_refused_in_a_sentence(jobs: GlueJobs) -> None:
    """Its Java library is AWS's own; the error that py4j gives tells nobody why."""
    script = """
        from awsglue.context import GlueContext
        from pyspark.context import SparkContext
        GlueContext(SparkContext.getOrCreate())
    """
    run = jobs.run(jobs.create(script, DefaultArguments=arguments("disable")))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("RuntimeError: GlueContext needs Glue's own Java library"), run


def test_a_role_needs_the_right_to_bookmarks(endpoint: Endpoint, name: str) -> None:
    allowed = roles.make_role(endpoint, name, {"Action": "glue:GetJobBookmark"})
    client = roles.session_of(endpoint, allowed)("glue")
    assert code_of(client.get_job_bookmark, JobName=name) == "EntityNotFoundException"
    assert code_of(client.reset_job_bookmark, JobName=name) == "AccessDeniedException"
