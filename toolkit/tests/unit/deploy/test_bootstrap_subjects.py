"""Who may deploy: the ways in which GitHub's tokens name a repository, and none that is guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshtest.deploy import bootstrap

NAMED = "acme/example"
WITH_IDS = "acme@11/example@22"


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, where a test may put GitHub's own command."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "gh"


def answer(gh: Path, created_at: str, status: int = 0) -> None:
    found = {
        "created_at": created_at,
        "id": 22,
        "name": "example",
        "owner": {"id": 11, "login": "acme", "type": "Organization"},
    }
    script = f"#!/bin/sh\n[ \"$*\" = 'api repos/{NAMED}' ] || exit 9\necho '{json.dumps(found)}'\n"
    gh.write_text(script + (f"echo 'gh: Not Found (HTTP 404)' >&2\nexit {status}\n" if status else ""))
    gh.chmod(0o755)


@pytest.mark.parametrize(
    ("created_at", "expected"),
    [
        ("2026-07-15T00:00:00Z", [WITH_IDS]),
        ("2026-11-02T08:00:00Z", [WITH_IDS]),
        ("2026-07-14T23:59:59Z", [WITH_IDS, NAMED]),
        ("2019-01-01T00:00:00Z", [WITH_IDS, NAMED]),
    ],
)
def test_github_is_asked_for_the_ids(gh: Path, created_at: str, expected: list[str]) -> None:
    answer(gh, created_at)
    assert bootstrap.repositories(NAMED) == expected


def test_ids_that_are_given_are_taken(gh: Path) -> None:
    assert bootstrap.repositories(WITH_IDS) == [WITH_IDS]


def test_an_older_repository_can_be_said_to_be_one(gh: Path) -> None:
    assert bootstrap.repositories(NAMED, by_name=True) == [NAMED]


def test_without_an_answer_nothing_is_guessed(gh: Path) -> None:
    with pytest.raises(
        bootstrap.BootstrapError, match=r"gh is not installed\): give them, --repository ORG@ID"
    ):
        bootstrap.repositories(NAMED)
    answer(gh, "2026-11-02T08:00:00Z", status=1)
    with pytest.raises(bootstrap.BootstrapError, match=r"\(gh: Not Found \(HTTP 404\)\)"):
        bootstrap.repositories(NAMED)


@pytest.mark.parametrize(
    "given", ["example", "acme/*", "acme@11/example", "acme/example@22", "acme@x/example@22"]
)
def test_other_forms_are_refused(gh: Path, given: str) -> None:
    with pytest.raises(bootstrap.BootstrapError) as refused:
        bootstrap.repositories(given)
    assert str(refused.value) == f"--repository is '{given}'; expected ORG/REPO or ORG@ID/REPO@ID"
