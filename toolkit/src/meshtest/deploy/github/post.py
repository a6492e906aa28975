"""Put a comment on a pull request, or renew the one that is there.

    python -m meshtest.deploy.github.post build/comment.md --pull-request 12

The first line of the file is the marker (an HTML comment) by which the earlier one is found. Needs
``GITHUB_TOKEN`` and ``GITHUB_REPOSITORY``; ``GITHUB_API_URL`` names another server.
API: https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PER_PAGE = 100
TIMEOUT_S = 30


class PostError(Exception):
    """GitHub refused; the message has the status and GitHub's own words."""


@dataclass(frozen=True)
class Issue:
    """A pull request, as the API knows its conversation."""

    api: str
    repository: str
    number: int
    token: str = field(repr=False)

    def renew(self, body: str, *, renew_only: bool = False) -> str:
        """Create or update the comment that starts with the body's first line; returns its URL.

        With ``renew_only`` none is created: the answer is then empty.

        Raises:
            PostError: GitHub refuses, or does not answer.
        """
        marker = body.partition("\n")[0]
        if not marker.startswith("<!--"):
            raise PostError(f"the comment starts with {marker!r}; expected a marker <!-- … -->")
        earlier = next((each for each in self._comments() if _is_ours(each, marker)), None)
        if earlier:
            answer = self._call("PATCH", f"issues/comments/{earlier['id']}", {"body": body})
        elif renew_only:
            return ""
        else:
            answer = self._call("POST", f"issues/{self.number}/comments", {"body": body})
        return str(answer["html_url"])

    def _comments(self) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            found = self._call("GET", f"issues/{self.number}/comments?per_page={PER_PAGE}&page={page}")
            yield from found
            if len(found) < PER_PAGE:
                return
            page += 1

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  (the scheme is the API's own)
            f"{self.api}/repos/{self.repository}/{path}",
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
            raise PostError(
                f"{method} {path}: {error.code}: {error.read().decode(errors='replace')}"
            ) from None
        except OSError as error:
            raise PostError(f"{method} {path}: {error}") from None


def _is_ours(comment: dict[str, Any], marker: str) -> bool:
    # Anybody may write the marker; only a bot's comment is one that the token may change.
    # Who has left GitHub is null.
    author = comment["user"] or {}
    return bool(author.get("type") == "Bot" and (comment["body"] or "").startswith(marker))


def main(arguments: Sequence[str] | None = None) -> int:
    """Post one comment; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.github.post",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the comment, its marker first")
    parser.add_argument("--pull-request", type=int, required=True, metavar="N")
    parser.add_argument("--renew-only", action="store_true", help="do nothing if there is none yet")
    options = parser.parse_args(arguments)
    missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not os.environ.get(name)]
    if missing:
        print(f"post: {' and '.join(missing)} not set", file=sys.stderr)
        return 2
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    issue = Issue(api, os.environ["GITHUB_REPOSITORY"], options.pull_request, os.environ["GITHUB_TOKEN"])
    try:
        body = options.file.read_text(encoding="utf-8")
        print(issue.renew(body, renew_only=options.renew_only) or "no earlier comment, none needed")
    except (PostError, OSError) as error:
        print(f"post: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
