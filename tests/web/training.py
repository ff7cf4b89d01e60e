"""Steps of the tests of trainings: class folders, the boxes filled, a training up to its results."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.web.pictures import galaxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import FilePayload, Page

    from tests.web.visit import Visit

TRAINED = {"ring": 6, "spiral": 5}


def archive(files: Sequence[FilePayload], folders: Sequence[str], name: str = "set.zip") -> FilePayload:
    """A zip archive with a file in each folder, the first stored and the rest deflated."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as writer:
        for number, (file, folder) in enumerate(zip(files, folders, strict=True)):
            method = zipfile.ZIP_DEFLATED if number else zipfile.ZIP_STORED
            writer.writestr(f"{folder}/{file['name']}", file["buffer"], method)
        writer.writestr("__MACOSX/._a.jpg", b"x")
    return {"name": name, "mimeType": "application/zip", "buffer": content.getvalue()}


def class_folders(name: str = "set.zip") -> FilePayload:
    """A zip archive of the classes above."""
    folders = [label for label, number in TRAINED.items() for _ in range(number)]
    return archive(galaxies(len(folders), side=64), folders, name)


def fill(visit: Visit, page: Page, name: str = "rings") -> None:
    """Both classes into their boxes, and a name."""
    visit.drop("#train-form", [class_folders()])
    expect(page.locator("#train-missing")).to_have_text("11 pictures in 2 classes.")
    page.get_by_label("Name of the model").fill(name)


def train(visit: Visit, page: Page) -> None:
    """A training, from the boxes to its results."""
    fill(visit, page)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#train-results .confusion")).to_be_visible()
