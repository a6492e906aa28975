"""A provider that stays: started once in its debug mode, for any number of Terraform commands to attach to.

Source: https://developer.hashicorp.com/terraform/plugin/debugging#running-terraform-with-a-provider-in-debug-mode
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

START_TIMEOUT_S = 60.0
# Go's garbage collector, four times as lazy as usual: a sixth of the time for some hundred megabytes.
QUICK = {"GOGC": "400"}
_ATTACH = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")
# How many bytes a socket's path may have on macOS (Linux has four more), and the provider's name for its own.
_SOCKET_PATH = 103
_SOCKET_NAME = len("/plugin4294967295")
# Ends the provider when the pipe on standard input closes, which it does however the process at its other
# end dies, and removes the directory with the provider's socket. It ends when the provider does.
_GUARD = """
exec 3<&0
"$@" 3<&- & provider=$!
(cat <&3 > /dev/null; [ -d "$TMPDIR" ] && kill "$provider") &
wait "$provider"
rm -rf "$TMPDIR"
"""


class ProviderError(Exception):
    """The provider did not start in its debug mode; the message says what it said."""


class Provider:
    """A running provider process; ``reattach`` is the value of TF_REATTACH_PROVIDERS for its clients.

    It ends with `close`, and at the latest with this process.

    Raises:
        ProviderError: it ended, or said nothing that Terraform could attach to in time.
    """

    def __init__(
        self, binary: Path, environment: Mapping[str, str], timeout: float = START_TIMEOUT_S
    ) -> None:
        self.directory = _directory()
        # Without a name: the guard removes the directory as soon as the provider has ended.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(binary), "-debug"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # In debug mode a provider logs everything unless it is told not to.
            env={**QUICK, **environment, "TF_LOG": "off", "TMPDIR": str(self.directory)},
            start_new_session=True,  # an interrupt at the keyboard is for Terraform, not for the provider
        )
        self._liveness = cast("IO[bytes]", self._guard.stdin)
        self._said = cast("BufferedReader", self._guard.stdout)
        try:
            self.reattach = self._handshake(timeout)
        except BaseException:
            self.close()
            raise

    def _handshake(self, timeout: float) -> str:
        deadline, said = time.monotonic() + timeout, ""
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._said], [], [], left)[0]:
                read = self._said.read1(1 << 16).decode()
                said += read
                if found := _ATTACH.search(said):
                    return found.group(1)
                if not read:
                    break
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip() or said.strip() or "it said nothing"
        raise ProviderError(f"the provider did not start in its debug mode: {last.splitlines()[-1]}")

    @property
    def is_alive(self) -> bool:
        """Whether it answers: a process that has just died still looks alive to its guard."""
        (provider,) = json.loads(self.reattach).values()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(provider["Addr"]["String"]) == 0

    def let_go(self) -> None:
        """Close, in a forked process, what would keep the provider alive."""
        self._liveness.close()

    def close(self) -> None:
        """End the provider and wait until nothing of it is left."""
        self._liveness.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(10)
        self._said.close()
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="tf-provider-"))
    length = len(os.fsencode(directory)) + _SOCKET_NAME
    if length > _SOCKET_PATH:
        directory.rmdir()
        raise ProviderError(
            f"TMPDIR {directory.parent}: the path of a socket below it would have {length} bytes; "
            f"expected at most {_SOCKET_PATH}"
        )
    return directory
