"""One visitor's tab, and what must hold in every one: no error of the page's own, no request to anyone else."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import ConsoleMessage, FilePayload, Locator, Page, Request

# What Chromium itself writes to the console for an answer that is an error; a test names those that it provokes.
REFUSED: Final = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
LOST: Final = "Failed to load resource: net::"
# Files as a drop or a paste brings them; given to the page as base64, since a script cannot read the disk.
MAKE_FILES: Final = """
(files) => {
  const transfer = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  return transfer;
}
"""
DROP: Final = """
(target, transfer) => {
  for (const type of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}
"""
PASTE: Final = """
(target, transfer) => target.dispatchEvent(
  new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }))
"""


@dataclass
class Visit:
    """A page that is open. provoked: statuses that the test makes the API answer; lost: it cuts the connection."""

    page: Page
    site: str
    store: str
    provoked: set[int] = field(default_factory=set)
    lost: bool = False
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen from the first request on."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        refused = REFUSED.match(message.text)
        if refused and int(refused[1]) in self.provoked:
            return
        if self.lost and message.text.startswith(LOST):
            return
        self.faults.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"blob", "data"} or f"{parts.scheme}://{parts.netloc}" in {self.site, self.store}:
            return
        self.faults.append(f"a request to {request.url}")

    def open(self, view: str) -> Page:
        """Go to a view and wait until its module has filled it."""
        self.page.goto(f"{self.site}/#{view}")
        self.page.locator(f"#view-{view.split('/', maxsplit=1)[0]}[data-ready]").wait_for()
        return self.page

    def view(self, name: str) -> Locator:
        """The section of a view."""
        return self.page.locator(f"#view-{name}")

    def choose(self, view: str, files: Sequence[FilePayload]) -> None:
        """Choose files as the system's dialogue gives them."""
        self.view(view).locator("[data-part=files]").set_input_files(list(files))

    def drop(self, selector: str, files: Sequence[FilePayload]) -> None:
        """Drop files on an element."""
        self.page.locator(selector).first.evaluate(DROP, self._transfer(files))

    def paste(self, file: FilePayload) -> None:
        """Paste a file into the page."""
        self.page.locator("body").evaluate(PASTE, self._transfer([file]))

    def _transfer(self, files: Sequence[FilePayload]) -> Any:
        payload = [
            {"name": f["name"], "type": f["mimeType"], "content": base64.b64encode(f["buffer"]).decode()} for f in files
        ]
        return self.page.evaluate_handle(MAKE_FILES, payload)

    def cards(self, state: str = "done") -> Locator:
        """The cards of the view that is shown, in a state."""
        return self.page.locator(f".view:not([hidden]) .card[data-state={state}]")
