"""Members named like other members' records are given other names, which the table tells."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories_images import encode, plain, tar_file, zip_file

if TYPE_CHECKING:
    from skysort.drop.worker import DropWorker
    from tests.fakes.object_store import MemoryStore

ARCHIVE = "incoming/image/b/all.zip"
RED = encode(plain((250, 0, 0)))


@pytest.mark.parametrize("pack", [zip_file, tar_file])
def test_a_member_named_like_anothers_error_record_has_a_record_of_its_own(
    pack: Any, store: MemoryStore, worker: DropWorker
) -> None:
    # Given a member, another one whose summary would be its error record, and one called as that one will be
    members = {"a": RED, "a.error": RED, "a.error~2": RED, "d/.error": RED}
    # When the archive is classified
    worker.process(store.upload(ARCHIVE, pack(members)))
    # Then each has its own record, under the name that the table tells
    lines = list(csv.DictReader(store.listing()["image/b/all.zip.csv"].decode().splitlines()))
    assert [line["file"] for line in lines] == ["a", "a.error~2", "a.error~2~2", "d/.error~2"]
    found = {key.removeprefix("image/b/all.zip/") for key in store.listing() if key.startswith("image/b/all.zip/")}
    assert found == {"a.json", "a.error~2.json", "a.error~2~2.json", "d/.error~2.json"}


def test_members_that_go_take_no_others_record_with_them(store: MemoryStore, worker: DropWorker) -> None:
    # Given an archive with such a member, and a newer one with the member that it is named after
    worker.process(store.upload(ARCHIVE, zip_file({"a.error": RED})))
    worker.process(store.upload(ARCHIVE, zip_file({"a": RED})))
    # Then the newer one's record stands, and nothing of the older one
    assert set(store.listing()) == {
        "image/b/all.zip.csv",
        "image/b/all.zip.json",
        "image/b/all.zip/a.json",
    }
