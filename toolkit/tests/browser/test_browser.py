"""The harness itself: a page that does something wrong is told apart from one that does not."""

from __future__ import annotations

import http.server
import threading

import pytest

GOOD = "<!doctype html><html lang='en'><title>Good</title><main><h1>Good</h1></main></html>"


@pytest.fixture
def incomplete():
    """The address of a page of this machine whose picture is missing."""

    class Incomplete(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(GOOD.replace("</main>", "<img alt='' src='/picture.png'></main>").encode())

        def log_message(self, *_):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Incomplete) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_good_page_is_not_complained_about(page, complaints, violations):
    page.set_content(GOOD)
    assert page.title() == "Good"
    assert violations() == []
    assert complaints == []


def test_an_error_on_the_console_is_seen(page, complaints):
    page.set_content(GOOD)
    page.evaluate("console.error('wrong'); console.warn('odd')")
    assert complaints == ["console: wrong"]
    complaints.clear()


def test_an_exception_is_seen(page, complaints):
    with page.expect_event("pageerror"):
        page.set_content(GOOD + "<script>throw new Error('broken')</script>")
    assert complaints == ["exception: broken"]
    complaints.clear()


def test_a_request_to_elsewhere_is_seen(page, complaints):
    page.route("https://example.com/**", lambda route: route.fulfill(body="", content_type="text/css"))
    page.set_content(GOOD + "<link rel='stylesheet' href='https://example.com/style.css'>")
    assert complaints == ["request to elsewhere: https://example.com/style.css"]
    complaints.clear()


def test_a_missing_resource_is_seen(page, complaints, incomplete):
    page.goto(incomplete)
    assert complaints == [f"HTTP 404: {incomplete}/picture.png"]
    complaints.clear()


def test_a_picture_without_a_text_is_a_violation(page, violations):
    page.set_content(GOOD.replace("</main>", "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='></main>"))
    assert [line for line in violations() if line.startswith("image-alt (critical)")] != []
