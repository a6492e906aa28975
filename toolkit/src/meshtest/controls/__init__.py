"""The domain's rules, each written once, as a function of a plan.

A control yields what it looked at, one `Seen` each: a resource, what was found and what is expected. It holds
if both are equal everywhere; if it saw nothing it is "not applicable", never passed; if a value that it needs
is known only after the apply, that is an error of the control::

    for result in evaluate(Plan(json.loads(text))):
        print(result.control.id, result.status)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from meshtest.plan import Plan, PlanError, Resource, Unknown

Severity = Literal["critical", "high", "medium", "low"]
Status = Literal["passed", "failed", "not applicable", "error"]
_SUBJECTS = ("s3", "kms", "network", "iam", "glue", "stepfunctions", "logs", "naming")


@dataclass(frozen=True)
class Seen:
    """One thing that a control looked at."""

    resource: Resource
    found: Any
    expected: Any


@dataclass(frozen=True)
class Control:
    """A rule.

    ``references`` are its public ids by list, several with commas: ``improvement`` (this project's
    specification), ``security_hub``, ``cis`` (AWS Foundations Benchmark 3.0) and ``checkov``.
    """

    id: str
    title: str
    severity: Severity
    references: Mapping[str, str]
    check: Callable[[Plan], Iterator[Seen]]


@dataclass(frozen=True)
class Finding:
    """Where a control does not hold."""

    control: str
    address: str
    source: str
    found: Any
    expected: Any

    def __str__(self) -> str:
        return f"{self.address} (declared in {self.source}): found {self.found!r}, expected {self.expected!r}"


@dataclass(frozen=True)
class Result:
    """What became of a control on a plan; ``seen`` is all that it looked at."""

    control: Control
    status: Status
    seen: tuple[Seen, ...]
    findings: tuple[Finding, ...]
    error: str = ""


_registered: dict[str, Control] = {}


def control(
    id: str,  # noqa: A002  (an id is what it is)
    title: str,
    severity: Severity,
    **references: str,
) -> Callable[[Callable[[Plan], Iterator[Seen]]], Callable[[Plan], Iterator[Seen]]]:
    """Register a function as a control."""

    def register(check: Callable[[Plan], Iterator[Seen]]) -> Callable[[Plan], Iterator[Seen]]:
        if id in _registered:
            raise ValueError(f"control {id} is there twice")
        _registered[id] = Control(id, title, severity, references, check)
        return check

    return register


@cache
def all_controls() -> tuple[Control, ...]:
    """Every control, subject by subject."""
    for subject in _SUBJECTS:
        import_module(f"{__name__}.{subject}")
    return tuple(_registered.values())


def evaluate(plan: Plan, ids: Collection[str] | None = None) -> list[Result]:
    """Hold the controls (or those with the ids) against a plan.

    Raises:
        KeyError: there is no control with one of the ids.
    """
    known = {each.id: each for each in all_controls()}
    return [_evaluate(known[each], plan) for each in (known if ids is None else ids)]


def assert_hold(plan: Plan, *ids: str) -> None:
    """Assert that the controls hold, and that each had something to look at.

    Raises:
        AssertionError: one does not; the message shows each finding, what was found and expected and where.
    """
    bad = [result for result in evaluate(plan, ids) if result.status != "passed"]
    if bad:
        raise AssertionError("\n".join(map(describe, bad)))


def describe(result: Result) -> str:
    """A result in words: the control with its public ids, then a line for each finding."""
    public = ", ".join(f"{name} {value}" for name, value in result.control.references.items())
    head = f"{result.control.id} ({public}): {result.control.title}: {result.status}"
    return "\n  ".join([head, *map(str, result.findings), *filter(None, [result.error])])


def _evaluate(each: Control, plan: Plan) -> Result:
    seen: list[Seen] = []
    error = ""
    try:
        seen.extend(each.check(plan))  # what it saw before an error stays
    except (Unknown, PlanError) as problem:
        error = str(problem)
    findings = tuple(
        Finding(each.id, item.resource.address, item.resource.source, item.found, item.expected)
        for item in seen
        if item.found != item.expected
    )
    return Result(each, _status(findings, error, seen), tuple(seen), findings, error)


def _status(findings: Collection[Finding], error: str, seen: Collection[Seen]) -> Status:
    if findings:
        return "failed"
    if error:
        return "error"
    return "passed" if seen else "not applicable"
