"""The warm server: ``python -m meshtest.testing.warm_server ADDRESS`` (`meshtest.testing.warm` starts it)."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from meshtest import emulator
from meshtest.terraform import engine, foundation_state, workspace
from meshtest.testing import plugin

IDLE_S = 600.0
# A worker that nobody asks ends after two minutes (meshtest.terraform.engine).
_TICK_S = 30.0
# What the runs ask of Terraform wears out a worker, which none of them can replace for the others.
_FRESH_FOR = 20
# What the tests import, which takes a second.
_IMPORTS = (
    *("hypothesis", "moto.core.models", "tftest", "xdist.plugin", "yaml"),
    *("meshtest.check.gate", "meshtest.deploy.bootstrap_inputs", "meshtest.domain.projects"),
    *("meshtest.terraform.readme", "meshtest.testing.plans"),
)
_SMALLEST = "modules/glue_catalog_database"


@dataclass
class Request:
    """What a client asks for: pytest's arguments, and where and on which terminal it would have run them."""

    arguments: list[str]
    directory: str
    environment: dict[str, str]
    streams: list[int]


class Server:
    """One run at a time, each in a process that is forked for it."""

    def __init__(self, address: Path, warm: plugin.Warm) -> None:
        self._address, self._warm, self._runs = address, warm, 0

    def serve(self) -> None:
        """Serve until nobody has asked for long, or the address is gone."""
        self._warm_up()
        with socket.socket(socket.AF_UNIX) as listener:
            draft = self._address.with_suffix(".new")
            draft.unlink(missing_ok=True)
            listener.bind(str(draft))
            listener.listen()
            draft.rename(self._address)  # there is a server when there is an address
            asked = time.monotonic()
            while self._address.exists() and time.monotonic() - asked < IDLE_S:
                if select.select([listener], [], [], 1.0)[0]:
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError, ValueError):
                        self._serve(client)
                    asked = time.monotonic()
                elif time.monotonic() - self._warmed > _TICK_S:
                    self._warm_up()
        self._address.unlink(missing_ok=True)

    def _warm_up(self) -> None:
        """Have a worker and a provider that are attached to each other, and keep them from ending as idle."""
        if self._runs >= _FRESH_FOR:
            engine.shared().close()
            self._runs = 0
        root = self._warm.infrastructure / _SMALLEST
        environment = workspace.environment(self._warm.endpoint, self._warm.infrastructure.parent)
        engine.TerraformTest(root, env=environment).execute_command("version")
        self._warmed = time.monotonic()

    def _serve(self, client: socket.socket) -> None:
        request = _receive(client)
        if request is None:
            return
        self._runs += 1
        child = os.fork()
        if child == 0:
            _be_pytest(request, self._warm)
        for stream in request.streams:
            os.close(stream)
        _answer(client, {"pid": child})
        _answer(client, {"status": _status(child, client)})


def _receive(client: socket.socket) -> Request | None:
    """The request of a client; None if it only looked whether someone is there."""
    said, streams, _, _ = socket.recv_fds(client, 1 << 16, 3)
    while said and not said.endswith(b"\n"):
        said += client.recv(1 << 16)
    return Request(**json.loads(said), streams=list(streams)) if said else None


def _answer(client: socket.socket, answer: dict[str, Any]) -> None:
    client.sendall(json.dumps(answer).encode() + b"\n")


def _status(child: int, client: socket.socket) -> int:
    """Wait for a run and return its exit status; one whose client is gone is ended."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if select.select([client], [], [], 0.01)[0] and not client.recv(1):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise ConnectionError("the client is gone")


def _be_pytest(request: Request, warm: plugin.Warm) -> NoReturn:
    """In the child: be the pytest that the client would have been, and tidy up nothing of the server."""
    status = 1
    try:
        os.setpgid(0, 0)
        for number, stream in enumerate(request.streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.directory)
        sys.path[:0] = filter(None, request.environment.get("PYTHONPATH", "").split(os.pathsep))
        plugin.warm = warm
        # What is imported already is not rewritten, nor has it to be: it asserts nothing.
        quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
        status = int(pytest.main([*request.arguments, *quiet]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Start everything, then serve."""
    address = Path(sys.argv[1])
    for name in _IMPORTS:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="meshtest-warm-") as folder:
        directory = Path(folder)
        infrastructure = workspace.prepare(directory / "domain", workspace.EXAMPLE)
        with emulator.running(directory / "emulator") as endpoint:
            foundation_state.make_buckets(endpoint, infrastructure.parent)
            Server(address, plugin.Warm(endpoint, infrastructure)).serve()


if __name__ == "__main__":
    main()
