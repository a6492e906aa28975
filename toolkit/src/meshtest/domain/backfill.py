"""Run a project's pipeline for each day of a time, and go on where an earlier try has ended.

The pipeline's state machine runs its jobs for one date after the other (``dates`` of its input), each with
it as ``--ingestion_date``. Its history tells which dates are done: a backfill of the same days that failed,
or was stopped, is started again without them, and one that still runs is followed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from meshtest.domain.domain import POLL_SECONDS, SKIPPED, Domain, DomainError, Execution, has_skipped


@dataclass(frozen=True)
class Backfill:
    """The days of a backfill of one pipeline, from the first to the last."""

    domain: Domain
    machine: str
    first: date
    last: date

    @property
    def label(self) -> str:
        """The name by which a try is known as one of this backfill."""
        return f"{self.first}/{self.last}"

    @property
    def dates(self) -> list[str]:
        """Every day of it."""
        number = (self.last - self.first).days + 1
        return [(self.first + timedelta(days=day)).isoformat() for day in range(number)]

    def run(self, progress: Callable[[str], None]) -> Execution | None:
        """Run the days that are not done to their end; None if all of them are.

        `progress` gets each day that begins, and how many are done.
        """
        execution = self._begin()
        if execution is None:
            return None
        while True:
            described = self._states.describe_execution(executionArn=execution)
            dates, done = json.loads(described["input"])["dates"], self._done(execution)
            before = len(self.dates) - len(dates)
            current = next((each for each in dates if each not in done), dates[-1])
            progress(f"{current}, {before + len(done)} of {len(self.dates)} done")
            if described["status"] != "RUNNING":
                status = SKIPPED if has_skipped(described) else described["status"]
                return Execution(execution, status, described.get("cause", ""))
            time.sleep(POLL_SECONDS)

    def _begin(self) -> str | None:
        """Return the execution that runs already, or a new one of what is left; None if nothing is."""
        done: set[str] = set()
        for tried in self._tries():
            if tried["status"] == "RUNNING":
                return str(tried["executionArn"])
            if tried["status"] == "SUCCEEDED" and not has_skipped(tried):
                break
            done |= self._done(tried["executionArn"])
        left = [each for each in self.dates if each not in done]
        if not left:
            return None
        given = {"backfill": self.label, "dates": left}
        started = self._states.start_execution(stateMachineArn=self.machine, input=json.dumps(given))
        return str(started["executionArn"])

    def _tries(self) -> Iterator[dict[str, Any]]:
        """Yield the executions of this backfill, the latest first."""
        pages = self._states.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        for each in (each for page in pages for each in page["executions"]):
            described = self._states.describe_execution(executionArn=each["executionArn"])
            given = json.loads(described["input"])
            if isinstance(given, dict) and given.get("backfill") == self.label:
                yield described

    def _done(self, execution: str) -> set[str]:
        """Return the dates for which all jobs of an execution have succeeded."""
        given = json.loads(self._states.describe_execution(executionArn=execution)["input"])
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = (event for page in pages for event in page["events"])
        kind = "mapIterationSucceededEventDetails"
        return {given["dates"][event[kind]["index"]] for event in events if kind in event}

    @property
    def _states(self) -> Any:
        return self.domain.endpoint.client("stepfunctions")


def of(domain: Domain, project: str, pipeline: str, first: str, last: str) -> Backfill:
    """Return the backfill that a command line asks for; a project's only pipeline need not be named.

    Raises:
        DomainError: there is no such project or pipeline, or the days are none.

    """
    known = domain.pipelines(project)
    if not pipeline and len(known) != 1:
        expected = f"one of {', '.join(known)}" if known else f"a pipeline: {project} has none"
        raise DomainError(f"PIPELINE=(empty): expected {expected}")
    days = _day("FROM", first), _day("TO", last)
    if days[1] < days[0]:
        raise DomainError(f"TO={last}: expected {first} or a later day")
    return Backfill(domain, domain.state_machine(project, pipeline or known[0]), *days)


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DomainError(f"{name}={text or '(empty)'}: expected a day (YYYY-MM-DD)") from None
