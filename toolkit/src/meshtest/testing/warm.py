"""Run plan tests in a server that has everything started: pytest, the embedded AWS, Terraform, the provider.

The first run of plan tests starts it; later ones of the same checkout, by make or by an editor, are forked
from it. It serves one run at a time, as the provider has one configuration at a time, and ends when nobody
has asked for ten minutes. A run loads its tests and copies the Terraform files anew; whatever else decides a
result (the toolkit, core, the installed packages, the domain's names, the environment) is part of the
server's key, and a server with another key is ended.

``python -m meshtest.testing.warm stop`` ends it. WARM=0 does without it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

if TYPE_CHECKING:
    import pytest

PLACE = toolchain.BUILD / "warm"
# The tests that only plan, and so leave nothing behind that another run would see.
SERVED = tuple(toolchain.ROOT / "tests" / "infra" / folder for folder in ("modules", "stacks"))
START_TIMEOUT_S = 60.0
_PATIENCE_S = 2.0
# Linux has four bytes more.
_SOCKET_PATH = 103
_SOURCES = ("toolkit/src", "src/core", "setup")
_FILES = ("pyproject.toml", ".tools/setup.stamp", ".terraform-version")


# ─── Client ───


def run(config: pytest.Config) -> int | None:
    """Run in the warm server what a pytest was started for; None if it has to run by itself."""
    if not is_served(config):
        return None
    address = PLACE / f"{key()}.sock"
    if len(os.fsencode(address)) > _SOCKET_PATH:
        return None
    with contextlib.suppress(OSError), _connected(address) as server:
        return _ask(server, config)
    return None


def is_served(config: pytest.Config) -> bool:
    """Whether these are plan tests alone, run as usual."""
    option = config.known_args_namespace
    is_plain = not (
        option.usepdb or option.trace or option.capture == "no" or getattr(option, "numprocesses", None)
    )
    is_wanted = os.environ.get("WARM") != "0" and not os.environ.get("CI")
    is_embedded = os.environ.get("BACKEND", "embedded") in ("", "embedded")
    places = [Path(argument.partition("::")[0]).resolve() for argument in option.file_or_dir]
    return (
        is_plain
        and is_wanted
        and is_embedded
        and not config.invocation_params.plugins  # they are objects of this process
        and bool(places)
        and all(any(place.is_relative_to(served) for served in SERVED) for place in places)
    )


def key() -> str:
    """Return what identifies a server that would answer as a fresh process does."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    for name, value in sorted(_deciding().items()):
        digest.update(f"\0{name}={value}".encode())
    for file in _sources():
        about = file.stat()
        digest.update(f"\0{file} {about.st_mtime_ns} {about.st_size}".encode())
    return digest.hexdigest()[:16]


def _deciding() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in surroundings.PASSED or surroundings.decides_terraform(name)
    }


def _sources() -> Iterator[Path]:
    for folder in _SOURCES:
        files = (toolchain.ROOT / folder).rglob("*")
        yield from sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)
    yield from (file for name in _FILES if (file := toolchain.ROOT / name).is_file())


def _connected(address: Path) -> socket.socket:
    """A connection to the server of an address, which is started if it is not there."""
    server = socket.socket(socket.AF_UNIX)
    if server.connect_ex(str(address)) == 0:
        return server
    stop()
    _start(address)
    server.close()
    server = socket.socket(socket.AF_UNIX)
    server.connect(str(address))
    return server


def _start(address: Path) -> None:
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "meshtest.testing.warm_server", str(address)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=toolchain.ROOT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not address.exists() and server.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if not address.exists():
        print(f"no warm server, the tests run without it: see {PLACE / 'server.log'}", file=sys.stderr)


def _ask(server: socket.socket, config: pytest.Config) -> int | None:
    """Have the server run the tests on this process's terminal, and return pytest's exit status."""
    arguments = [str(each) for each in config.invocation_params.args]
    request = {
        "arguments": arguments,
        "directory": str(config.invocation_params.dir),
        "environment": dict(os.environ),
    }
    sys.stdout.flush()
    socket.send_fds(server, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
    answers = server.makefile("rb")
    server.settimeout(_PATIENCE_S)
    try:
        started = _line(answers)
    except TimeoutError:
        print("another run is under way in the warm server; this one waits", file=sys.stderr)
        server.settimeout(None)
        answers = server.makefile("rb")
        started = _line(answers)
    if started is None:
        return None
    server.settimeout(None)
    return _outcome(answers, int(started["pid"]))


def _outcome(answers: Any, child: int) -> int:
    interrupts = 0
    while True:
        try:
            ended = _line(answers)
            return int(ended["status"]) if ended else 1
        except KeyboardInterrupt:
            interrupts += 1
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGINT if interrupts == 1 else signal.SIGKILL)


def _line(answers: Any) -> dict[str, Any] | None:
    line = answers.readline()
    return dict(json.loads(line)) if line else None


# ─── Stop ───


def stop() -> int:
    """End the servers of this checkout, and return how many there were."""
    ended = 0
    for address in PLACE.glob("*.sock"):
        with socket.socket(socket.AF_UNIX) as server:
            ended += server.connect_ex(str(address)) == 0
        address.unlink(missing_ok=True)  # at which it ends
    return ended


def main() -> None:
    """End the warm server of this checkout."""
    parser = argparse.ArgumentParser(prog="python -m meshtest.testing.warm", description=main.__doc__)
    parser.add_argument("action", choices=["stop"])
    parser.parse_args()
    print("the warm server ends" if stop() else "there is no warm server")


if __name__ == "__main__":
    main()
