"""Tables that are older than the contract promises fail the run that looks at them, each by its name."""

from __future__ import annotations

import datetime

import pytest

from core import freshness
from core.contract import Contract
from core.errors import ArgumentError, StaleError

PROJECT = "orders"
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


@pytest.fixture
def judge(lake):
    """judge(after, **max_ages) → the log of a run that judges the tables so long after now."""
    from core import audit

    lake.create(audit.table(PROJECT))

    def brought(run) -> None:
        run.counts.tables["curated.daily"] = {"inserted": 0}  # nothing to change is up to date, too

    def failed(run) -> None:
        brought(run)
        raise ArgumentError("failed")

    lake.run(brought, PROJECT, run_id="jr_1", contract=Contract(PROJECT, {}))
    with pytest.raises(ArgumentError):
        lake.run(failed, PROJECT, run_id="jr_2", contract=Contract(PROJECT, {}))

    def judge(after: datetime.timedelta, **max_ages: datetime.timedelta) -> list[dict]:
        promised = {f"curated.{name}": age for name, age in max_ages.items()}
        contract = Contract(PROJECT, {}, max_ages=promised)
        due = (datetime.datetime.now(datetime.UTC) + after).isoformat()
        arguments = {"declared": freshness.FreshnessArguments, "due_at": due}
        found: list[dict] = lake.run(freshness.work, PROJECT, contract=contract, **arguments)
        return found

    return judge


def test_a_table_that_a_run_brought_up_to_date_in_time_is_fresh(judge):
    (line,) = judge(23 * HOUR, daily=DAY)
    assert (line["table"], line["promised"]) == ("curated.daily", "1 day, 0:00:00")


def test_a_table_that_is_older_than_promised_fails_the_run(judge):
    with pytest.raises(
        StaleError, match=r"curated\.daily was brought up to date last at .+Z; expected within 1 day"
    ):
        judge(25 * HOUR, daily=DAY)


def test_every_stale_table_is_named_and_one_that_no_run_wrote_is_stale(judge):
    with pytest.raises(
        StaleError, match=r"curated\.daily was .+ curated\.other was never brought up to date;"
    ):
        judge(2 * HOUR, daily=HOUR, other=DAY)


@pytest.mark.parametrize("due_at", ["yesterday", "2026-11-28T04:30:00"])
def test_a_moment_that_is_none_is_refused(lake, due_at):
    with pytest.raises(ArgumentError, match="expected a time with its zone"):
        lake.run(
            freshness.work,
            PROJECT,
            contract=Contract(PROJECT, {}),
            declared=freshness.FreshnessArguments,
            due_at=due_at,
        )
