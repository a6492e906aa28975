"""The process that judges mutants: pytest, Terraform warm and the tests collected, forked for each mutant.

``python -m meshtest.reports.mutation.judge`` runs in a copy of the checkout. It reads requests from standard
input, one JSON object a line,
``{"texts": {file: text}, "stacks": [stack], "tiers": [[pattern]], "all": false}``, and answers each with
a line: what the gate noticed, the first test that failed, how Terraform refused.
Between two requests everything is as it was: the fault is in the copy's files only while a child lives, and
what that child planned is gone with it. Plans that do not depend on the changed files are made once.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest
import tftest

from meshtest.check import gate
from meshtest.deploy import bootstrap_inputs
from meshtest.reports.mutation import scope
from meshtest.reports.mutation.gated import Gated
from meshtest.terraform import engine, foundation_state, sources
from meshtest.tools import toolchain

Answer = dict[str, Any]
# A test whose fixtures are those that the judge needs, and one elsewhere, before which what is its own ends.
_FIRST = "tests/infra/modules/test_glue_catalog_database.py"
_ELSEWHERE = "tests/infra/test_sources.py"
# A child takes some seconds. After one that was stopped Terraform is not to be relied on: the run ends.
_LIMIT_S = 300
# What the children ask of Terraform wears out one worker (meshtest.terraform.engine), which none of them can
# replace for the others.
_FRESH_FOR = 200


class Judge:
    """A pytest plugin that runs tests when it is asked to."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers
        self._fixtures: dict[str, Any] = {}
        self._failed: list[str] = []

    # ─── pytest ───

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Remember what the fixtures of the session are."""
        value = yield
        self._fixtures[fixturedef.argname] = value
        return value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember which tests failed."""
        if report.failed:
            self._failed.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve requests in the place of running all that was collected."""
        if session.testsfailed:
            raise session.Interrupted(f"{session.testsfailed} test files cannot be collected")
        self._tests = {item.nodeid: item for item in session.items}
        self._elsewhere = next(item for id_, item in self._tests.items() if id_.startswith(_ELSEWHERE))
        first = next(id_ for id_ in self._tests if id_.startswith(_FIRST))
        self._run(first)
        self._warm_up()
        self._answer({"ready": True, "failed": self._failed})
        for number, line in enumerate(self._requests, start=1):
            self._answer(self._forked(json.loads(line)))
            if number % _FRESH_FOR == 0:
                engine.shared().close()
                self._plan.forget({self._root(stack) for stack in scope.STACKS})
                self._warm_up()
        return True

    def _run(self, test: str, following: str | None = None) -> None:
        item = self._tests[test]
        after = self._tests[following] if following else self._elsewhere
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)

    def _answer(self, answer: Answer) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()

    # ─── Plans ───

    def _warm_up(self) -> None:
        """Plan every stack, so that a child finds ready what its mutant does not change."""
        self._infrastructure: Path = self._fixtures["infrastructure"]
        self._plan = self._fixtures["plan"]
        modules = sorted((self._infrastructure / "modules").iterdir())
        for module in modules:
            self._fixtures["terraform"](module)
        self._gated = {}
        for stack in scope.STACKS:
            planned = self._planned(stack)
            self._gated[stack] = Gated(gate.judge(planned, stack), planned)
        self._depends = {root: sources.files(root) for root in (*map(self._root, scope.STACKS), *modules)}

    def _root(self, stack: str) -> Path:
        return self._infrastructure / stack

    def _planned(self, stack: str) -> dict[str, Any]:
        if stack == "bootstrap":
            return dict(self._plan(self._root(stack), bootstrap_inputs.INPUTS))
        if stack.startswith("projects/"):
            return dict(self._plan(self._root(stack), {"env": "dev"}))
        planned = self._plan(self._root(stack))
        endpoint = self._fixtures["endpoint"]
        foundation_state.publish(
            endpoint,
            foundation_state.bucket(endpoint.account_id, "dev", self._infrastructure.parent),
            planned.outputs,
        )
        return dict(planned)

    # ─── Mutants ───

    def _forked(self, request: Mapping[str, Any]) -> Answer:
        before = set(self._infrastructure.glob("projects/*"))
        originals = self._write(request["texts"])
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            self._be_judge(request, write)
        os.close(write)
        if not select.select([read], [], [], _LIMIT_S)[0]:
            os.kill(child, signal.SIGKILL)
        with os.fdopen(read) as answer:
            said = answer.read()
        os.waitpid(child, 0)
        self._write(originals)
        for stray in set(self._infrastructure.glob("projects/*")) - before:
            shutil.rmtree(stray)  # of a test that another one's failure has cut short
        if said:
            return dict(json.loads(said))
        return {"error": f"died, or took over {_LIMIT_S} s, on a mutant of {', '.join(request['texts'])}"}

    def _be_judge(self, request: Mapping[str, Any], answers: int) -> NoReturn:
        """In the child: answer and end, whatever happens, without what pytest or Terraform would tidy up."""
        try:
            os.write(answers, json.dumps(self._judged(request)).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def _write(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Put texts into the checkout and into the working copy that is planned; returns what was there."""
        before = {}
        for name, text in texts.items():
            before[name] = (self._infrastructure / name).read_text()
            for place in (self._infrastructure, toolchain.ROOT / "infrastructure"):
                (place / name).write_text(text)
        return before

    def _judged(self, request: Mapping[str, Any]) -> Answer:
        started = time.monotonic()
        self._forget(request["texts"])
        answer: Answer = {"refused": "", "controls": [], "stated": False, "killed_by": []}
        answer.update(self._gate(request["stacks"]))
        gated = time.monotonic()
        self._failed.clear()
        if not answer["refused"]:
            # What the gate noticed the module's own tests are asked for as well, the stacks' tests are not.
            tiers = request["tiers"][:1] if answer["controls"] else request["tiers"]
            patterns = [pattern for tier in tiers for pattern in tier]
            tests = list(dict.fromkeys(scope.matching(patterns, self._tests)))
            self._until_failure(tests, goes_on=request["all"])
        answer["killed_by"] = list(dict.fromkeys(self._failed))
        ended = time.monotonic()
        return {**answer, "seconds": [round(gated - started, 2), round(ended - gated, 2)]}

    def _until_failure(self, tests: list[str], *, goes_on: bool) -> None:
        for position, test in enumerate(tests):
            self._run(test, tests[position + 1] if position + 1 < len(tests) else None)
            if self._failed and not goes_on:
                return

    def _forget(self, names: Mapping[str, str]) -> None:
        """The plans of the stacks that have the changed files, and of those that stand on such a stack."""
        changed = {(self._infrastructure / name).resolve() for name in names}
        stale = {root for root, files in self._depends.items() if files & changed}
        if self._root("environments/dev") in stale:
            stale |= {self._root(stack) for stack in scope.STACKS if stack.startswith("projects/")}
        self._plan.forget(stale)

    def _gate(self, stacks: list[str]) -> Answer:
        """Hold the gate against each stack until one is refused or noticed."""
        is_stated = False
        try:
            if any(stack.startswith("projects/") for stack in stacks):
                self._planned("environments/dev")  # the last child may have published a mutant's outputs
            for stack in stacks:
                planned = self._planned(stack)
                found = self._gated[stack].compare(gate.judge(planned, stack), planned)
                is_stated = is_stated or found.is_stated
                if found.controls:
                    return {"controls": found.controls, "stated": True}
        except tftest.TerraformTestError as error:
            return {"refused": _summary(error)}
        return {"stated": is_stated}


def _summary(error: tftest.TerraformTestError) -> str:
    lines = [line.strip("│╷╵ ") for line in str(error.cmd_error).splitlines()]
    return next((line for line in lines if line.startswith("Error:")), "Terraform refused it")


def main() -> None:
    """Serve requests until the input ends."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "-s"]
    sys.exit(pytest.main([*options, *scope.SUITE], plugins=[Judge(requests, answers)]))


if __name__ == "__main__":
    main()
