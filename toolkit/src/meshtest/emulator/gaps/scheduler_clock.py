"""EventBridge Scheduler starts what is due, by a clock that can be moved.

moto 5.2.5 lacks: that. It keeps schedules, with any expression. As on AWS, a schedule starts its target
with its role, which has to trust the scheduler for the schedule's group. Targets are state machines; a
flexible window counts by its beginning, and what fails is not tried again.

The file `clock` of the emulator's folder says by how many seconds its clock is ahead (`Endpoint.move_clock`).
Whatever was due in between starts at once.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule, scheduler_backends

from meshtest.emulator import clock_file, cron, sessions

SERVICE: Final = "scheduler.amazonaws.com"
_TICK_S: Final = 0.5
_init = Schedule.__init__
_update = EventBridgeSchedulerBackend.update_schedule

log = logging.getLogger("meshtest.emulator")


def install() -> None:
    """Refuse expressions that are none, and begin to look at the clock."""
    schedule: Any = Schedule
    schedule.__init__ = _checked_init
    backend: Any = EventBridgeSchedulerBackend
    backend.update_schedule = _checked_update
    threading.Thread(target=_run, name="scheduler", daemon=True).start()


def _checked_init(self: Any, *arguments: Any, **named: Any) -> None:
    _check(named)
    _init(self, *arguments, **named)
    self.meshtest_since = _now()


def _checked_update(self: Any, **named: Any) -> Any:
    _check(named)
    return _update(self, **named)


def _check(named: dict[str, Any]) -> None:
    try:
        cron.check(named["schedule_expression"], named.get("schedule_expression_timezone") or "UTC")
    except cron.ExpressionError as error:
        raise ValidationException(str(error)) from None


# ─── Clock ───


def _now() -> datetime:
    from meshtest.emulator import server

    try:
        ahead = float(clock_file(server.current_endpoint().state_dir).read_text())
    except (FileNotFoundError, ValueError):
        ahead = 0.0
    return datetime.now(UTC) + timedelta(seconds=ahead)


def _run() -> None:
    seen = _minute(_now())
    while True:
        time.sleep(_TICK_S)
        now = _minute(_now())
        while seen < now:
            seen += timedelta(minutes=1)
            for schedule in _schedules():
                if schedule.state == "ENABLED" and _is_due(schedule, seen):
                    _start(schedule, seen)
        seen = now


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _schedules() -> Iterator[Any]:
    for regions in list(scheduler_backends.values()):
        for backend in list(regions.values()):
            for group in list(backend.schedule_groups.values()):
                yield from list(group.schedules.values())


def _is_due(schedule: Any, minute: datetime) -> bool:
    since = schedule.meshtest_since
    return minute > since and cron.is_due(
        schedule.schedule_expression, schedule.schedule_expression_timezone, minute, since
    )


# ─── Targets ───


def _filled(text: str, schedule: Any, due: datetime) -> str:
    """Put the context attributes into an input, which tell a target of its schedule.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    attributes = {
        "scheduled-time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "schedule-arn": schedule.arn,
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _start(schedule: Any, due: datetime) -> None:
    from meshtest.emulator import server

    target = schedule.target
    _, _, service, region, *_ = target["Arn"].split(":")
    group = schedule.arn.rpartition("/")[0].replace(":schedule/", ":schedule-group/")
    if service != "states":
        log.warning("%s starts nothing: its target is no state machine", schedule.arn)
        return
    try:
        acting = sessions.kept(server.current_endpoint(), target["RoleArn"], SERVICE, "scheduler", group)
        states = acting.client("stepfunctions", region_name=region)
        given = _filled(target.get("Input") or "{}", schedule, due)
        states.start_execution(stateMachineArn=target["Arn"], input=given)
    except (sessions.NotTrusted, ClientError) as denied:
        log.warning("%s starts nothing: %s", schedule.arn, denied)
    except Exception:
        log.exception("%s starts nothing", schedule.arn)
