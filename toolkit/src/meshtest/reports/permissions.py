"""Which rights of the domain's roles are needed: ``python -m meshtest.reports.permissions``.

Builds the domain on a fresh embedded AWS, runs every pipeline, and stops one of each project. Then it
compares the statements of the roles' policies with what IAM decided meanwhile. It shows for each statement
which actions and resources were used and which never were, and for each role what was denied. The exit code
is 1 if nothing used a right that ``setup/unused-rights.toml`` does not list with its reason, or if that lists
one in vain.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from meshtest import emulator
from meshtest.domain import demo
from meshtest.domain.domain import POLL_SECONDS, Domain
from meshtest.emulator import decisions
from meshtest.emulator.glue_runner.job_run import ENDED
from meshtest.emulator.policy import like, listed
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain
from meshtest.tools.progress import Stages

BUILD = toolchain.BUILD / "permissions"
UNUSED = toolchain.ROOT / "setup" / "unused-rights.toml"
IDENTITY = "identity-based policy"
_IS_SUBMITTED = "taskSubmittedEventDetails"
_KEYS = {"policy", "statement", "actions", "reason", "source"}


class UnusedRightsError(Exception):
    """The list of unused rights is not as it has to be; the message names file, entry and key."""


@dataclass(frozen=True)
class Granted:
    """A statement that allows, of a policy of a role."""

    role: str
    policy: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """What of a statement was used, and what never was."""

    granted: Granted
    actions: tuple[str, ...]
    unused_actions: tuple[str, ...]
    unused_resources: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """Actions of a statement that nothing uses here, and why they are right nevertheless."""

    policy: str
    statement: str
    actions: tuple[str, ...]
    reason: str
    source: str

    def covers(self, granted: Granted, action: str) -> bool:
        """Return whether it is about an action of a statement."""
        name = granted.policy.rpartition("/")[2]
        return self.statement == granted.sid and action in self.actions and like(self.policy, name)


# ─── Policies ───


def granted(iam: Any, prefix: str) -> Iterator[Granted]:
    """Yield what the policies of the roles allow whose names begin with a prefix."""
    pages = iam.get_paginator("list_roles").paginate()
    for role in (each for page in pages for each in page["Roles"] if each["RoleName"].startswith(prefix)):
        for name, document in _documents(iam, role["RoleName"]):
            for place, statement in enumerate(listed(document["Statement"]), 1):
                if statement["Effect"] == "Allow":
                    actions, resources = (
                        tuple(map(str, listed(statement.get(element)))) for element in ("Action", "Resource")
                    )
                    sid = str(statement.get("Sid") or place)
                    yield Granted(role["Arn"], name, sid, actions, resources)


def _documents(iam: Any, role: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        yield arn, found["PolicyVersion"]["Document"]


# ─── Use ───


def uses(statements: Iterable[Granted], decided: Iterable[Mapping[str, Any]]) -> list[Use]:
    """Return for each statement what of it was used by decisions that it allowed."""
    asked: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for each in decided:
        for kind, policy, sid in each["statements"] if each["allowed"] else ():
            if kind == IDENTITY:
                asked.setdefault((each["principal"], policy, sid), []).append(
                    (each["action"], each["resource"])
                )
    return [_use(each, asked.get((each.role, each.policy, each.sid), [])) for each in statements]


def _use(granted: Granted, asked: Iterable[tuple[str, str]]) -> Use:
    asked = list(asked)
    used = [one for one in granted.actions if any(like(one.lower(), action.lower()) for action, _ in asked)]
    idle = [one for one in granted.resources if not any(like(one, resource) for _, resource in asked)]
    unused = tuple(one for one in granted.actions if one not in used)
    return Use(granted, tuple(used), unused, tuple(idle))


def findings(found: Iterable[Use], known: Iterable[Listed]) -> list[str]:
    """Return a line for each right that nothing used and that is not listed, and for each listed in vain."""
    found, known = list(found), list(known)
    lines = []
    for use in found:
        role = use.granted.role.rpartition("/")[2]
        lines += [
            f"{role}, statement {use.granted.sid}: nothing used {action}; "
            f"take it away, or list it in {UNUSED.name}"
            for action in use.unused_actions
            if not any(each.covers(use.granted, action) for each in known)
        ]
    unused = [(use.granted, action) for use in found for action in use.unused_actions]
    lines += [
        f"{UNUSED.name}, statement {each.statement} of {each.policy}: {action} is used, or no role has it; "
        "take it off the list"
        for each in known
        for action in each.actions
        if not any(one == action and each.covers(statement, one) for statement, one in unused)
    ]
    return lines


def read(file: Path = UNUSED) -> list[Listed]:
    """Return the rights that are listed as unused.

    Raises:
        UnusedRightsError: the file is not TOML, or an entry lacks a key or has another.

    """
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("unused", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UnusedRightsError(f"{file}: {error}; expected TOML with [[unused]] tables") from None
    return [_listed(file, number, entry) for number, entry in enumerate(entries, 1)]


def _listed(file: Path, number: int, entry: Mapping[str, Any]) -> Listed:
    if set(entry) != _KEYS:
        raise UnusedRightsError(
            f"{file}: [[unused]] {number} has the keys {', '.join(sorted(entry))}; "
            f"expected {', '.join(sorted(_KEYS))}"
        )
    actions = entry["actions"]
    if not isinstance(actions, list) or not actions:
        raise UnusedRightsError(
            f"{file}: [[unused]] {number}: actions is {actions!r}; expected a list of texts"
        )
    return Listed(entry["policy"], entry["statement"], tuple(actions), entry["reason"], entry["source"])


# ─── Report ───


def report(
    found: Iterable[Use], decided: Iterable[Mapping[str, Any]], known: Iterable[Listed]
) -> Iterator[str]:
    """Yield lines on every role and statement: what was used, what never was, what was denied."""
    found, decided, known = list(found), list(decided), list(known)
    for role in sorted({use.granted.role for use in found}):
        yield f"\n{role}"
        for use in (each for each in found if each.granted.role == role):
            yield f"  {use.granted.sid} ({use.granted.policy.rpartition('/')[2]})"
            yield from (f"    used   {action}" for action in use.actions)
            for action in use.unused_actions:
                reasons = [each.reason for each in known if each.covers(use.granted, action)]
                yield f"    unused {action}: {reasons[0] if reasons else 'NO REASON IS LISTED'}"
            if use.actions:
                yield from (f"    never  {resource}" for resource in use.unused_resources)
        for each in decided:
            if each["principal"] == role and not each["allowed"]:
                yield f"    DENIED {each['action']} on {each['resource']} {each['reason']}"


def exercise(domain: Domain, stages: Stages) -> None:
    """Deploy the domain, run its pipelines, and stop an execution while its first job runs."""
    demo.deploy(domain, stages)
    demo.run_pipelines(domain, domain.projects, stages)
    with stages.stage("stop an execution of each project"):
        for project in domain.projects:
            _stop_one(domain, project)


def _stop_one(domain: Domain, project: str) -> None:
    """Start a project's first pipeline, and stop it once its first job has begun: the run ends, too."""
    states, glue = domain.endpoint.client("stepfunctions"), domain.endpoint.client("glue")
    machine = domain.state_machine(project, domain.pipelines(project)[0])
    run = states.start_execution(stateMachineArn=machine)["executionArn"]
    while not (submitted := _submitted(states.get_execution_history(executionArn=run)["events"])):
        time.sleep(POLL_SECONDS)
    states.stop_execution(executionArn=run)
    begun = {"JobName": submitted["JobName"], "RunId": submitted["JobRunId"]}
    while glue.get_job_run(**begun)["JobRun"]["JobRunState"] not in ENDED:
        time.sleep(POLL_SECONDS)


def _submitted(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what the first task has started; empty before it has."""
    outputs = (each["taskSubmittedEventDetails"]["output"] for each in events if _IS_SUBMITTED in each)
    return dict(json.loads(next(outputs, "{}")))


def main(arguments: list[str] | None = None) -> int:
    """Build, run, compare and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m meshtest.reports.permissions", description=__doc__)
    parser.parse_args(arguments)
    console = Console()
    shutil.rmtree(BUILD, ignore_errors=True)
    try:
        known = read()
        with Stages(console) as stages, ExitStack() as stack:
            with stages.stage("embedded AWS"):
                endpoint = stack.enter_context(emulator.running(BUILD / "emulator"))
            domain = Domain(endpoint, BUILD / "domain")
            exercise(domain, stages)
            decided = decisions.read(endpoint.state_dir)
            found = uses(granted(endpoint.client("iam"), f"{domain.abbreviation}-"), decided)
    except (*demo.EXPECTED_ERRORS, UnusedRightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for line in report(found, decided, known):
        print(line)
    wrong = findings(found, known)
    for line in wrong:
        print(f"FAILED {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
