"""Plans with nulls and wrong types anywhere: a verdict or one line of refusal, never a traceback."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshtest.check.gate import judge
from meshtest.check.gate.rendering import as_json, markdown, text
from meshtest.check.gate.sarif import sarif
from meshtest.check.plan import PlanError

CASES = Path(__file__).parent / "cases"
JUNK = (None, True, 0, -1, 3.5, "", "x", "*", [], {}, [None], [[]], {"a": None}, [{"references": [None, 1]}])
BROKEN = 20  # of each plan
NAMES = sorted(file.stem for file in CASES.glob("*.json") if file.stat().st_size < 30_000)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def breaks(plan: Any, chosen: random.Random) -> None:
    """Put something else into one place."""
    *path, last = chosen.choice(list(places(plan)))
    for step in path:
        plan = plan[step]
    if chosen.random() < 0.2:
        del plan[last]
    else:
        plan[last] = chosen.choice(JUNK)


def said(plan: Any, name: str) -> bool:
    """Whether the gate says something in every format, or refuses the plan in one line."""
    try:
        report = judge(plan, name)
    except PlanError as refusal:
        return "\n" not in str(refusal)
    return all((text(report), markdown(report), as_json(report), sarif(report)))


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_plan_is_judged_or_refused(name):
    content, chosen = (CASES / f"{name}.json").read_text(encoding="utf-8"), random.Random(name)
    for _ in range(BROKEN):
        plan = json.loads(content)
        for _ in range(chosen.choice((1, 2, 5))):
            breaks(plan, chosen)
        assert said(plan, name)
