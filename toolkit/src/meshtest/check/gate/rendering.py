"""A report for people (text, Markdown) and for programs (JSON)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from meshtest.check.controls import Control
from meshtest.check.gate import SEVERITIES, Item, Report

VALUE_LENGTH = 160  # of a found value in a table; the JSON has all of it
_MARKS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵"}
_LISTS = {"improvement": "", "security_hub": "Security Hub ", "cis": "CIS ", "checkov": ""}


def text(report: Report) -> str:
    """For a terminal: the verdict first, then each finding."""
    return "\n".join([headline(report), *_text_items(report)]) + "\n"


def _text_items(report: Report) -> Iterator[str]:
    for item in report.open:
        control = item.control
        yield f"\n{control.severity.upper()} {control.id}: {control.title}{_bracketed(control)}"
        yield f"  {item.address or '(the plan)'}  {item.location}"
        yield f"  {item.message}"
    for item in report.excused:
        yield f"\nexcepted {item.control.id} at {item.address}: {_answer(item)}"
    for excuse in report.expired:
        owner = f"{excuse.owner}: {excuse.reason}"
        yield f"\nEXPIRED exception of {excuse.control} at {excuse.address}: {excuse.expires}, {owner}"


def markdown(report: Report) -> str:
    """For a pull request: the verdict, a table of the findings, exceptions below."""
    return "\n".join([f"{'✅' if report.passed else '❌'} **{headline(report)}**", *_tables(report)]) + "\n"


def _tables(report: Report) -> Iterator[str]:
    if report.open:
        yield "\n| severity | control | resource | what to do |\n| --- | --- | --- | --- |"
        for item in report.open:
            name = f"{code(item.control.id)} {item.control.title}{_bracketed(item.control)}"
            place = f"{code(item.address or 'the plan')}<br>{code(item.location)}"
            severity = item.control.severity
            yield f"| {_MARKS[severity]} {severity} | {_cell(name)} | {place} | {code(item.message)} |"
    for excuse in report.expired:
        yield (
            f"\n⏰ The exception of {code(excuse.control)} at {code(excuse.address)} expired on "
            f"{excuse.expires} ({code(excuse.owner)})"
        )
    if report.excused:
        yield "\n<details><summary>Excepted findings</summary>\n"
        for item in report.excused:
            yield f"- {code(item.control.id)} at {code(item.address)}: {code(_answer(item))}"
        yield "\n</details>"


def as_json(report: Report) -> str:
    """Everything, by stable names."""
    content = {
        "name": report.name,
        "passed": report.passed,
        "fail_on": report.fail_on,
        "findings": [_as_dict(item) for item in report.items],
        "expired_exceptions": [{**vars(each), "expires": str(each.expires)} for each in report.expired],
        "controls": {result.control.id: result.status for result in report.results},
    }
    return json.dumps(content, indent=2, default=str) + "\n"


def _as_dict(item: Item) -> dict[str, Any]:
    return {
        "control": item.control.id,
        "title": item.control.title,
        "severity": item.control.severity,
        "references": dict(item.control.references),
        "address": item.address,
        "file": item.location.file,
        "line": item.location.line,
        "subject": item.finding.subject,
        "message": item.message,
        "found": item.finding.found,
        "expected": item.finding.expected,
        "error": item.finding.error,
        "exception": item.excuse and {**vars(item.excuse), "expires": str(item.excuse.expires)},
    }


# ─── Parts ───


def headline(report: Report) -> str:
    """The verdict in one line."""
    verdict = "passed" if report.passed else "stopped"
    counts = Counter(item.control.severity for item in report.open)
    found = ", ".join(f"{counts[each]} {each}" for each in SEVERITIES if counts[each])
    parts = [
        f"{len(report.open)} {'finding' if len(report.open) == 1 else 'findings'}"
        + (f" ({found})" if found else ""),
        *([f"{len(report.excused)} excepted"] if report.excused else []),
        *([f"{len(report.expired)} expired exceptions"] if report.expired else []),
        f"{report.count('passed')} controls hold",
        f"{report.count('not applicable')} not applicable",
    ]
    return f"{report.name}: {verdict}: {', '.join(parts)}"


def references(control: Control) -> Iterable[str]:
    """A control's public ids, as people write them: P0-01, Security Hub S3.5."""
    return [f"{_LISTS.get(name, name + ' ')}{value}" for name, value in control.references.items()]


def _bracketed(control: Control) -> str:
    ids = ", ".join(references(control))
    return f" [{ids}]" if ids else ""


def _answer(item: Item) -> str:
    excuse = item.excuse
    return f"{excuse.reason} ({excuse.owner}, until {excuse.expires})" if excuse else ""


def code(value: object) -> str:
    """Anything as inline code that cannot break out of its table cell, cut to a readable length."""
    line = re.sub(r"\s+", " ", str(value)).replace("`", "'")
    line = line if len(line) <= VALUE_LENGTH else line[: VALUE_LENGTH - 1] + "…"
    return f"`{_cell(line)}`" if line else ""


def _cell(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|") if "|" in value else value
