"""A web page of somebody else's, open in the same browser, while the stack runs."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright

    from infra.local.running_stack import StartedStack

# What a page tries: to read, to write without asking first, and to call a service of moto that starts containers.
ATTACK = """
async (s3) => {
  const outcome = async (path, options) => {
    try {
      const answer = await fetch(s3 + path, options);
      return answer.type === "opaque" ? "opaque" : answer.status + " " + (await answer.text()).length;
    } catch {
      return "refused";
    }
  };
  const bucket = "/skysort-drop-local/incoming/star/stolen/";
  const signed = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/batch/aws4_request, SignedHeaders=host, Signature=0";
  return {
    read: await outcome("/skysort-results-local/"),
    list: await outcome("/"),
    switches: await outcome("/moto-api/data.json"),
    put: await outcome(bucket + "put.csv", { method: "PUT", body: "u,g,r,i,z" }),
    containers: await outcome("/v1/submitjob", { method: "POST", headers: { Authorization: signed }, body: "{}" }),
    post: await outcome(bucket, { method: "POST", mode: "no-cors", body: new FormData() }),
  };
}
"""
# A form needs no permission at all; the answer shows in the page's own frame.
FORM = """
(s3) => new Promise((done) => {
  document.body.innerHTML = `<iframe name="there"></iframe>
    <form action="${s3}/skysort-drop-local" method="post" enctype="multipart/form-data" target="there">
    <input name="key" value="incoming/star/stolen/form.csv"><input name="file" value="u,g,r,i,z"></form>`;
  document.querySelector("iframe").addEventListener("load", () => done(true));
  document.querySelector("form").submit();
})
"""


# Requests that a page may send without asking first: of any bytes under no type, of text, of a form.
SIMPLE = """
async (api) => {
  const path = api + "/v1/classify/star";
  const row = '{"u": 19, "g": 18, "r": 17, "i": 17, "z": 17}';
  const bodies = [new Blob([row]), row, new URLSearchParams({ u: "19", g: "18", r: "17", i: "17", z: "17" })];
  const answers = await Promise.all(bodies.map((body) => fetch(path, { method: "POST", mode: "no-cors", body })));
  return answers.map((answer) => answer.type);
}
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """An empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another server of this machine, which serves the attacker's page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def victim(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """A browser for which every name below evil.test leads to this machine, as its owner's DNS may say."""
    rules = "--host-resolver-rules=MAP *.evil.test 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, rules])
    yield browser
    browser.close()


def stolen(stack: StartedStack, victim: Browser) -> str:
    """What lies in the drop bucket where the attacks would have put it, as a program of this machine sees it."""
    context = victim.new_context()
    try:
        text: str = context.request.get(f"{stack.s3}/skysort-drop-local?list-type=2&prefix=incoming/star/stolen").text()
        return text
    finally:
        context.close()


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://page.evil.test:{port}"]
)
def test_a_page_of_another_origin_reads_and_writes_nothing(
    stack: StartedStack, victim: Browser, elsewhere: int, origin: str
) -> None:
    # Given
    page = victim.new_page()
    page.goto(origin.format(port=elsewhere))

    # When
    found = page.evaluate(ATTACK, stack.s3)
    page.evaluate(FORM, stack.s3)
    page.close()

    # Then what it was answered it may not even see, and nothing was written
    assert found == {
        **dict.fromkeys(("read", "list", "switches", "put", "containers"), "refused"),
        "post": "opaque",
    }
    assert "<KeyCount>0</KeyCount>" in stolen(stack, victim)


def test_a_name_that_its_owner_points_at_this_machine_is_refused(stack: StartedStack, victim: Browser) -> None:
    # Given a page whose own origin is the stack's S3 port under another name (DNS rebinding)
    port = urlsplit(stack.s3).port
    page = victim.new_page()

    # When
    answer = page.goto(f"http://s3.evil.test:{port}/skysort-results-local/")

    # Then
    assert answer is not None
    assert answer.status == 403
    assert page.evaluate("fetch('/').then((answer) => answer.status)") == 403
    page.close()


@pytest.mark.parametrize("origin", ["http://localhost:{port}", "http://page.evil.test:{port}"])
def test_a_page_of_another_origin_classifies_nothing(
    stack: StartedStack, victim: Browser, elsewhere: int, origin: str
) -> None:
    # Given
    log = stack.state / "logs" / "star.log"
    before = log.read_text().count("REPORT RequestId")
    page = victim.new_page()
    page.goto(origin.format(port=elsewhere))

    # When it sends what needs no permission
    found = page.evaluate(SIMPLE, stack.api)
    page.close()

    # Then it sees nothing of the answers, and no function was called
    assert found == ["opaque"] * 3
    assert log.read_text().count("REPORT RequestId") == before


def test_the_api_under_a_name_that_its_owner_points_at_this_machine_is_refused(
    stack: StartedStack, victim: Browser
) -> None:
    page = victim.new_page()
    answer = page.goto(f"http://api.evil.test:{urlsplit(stack.api).port}/v1/health")
    assert answer is not None
    assert answer.status == 403
    page.close()
