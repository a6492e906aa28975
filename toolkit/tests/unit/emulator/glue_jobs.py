"""Small Glue jobs for tests: upload a script, define the job, run it, wait, read its logs."""

from __future__ import annotations

import contextlib
import os
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# For sessions that mostly start up; a job passes it by --conf as spark.driver.extraJavaOptions.
FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"}


class GlueJobs:
    """Jobs whose names start with ``prefix``, their scripts in a bucket of that name."""

    def __init__(self, client: Callable[[str], Any], prefix: str) -> None:
        self.prefix = self.bucket = prefix
        self.glue, self.s3, self.logs = client("glue"), client("s3"), client("logs")
        location = {"LocationConstraint": self.glue.meta.region_name}
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=location)

    def upload(self, key: str, content: str | bytes) -> str:
        """Put an object and return its URI."""
        body = textwrap.dedent(content).encode() if isinstance(content, str) else content
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def create(self, script: str, name: str = "job", **definition: Any) -> str:
        """Define a job that runs ``script`` and return its name."""
        job_name = f"{self.prefix}-{name}"
        command = {
            "Name": "glueetl",
            "ScriptLocation": self.upload(f"jobs/{name}.py", script),
            "PythonVersion": "3",
        }
        defaults: dict[str, Any] = {
            "Command": command,
            "GlueVersion": "5.1",
            "NumberOfWorkers": 2,
            "Role": "arn:aws:iam::123456789012:role/glue",
            "WorkerType": "G.1X",
        }
        self.glue.create_job(Name=job_name, **(defaults | definition))
        return job_name

    def start(self, job_name: str, **parameters: Any) -> str:
        """Start a run and return its id."""
        run_id: str = self.glue.start_job_run(JobName=job_name, **parameters)["JobRunId"]
        return run_id

    def run_of(self, job_name: str, run_id: str) -> dict[str, Any]:
        """Describe a run."""
        described: dict[str, Any] = self.glue.get_job_run(JobName=job_name, RunId=run_id)["JobRun"]
        return described

    def wait(
        self,
        job_name: str,
        run_id: str,
        states: set[str] | frozenset[str] = frozenset(ENDED),
        timeout: float = 60,
    ) -> dict[str, Any]:
        """Describe a run once it is in one of ``states``."""
        return until(lambda: self.run_of(job_name, run_id), lambda run: run["JobRunState"] in states, timeout)

    def run(self, job_name: str, **parameters: Any) -> dict[str, Any]:
        """Start a run and describe it once it has ended."""
        return self.wait(job_name, self.start(job_name, **parameters))

    def log_lines(self, run_id: str, kind: str = "output") -> list[str]:
        """Return what a run has printed so far; kind "error" for its standard error."""
        with contextlib.suppress(self.logs.exceptions.ResourceNotFoundException):
            pages = self.logs.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws-glue/jobs/{kind}", logStreamNames=[run_id]
            )
            return [event["message"] for page in pages for event in page["events"]]
        return []

    def wait_for_line(self, run_id: str, start: str, timeout: float = 60) -> str:
        """Return the first line of output that begins with ``start``, once it is there."""
        lines = until(
            lambda: [line for line in self.log_lines(run_id) if line.startswith(start)], bool, timeout
        )
        return lines[0].removeprefix(start)


def until(look: Callable[[], Any], is_good: Callable[[Any], bool], timeout: float = 60) -> Any:
    """Look until what is seen is good, and return it."""
    deadline = time.monotonic() + timeout
    while not is_good(seen := look()):
        assert time.monotonic() < deadline, f"not in {timeout:g} s; last seen: {seen}"
        time.sleep(0.2)
    return seen


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
