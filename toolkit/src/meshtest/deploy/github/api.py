"""Call GitHub's REST API for the repository of a workflow's run.

Needs ``GITHUB_TOKEN`` and ``GITHUB_REPOSITORY``; ``GITHUB_API_URL`` names another server.
API: https://docs.github.com/en/rest
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PER_PAGE = 100
TIMEOUT_S = 30


class ApiError(Exception):
    """GitHub refused, or did not answer; the message has the status and GitHub's own words."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Repository:
    """A repository, and the token that speaks for the run."""

    api: str
    name: str
    token: str = field(repr=False)

    def call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """Return the answer to one call below the repository.

        Raises:
            ApiError: GitHub refuses, or does not answer.
        """
        request = urllib.request.Request(  # noqa: S310  (the scheme is the API's own)
            f"{self.api}/repos/{self.name}/{path}",
            data=json.dumps(body).encode() if body else None,
            method=method,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise ApiError(f"{method} {path}: {error.code}: {said}", error.code) from None
        except OSError as error:
            raise ApiError(f"{method} {path}: {error}") from None

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield what a list holds, page after page.

        Raises:
            ApiError: GitHub refuses, or does not answer.
        """
        page = 1
        separator = "&" if "?" in path else "?"
        while True:
            found = self.call("GET", f"{path}{separator}per_page={PER_PAGE}&page={page}")
            yield from found
            if len(found) < PER_PAGE:
                return
            page += 1


def missing_variables() -> str:
    """Name the environment variables that are missing, joined by "and"; empty if none is."""
    return " and ".join(name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not os.environ.get(name))


def repository() -> Repository:
    """Return the repository of this run."""
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    return Repository(api, os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"])


def is_ours(entry: Mapping[str, Any], marker: str) -> bool:
    """Tell whether a bot wrote this comment or issue, and it starts with the marker.

    Anybody may write the marker; only a bot's text is one that the token may change.
    """
    author = entry["user"] or {}  # who has left GitHub is null
    return bool(author.get("type") == "Bot" and (entry["body"] or "").startswith(marker))
