"""An AWS account as the clients of this machine need it, wherever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class Account(Protocol):
    """An AWS as its clients need it."""

    @property
    def account_id(self) -> str:
        """Twelve digits."""

    @property
    def region(self) -> str:
        """The domain's Region."""

    @property
    def http(self) -> str:
        """Where its S3 is reached by plain HTTP."""

    @property
    def https(self) -> str:
        """Where its S3 is reached by HTTPS."""

    @property
    def ca_bundle(self) -> Path | None:
        """What certifies `https`, where the public roots do not."""

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client over HTTPS; ``options`` go to boto3 and win."""

    def environment(self) -> dict[str, str]:
        """The AWS_* variables that lead a client there."""
