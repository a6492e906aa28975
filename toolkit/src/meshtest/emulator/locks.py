"""One lock for each service: moto's models are not thread-safe, the emulator's server is threaded.

A gap that reaches into another service takes that service's lock. To keep clear of deadlocks the order
is: any service, then S3. Nothing in S3 may wait for another service.
"""

from __future__ import annotations

import threading
from collections import defaultdict

_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
_guard = threading.Lock()


def lock_of(service: str) -> threading.RLock:
    """Return the lock of a service, under moto's name for it."""
    with _guard:
        return _locks[service]
