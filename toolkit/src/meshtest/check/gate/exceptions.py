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

import json
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

REASON_LENGTH = 10  # "todo" is no reason
# In the words of setup/schemas/gate-exceptions.schema.json, which is not where the gate is installed.
EXPECTED = {
    "address": "a text",
    "control": "a text",
    "expires": "a day without quotes: 2027-03-31",
    "owner": "a text",
    "reason": f"a text of {REASON_LENGTH} characters or more",
}


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
        raise _mistake(file, "content", f"no TOML ({error})", "[[exception]] tables alone") from None
    for name, value in content.items():
        if name != "exception" or not isinstance(value, list):
            raise _mistake(file, name, value, "[[exception]] tables alone")
    entries = content.get("exception", [])
    return tuple(_read(entry, file, number, controls) for number, entry in enumerate(entries))


def _read(entry: Any, file: Path, number: int, controls: Collection[str]) -> Excuse:
    place = f"exception[{number}]"
    if not isinstance(entry, dict):
        raise _mistake(file, place, entry, "a table with address, control, expires, owner and reason")
    for name in entry:
        if name not in EXPECTED:
            known = f"no such field: there are {', '.join(EXPECTED)}"
            raise _mistake(file, f"{place}.{name}", entry[name], known)
    for name, expected in EXPECTED.items():
        if name not in entry:
            raise ExceptionsError(f"{file}: {place}.{name} is missing; expected {expected}.")
        if not _is_good(name, entry[name]):
            raise _mistake(file, f"{place}.{name}", entry[name], expected)
    if entry["control"] not in controls:
        raise _mistake(file, f"{place}.control", entry["control"], f"one of {', '.join(controls)}")
    return Excuse(**entry)


def _is_good(name: str, value: Any) -> bool:
    if name == "expires":
        return isinstance(value, date) and not isinstance(value, datetime)
    return (
        isinstance(value, str) and bool(value.strip()) and (name != "reason" or len(value) >= REASON_LENGTH)
    )


def _mistake(file: Path, field: str, value: Any, expected: str) -> ExceptionsError:
    """One line: file, field, value, what is expected."""
    shown = (
        "{...}" if isinstance(value, dict) and value else json.dumps(value, default=str, ensure_ascii=False)
    )
    return ExceptionsError(f"{file}: {field} is {shown}; expected {expected}.")
