"""Drift: what counts as one, and the one issue of an environment, against a server like GitHub's."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from meshtest.deploy.github import drift

MARKER = "<!-- drift: dev -->"


class GitHub(BaseHTTPRequestHandler):
    """The issues of o/r: open ones by pages, make, change, comment."""

    issues: list[dict]
    comments: list[tuple[int, str]]
    are_off = False

    def do_GET(self) -> None:
        match = re.fullmatch(r"/repos/o/r/issues\?state=open&per_page=(\d+)&page=(\d+)", self.path)
        size, page = int(match[1]), int(match[2])
        found = [each for each in self.issues if each["state"] == "open"]
        self._answer(200, found[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        if self.are_off:
            self._answer(410, {"message": "Issues has been disabled in this repository."})
        elif match := re.fullmatch(r"/repos/o/r/issues/(\d+)/comments", self.path):
            self.comments.append((int(match[1]), self._given()["body"]))
            self._answer(201, {})
        else:
            assert self.path == "/repos/o/r/issues"
            self.issues.append(issue(len(self.issues) + 1, **self._given()))
            self._answer(201, self.issues[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.removeprefix("/repos/o/r/issues/"))
        (found,) = [each for each in self.issues if each["number"] == number]
        found.update(self._given())
        self._answer(200, found)

    def _given(self) -> dict:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def issue(number: int, kind: str = "Bot", **given: str) -> dict:
    return {
        "html_url": f"https://example.com/{number}",
        "number": number,
        "state": "open",
        "user": {"type": kind},
        **given,
    }


@pytest.fixture
def github(monkeypatch):
    GitHub.issues, GitHub.comments, GitHub.are_off = [], [], False
    server = HTTPServer(("127.0.0.1", 0), GitHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    yield GitHub
    server.shutdown()
    server.server_close()


@pytest.fixture
def tell(tmp_path):
    """tell(sections, *options) → exit status of the command, with these sections as the jobs left them."""

    def tell(sections: list[str], *options: str, env: str = "dev") -> int:
        place = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        for number, text in enumerate(sections):
            folder = place / f"drift-dev-{number}" / "infrastructure"
            folder.mkdir(parents=True)
            (folder / "section.md").write_text(text)
        return drift.main(["tell", str(place), "--env", env, *options])

    return tell


# ─── The Issue ───


def test_an_issue_is_opened_renewed_and_closed(github, tell, capsys):
    assert tell(["### `a`\n\nfirst"]) == 0
    (opened,) = github.issues
    assert (opened["title"], opened["body"].partition("\n")[0]) == ("Drift in dev", MARKER)
    assert "first" in opened["body"]

    assert tell(["### `a`\n\nsecond", "### `b`\n\nthird"]) == 0
    (renewed,) = github.issues
    assert "first" not in renewed["body"]
    assert "second" in renewed["body"]
    assert "third" in renewed["body"]

    assert tell([]) == 0
    (closed,) = github.issues
    assert (closed["state"], closed["state_reason"]) == ("closed", "completed")
    assert github.comments == [(1, "Nothing differs any more.")]
    said = capsys.readouterr().out.splitlines()
    assert [line.split("; ")[1] for line in said] == [
        "opened https://example.com/1",
        "renewed https://example.com/1",
        "closed https://example.com/1",
    ]
    assert tell(["### `a`\n\nagain"]) == 0
    assert len(github.issues) == 2


def test_without_drift_none_is_opened(github, tell, capsys):
    assert tell([]) == 0
    assert github.issues == []
    assert capsys.readouterr().out == "0 roots of dev drifted; no issue to open or close\n"


def test_a_failed_plan_closes_nothing(github, tell):
    tell(["### `a`"])
    assert tell([], "--incomplete") == 0
    assert github.issues[0]["state"] == "open"


def test_each_environment_has_its_own(github, tell):
    tell(["### `a`"])
    tell(["### `a`"], env="prod")
    assert tell([], env="prod") == 0
    assert [(each["title"], each["state"]) for each in github.issues] == [
        ("Drift in dev", "open"),
        ("Drift in prod", "closed"),
    ]


def test_a_persons_issue_and_a_pull_request_are_left_alone(github, tell):
    github.issues += [issue(n, "User", body="talk", title="x") for n in range(1, 121)]
    github.issues.append(issue(121, "User", body=MARKER, title="x"))
    github.issues.append(issue(122, body=MARKER, title="x", pull_request="there"))
    assert tell(["### `a`"]) == 0
    assert len(github.issues) == 123
    assert tell([]) == 0
    assert [each["number"] for each in github.issues if each["state"] == "closed"] == [123]


def test_many_long_sections_fit_into_an_issue(github, tell):
    plan = "x\n" * 40_000
    folded = f"<details><summary>Plan</summary>\n\n```\n{plan}\n```\n\n</details>\n"
    assert tell([f"### `root{n}`\n\n**1 to add.**\n\n{folded}" for n in range(40)]) == 0
    body = github.issues[0]["body"]
    assert len(body) <= 65_536
    assert [f"### `root{n}`" for n in range(40) if f"### `root{n}`" not in body] == []


def test_where_issues_are_off_the_summary_is_all(github, tell, capsys):
    github.are_off = True
    assert tell(["### `a`"]) == 0
    assert "issues are switched off" in capsys.readouterr().out


# ─── What Is Drift ───


def change(*actions: str) -> dict:
    return {"address": "aws_x.this", "change": {"actions": list(actions), "before": {}, "after": {}}}


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({}, False),
        ({"resource_changes": [change("no-op"), change("read")]}, False),
        ({"resource_changes": [change("no-op"), change("update")]}, True),
        ({"resource_changes": [change("delete", "create")]}, True),
        ({"resource_changes": [change("create")]}, True),
        ({"output_changes": {"x": {"actions": ["no-op"]}}}, False),
        ({"output_changes": {"x": {"actions": ["update"]}}}, True),
        # AWS changed it by itself, and an apply would leave it so.
        ({"resource_drift": [change("update")], "resource_changes": [change("no-op")]}, False),
    ],
)
def test_drift_is_what_an_apply_would_change(plan, expected):
    assert drift.has_drift(plan) is expected


def test_a_section_is_left_for_what_drifted_alone(tmp_path, capsys):
    (tmp_path / "plan.txt").write_text("~ update")
    for actions, left in ((["update"], True), (["no-op"], False)):
        (tmp_path / "plan.json").write_text(json.dumps({"resource_changes": [change(*actions)]}))
        assert drift.main(["section", "root", str(tmp_path)]) == 0
        assert (tmp_path / "section.md").exists() is left
    said = capsys.readouterr().out
    assert "### `root`\n\n**0 to add, 1 to change, 0 to destroy.**" in said
    assert said.endswith("### `root`\n\nNo drift.\n\n")


def test_a_plan_that_failed_is_shown_and_is_no_drift(tmp_path: Path, capsys):
    (tmp_path / "terraform.log").write_text("Error: AccessDenied for 123456789012")
    assert drift.main(["section", "root", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "Error: AccessDenied for ************" in said
    assert not (tmp_path / "section.md").exists()
