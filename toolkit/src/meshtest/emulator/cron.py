"""When a schedule of EventBridge Scheduler is due: ``cron(…)``, ``rate(…)`` and ``at(…)``, by the minute.

Hours and days are those of the schedule's time zone; a minute that a clock change leaves out never comes.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import functools
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_EXPRESSION = re.compile(r"(cron|rate|at)\((.+)\)")
_MONTHS = {name.upper(): str(number) for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {
    name: str(number) for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)
}
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
# minute, hour, day of month, month, day of week (Sunday is 1), year
_RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(1, 8), range(1970, 2200))


class ExpressionError(ValueError):
    """An expression is none; the message says what is wrong with it."""


def check(expression: str, zone: str) -> None:
    """Check an expression and a time zone.

    Raises:
        ExpressionError: one of them is none.
    """
    try:
        is_due(expression, zone, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    except (ValueError, KeyError, OSError) as error:
        raise ExpressionError(f"Invalid Schedule Expression {expression} in {zone}: {error}") from None


def is_due(expression: str, zone: str, minute: datetime, since: datetime) -> bool:
    """Return whether a schedule that began at `since` is due in a minute.

    Raises:
        ExpressionError: the expression is none.
    """
    found = _EXPRESSION.fullmatch(expression)
    if found is None:
        raise ExpressionError("expected cron(…), rate(…) or at(…)")
    local = minute.astimezone(ZoneInfo(zone))
    if found[1] == "at":
        return datetime.fromisoformat(found[2]).replace(second=0, tzinfo=ZoneInfo(zone)) == local
    if found[1] == "rate":
        number, unit = found[2].split()
        seconds = int(number) * _UNITS[unit.removesuffix("s")]
        passed = minute - since.replace(second=0, microsecond=0)
        return passed > timedelta() and passed.total_seconds() % seconds == 0
    return _matches(found[2], local)


def _matches(cron: str, local: datetime) -> bool:
    minute, hour, day, month, weekday, year = _fields(cron)
    if "?" not in (day, weekday):
        raise ExpressionError("expected ? as day of month or day of week")
    plain = ((minute, local.minute), (hour, local.hour), (month, local.month), (year, local.year))
    ranges = (_RANGES[0], _RANGES[1], _RANGES[3], _RANGES[5])
    # All of them, so that a field that is none is found whatever the time.
    fits = [value in _values(field, within) for (field, value), within in zip(plain, ranges, strict=True)]
    return all([*fits, _is_day(day, local), _is_weekday(weekday, local)])


@functools.lru_cache(maxsize=256)
def _fields(cron: str) -> tuple[str, ...]:
    fields = cron.upper().split()
    if len(fields) != len(_RANGES):
        raise ExpressionError(f"cron has {len(fields)} fields; expected 6")
    fields[3] = _named(fields[3], _MONTHS)
    fields[4] = _named(fields[4], _DAYS)
    return tuple(fields)


def _named(field: str, names: dict[str, str]) -> str:
    return re.sub(r"[A-Z]{3}", lambda found: names.get(found[0], found[0]), field)


@functools.lru_cache(maxsize=1024)
def _values(field: str, within: range) -> frozenset[int]:
    """Return the values of a field with lists, ranges and steps."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            low, high = within.start, within.stop - 1
        else:
            low = int(first)
            high = int(last) if last else (within.stop - 1 if step else low)
        if low not in within or high not in within:
            raise ExpressionError(f"{part} is not within {within.start} to {within.stop - 1}")
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _is_day(field: str, local: datetime) -> bool:
    last = calendar.monthrange(local.year, local.month)[1]
    if field == "?":
        return True
    if field == "L":
        return local.day == last
    if field.endswith("W"):
        wanted = last if field == "LW" else min(int(field[:-1]), last)
        return local.day == _nearest_weekday(local, wanted, last)
    return local.day in _values(field, _RANGES[2])


def _nearest_weekday(local: datetime, wanted: int, last: int) -> int:
    weekday = calendar.weekday(local.year, local.month, wanted)
    if weekday == calendar.SATURDAY:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == calendar.SUNDAY:
        return wanted + 1 if wanted < last else wanted - 2
    return wanted


def _is_weekday(field: str, local: datetime) -> bool:
    today = local.isoweekday() % 7 + 1
    if field == "?":
        return True
    if "#" in field:
        day, _, number = field.partition("#")
        return today == int(day) and (local.day - 1) // 7 + 1 == int(number)
    if field.endswith("L"):
        last = calendar.monthrange(local.year, local.month)[1]
        return today == int(field[:-1] or 7) and local.day + 7 > last
    return today in _values(field, _RANGES[4])
