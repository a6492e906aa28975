"""The browser for the tests of the pages: found, else of Playwright, else as root of Debian."""

from __future__ import annotations

import http.server
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshtest.tools import browser

PROGRAM = "#!/bin/sh\necho Chromium 1\n"
NOWHERE = "http://127.0.0.1:9"


def put(file: Path, text: str = PROGRAM) -> Path:
    file.write_text(text)
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but /bin/sh, where downloads of Playwright fail."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(browser, "OF_PLAYWRIGHT", tmp_path / "browsers")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", NOWHERE)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.delenv("CI", raising=False)
    return folder


@pytest.fixture
def downloads() -> Iterator[str]:
    """A server that answers every download with a browser of Playwright's layout."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        entry = zipfile.ZipInfo("chrome-headless-shell-linux64/chrome-headless-shell")
        entry.external_attr = 0o755 << 16
        opened.writestr(entry, PROGRAM)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(archive.getvalue())))
            self.end_headers()
            self.wfile.write(archive.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_systems_is_taken(bin_folder: Path) -> None:
    program = put(bin_folder / "chromium-browser")
    assert browser.find() == program
    assert browser.main() == 0


def test_the_named_one_is_taken_before(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bin_folder / "chromium")
    named = put(tmp_path / "other")
    monkeypatch.setenv("CHROMIUM", str(named))
    assert browser.find() == named


def test_a_name_of_nothing_is_an_error_and_no_other_is_taken(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bin_folder / "chromium")
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    assert browser.main() == 1
    assert capsys.readouterr().err.startswith("CHROMIUM=/nowhere/chrome is no program: ")


def test_playwright_installs_one(downloads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", downloads)
    assert browser.main() == 0
    found = browser.find()
    assert found
    assert found.is_relative_to(browser.OF_PLAYWRIGHT)


def test_root_gets_debians_where_playwrights_cannot_be_had(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bin_folder / "apt-get", f'#!/bin/sh\n[ "$1" = update ] || /bin/cp "$0" {bin_folder}/chromium\n')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert browser.main() == 0
    assert browser.find() == bin_folder / "chromium"


def test_others_do_not_ask_for_a_package(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bin_folder / "apt-get", f"#!/bin/sh\n/bin/cp $0 {bin_folder}/chromium\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert browser.main() == 0
    assert browser.find() is None
    assert capsys.readouterr().err.startswith("no Chromium: apt-get install chromium")


def test_having_none_is_an_error_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("CI", "true")
    assert browser.main() == 1
