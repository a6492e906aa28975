"""Check a domain's own files: ``python -m meshtest.domain.inputs`` (``make check-inputs``).

One line a mistake on standard error: file, field, value, what is expected. Exit status: 0 all is in order,
1 there are mistakes, 2 bad arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from meshtest.domain import inputs
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the mistakes; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.domain.inputs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help="the checkout (default: this one)")
    top = parser.parse_args(arguments).top
    if not (top / "infrastructure" / "projects").is_dir():
        parser.error(f"--top is {top}; expected a checkout, with infrastructure/projects in it")
    found = inputs.check(top)
    for mistake in found:
        print(mistake, file=sys.stderr)
    if not found:
        print("domain.json, projects, contracts, jobs, pipelines and exceptions are in order")
    return 1 if found else 0


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
