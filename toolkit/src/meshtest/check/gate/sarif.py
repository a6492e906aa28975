"""A report as SARIF 2.1.0, for GitHub's code scanning.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/ and
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import meshtest
from meshtest.check.controls import Control, Severity
from meshtest.check.gate import Item, Report
from meshtest.check.gate.rendering import references

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: dict[Severity, str] = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
# GitHub shows critical from 9.0 on, high from 7.0, medium from 4.0.
_SCORES: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def sarif(report: Report) -> str:
    """The open findings. Code scanning ignores suppressions, so what is excepted is left out."""
    rules = [result.control for result in report.results]
    run = {
        "tool": {
            "driver": {
                "name": "meshtest-gate",
                "semanticVersion": meshtest.__version__,
                "rules": [_rule(each) for each in rules],
            }
        },
        # The category: alerts of one root do not close those of another.
        "automationDetails": {"id": f"gate/{report.name}/"},
        "results": [_result(item, rules.index(item.control), report.name) for item in report.open],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(control: Control) -> dict[str, Any]:
    page = re.search(r"https://\S+[^\s.]", control.check.__doc__ or "")
    return {
        "id": control.id,
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.title},
        **({"helpUri": page.group()} if page else {}),
        "defaultConfiguration": {"level": _LEVELS[control.severity]},
        "properties": {
            "security-severity": _SCORES[control.severity],
            "tags": ["security", *references(control)],
        },
    }


def _result(item: Item, rule: int, name: str) -> dict[str, Any]:
    identity = "\0".join((name, item.control.id, item.address))
    return {
        "ruleId": item.control.id,
        "ruleIndex": rule,
        "level": _LEVELS[item.control.severity],
        "message": {"text": f"{item.address or name}: {item.control.title}: {item.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": item.location.file},
                    "region": {"startLine": item.location.line},
                }
            }
        ],
        "partialFingerprints": {"gateAddress/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
