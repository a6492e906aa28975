"""One Terraform root module with its state: init, apply, what a second plan would change."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshtest.tools import toolchain

Event = dict[str, Any]
Progress = Callable[[str], None]
# data.aws_region.current, module.x.data.aws_region.current; not module.data.aws_s3_bucket.this
DATA_SOURCE = re.compile(r"(?:^|(?<!module)\.)data\.")


class TerraformError(Exception):
    """Terraform ended with an error; the message is its own diagnostics, one a line."""


@dataclass(frozen=True)
class Stack:
    """A root module in a working copy (`meshtest.terraform.workspace`), with its remote state.

    `backend` holds the S3 backend's settings, `variables` the root's input variables and
    `environment` the whole process environment of Terraform.
    """

    name: str
    root: Path
    environment: Mapping[str, str] = field(repr=False)
    backend: Mapping[str, str]
    variables: Mapping[str, str]

    def init(self) -> None:
        """Install the providers that the lock file names, and connect to the state.

        Raises:
            TerraformError: the lock file does not cover the provider, or the backend refuses.

        """
        settings = [f"-backend-config={key}={value}" for key, value in self.backend.items()]
        # `init -json` writes its diagnostics as events, as plan and apply do.
        self._run("init", "-json", "-reconfigure", "-lockfile=readonly", *settings)

    def apply(self, progress: Progress = lambda text: None, targets: Sequence[str] = ()) -> None:
        """Create or change what the configuration says; `progress` gets one short text a resource.

        With `targets`, only these addresses and what they depend on.

        Raises:
            TerraformError: a resource could not be made; what was made before is in the state.

        """
        planned = done = 0
        limits = [f"-target={address}" for address in targets]
        for event in self._events("apply", "-json", "-auto-approve", *limits, *self._variables()):
            planned += event["type"] == "planned_change"
            # Data sources that are read during the apply say "complete", too, but were never planned.
            if event["type"] == "apply_complete" and event["hook"]["action"] != "read":
                done += 1
                progress(f"{done}/{planned} {event['hook']['resource']['addr']}")

    def pending_changes(self, targets: Sequence[str] = ()) -> int:
        """How many resources (or else outputs) a plan would change now; 0 if nothing drifted."""
        limits = [f"-target={address}" for address in targets]
        events = list(self._events("plan", "-json", *limits, *self._variables()))
        summary = next(event["changes"] for event in events if event["type"] == "change_summary")
        resources: int = sum(summary[kind] for kind in ("add", "change", "remove"))
        outputs = [
            value for event in events if event["type"] == "outputs" for value in event["outputs"].values()
        ]
        return resources or sum(value.get("action", "noop") != "noop" for value in outputs)

    def planned(self) -> dict[str, Any]:
        """What a plan would say now, as ``terraform show -json`` does; no lock is taken, nothing refreshed.

        Raises:
            TerraformError: the stack was not initialised, or does not plan.

        """
        with tempfile.TemporaryDirectory() as place:
            file = f"{place}/plan"
            self._run("plan", "-json", "-refresh=false", "-lock=false", f"-out={file}", *self._variables())
            answer: dict[str, Any] = json.loads(self._run("show", "-json", file))
        return answer

    def resources(self) -> list[str]:
        """The addresses of the managed resources in the state."""
        return [
            address for address in self._run("state", "list").splitlines() if not DATA_SOURCE.search(address)
        ]

    def outputs(self) -> dict[str, Any]:
        """The output values by name."""
        return {name: output["value"] for name, output in json.loads(self._run("output", "-json")).items()}

    def destroy(self) -> None:
        """Destroy every resource of the state.

        Raises:
            TerraformError: a resource refuses (``prevent_destroy``, say).

        """
        self._run("destroy", "-json", "-auto-approve", *self._variables())

    def forget(self, *addresses: str) -> None:
        """Take resources out of the state, and leave them as they are."""
        self._run("state", "rm", *addresses)

    # ─── Running Terraform ───

    def _variables(self) -> list[str]:
        return [f"-var={name}={value}" for name, value in self.variables.items()]

    def _command(self, *arguments: str) -> list[str]:
        return [str(toolchain.terraform()), f"-chdir={self.root}", *arguments]

    def _run(self, *arguments: str) -> str:
        result = subprocess.run(
            self._command(*arguments),
            capture_output=True,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            text=True,
        )
        if result.returncode:
            raise TerraformError(self._failure(result.stdout.splitlines(), result.stderr))
        return result.stdout

    def _events(self, *arguments: str) -> Iterator[Event]:
        """Terraform's machine-readable events as they come.

        Format: https://developer.hashicorp.com/terraform/internals/machine-readable-ui
        """
        lines: list[str] = []
        with subprocess.Popen(
            self._command(*arguments),
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                lines.append(line)
                if line.startswith("{"):
                    yield json.loads(line)
        if process.returncode:
            raise TerraformError(self._failure(lines, ""))

    def _failure(self, lines: list[str], errors: str) -> str:
        events = [json.loads(line) for line in lines if line.startswith("{")]
        diagnostics = [
            event["diagnostic"]
            for event in events
            if event.get("@level") == "error" and "diagnostic" in event
        ]
        texts = [_one_line(diagnostic) for diagnostic in diagnostics]
        return f"{self.name}: " + ("\n".join(texts) or errors.strip() or "".join(lines).strip())


def _one_line(diagnostic: Event) -> str:
    place = diagnostic.get("range")
    where = f" ({place['filename']}:{place['start']['line']})" if place else ""
    return " ".join(f"{diagnostic['summary']}: {diagnostic['detail']}".split()) + where
