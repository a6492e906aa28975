"""The console's pages: every one a GET, for a browser of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, current_app, render_template, request

from meshtest.emulator import Endpoint
from meshtest.reports.catalogue.products import hidden_columns
from meshtest.reports.console import runs, storage, tables
from meshtest.reports.console.aws import reader
from meshtest.reports.console.drawing import draw
from meshtest.reports.console.examination import Examinations
from meshtest.reports.console.storage import Missing
from meshtest.terraform.stack import Stack
from meshtest.tools import toolchain

# A page of another site that has its name point to this machine is refused: DNS rebinding.
HOSTS = ["127.0.0.1", "localhost"]
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class NotRunning(Exception):
    """The domain is not there."""


def create_app(find: Callable[[], Endpoint | None], stacks: Callable[[Endpoint], Sequence[Stack]]) -> Flask:
    """The console over the domain that `find` finds; it is asked anew for every page.

    `stacks` are those of a running domain, for the controls.
    """
    app = Flask(__name__)
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, TRUSTED_HOSTS=HOSTS)
    app.extensions |= {"domain": find, "examinations": Examinations(stacks)}
    app.jinja_env.filters |= {"bytes": in_bytes, "seconds": in_seconds, "time": in_time}
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for rule, page in PAGES.items():
        app.add_url_rule(rule, view_func=page, methods=["GET"])
    app.register_error_handler(Missing, _missing)
    app.register_error_handler(404, _no_page)
    app.register_error_handler(NotRunning, _not_running)
    app.after_request(_secured)
    return app


def _endpoint() -> Endpoint:
    found: Endpoint | None = current_app.extensions["domain"]()
    if found is None:
        raise NotRunning
    return found


def _client(service: str) -> Any:
    return reader(_endpoint(), service)


# ─── Pages ───


def overview() -> str:
    """What the domain has, and what runs."""
    return render_template(
        "overview.html",
        buckets=storage.buckets(_client("s3")),
        endpoint=_endpoint(),
        jobs=runs.jobs(_client("glue")),
        machines=runs.machines(_client("stepfunctions")),
        tables=tables.entries(_endpoint()),
    )


def all_buckets() -> str:
    """Every bucket."""
    return render_template("buckets.html", buckets=storage.buckets(_client("s3")))


def bucket(bucket: str) -> str:
    """A folder of a bucket."""
    prefix, after = request.args.get("prefix", ""), request.args.get("after", "")
    found = storage.folder(_client("s3"), bucket, prefix, after)
    return render_template("bucket.html", bucket=bucket, folder=found)


def all_tables() -> str:
    """Every table."""
    return render_template("tables.html", tables=tables.entries(_endpoint()))


def table(database: str, name: str) -> str:
    """A table: first rows, columns, snapshots."""
    hidden = hidden_columns(toolchain.ROOT, database, name)
    return render_template("table.html", table=tables.table(_endpoint(), database, name, hidden))


def all_jobs() -> str:
    """Every job with its last run."""
    return render_template("jobs.html", jobs=runs.jobs(_client("glue")))


def job(job: str) -> str:
    """The runs of a job."""
    return render_template("job.html", job=job, runs=runs.job_runs(_client("glue"), job))


def job_run(job: str, run: str) -> str:
    """A run with its logs."""
    found = runs.job_run(_client("glue"), job, run)
    group = found["LogGroupName"]
    logs = {name: runs.log(_client("logs"), f"{group}/{name}", run) for name in ("output", "error")}
    return render_template("run.html", run=found, logs=logs)


def all_pipelines() -> str:
    """Every state machine with its executions."""
    return render_template("pipelines.html", machines=runs.machines(_client("stepfunctions")))


def pipeline(name: str) -> str:
    """A state machine's drawing and executions."""
    machine = runs.machine(_client("stepfunctions"), name)
    return render_template("pipeline.html", machine=machine, drawing=draw(machine.definition), status={})


def execution(name: str, execution: str) -> str:
    """An execution, drawn with what became of each state."""
    machine = runs.machine(_client("stepfunctions"), name)
    found = runs.execution(_client("stepfunctions"), machine, execution)
    status = {step.state: step.status for step in found.steps}
    drawing = draw(machine.definition)
    return render_template("execution.html", drawing=drawing, execution=found, machine=machine, status=status)


def controls() -> str:
    """What became of each control on each stack."""
    examinations: Examinations = current_app.extensions["examinations"]
    return render_template("controls.html", examination=examinations.of(_endpoint()))


PAGES: dict[str, Callable[..., str]] = {
    "/": overview,
    "/buckets": all_buckets,
    "/buckets/<bucket>": bucket,
    "/controls": controls,
    "/jobs": all_jobs,
    "/jobs/<job>": job,
    "/jobs/<job>/<run>": job_run,
    "/pipelines": all_pipelines,
    "/pipelines/<name>": pipeline,
    "/pipelines/<name>/<execution>": execution,
    "/tables": all_tables,
    "/tables/<database>/<name>": table,
}


# ─── Errors and Headers ───


def _missing(error: Missing) -> tuple[str, int]:
    return render_template("message.html", title="Not here", message=f"{error}."), 404


def _no_page(_: Exception) -> tuple[str, int]:
    return render_template("message.html", title="Not here", message="There is no such page."), 404


def _not_running(_: NotRunning) -> tuple[str, int]:
    message = "Start the domain by make up, then load this page again."
    return render_template("message.html", title="The domain is not running", message=message), 503


def _secured(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


# ─── Words ───


def in_bytes(size: int) -> str:
    """A size in bytes, in the unit that suits it."""
    if size < 1000:
        return f"{size} B"
    amount, units = size / 1000, ["kB", "MB", "GB"]
    while amount >= 1000 and len(units) > 1:
        amount, _ = amount / 1000, units.pop(0)
    return f"{amount:.1f} {units[0]}"


def in_seconds(seconds: float | None) -> str:
    """A duration."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def in_time(moment: datetime | None) -> str:
    """A time in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
