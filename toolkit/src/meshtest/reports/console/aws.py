"""Clients of the domain that can read and nothing else."""

from __future__ import annotations

import functools
from typing import Any

from meshtest.emulator import Endpoint

READING = ("Describe", "Get", "Head", "List")


class WriteRefused(Exception):
    """Something tried to change the domain from the console."""


@functools.lru_cache(maxsize=16)
def reader(endpoint: Endpoint, service: str) -> Any:
    """A boto3 client that refuses every operation but reading ones, before anything is sent.

    Raises:
        WriteRefused: by the client's methods, for another operation.
    """
    client = endpoint.client(service)
    client.meta.events.register("provide-client-params", _refuse_writes)
    return client


def _refuse_writes(model: Any, **_: Any) -> None:
    if not model.name.startswith(READING):
        raise WriteRefused(f"{model.name}: the console only reads")
