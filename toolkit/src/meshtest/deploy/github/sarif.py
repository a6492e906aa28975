"""Merge the gate's SARIF files into one with a single run: code scanning takes at most 20 runs at a time.

    python -m meshtest.deploy.github.sarif build/sections --category gate/dev > build/gate.sarif

Source: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/troubleshoot-sarif-uploads/results-exceed-limit
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def merge(files: Iterable[Path], category: str) -> dict[str, Any]:
    """Return one document with the results of all, each beside its rule."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    runs = [run for document in documents for run in document["runs"]]
    rules = {rule["id"]: rule for run in runs for rule in run["tool"]["driver"]["rules"]}
    index = {name: position for position, name in enumerate(rules)}
    results = [each | {"ruleIndex": index[each["ruleId"]]} for run in runs for each in run["results"]]
    driver = runs[0]["tool"]["driver"] | {"rules": list(rules.values())}
    run = {"tool": {"driver": driver}, "automationDetails": {"id": f"{category}/"}, "results": results}
    return {**documents[0], "runs": [run]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the merged document; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.sarif",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the files *.sarif are, at any depth")
    parser.add_argument(
        "--category", required=True, help="alerts of one category do not close those of another"
    )
    options = parser.parse_args(arguments)
    files = sorted(options.folder.rglob("*.sarif"))
    if not files:
        print(f"sarif: no *.sarif below {options.folder}; expected one of each root", file=sys.stderr)
        return 1
    print(json.dumps(merge(files, options.category), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
