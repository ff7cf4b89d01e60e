"""A started stack, Chromium, and a fresh tab for each test."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from infra.local.running_stack import StartedStack, started_stack
from tests.web.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Playwright

RUN_PYTHON = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
# No start page, no updates, no network of the browser's own; the sandbox needs privileges that containers lack.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A camera that shows a test pattern, and is allowed without a question.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
# How long a condition is waited for at most; the machine may be busy with other tests.
PATIENCE_MS = 30_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser and a started stack."""
    for item in items:
        if "tests/web/" in item.path.as_posix():
            item.add_marker(pytest.mark.needs_browser)
            item.add_marker(pytest.mark.end_to_end)


@pytest.fixture(scope="session")
def stack() -> Iterator[StartedStack]:
    with started_stack(python=RUN_PYTHON) as started:
        yield started


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One driver for every browser: a thread may have no second."""
    with sync_playwright() as started:
        expect.set_options(timeout=PATIENCE_MS)
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
    yield started
    started.close()


@pytest.fixture
def new_visit(browser: Browser, stack: StartedStack) -> Iterator[Callable[..., Visit]]:
    """Open tabs; at the end of the test each must have been without fault."""
    visits: list[Visit] = []

    def open_tab(*, phone: bool = False, scheme: str = "light") -> Visit:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            has_touch=phone,
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(context.new_page(), stack.api, stack.s3)
        visits.append(visit)
        return visit

    yield open_tab
    faults = [fault for visit in visits for fault in visit.faults]
    for visit in visits:
        visit.page.context.close()
    assert not faults


@pytest.fixture
def visit(new_visit: Callable[..., Visit]) -> Visit:
    """A tab on a desktop."""
    return new_visit()
