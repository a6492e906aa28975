"""The command line: ``make mutate``, or ``python -m meshtest.reports.mutation --help``."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from meshtest.reports.mutation import equivalents, reporting, running, scope
from meshtest.reports.mutation.mutants import Mutant, all_mutants
from meshtest.reports.mutation.operators import all_operators
from meshtest.terraform.syntax import SyntaxProblem
from meshtest.tools import environment as surroundings

# All of them take three times as long, and a third says nearly as much.
_PART = "1/3"
# A line a minute where there is no terminal for a bar.
_LOG_INTERVAL_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if the score is reached, 1 if not, 2 if the input is bad."""
    options = _options(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        everything = all_mutants(running.INFRASTRUCTURE)
        reasons = equivalents.load(everything)
        chosen = _chosen(everything, options)
        if options.list or options.show:
            _tell(chosen, console, with_diff=bool(options.show))
            return 0
        return _run(chosen, reasons, options, console)
    except (SyntaxProblem, equivalents.EquivalentsError, running.MutationError, ValueError) as problem:
        print(f"mutation: {problem}", file=sys.stderr)
        return 2


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.reports.mutation",
        description="Change the Terraform code, one fault at a time, and see whether the suite notices.",
        epilog="Results are kept in build/mutation; a second run judges only what changed.",
    )
    parser.add_argument("--since", metavar="REV", help="only files that changed since this commit")
    parser.add_argument("--module", help="only this module, or foundation, environments, bootstrap, projects")
    parser.add_argument(
        "--operator", choices=[each.id for each in all_operators()], help="only this operator"
    )
    parser.add_argument(
        "--part",
        metavar="K/N",
        help="the K-th of N parts, by the ids' digests (default: 1/3, or all if another option chooses)",
    )
    parser.add_argument("--list", action="store_true", help="list the mutants, and judge none")
    parser.add_argument("--show", metavar="ID", help="show one mutant's diff (an id may end in *)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="judges side by side (default: cores)"
    )
    parser.add_argument("--fail-under", type=float, default=95.0, help="percent to reach (default: 95)")
    return parser.parse_args(arguments)


# ─── Choice ───


def _chosen(everything: list[Mutant], options: argparse.Namespace) -> list[Mutant]:
    chosen = everything
    if options.module:
        known = sorted({mutant.module for mutant in everything})
        if options.module not in known:
            raise ValueError(f"--module is {options.module}; expected one of {', '.join(known)}")
        chosen = [mutant for mutant in chosen if mutant.module == options.module]
    if options.operator:
        chosen = [mutant for mutant in chosen if mutant.operator == options.operator]
    if options.since:
        changed = _changed_since(options.since)
        chosen = [mutant for mutant in chosen if changed & set(mutant.texts)]
    narrows = options.module or options.operator or options.since or options.show or options.list
    chosen = _part(chosen, options.part or ("1/1" if narrows else _PART))
    if options.show:
        start, is_start = options.show.removesuffix("*"), options.show.endswith("*")
        chosen = [each for each in chosen if each.id == start or (is_start and each.id.startswith(start))]
        if not chosen:
            raise ValueError(f"--show is {options.show}; expected an id of --list")
    return chosen


def _part(mutants: list[Mutant], part: str) -> list[Mutant]:
    """Every mutant is in one of the parts, and stays there whatever others come and go."""
    found = re.fullmatch(r"(\d+)/(\d+)", part)
    number, of = (int(each) for each in found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise ValueError(f"--part is {part}; expected K/N such as 1/3, with K from 1 to N")
    return [each for each in mutants if int(scope.text_digest(each.id)[:8], 16) % of == number - 1]


def _changed_since(revision: str) -> set[str]:
    """The files below infrastructure/ that differ from a commit, what is not committed included."""
    command = ["git", "diff", "--name-only", "--relative", revision, "--"]
    told = subprocess.run(command, capture_output=True, cwd=running.INFRASTRUCTURE, text=True)
    if told.returncode:
        raise ValueError(f"--since is {revision}; expected a commit: {told.stderr.strip()}")
    return set(told.stdout.splitlines())


def _tell(chosen: list[Mutant], console: Console, *, with_diff: bool) -> None:
    for mutant in chosen:
        console.print(mutant.id, highlight=False, markup=False, soft_wrap=True)
        if with_diff:
            console.print(mutant.diff, highlight=False, markup=False, soft_wrap=True)
    console.print(f"{len(chosen)} mutants")


# ─── Run ───


def _run(chosen: list[Mutant], reasons: dict[str, str], options: argparse.Namespace, console: Console) -> int:
    results, digests = running.Results(), running.Digests(running.INFRASTRUCTURE.parent)
    concerned = {mutant.id: scope.stacks_with(running.INFRASTRUCTURE, mutant.texts) for mutant in chosen}

    def known(mutant: Mutant) -> running.Answer | None:
        answer = results.get(digests.of(mutant))
        if answer is None or answer["tests"] != digests.decisive(answer, mutant, concerned[mutant.id]):
            return None
        return answer

    def keep(mutant: Mutant, answer: running.Answer) -> None:
        tests = digests.decisive(answer, mutant, concerned[mutant.id])
        results.keep(digests.of(mutant), {**answer, "id": mutant.id, "tests": tests})

    waiting = [(mutant, concerned[mutant.id]) for mutant in chosen if known(mutant) is None]
    console.print(f"{len(chosen)} mutants, {len(chosen) - len(waiting)} judged before")
    started = time.monotonic()
    if waiting:
        _judge(waiting, keep, options.jobs, console)
    entries = [reporting.entry(mutant, known(mutant) or {}, reasons.get(mutant.id)) for mutant in chosen]
    if stale := [each["id"] for each in entries if each["reason"] and each["status"] != "equivalent"]:
        raise equivalents.EquivalentsError(
            f"{equivalents.FILE.name}: {stale[0]} is noticed; take it off the list"
        )
    found = reporting.report(entries, _spark())
    reporting.write(found)
    reporting.show(console, found)
    console.print(f"{time.monotonic() - started:.0f} s; {reporting.FOLDER / 'report.html'}")
    return int(found["score"] * 100 < options.fail_under)


def _judge(
    waiting: list[tuple[Mutant, list[str]]],
    keep: Callable[[Mutant, running.Answer], None],
    cores: int,
    console: Console,
) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    last = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("judged", total=len(waiting))

        def done(mutant: Mutant, answer: running.Answer) -> None:
            nonlocal last
            keep(mutant, answer)
            progress.advance(task)
            if not console.is_terminal and time.monotonic() - last > _LOG_INTERVAL_S:
                last = time.monotonic()
                console.print(
                    f"{progress.tasks[0].completed:.0f} of {len(waiting)}: {mutant.id}", soft_wrap=True
                )

        running.judge_all(waiting, cores, done)


def _spark() -> Any:
    file = reporting.FOLDER / "spark.json"
    return json.loads(file.read_text()) if file.exists() else None


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
