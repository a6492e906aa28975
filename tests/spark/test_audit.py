"""The audit row of a run: written when it starts, closed when it ends, closed as lost by the next run."""

from __future__ import annotations

import pytest

from core.errors import InputError

PROJECT = "orders"


class Killed(BaseException):
    """Ends a run as a signal does: nothing of the job's frame comes after it."""


@pytest.fixture
def domain(lake, orders_contract):
    """The lake with the tables of a project that nobody else has."""
    from core import audit

    lake.create(audit.table(PROJECT))
    return lake


@pytest.fixture
def orders_contract():
    from core.contract import Contract

    return Contract(PROJECT, {})


@pytest.fixture
def run(domain, orders_contract):
    """run(work, run_id) → a run of the job `test` of that project."""
    return lambda work, run_id: domain.run(work, PROJECT, run_id=run_id, contract=orders_contract)


def rows(domain) -> dict:
    return {row.run_id: row for row in domain.table("refined", f"{PROJECT}_job_runs").collect()}


def killed(_) -> None:
    raise Killed


def test_a_run_has_its_row_while_it_works(domain, run):
    seen = {}
    run(lambda job: seen.update(rows(domain)), "jr_1")
    assert (seen["jr_1"].status, seen["jr_1"].ended_at, seen["jr_1"].seconds) == ("RUNNING", None, None)
    (closed,) = rows(domain).values()
    assert (closed.status, closed.started_at) == ("SUCCEEDED", seen["jr_1"].started_at)
    assert closed.ended_at >= closed.started_at


def test_a_run_that_was_killed_is_closed_as_lost_by_the_next(domain, run):
    with pytest.raises(Killed):
        run(killed, "jr_1")
    before = rows(domain)["jr_1"]
    run(lambda job: None, "jr_2")
    after = rows(domain)
    assert (before.status, before.message) == ("RUNNING", None)
    assert {name: row.status for name, row in after.items()} == {"jr_1": "LOST", "jr_2": "SUCCEEDED"}
    assert "jr_1" in after["jr_1"].message
    assert (after["jr_1"].started_at, after["jr_1"].ended_at) == (before.started_at, None)


def test_another_jobs_run_is_left_alone(domain, run):
    with pytest.raises(Killed):
        run(killed, "jr_1")
    name = domain.name("refined", f"{PROJECT}_job_runs")
    domain.spark.sql(f"UPDATE {name} SET job = 'another'")
    run(lambda job: None, "jr_2")
    assert rows(domain)["jr_1"].status == "RUNNING"


def test_a_run_that_was_only_taken_for_lost_closes_its_row(domain, run):
    """Two runs of a job with max_concurrent_runs = 2."""
    run(lambda job: run(lambda job: None, "jr_2"), "jr_1")
    assert {name: (row.status, row.message) for name, row in rows(domain).items()} == {
        "jr_1": ("SUCCEEDED", None),
        "jr_2": ("SUCCEEDED", None),
    }


def test_a_failure_closes_the_row_with_its_message(domain, run):
    def work(job) -> None:
        job.counts.rows_in = 3
        raise InputError("no input file")

    with pytest.raises(InputError):
        run(work, "jr_1")
    (closed,) = rows(domain).values()
    assert (closed.status, closed.message, closed.rows_in) == ("FAILED", "no input file", 3)


def test_a_run_that_is_closed_is_left_as_it_is(domain, run):
    run(lambda job: None, "jr_1")
    closed = rows(domain)["jr_1"]
    with pytest.raises(InputError):
        run(lambda job: (_ for _ in ()).throw(InputError("again")), "jr_1")
    assert rows(domain) == {"jr_1": closed}
