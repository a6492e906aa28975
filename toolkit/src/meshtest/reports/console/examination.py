"""The controls, held against what is deployed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from meshtest.check import gate
from meshtest.check.controls import Control, all_controls
from meshtest.terraform.stack import Stack, TerraformError
from meshtest.tools.toolchain import ToolMissing

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint


class Examination:
    """A report of the gate for each stack, made in the background; each can be read when it is there."""

    def __init__(self, stacks: Callable[[], Sequence[Stack]]) -> None:
        self.controls: tuple[Control, ...] = all_controls()
        self.reports: dict[str, gate.Report] = {}
        self.doing = ""
        self.error = ""
        self._stacks = stacks
        self._thread = threading.Thread(target=self._run, name="examination", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether more is to come."""
        return self._thread.is_alive()

    def status(self, stack: str, control: Control) -> str:
        """What became of a control on a stack's plan."""
        return next(each.status for each in self.reports[stack].results if each.control.id == control.id)

    def _run(self) -> None:
        try:
            for stack in self._stacks():
                self.doing = f"plan of {stack.name}"
                report = gate.judge(stack.planned(), stack.name, root=stack.root)
                self.reports = {**self.reports, stack.name: report}
        except (TerraformError, ToolMissing) as error:
            self.error = str(error)


class Examinations:
    """One examination for each start of the domain."""

    def __init__(self, stacks: Callable[[Endpoint], Sequence[Stack]]) -> None:
        self._stacks = stacks
        self._lock = threading.Lock()
        self._made: dict[int, Examination] = {}

    def of(self, endpoint: Endpoint) -> Examination:
        """The examination of the domain that runs now; asked for the first time, it begins."""
        with self._lock:
            if endpoint.pid not in self._made:
                self._made = {endpoint.pid: Examination(lambda: self._stacks(endpoint))}
            return self._made[endpoint.pid]
