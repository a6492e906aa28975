"""Findings that somebody answers for, until a day: a TOML file with one table each.

::

    [[exception]]
    control = "s3-versioning"                # the id of a control
    address = "module.scratch[*].*"          # of the resources; * stands for anything
    owner   = "platform@example.com"         # who answers for it
    reason  = "Scratch data, rebuilt nightly"
    expires = 2027-03-31                     # the last day on which it counts

Every key is required, and there are no others.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

REASON_LENGTH = 10  # "todo" is no reason


class ExceptionsError(Exception):
    """The file is not as it should be; the message names file, entry, key, value and expectation."""


@dataclass(frozen=True, order=True)
class Excuse:
    """One exception."""

    control: str
    address: str
    owner: str
    reason: str
    expires: date

    def covers(self, control: str, address: str) -> bool:
        """Whether it is about this control at this address."""
        pattern = ".*".join(map(re.escape, self.address.split("*")))
        return self.control == control and re.fullmatch(pattern, address) is not None


def load(file: Path, controls: Collection[str]) -> tuple[Excuse, ...]:
    """Read the exceptions; ``controls`` are the ids that there are.

    Raises:
        ExceptionsError: no TOML, or an entry that is not as described above.
        OSError: the file cannot be read.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExceptionsError(f"{file}: no TOML: {error}") from None
    entries = content.get("exception", [])
    if set(content) - {"exception"} or not isinstance(entries, list):
        raise ExceptionsError(f"{file}: found {sorted(content)}; expected [[exception]] tables alone")
    return tuple(
        _read(entry, f"{file}: exception {position}", controls) for position, entry in _count(entries)
    )


def _count(entries: list[Any]) -> enumerate[Any]:
    return enumerate(entries, start=1)


def _read(entry: Any, place: str, controls: Collection[str]) -> Excuse:
    names = [field.name for field in fields(Excuse)]
    if not isinstance(entry, dict) or sorted(entry) != sorted(names):
        found = sorted(entry) if isinstance(entry, dict) else entry
        raise ExceptionsError(f"{place}: found the keys {found}; expected {sorted(names)}")
    for name in names[:-1]:
        if not isinstance(entry[name], str) or not entry[name].strip():
            raise ExceptionsError(f"{place}: {name} is {entry[name]!r}; expected a text")
    if entry["control"] not in controls:
        raise ExceptionsError(
            f"{place}: control is {entry['control']!r}; expected one of {', '.join(controls)}"
        )
    if len(entry["reason"]) < REASON_LENGTH:
        raise ExceptionsError(
            f"{place}: reason is {entry['reason']!r}; expected {REASON_LENGTH} characters or more"
        )
    if not isinstance(entry["expires"], date) or isinstance(entry["expires"], datetime):
        raise ExceptionsError(
            f"{place}: expires is {entry['expires']!r}; expected a day without quotes: 2027-03-31"
        )
    return Excuse(**entry)
