"""Pages in a Chromium, driven by Playwright; what a page does wrong fails its test.

Nothing is downloaded here, and no page may ask for anything outside this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from meshtest.tools import browser as program

# Nothing that a browser does by itself: no updates, no reports, no first-run pages. Playwright gives it a new
# empty profile.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
LOCAL_SCHEMES = {"about", "blob", "data", "file"}


class Complaints(list[str]):
    """What a page did wrong: errors on the console, exceptions, failed requests, requests to elsewhere."""

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(f"exception: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium repeats here what a response says, without its address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in LOCAL_SCHEMES and address.hostname not in LOOPBACK:
            self.append(f"request to elsewhere: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before the answer
            self.append(f"{request.failure}: {request.url}")

    def _response(self, response: Response) -> None:
        # A page that is asked for by itself may be one of an error; what it loads may not.
        if response.status >= 400 and not response.request.is_navigation_request():
            self.append(f"HTTP {response.status}: {response.url}")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program; where there is none, the tests are skipped, or fail if ``CI`` is true."""
    if not (found := program.find()):
        (pytest.fail if program.is_needed() else pytest.skip)(program.missing())
    return found


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS), headless=True)
        yield running
        running.close()


@pytest.fixture
def complaints() -> Complaints:
    """What the test's page has done wrong so far; anything in it at the test's end is a failure."""
    return Complaints()


@pytest.fixture
def page(browser: Browser, complaints: Complaints) -> Iterator[Page]:
    """An empty page in a context of its own (no cookies, no storage of other tests)."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints.watch(page)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def violations(page: Page) -> Callable[[], list[str]]:
    """violations() → axe's violations on the page as it is now, one line an element; [] if there are none.

    Rules: https://dequeuniversity.com/rules/axe
    """

    def look() -> list[str]:
        return [
            f"{violation['id']} ({violation['impact']}): {violation['help']}: {', '.join(node['target'])}"
            for violation in Axe().run(page).response["violations"]
            for node in violation["nodes"]
        ]

    return look
