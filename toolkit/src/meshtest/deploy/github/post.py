"""Put a comment on a pull request, or renew the one that is there.

    python -m meshtest.deploy.github.post build/comment.md --pull-request 12

The first line of the file is the marker (an HTML comment) by which the earlier one is found. Needs
``GITHUB_TOKEN`` and ``GITHUB_REPOSITORY``; ``GITHUB_API_URL`` names another server.
API: https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from meshtest.deploy.github import api
from meshtest.deploy.github.api import ApiError, Repository


def renew(repository: Repository, number: int, body: str, *, renew_only: bool = False) -> str:
    """Create or update the comment that starts with the body's first line; returns its URL.

    With ``renew_only`` none is created: the answer is then empty.

    Raises:
        ApiError: GitHub refuses, or does not answer.
    """
    marker = body.partition("\n")[0]
    if not marker.startswith("<!--"):
        raise ApiError(f"the comment starts with {marker!r}; expected a marker <!-- … -->")
    comments = repository.pages(f"issues/{number}/comments")
    earlier = next((each for each in comments if api.is_ours(each, marker)), None)
    if earlier:
        answer = repository.call("PATCH", f"issues/comments/{earlier['id']}", {"body": body})
    elif renew_only:
        return ""
    else:
        answer = repository.call("POST", f"issues/{number}/comments", {"body": body})
    return str(answer["html_url"])


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
    if missing := api.missing_variables():
        print(f"post: {missing} not set", file=sys.stderr)
        return 2
    try:
        body = options.file.read_text(encoding="utf-8")
        posted = renew(api.repository(), options.pull_request, body, renew_only=options.renew_only)
        print(posted or "no earlier comment, none needed")
    except (ApiError, OSError) as error:
        print(f"post: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
