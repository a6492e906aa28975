"""Run a job's script as the main program and say in one line why it failed.

Started by the runner in a process group of its own: ``driver.py LIVENESS_FD ERROR_FILE SCRIPT ARGUMENT...``.
It imports the standard library only, so that a job sees the Python it would see on Glue.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

MESSAGE_LIMIT = 4000
_JVM_GRACE_S = 3


def main(liveness_fd: str, error_file: str, script: str, *arguments: str) -> int:
    """Run ``script`` with ``arguments``; a failure's message goes to ``error_file``."""
    _end_with_the_emulator(int(liveness_fd))
    # Of the folder that PYTHONPATH begins with.
    importlib.import_module("_glue_library").install(Path(error_file).with_name("bookmark"))
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        return _exit(ended, Path(error_file))
    except BaseException as error:
        _print_traceback(error)
        Path(error_file).write_text(describe(error), encoding="utf-8")
        return 1
    return 0


def _end_with_the_emulator(liveness_fd: int) -> None:
    """End the whole process group when the emulator's end of the pipe closes, however it ended."""
    os.set_inheritable(liveness_fd, False)

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(liveness_fd, 1):
                pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="liveness", daemon=True).start()


def _exit(ended: SystemExit, error_file: Path) -> int:
    if ended.code is None or ended.code == 0:
        return 0
    parts = [f"SystemExit: {ended.code}", _jvm_end(ended.__context__ or ended)]
    error_file.write_text(" ".join(filter(None, parts)), encoding="utf-8")
    if not isinstance(ended.code, int):
        print(ended.code, file=sys.stderr)
        return 1
    return ended.code & 0xFF or 1


def _print_traceback(error: BaseException) -> None:
    """Print the traceback from the script's first frame on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (
        __file__,
        runpy.__file__,
        "<frozen runpy>",
    ):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


# ─── Message ───


def describe(error: BaseException) -> str:
    """Return ``ExceptionType: message`` in one line, with the cause that Spark hides in its stack trace."""
    try:
        text = str(error)
    except Exception as unreadable:
        text = f"the message cannot be read: {unreadable}"
    parts = [_summary(text), _jvm_end(error)]
    return f"{type(error).__name__}: {' '.join(filter(None, parts))}"[:MESSAGE_LIMIT]


def _summary(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    root = _python_cause(text) or _java_cause(text)
    return f"{first} {root}" if root and root not in first else first


def _python_cause(text: str) -> str:
    """Return the last line of the last Python traceback, as a failed UDF leaves it in the message."""
    _, found, trace = text.rpartition("Traceback (most recent call last):\n")
    return next((line for line in trace.splitlines() if line and not line[0].isspace()), "") if found else ""


def _java_cause(text: str) -> str:
    causes = re.findall(r"^(?:Caused by)?: (.+)$", text, re.MULTILINE)
    return f"Caused by: {causes[-1]}" if causes else ""


def _jvm_end(error: BaseException) -> str:
    """Say how Spark's JVM ended, if it did: the script only sees a broken connection."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    process: subprocess.Popen[Any] | None = getattr(getattr(context, "_gateway", None), "proc", None)
    if process is None:
        return ""
    is_broken = isinstance(error, OSError) or type(error).__name__ in ("Py4JError", "Py4JNetworkError")
    try:
        status = process.wait(_JVM_GRACE_S if is_broken else 0)
    except subprocess.TimeoutExpired:
        return ""
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
    return f"(Spark's JVM {how})"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
