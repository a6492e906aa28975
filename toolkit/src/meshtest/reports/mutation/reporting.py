"""What became of the mutants: the scores, as JSON, as HTML, as a table."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from meshtest.reports.mutation.mutants import Mutant
from meshtest.tools import toolchain

FOLDER = toolchain.BUILD / "mutation"
STATUSES = ("killed", "refused", "survived", "equivalent")
Entry = dict[str, Any]


def entry(mutant: Mutant, answer: Mapping[str, Any], reason: str | None) -> Entry:
    """A mutant as the report has it; `reason` if it is listed as equivalent."""
    killed_by = [answer["refused"]] if answer["refused"] else answer["killed_by"]
    is_noticed = bool(answer["killed_by"] or answer["controls"])
    status = "refused" if answer["refused"] else "killed" if is_noticed else "survived"
    return {
        "id": mutant.id,
        "file": f"infrastructure/{mutant.file}",
        "module": mutant.module,
        "operator": mutant.operator,
        "line": mutant.line,
        "diff": mutant.diff,
        "status": "equivalent" if reason and status == "survived" else status,
        "reason": reason or "",
        "killed_by": killed_by,
        "controls": answer["controls"],
        "stated": answer["stated"],
    }


def report(entries: list[Entry], spark: Mapping[str, Any] | None) -> dict[str, Any]:
    """The whole report; see `meshtest.reports.mutation` for its format."""
    counts = Counter(each["status"] for each in entries)
    stated = [each for each in entries if each["stated"] and each["status"] in ("killed", "survived")]
    noticed = sum(bool(each["controls"]) for each in stated)
    return {
        "mutants": entries,
        "counts": {status: counts[status] for status in STATUSES},
        "score": share(counts["killed"] + counts["refused"], len(entries) - counts["equivalent"]),
        "strict_score": share(counts["killed"], counts["killed"] + counts["survived"]),
        "gate_score": share(noticed, len(stated)),
        "spark": spark,
    }


def share(part: int, whole: int) -> float:
    """A part of a whole to four digits; 1 of nothing."""
    return round(part / whole, 4) if whole else 1.0


def write(found: Mapping[str, Any]) -> None:
    """Write ``report.json`` and ``report.html``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "report.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (FOLDER / "report.html").write_text(page(found))


# ─── Terminal ───


def show(console: Console, found: Mapping[str, Any]) -> None:
    """Tables by module and by operator, each survivor with its diff, the scores."""
    for column in ("module", "operator"):
        console.print(_table(found["mutants"], column))
    for each in found["mutants"]:
        if each["status"] == "survived":
            console.print(f"\n[bold red]survived[/] {each['id']}", soft_wrap=True)
            console.print(Syntax(each["diff"], "diff", background_color="default"))
    counts = found["counts"]
    console.print(
        f"\n{len(found['mutants'])} mutants: {counts['killed']} killed, {counts['refused']} refused by "
        f"Terraform, {counts['survived']} survived, {counts['equivalent']} equivalent"
    )
    console.print(
        f"Score {found['score']:.1%} (of those that Terraform does not refuse {found['strict_score']:.1%}); "
        f"the gate alone {found['gate_score']:.1%} of those that change what a control reads"
    )


def _rows(entries: Iterable[Entry], column: str) -> list[tuple[str, Counter[str]]]:
    rows: dict[str, Counter[str]] = {}
    for each in entries:
        rows.setdefault(each[column], Counter())[each["status"]] += 1
    return sorted(rows.items())


def _table(entries: Iterable[Entry], column: str) -> Table:
    table = Table(title=f"By {column}", title_justify="left")
    table.add_column(column)
    for status in (*STATUSES, "score"):
        table.add_column(status, justify="right")
    for name, counts in _rows(entries, column):
        table.add_row(name, *_cells(counts))
    return table


def _cells(counts: Counter[str]) -> list[str]:
    noticed, all_ = counts["killed"] + counts["refused"], sum(counts.values()) - counts["equivalent"]
    return [*(str(counts[status] or "") for status in STATUSES), f"{share(noticed, all_):.0%}"]


# ─── HTML ───

_MARKS = {"+": "add", "-": "del"}
_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:70rem;padding:1rem}
table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .75rem;border-bottom:1px solid #8886;text-align:right}
th:first-child,td:first-child{text-align:left}pre{overflow:auto;padding:.5rem;border:1px solid #8886}
.add{color:#0a7d33}.del{color:#c0392b}summary{cursor:pointer;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){.add{color:#5fd38d}.del{color:#ff8a80}}
"""


def page(found: Mapping[str, Any]) -> str:
    """The report as one page without outside resources."""
    counts = found["counts"]
    parts = [
        "<h1>Mutation of the Terraform code</h1>",
        f"<p>{len(found['mutants'])} mutants. <b>Score {found['score']:.1%}</b>; of those that Terraform "
        f"does not refuse {found['strict_score']:.1%}; the gate alone {found['gate_score']:.1%} of those "
        "that change what a control reads.</p>",
        "<p>" + ", ".join(f"{counts[status]} {status}" for status in STATUSES) + "</p>",
        *(_html_table(found["mutants"], column) for column in ("module", "operator")),
    ]
    for status in ("survived", "equivalent", "killed", "refused"):
        chosen = [each for each in found["mutants"] if each["status"] == status]
        if chosen:
            parts.append(f"<h2>{status.capitalize()} ({len(chosen)})</h2>")
            parts.extend(_details(each) for each in chosen)
    if found["spark"]:
        parts.append(_spark(found["spark"]))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mutation report</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _html_table(entries: Iterable[Entry], column: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in (column, *STATUSES, "score"))
    rows = (
        f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in _cells(counts))}</tr>"
        for name, counts in _rows(entries, column)
    )
    return f"<h2>By {column}</h2><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _details(each: Entry) -> str:
    told = [("noticed by", each["killed_by"]), ("controls", each["controls"]), ("because", [each["reason"]])]
    lines = "".join(
        f"<p>{name}: {html.escape(', '.join(values))}</p>" for name, values in told if any(values)
    )
    return _folded(each, each["status"] == "survived", lines)


def _folded(each: Mapping[str, Any], is_open: bool, told: str = "") -> str:
    """A mutant's diff below its id, with what is told of it."""
    summary = f"<summary>{html.escape(each['id'])}</summary>"
    return f"<details{' open' if is_open else ''}>{summary}{told}{_diff(each['diff'])}</details>"


def _diff(text: str) -> str:
    lines = (
        f'<span class="{_MARKS.get(line[:1], "")}">{html.escape(line)}</span>'
        for line in text.splitlines()[2:]
    )
    return "<pre>" + "\n".join(lines) + "</pre>"


def _spark(spark: Mapping[str, Any]) -> str:
    survivors = "".join(_folded(each, True) for each in spark["survivors"])
    known = "".join(
        _folded(each, False, f"<p>because: {html.escape(each['reason'])}</p>")
        for each in spark["equivalents"]
    )
    left = f", {spark['unjudged']} not judged yet" if spark.get("unjudged") else ""
    return (
        f"<h1>Mutation of core and the transforms</h1><p>{spark['killed']} of {spark['mutants']} killed, "
        f"{len(spark['survivors'])} survived, {len(spark['equivalents'])} equivalent: "
        f"<b>{spark['score']:.1%}</b>{left}</p>{survivors}{known}"
    )
