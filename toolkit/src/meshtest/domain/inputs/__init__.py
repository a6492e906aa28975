"""Everything that people write for a domain, held against its rules before Terraform or Spark see it.

What one file can say wrong by itself is in the JSON Schemas of ``setup/schemas``; `rules` knows what only
several fields or files can. ``make check-inputs`` tells all mistakes, one line each. `up`, `demo`,
`new-project` and `validate` ask first, so that nothing half-done is left of a bad input.
"""

from __future__ import annotations

from pathlib import Path

from core.mistakes import Mistake
from meshtest.domain.inputs import checkout, rules, schemas
from meshtest.tools import toolchain


class InputsError(Exception):
    """Files are not as they should be; the message has one line a mistake."""


def check(top: Path = toolchain.ROOT) -> list[Mistake]:
    """Return every mistake in a checkout's own files.

    Rules look at what its schema has let pass only: a mistake is told once, by the check that is nearest.
    """
    read = checkout.read(top)
    found = [*read.mistakes, *(each for file in read.files for each in schemas.mistakes(file))]
    bad = {each.file.partition(":")[0] for each in found}
    return [*found, *rules.mistakes(read.without(bad))]


def require(top: Path = toolchain.ROOT) -> None:
    """Stop unless all files are in order.

    Raises:
        InputsError: they are not; one line a mistake.

    """
    if found := check(top):
        raise InputsError("\n".join(map(str, found)))
