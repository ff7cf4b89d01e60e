"""Sources of labelled pictures: listed folders and archives, with what is left out and why."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import TRAINING_SHARD_BYTES
from skysort.registry.keys import TrainingKeys
from skysort.trainings import sources
from skysort.trainings.classes import Why
from skysort.trainings.sources import Manifest, content, from_archive, from_prefix
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "incoming/training/dogs/"
KEY = "incoming/training/dogs/all.zip"
KEYS = TrainingKeys("shared", "pictures-20261128-084500-1a2b3c")


def ignore(done: int, total: int) -> None:
    assert 0 <= done <= total


def dropped(files: Mapping[str, bytes]) -> MemoryModelStore:
    return MemoryModelStore(objects={PREFIX + name: body for name, body in files.items()})


def zipped(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return packed.getvalue()


def tarred(files: Mapping[str, bytes], mode: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return packed.getvalue()


def unpacked(body: bytes, store: MemoryModelStore | None = None) -> tuple[Manifest, MemoryModelStore]:
    store = store or MemoryModelStore()
    uploads = MemoryModelStore(objects={KEY: body})
    return from_archive(uploads, KEY, store, KEYS, ignore), store


FILES = {f"{label}/{number}.jpg": f"{label}{number}".encode() for label in ("pug", "beagle") for number in range(6)}
JUNK = {"pug/.DS_Store": b"x", "Thumbs.db": b"x", "__MACOSX/pug/._0.jpg": b"x", "beagle/._1.jpg": b"x"}


def test_a_prefix_is_read_by_its_folders_without_what_systems_add() -> None:
    uploads = dropped(FILES | JUNK)
    manifest = from_prefix(uploads, PREFIX, ignore)
    assert manifest.usable == {"pug": 6, "beagle": 6}
    assert manifest.refused == ()
    assert {p.file: content(p, uploads, MemoryModelStore()) for p in manifest.pictures} == FILES


def test_only_files_of_one_size_are_read_to_find_copies() -> None:
    # Given three files, of which two have one size
    uploads = dropped({"a/1": b"x", "a/2": b"y", "b/1": b"zz"})
    read: list[str] = []
    uploads.before = lambda operation, key: read.append(key) if operation == "get_range" else None
    # When
    from_prefix(uploads, PREFIX, ignore)
    # Then
    assert sorted(read) == [f"{PREFIX}a/1", f"{PREFIX}a/2"]


@pytest.mark.parametrize("packed", [False, True])
def test_copies_conflicts_and_files_outside_are_named(packed: bool) -> None:
    # Given
    more = {"pug/copy.jpg": FILES["pug/0.jpg"], "beagle/not.jpg": FILES["pug/1.jpg"], "loose.jpg": b"loose"}
    # When
    manifest = unpacked(zipped(FILES | more))[0] if packed else from_prefix(dropped(FILES | more), PREFIX, ignore)
    # Then
    assert {each.file: each.why for each in manifest.refused} == {
        "pug/copy.jpg": Why.DUPLICATE,
        "beagle/not.jpg": Why.CONFLICTING,
        "pug/1.jpg": Why.CONFLICTING,
        "loose.jpg": Why.OUTSIDE,
    }
    assert manifest.usable == {"pug": 5, "beagle": 6}


def test_an_empty_prefix_says_where_to_upload() -> None:
    with pytest.raises(EmptyInputError, match=r"nothing was uploaded to incoming/training/dogs/; upload pictures"):
        from_prefix(dropped({}), PREFIX, ignore)


def test_endless_listings_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TRAINING_FILES", 10)
    with pytest.raises(LimitExceededError, match="more than 10 files"):
        from_prefix(dropped(FILES), PREFIX, ignore)


def test_too_many_pictures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TRAINING_PICTURES", 10)
    with pytest.raises(LimitExceededError, match="at most 10 pictures; there are 12"):
        from_prefix(dropped(FILES), PREFIX, ignore)


def test_too_many_bytes_are_refused_before_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given files of one size, which are read to find copies
    monkeypatch.setattr(sources, "TRAINING_BYTES", 20)
    uploads = dropped(FILES)
    read: list[str] = []
    uploads.before = lambda operation, key: read.append(key) if operation != "list" else None
    # When
    with pytest.raises(LimitExceededError, match="Upload smaller pictures"):
        from_prefix(uploads, PREFIX, ignore)
    # Then
    assert read == []


def test_too_many_bytes_of_an_archive_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TRAINING_BYTES", 20)
    with pytest.raises(LimitExceededError, match="Upload smaller pictures"):
        unpacked(zipped(FILES))


@pytest.mark.parametrize("mode", ["zip", "w:", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_is_packed_into_the_training_and_read_again(mode: str) -> None:
    # Given an archive of one folder around the classes
    files = {f"dogs/{name}": body for name, body in FILES.items()}
    # When
    manifest, store = unpacked(zipped(files | JUNK) if mode == "zip" else tarred(files, mode))
    # Then
    assert manifest.usable == {"pug": 6, "beagle": 6}
    assert {p.file: content(p, MemoryModelStore(), store) for p in manifest.pictures} == files
    assert [key.startswith(KEYS.intermediate("pack-")) for key in store.writes] == [True]


def test_packs_are_full_and_a_second_attempt_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given packs of up to five pictures and 24 bytes
    monkeypatch.setattr(sources, "TRAINING_SHARD", 5)
    monkeypatch.setattr(sources, "TRAINING_SHARD_BYTES", 24)
    first, store = unpacked(zipped(FILES))
    packs = dict(store.objects)
    # When
    second, _ = unpacked(zipped(FILES), store)
    # Then
    assert second == first
    assert store.objects == packs
    assert sorted(map(len, packs.values())) == [7, 18, 20, 21]


def test_a_member_that_cannot_be_unpacked_is_named_with_its_class() -> None:
    # Given a tar with a link among pictures
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, body in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
        link = tarfile.TarInfo("pug/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    # When
    manifest, _ = unpacked(packed.getvalue())
    # Then
    (refused,) = manifest.refused
    assert (refused.file, refused.label, refused.why) == ("pug/link.jpg", "pug", Why.UNREADABLE)
    assert "link or a special file" in refused.reason


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"not an archive", UnsupportedFormatError),
        (zipped(FILES)[:200], MalformedInputError),
        (zipped({}), EmptyInputError),
        (b"", UnsupportedFormatError),
    ],
)
def test_what_is_no_archive_ends_in_a_sentence(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        unpacked(body)


def test_a_member_that_expands_too_far_is_refused() -> None:
    manifest, _ = unpacked(zipped(FILES | {"pug/bomb.jpg": bytes(20_000_000)}))
    (refused,) = manifest.refused
    assert "expands more than 100-fold" in refused.reason


def test_a_picture_that_is_too_large_is_not_fetched() -> None:
    picture = sources.Picture("pug/1.jpg", "pug", "k", 0, 65 * 1024 * 1024)
    with pytest.raises(LimitExceededError, match="64 MiB"):
        content(picture, MemoryModelStore(), MemoryModelStore())


def test_a_picture_that_was_replaced_by_a_huge_file_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a listed picture
    monkeypatch.setattr(sources, "IMAGE_BYTES", 10)
    uploads = dropped(FILES)
    picture = from_prefix(uploads, PREFIX, ignore).pictures[0]
    asked: list[str] = []
    uploads.before = lambda operation, key: asked.append(f"{operation} {key}")
    # When its key gets another file, larger than any picture
    uploads.objects[picture.key] = bytes(1_000)
    # Then
    with pytest.raises(LimitExceededError, match="has more by now"):
        content(picture, uploads, MemoryModelStore())
    assert asked == [f"get_range {picture.key}"]


def test_a_file_that_is_gone_since_it_was_listed_does_not_stop_the_others() -> None:
    # Given files of one size, the first of which is deleted when it is to be read
    uploads = dropped(FILES)

    def delete_the_first(operation: str, key: str) -> None:
        if operation == "get_range" and key.endswith("pug/0.jpg"):
            uploads.objects.pop(key, None)

    uploads.before = delete_the_first
    # When
    manifest = from_prefix(uploads, PREFIX, ignore)
    # Then: it will be refused by name when its turn comes
    assert manifest.usable == {"pug": 6, "beagle": 6}


@given(st.integers(1, 700), st.integers(1, 40 * 1024 * 1024))
def test_shards_hold_every_picture_once_and_not_too_many(count: int, size: int) -> None:
    pictures = [sources.Picture(str(number), "a", "k", 0, size) for number in range(count)]
    shards = list(sources._shards(pictures))
    assert [picture for shard in shards for picture in shard] == pictures
    assert all(len(shard) <= 64 for shard in shards)
    assert all(len(shard) == 1 or len(shard) * size <= TRAINING_SHARD_BYTES for shard in shards)


def test_a_manifest_survives_its_document() -> None:
    manifest = from_prefix(dropped(FILES | {"pug/copy.jpg": FILES["pug/0.jpg"]}), PREFIX, ignore)
    assert Manifest.from_json(manifest.to_json()) == manifest
