"""Hide this repository's sources from a job's Python, in the driver and in Spark's workers.

An editable install puts ``src/`` on every path. A job would then find ``core`` and ``jobs`` although
its --extra-py-files lack them, and fail only on AWS.
"""

import os
import sys
from pathlib import Path

_SOURCES = Path(os.environ["DOMAIN_ROOT"], "src").resolve()

sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != _SOURCES]
