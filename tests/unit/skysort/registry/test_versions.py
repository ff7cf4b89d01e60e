"""Versions of trained models: immutable, whole or not at all, and what their hashes say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skysort.errors import ArtefactError, InfrastructureError, InvalidFieldsError, LimitExceededError, NotFoundError
from skysort.limits import MODEL_VERSIONS
from skysort.registry import keys
from skysort.registry.versions import VersionFiles
from tests.fakes.model_store import MemoryModelStore

CARD: dict[str, Any] = {"name": "rings", "kind": "pictures", "labels": ["plain", "ring"]}
FILES = {"head.npz": b"weights", "held_out.json": b"{}"}


def test_a_version_is_read_as_it_was_published() -> None:
    # Given
    store = MemoryModelStore()
    files = VersionFiles(store)
    # When
    version = files.publish("shared", "rings", CARD, FILES)
    # Then
    card = files.card("shared", "rings", version)
    assert card["labels"] == ["plain", "ring"]
    assert card["files"]["head.npz"]["bytes"] == 7
    assert files.file("shared", "rings", version, card, "head.npz") == b"weights"
    assert files.find("shared", "rings", version[:8]) == version
    with pytest.raises(NotFoundError, match=r"has no other\.npz"):
        files.file("shared", "rings", version, card, "other.npz")


def test_the_card_comes_last_and_a_killed_step_can_be_repeated() -> None:
    # Given a store that fails when the card is to be written
    store = MemoryModelStore()

    def fail(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("card.json"):
            raise InfrastructureError("killed")

    store.before = fail
    files = VersionFiles(store)
    with pytest.raises(InfrastructureError, match="killed"):
        files.publish("shared", "rings", CARD, FILES)
    # Then there is no version
    assert files.versions("shared", "rings") == []
    # When the step is repeated, twice
    store.before = lambda _operation, _key: None
    version = files.publish("shared", "rings", CARD, FILES)
    writes = len(store.writes)
    # Then there is one, once
    assert files.publish("shared", "rings", CARD, FILES) == version
    assert len(store.writes) == writes
    assert [info.version for info in files.versions("shared", "rings")] == [version]


def test_a_damaged_version_is_not_used() -> None:
    # Given
    store = MemoryModelStore()
    files = VersionFiles(store)
    version = files.publish("shared", "rings", CARD, FILES)
    card = files.card("shared", "rings", version)
    # When
    for name in ("card.json", "head.npz"):
        store.objects[keys.version_key("shared", "rings", version, name)] = json.dumps(CARD).encode()
    # Then
    with pytest.raises(ArtefactError, match="is damaged"):
        files.card("shared", "rings", version)
    with pytest.raises(ArtefactError, match="not the one that its card describes"):
        files.file("shared", "rings", version, card, "head.npz")


def test_a_file_that_is_there_with_other_bytes_is_not_overwritten() -> None:
    store = MemoryModelStore()
    files = VersionFiles(store)
    version = files.publish("shared", "rings", CARD, FILES)
    store.delete(keys.version_key("shared", "rings", version, keys.CARD))
    store.objects[keys.version_key("shared", "rings", version, "head.npz")] = b"other"
    with pytest.raises(InfrastructureError, match="other bytes"):
        files.publish("shared", "rings", CARD, FILES)


def test_a_version_is_named_by_a_prefix_that_no_other_has() -> None:
    store = MemoryModelStore()
    files = VersionFiles(store)
    files.publish("shared", "rings", CARD, FILES)
    for version in ("ab" * 32, "ab" * 31 + "cd"):
        store.objects[keys.version_key("shared", "rings", version, keys.CARD)] = b"{}"
    with pytest.raises(InvalidFieldsError, match="begins 2 versions"):
        files.find("shared", "rings", "ab" * 4)
    with pytest.raises(InvalidFieldsError, match="hexadecimal digits, 8 or more"):
        files.find("shared", "rings", "ab")
    with pytest.raises(NotFoundError, match="no version 00000000"):
        files.find("shared", "rings", "0" * 8)


def test_a_model_has_so_many_versions_and_no_more() -> None:
    store = MemoryModelStore()
    for number in range(MODEL_VERSIONS):
        store.objects[keys.version_key("shared", "rings", f"{number:064x}", keys.CARD)] = b"{}"
    with pytest.raises(LimitExceededError, match="has 50 versions"):
        VersionFiles(store).publish("shared", "rings", CARD, FILES)


def test_a_deleted_version_leaves_nothing() -> None:
    store = MemoryModelStore()
    files = VersionFiles(store)
    version = files.publish("shared", "rings", CARD, FILES)
    files.delete("shared", "rings", version)
    with pytest.raises(NotFoundError, match="has no version"):
        files.card("shared", "rings", version)
    assert store.objects == {}


@pytest.mark.parametrize("name", ["../x.npz", "card.json", "a/b.npz", ""])
def test_files_have_plain_names(name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        VersionFiles(MemoryModelStore()).publish("shared", "rings", CARD, {name: b""})
