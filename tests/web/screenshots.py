"""``make screenshots``: every view of the page, dark, light and on a phone, into functions/site/docs.

python -m tests.web.screenshots bulk    # one view alone
"""

from __future__ import annotations

import os
import shutil
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from infra.local.running_stack import started_stack
from tests.web.conftest import FLAGS, RUN_PYTHON
from tests.web.pictures import galaxies, sample, text_file
from tests.web.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, FilePayload, Page, ViewportSize

RINGS: Final = Path(__file__).resolve().parents[1] / "galaxies" / "rings.zip"
_STARS: Final = Path(__file__).resolve().parents[2] / "events" / "stars.csv"
STARS: Final[FilePayload] = {"name": _STARS.name, "mimeType": "text/csv", "buffer": _STARS.read_bytes()}
FOLDER: Final = Path(__file__).resolve().parents[2] / "functions" / "site" / "docs"
QUALITY: Final = 80
TOTAL_BYTES: Final = 1_500_000
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 1000}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}


def galaxy(visit: Visit, page: Page) -> None:
    """A gallery with a heat map over one of them."""
    visit.choose("galaxy", galaxies(6))
    visit.choose("galaxy", [sample("galaxy_spiral.jpg"), sample("galaxy_edge_on.jpg")])
    expect(visit.cards()).to_have_count(8)
    page.get_by_role("button", name="Heat map of galaxy_spiral.jpg").click()
    expect(page.locator("img.heat")).to_have_count(1)


def image(visit: Visit, page: Page) -> None:
    """A photograph, the same with its heat map, and a file that is none."""
    visit.choose("image", [text_file("notes.jpg"), sample("traffic_light.jpg")])
    visit.choose("image", [{**sample("traffic_light.jpg"), "name": "crossing.jpg"}])
    expect(visit.cards()).to_have_count(2)
    page.get_by_role("button", name="Heat map of crossing.jpg").click()
    expect(page.locator("img.heat")).to_have_count(1)
    expect(visit.cards("failed")).to_have_count(1)


def star(_: Visit, page: Page) -> None:
    """An object with its reasons and its place."""
    page.locator("#star-samples").get_by_role("button", name="Star").click()
    expect(page.locator("#star-answer svg")).to_have_count(2)


def batch(visit: Visit, page: Page) -> None:
    """A folder that is done but for one file."""
    visit.drop("#batch-drop", [*galaxies(5), text_file("notes.jpg")])
    expect(page.locator("#batch-state .counts dd")).to_have_text(["6", "0", "5", "1"])
    expect(page.locator("#batch-results tbody b")).to_have_count(5)


def bulk(visit: Visit, page: Page) -> None:
    """A job over a sample table that is done."""
    page.locator("#bulk-model").select_option("star")
    page.locator("#bulk-form").get_by_text("Options").click()
    page.get_by_label("Rows that may fail, in per cent").fill("10")
    visit.drop("#bulk-drop", [STARS])
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#bulk-job [data-phase=done]")).to_be_visible(timeout=60_000)


def train(visit: Visit, page: Page) -> None:
    """The class boxes filled, and a training that is done."""
    archive: FilePayload = {"name": RINGS.name, "mimeType": "application/zip", "buffer": RINGS.read_bytes()}
    visit.drop("#train-form", [archive])
    page.get_by_label("Name of the model").fill("rings")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#train-results .confusion")).to_be_visible(timeout=120_000)


def models(_: Visit, page: Page) -> None:
    """The first card."""
    expect(page.locator(".model")).to_have_count(3)


VIEWS: Final[dict[str, Callable[[Visit, Page], None]]] = {
    "galaxy": galaxy,
    "image": image,
    "star": star,
    "batch": batch,
    "bulk": bulk,
    "train": train,
    "models": models,
}


def shoot(browser: Browser, api: str, store: str, view: str, kind: str) -> Path:
    """One picture of a view; kind: dark, light or phone."""
    phone = kind == "phone"
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP,
        has_touch=phone,
        device_scale_factor=2 if phone else 1,
        color_scheme="light" if kind == "light" else "dark",
        reduced_motion="reduce",
    )
    visit = Visit(context.new_page(), api, store)
    page = visit.open(view)
    VIEWS[view](visit, page)
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    if phone and view in {"galaxy", "image"}:
        page.locator(".view:not([hidden]) .bar").evaluate("(bar) => scrollTo(0, bar.offsetTop - 120)")
    elif view == "bulk":
        page.locator("#bulk-job").evaluate("(job) => job.scrollIntoView()")
    elif view == "train":
        page.locator("#train-results").evaluate("(results) => results.scrollIntoView()")
    elif phone and view in {"star", "batch"}:
        page.locator(".view:not([hidden]) .answer").evaluate("(answer) => answer.scrollIntoView()")
    page.mouse.move(0, 0)
    picture = Image.open(BytesIO(page.screenshot()))
    context.close()
    path = FOLDER / f"{view}-{kind}.webp"
    picture.convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)
    return path


def main() -> int:
    """Write all of them; 1 where there is no Chromium or they are too large together."""
    chromium = os.environ.get("SKYSORT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("make screenshots needs Chromium on the path, or SKYSORT_CHROMIUM naming it\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=30_000)
    with started_stack(python=RUN_PYTHON) as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        paths = [
            shoot(browser, stack.api, stack.s3, view, kind)
            for view in sys.argv[1:] or VIEWS
            for kind in ("dark", "light", "phone")
        ]
        browser.close()
    total = sum(path.stat().st_size for path in paths)
    sys.stdout.write(f"{len(paths)} pictures, {total:,} bytes, in {FOLDER}\n")
    return 0 if total < TOTAL_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
