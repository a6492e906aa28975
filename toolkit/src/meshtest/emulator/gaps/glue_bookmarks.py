"""Glue keeps a job's bookmark: who has committed it, and how often.

moto 5.2.5 lacks: GetJobBookmark, ResetJobBookmark, and bookmarks. A bookmark's own text is always empty here:
it tells what DynamicFrames have read, which need Glue's own Java library.

https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html and
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html (JobBookmarkEntry)
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.responses import GlueResponse

from meshtest.emulator.glue_runner import JobRun

_EMPTY = "{}"
# The entries of a job's bookmark, the newest last; they go when the job does.
_ENTRIES = "meshtest_bookmarks"


def install() -> None:
    """Add the two calls."""
    response: Any = GlueResponse
    response.get_job_bookmark = _get
    response.reset_job_bookmark = _reset


def keep(job: Any, run: JobRun) -> None:
    """Keep the bookmark that a run has committed."""
    entries = _entries_of(job)
    last = entries[-1] if entries else {}
    entry = {
        "JobName": job.name,
        "Version": last.get("Version", 0) + 1,
        "Run": last.get("Run", 0) + 1,
        "Attempt": run.attempt,
        "RunId": run.id,
        "JobBookmark": _EMPTY,
    }
    if previous := last.get("RunId"):
        entry["PreviousRunId"] = previous
    entries.append(entry)


def _get(self: Any) -> ActionResult:
    job = self.glue_backend.get_job(self._get_param("JobName"))
    return ActionResult({"JobBookmarkEntry": _entry(job, self._get_param("RunId"))})


def _reset(self: Any) -> ActionResult:
    """Have the next run begin anew or, with a run's id, where that run ended."""
    job, run_id = self.glue_backend.get_job(self._get_param("JobName")), self._get_param("RunId")
    version = _entry(job, None)["Version"] + 1
    found = _entry(job, run_id) if run_id else {"JobName": job.name, "Run": 0, "Attempt": 0}
    entry = found | {"Version": version, "JobBookmark": _EMPTY}
    _entries_of(job).append(entry)
    return ActionResult({"JobBookmarkEntry": entry})


def _entry(job: Any, run_id: str | None) -> dict[str, Any]:
    found = [entry for entry in _entries_of(job) if run_id is None or entry.get("RunId") == run_id]
    if not found:
        of_run = f" and run {run_id}" if run_id else ""
        raise EntityNotFoundException(f"Continuation for job {job.name}{of_run} not found")
    return found[-1]


def _entries_of(job: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = job.__dict__.setdefault(_ENTRIES, [])
    return entries
