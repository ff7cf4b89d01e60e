"""How soon the page is there and answers, in headless Chromium against a local stack of its own.

    python -m tests.bench.page

writes results/page.json: first contentful paint and transferred bytes of a first visit (empty cache), and the time from
a drop to the preview and to the answer in the gallery, each picture new to the service. Medians; the browser takes
its share of the same cores. On a machine that has other work, `chrt -r 10` before the command puts this ahead of it.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from infra.local.running_stack import started_stack
from tests.bench.__main__ import machine
from tests.web.conftest import FLAGS
from tests.web.pictures import galaxies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Browser, Page

RESULT: Final = Path(__file__).with_name("results") / "page.json"
VISITS: Final = 20
DROPS: Final = 40
WARM_UP: Final = 5
# Resolves once the first contentful paint is known: the observer also tells of what was before it.
PAINT: Final = """
() => new Promise((resolve) => new PerformanceObserver((list) => {
  const [paint] = list.getEntriesByName("first-contentful-paint");
  if (!paint) return;
  const files = performance.getEntriesByType("resource");
  const [page] = performance.getEntriesByType("navigation");
  resolve({ paint_ms: paint.startTime, requests: files.length + 1,
            bytes: files.reduce((sum, file) => sum + file.transferSize, page.transferSize) });
}).observe({ type: "paint", buffered: true }))
"""
# From the drop event to the preview (decoded) and to the card's answer, as a MutationObserver sees them.
DROP: Final = """
async ({ name, content }) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  const gallery = document.querySelector(".view:not([hidden]) .gallery");
  const before = gallery.childElementCount;
  let preview;
  const answered = new Promise((resolve) => new MutationObserver((_, observer) => {
    const card = gallery.firstElementChild;
    if (gallery.childElementCount === before) return;
    preview ??= card.querySelector(".preview").decode().then(() => performance.now());
    if (card.dataset.state !== "done") return;
    observer.disconnect();
    resolve(performance.now());
  }).observe(gallery, { subtree: true, childList: true, attributes: true }));
  const start = performance.now();
  document.querySelector(".view:not([hidden]) .drop").dispatchEvent(
    new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  const answer = await answered;
  return { answer_ms: answer - start, preview_ms: (await preview) - start };
}
"""


def visits(browser: Browser, address: str, count: int) -> dict[str, Any]:
    """First visits, each with an empty cache."""
    found = []
    for _ in range(count):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address, wait_until="networkidle")
        found.append(page.evaluate(PAINT))
        context.close()
    times = [visit["paint_ms"] for visit in found]
    return {
        "visits": count,
        "first_paint_ms": _summary(times),
        "requests": found[0]["requests"],
        "kilobytes": round(found[0]["bytes"] / 1e3, 1),
    }


def drops(page: Page, count: int) -> dict[str, Any]:
    """Pictures dropped one after another; the first few warm the sandbox up and do not count."""
    files = galaxies(count + WARM_UP, side=424)
    found = [
        page.evaluate(DROP, {"name": file["name"], "content": base64.b64encode(file["buffer"]).decode()})
        for file in files
    ][WARM_UP:]
    return {
        "drops": count,
        "preview_ms": _summary([drop["preview_ms"] for drop in found]),
        "answer_ms": _summary([drop["answer_ms"] for drop in found]),
    }


def _summary(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    shown: dict[str, Callable[[], float]] = {
        "p50": lambda: statistics.median(ordered),
        "p95": lambda: ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))],
        "least": lambda: ordered[0],
    }
    return {name: round(value(), 1) for name, value in shown.items()}


def main() -> int:
    """Measure, print, keep; 1 where there is no Chromium."""
    chromium = os.environ.get("SKYSORT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("the page is measured in Chromium: put it on the path, or name it in SKYSORT_CHROMIUM", file=sys.stderr)
        return 1
    python = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
    with started_stack(python=python) as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{stack.api}/#galaxy")
        page.locator("#view-galaxy[data-ready]").wait_for()
        measured: dict[str, Any] = {
            "machine": machine(),
            "galaxy": drops(page, DROPS),
            "page": visits(browser, stack.api, VISITS),
        }
        measured["ahead_of_other_work"] = os.sched_getscheduler(0) != os.SCHED_OTHER
        measured["browser"] = f"Chromium {browser.version}, headless"
        browser.close()
    RESULT.write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
