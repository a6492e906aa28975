"""The domain's rules, each written once, as a function of a planned resource.

A control looks at each resource of its types and yields what it saw, one `Seen` each: what was found and what
is expected. It holds if both are equal everywhere; if it saw nothing it is "not applicable", never passed.
Where a value that it needs cannot be told (known only after the apply, sensitive, not understood) it is
undecided for that resource, which is a finding, and goes on with the next one::

    for result in evaluate(Plan(json.loads(text))):
        print(result.control.id, result.status)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from meshtest.check.plan import Block, Plan, PlanError, Resource, Unknown

Severity = Literal["critical", "high", "medium", "low"]
Status = Literal["passed", "failed", "not applicable", "error"]
_SUBJECTS = ("s3", "kms", "network", "iam", "glue", "stepfunctions", "logs", "sns", "naming")


@dataclass(frozen=True)
class Seen:
    """One thing that a control looked at; ``todo`` says what to do if it is not as expected."""

    resource: Resource | Block
    found: Any
    expected: Any
    todo: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is as expected."""
        return bool(self.found == self.expected)


# What a control looks at, one by one; an `Unknown` among them is a resource whose parts cannot be told.
Subjects = Callable[[Plan], Iterable[Any]]
Check = Callable[[Any], Iterator[Seen]]


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
    subjects: Subjects
    check: Check


@dataclass(frozen=True)
class Finding:
    """Where a control does not hold or, if ``error`` says why, where it cannot be decided.

    ``address`` is the resource to look at: what does not hold, or what cannot be told. ``subject`` is the one
    that the control is about.
    """

    control: str
    address: str
    source: str
    found: Any = None
    expected: Any = None
    todo: str = ""
    error: str = ""
    subject: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        if self.error:
            return f"undecided: {self.error}"
        return self.todo or f"found {self.found!r}, expected {self.expected!r}"

    def __str__(self) -> str:
        return f"{self.address} (declared in {self.source}): {self.message}"


@dataclass(frozen=True)
class Result:
    """What became of a control on a plan; ``seen`` is all that it looked at.

    ``error`` has what could not be decided, in one line.
    """

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
    of: Subjects | tuple[str, ...],
    **references: str,
) -> Callable[[Check], Check]:
    """Register a function as a control of some types of resources, or of what another function finds."""

    def register(check: Check) -> Check:
        if id in _registered:
            raise ValueError(f"control {id} is there twice")
        subjects = _of_types(of) if isinstance(of, tuple) else of
        _registered[id] = Control(id, title, severity, references, subjects, check)
        return check

    return register


def _of_types(types: tuple[str, ...]) -> Subjects:
    return lambda plan: plan.resources(*types)


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
    return "\n  ".join([head, *map(str, result.findings)])


def _evaluate(each: Control, plan: Plan) -> Result:
    seen: list[Seen] = []
    findings: list[Finding] = []
    for subject in _subjects(each, plan):
        start = len(seen)
        if problem := _look(each, subject, seen):
            findings.append(_undecided(each, plan, subject, problem))
        findings.extend(_finding(each, item) for item in seen[start:] if not item.holds)
    kept = tuple({(item.address, item.subject, item.message): item for item in findings}.values())
    error = "; ".join(item.error for item in kept if item.error)
    return Result(each, _status(kept, seen), tuple(seen), kept, error)


def _look(each: Control, subject: Any, seen: list[Seen]) -> Exception | None:
    """Add what a control sees of a subject; returns the problem that ended it, None if there was none."""
    if isinstance(subject, Exception):
        return subject
    try:
        seen.extend(each.check(subject))  # what it saw before an error stays
    except Exception as problem:
        # What trips over a resource of another repository's plan must not hide what the others show.
        return problem
    return None


def _subjects(each: Control, plan: Plan) -> Iterator[Any]:
    try:
        yield from each.subjects(plan)
    except Exception as problem:
        yield problem


def _finding(each: Control, item: Seen) -> Finding:
    resource = item.resource.resource if isinstance(item.resource, Block) else item.resource
    place = resource.address, resource.source
    return Finding(each.id, *place, item.found, item.expected, item.todo, subject=resource.address)


def _undecided(each: Control, plan: Plan, subject: Any, problem: Exception) -> Finding:
    """A finding for what cannot be told, at the resource that does not tell it."""
    own = str(getattr(subject, "address", ""))
    address = problem.address if isinstance(problem, Unknown) else own
    why = str(problem) if isinstance(problem, Unknown) else f"{own or 'the plan'}: {_in_words(problem)}"
    resource = plan.resource(address)
    return Finding(each.id, address, resource.source if resource else ".", error=why, subject=own or address)


def _in_words(problem: Exception) -> str:
    if isinstance(problem, PlanError):
        return str(problem)
    return f"could not be decided: {type(problem).__name__}: {problem}"


def _status(findings: Collection[Finding], seen: Collection[Seen]) -> Status:
    if any(not each.error for each in findings):
        return "failed"
    if findings:
        return "error"
    return "passed" if seen else "not applicable"
