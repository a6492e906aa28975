"""The comment on a pull request, against a server that speaks GitHub's API for issue comments."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from meshtest.deploy.github import post

TOKEN = "ghs_secret"
BODY = "<!-- terraform-plan -->\nfirst"


class GitHub(BaseHTTPRequestHandler):
    """Issue comments of o/r#7: list by pages, create, update."""

    comments: list[dict]

    def do_GET(self) -> None:
        match = re.fullmatch(r"/repos/o/r/issues/7/comments\?per_page=(\d+)&page=(\d+)", self.path)
        size, page = int(match[1]), int(match[2])
        self._answer(200, self.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        assert self.path == "/repos/o/r/issues/7/comments"
        self.comments.append(comment(len(self.comments) + 1, self._body(), "Bot"))
        self._answer(201, self.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.removeprefix("/repos/o/r/issues/comments/"))
        (found,) = [each for each in self.comments if each["id"] == number]
        found["body"] = self._body()
        self._answer(200, found)

    def _body(self) -> str:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def _answer(self, status: int, content: object) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, content = 401, {"message": "Bad credentials"}
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def comment(number: int, body: str, kind: str) -> dict:
    return {"id": number, "body": body, "user": {"type": kind}, "html_url": f"https://example.com/{number}"}


@pytest.fixture
def github(monkeypatch):
    """The list of comments that the server holds."""
    GitHub.comments = []
    server = HTTPServer(("127.0.0.1", 0), GitHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    yield GitHub.comments
    server.shutdown()
    server.server_close()


@pytest.fixture
def say(tmp_path):
    """say(body) → the command's exit status."""

    def say(body: str, *options: str) -> int:
        file = tmp_path / "comment.md"
        file.write_text(body)
        return post.main([str(file), "--pull-request", "7", *options])

    return say


def test_a_comment_is_made_once_and_then_renewed_in_place(github, say, capsys):
    assert say(BODY) == 0
    assert say(BODY.replace("first", "second")) == 0
    assert [each["body"] for each in github] == [BODY.replace("first", "second")]
    assert capsys.readouterr().out == "https://example.com/1\nhttps://example.com/1\n"


def test_the_earlier_comment_is_found_behind_a_hundred_others(github, say):
    github += [comment(n, "talk", "User") for n in range(1, 131)]
    github += [comment(131, BODY, "Bot"), comment(132, "talk", "User")]
    assert say(BODY.replace("first", "second")) == 0
    assert len(github) == 132
    assert github[130]["body"].endswith("second")


def test_a_persons_comment_with_the_marker_is_left_alone(github, say):
    github.append(comment(1, BODY, "User"))
    assert say(BODY.replace("first", "second")) == 0
    assert [each["body"][-6:] for each in github] == ["\nfirst", "second"]


def test_a_comment_of_somebody_who_left_github_is_passed_over(github, say):
    github.append(comment(1, BODY, "Bot") | {"user": None})
    assert say(BODY.replace("first", "second")) == 0
    assert [each["body"][-6:] for each in github] == ["\nfirst", "second"]


def test_renew_only_begins_none(github, say):
    assert say(BODY, "--renew-only") == 0
    assert github == []
    say(BODY)
    assert say(BODY.replace("first", "second"), "--renew-only") == 0
    assert github[0]["body"].endswith("second")


def test_a_refusal_is_one_line_without_the_token(github, say, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "wrong-token")
    assert say(BODY) == 1
    error = capsys.readouterr().err
    assert error.startswith("post: GET issues/7/comments?per_page=100&page=1: 401: ")
    assert "wrong-token" not in error


def test_a_body_without_marker_is_refused(github, say, capsys):
    assert say("hello") == 1
    assert "expected a marker" in capsys.readouterr().err


def test_without_a_token_it_says_so(say, monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert say(BODY) == 2
    assert capsys.readouterr().err == "post: GITHUB_TOKEN and GITHUB_REPOSITORY not set\n"
