"""Stores of documents: the one in memory and the one in a folder keep the same conditions as S3's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.folder_store import FolderStore
from skysort.registry.store import ConflictError
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from pathlib import Path

    from skysort.registry.store import ModelStore


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ModelStore:
    return FolderStore(tmp_path / "models") if request.param == "folder" else MemoryModelStore()


def test_a_document_is_read_whole_in_part_and_when_it_changed(store: ModelStore) -> None:
    # Given
    etag = store.put("pointers/shared/rings.json", b"0123456789")
    # When, then
    assert store.get("pointers/shared/rings.json") == (b"0123456789", etag)
    assert store.get_range("pointers/shared/rings.json", 2, 3) == b"234"
    assert store.get_range("pointers/shared/rings.json", 20, 3) == b""
    assert store.get_if_changed("pointers/shared/rings.json", etag) is None
    new = store.put("pointers/shared/rings.json", b"new", replaces=etag)
    assert store.get_if_changed("pointers/shared/rings.json", etag) == (b"new", new)


def test_a_document_is_created_once_and_replaced_only_by_its_etag(store: ModelStore) -> None:
    etag = store.put("a/b", b"one")
    with pytest.raises(ConflictError):
        store.put("a/b", b"two")
    with pytest.raises(ConflictError):
        store.put("a/b", b"two", replaces="0" * 32)
    with pytest.raises(ConflictError):
        store.put("a/never", b"two", replaces=etag)
    assert store.get("a/b").body == b"one"


def test_documents_are_listed_by_prefix_and_deleted(store: ModelStore) -> None:
    # Given
    for key in ("models/x/b/1", "models/x/a/1", "models/xy/a/1", "other"):
        store.put(key, b"12")
    # Then
    assert [(item.key, item.size) for item in store.list("models/x/")] == [("models/x/a/1", 2), ("models/x/b/1", 2)]
    assert [item.key for item in store.list("models/x")] == ["models/x/a/1", "models/x/b/1", "models/xy/a/1"]
    assert all(item.modified.endswith("Z") for item in store.list(""))
    assert list(store.list("nothing/here/")) == []
    assert list(store.folders("models/x/")) == ["a", "b"]
    assert list(store.folders("models/")) == ["x", "xy"]
    assert list(store.folders("nothing/here/")) == []
    # When
    store.delete("models/x/a/1")
    store.delete("models/x/a/1")
    # Then
    with pytest.raises(NotFoundError):
        store.get("models/x/a/1")
    with pytest.raises(NotFoundError):
        store.get_if_changed("models/x/a/1", "0" * 32)


def test_of_many_writers_at_once_one_wins(store: ModelStore) -> None:
    # Given
    etag = store.put("pointer", b"first")
    outcomes: list[bool] = []

    def write(number: int) -> None:
        try:
            store.put("pointer", f"writer {number}".encode(), replaces=etag)
            outcomes.append(True)
        except ConflictError:
            outcomes.append(False)

    # When
    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then
    assert sorted(outcomes) == [False] * 7 + [True]
    assert store.get("pointer").body.startswith(b"writer")


def test_a_folder_is_never_left(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "models")
    for key in ("", "../x", "a//b", "/etc/passwd", "a/./b"):
        with pytest.raises(InfrastructureError, match="is no key"):
            store.put(key, b"")


def test_a_folder_that_cannot_be_written_is_an_error_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InfrastructureError, match="file"):
        FolderStore(tmp_path / "file")
