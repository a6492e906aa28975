"""What is wrong in a file that people write, in one line: file, field, value, what is expected.

Terraform's checks (``modules/project/checks.tf``, the foundation's validations) say it in the same form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

CONTENT = "content"  # the field of what is wrong with a whole file
MISSING = object()


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        file: its path in the repository.
        field: where it is in the file, such as ``refined.rates.columns[0].type``.
        value: what stands there; `MISSING` if nothing does.
        expected: what should, in words.

    """

    file: str
    field: str
    value: Any
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field} is {shown(self.value)}; expected {self.expected}."


def shown(value: Any) -> str:
    """Return a value as it is written in a message: JSON, but what is in an object stays out."""
    if value is MISSING:
        return "missing"
    if isinstance(value, dict):
        return "{...}" if value else "{}"
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


def unknown_field(known: Collection[str]) -> str:
    """Say what is expected instead of a field that nothing reads."""
    return f"no such field: there are {', '.join(sorted(name for name in known if not name.startswith('$')))}"
