"""Pictures in zip and tar archives: slices that are archives themselves, and together have every member once."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skysort.bulk.pictures import tars, zips
from skysort.bulk.store import SourceChangedError
from skysort.errors import (
    EmptyInputError,
    InputError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.pictures.bodies import archive
from tests.factories_images import tar_file, zip_file
from tests.unit.skysort.bulk.pictures.sources import good, read_all, refusals, slices_of, sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FILES = {f"night/{number}.jpg": bytes([number]) * (number * 37 % 400) for number in range(40)}
JUNK = {"night/.DS_Store": b"x", "__MACOSX/night/._1.jpg": b"x", "Thumbs.db": b"x"}
PACKED: Mapping[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "a.zip": zip_file,
    "a.tar": lambda files: tar_file(files, "w"),
}


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (tars, zips):
        monkeypatch.setattr(module, "BULK_PART_PICTURES", 7)
        monkeypatch.setattr(module, "SLICE_BYTES", 4_000)


@pytest.mark.parametrize("name", PACKED)
def test_every_member_is_in_one_slice(name: str) -> None:
    # Given an archive with what operating systems add
    sources, slices = slices_of(PACKED[name](FILES | JUNK), name)
    # When all slices are read
    found = read_all(sources, slices)
    # Then together they have the pictures in their order, and each as many as was planned
    assert found == list(FILES.items())
    assert len(slices) > 5
    assert [part.slice for part in slices] == list(range(len(slices)))
    assert [part.rows for part in slices] == [len(read_all(sources, [part])) for part in slices]


@pytest.mark.parametrize("name", PACKED)
def test_a_slice_is_read_without_the_others(name: str) -> None:
    sources, slices = slices_of(PACKED[name](FILES), name)
    sources.reads.clear()
    read_all(sources, [slices[1]])
    assert sum(size for _, _, size in sources.reads) == slices[1].bytes < len(sources.objects[name]) / 3


# zipfile writes no name that begins with a NUL.
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(lambda name: name[0] != "\0")


@given(
    files=st.dictionaries(names, st.binary(max_size=900), min_size=1, max_size=25), name=st.sampled_from(sorted(PACKED))
)
@example(files={"._é.jpg": b"1", "é/__MACOSX/x": b"2", "ok": b"3", "é\0.jpg": b"4"}, name="a.zip")
@example(files={"x" * 300 + ".jpg": b"1", "ok": b"3"}, name="a.tar")
@settings(deadline=None)
def test_slices_have_what_the_whole_archive_has(
    files: dict[str, bytes], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given what the drop folder makes of the archive
    content = PACKED[name](files)
    whole = drop_folder(content, tmp_path_factory.mktemp("archive") / name)
    try:
        sources, slices = slices_of(content, name)
    except EmptyInputError:
        assert whole == []
        return
    found = read_all(sources, slices)
    # Then bulk makes the same of it; names are unique within a slice only
    assert [_text(content) for _, content in found] == [_text(content) for _, content in whole]
    assert sum(part.rows or 0 for part in slices) == len(whole)


def drop_folder(content: bytes, path: Path) -> list[tuple[str, bytes | InputError]]:
    path.write_bytes(content)
    kind = archive.detect(content[:4096])
    assert kind is not None
    return [(each.name, each.content) for each in archive.members(path, kind) if each.content is not None]


def _text(content: bytes | InputError) -> bytes | str:
    return content.detail if isinstance(content, InputError) else content


@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(PACKED)))
@settings(deadline=None)
def test_damage_is_an_error_of_the_source_the_slice_or_the_member(seed: int, name: str) -> None:
    # Given an archive in which bytes are changed, missing or too many
    chance = random.Random(seed)
    content = bytearray(PACKED[name]({key: FILES[key] for key in list(FILES)[:12]}))
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    # When it is split and read, then whatever is wrong is said
    try:
        sources, slices = slices_of(bytes(content), name)
    except InputError:
        return
    for part in slices:
        try:
            count = len(read_all(sources, [part]))
        except InputError:
            continue
        assert count == part.rows


def test_a_zip_after_other_bytes_with_a_comment_is_split() -> None:
    packed = io.BytesIO(b"#!/bin/sh\n")
    packed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed, "a") as file:
        file.comment = b"PK" * 500
        for name, content in FILES.items():
            file.writestr(name, content)
    sources, slices = slices_of(packed.getvalue(), "a.zip")
    assert good(read_all(sources, slices)) == FILES


def test_a_zip_beyond_4_gib_is_split() -> None:
    # Given an archive of the large kind, as zipfile writes it for streams
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in FILES.items():
            with file.open(name, "w", force_zip64=True) as member:
                member.write(content)
    # And whose entries say their offsets in the extra field, and its end says so too
    sources, slices = slices_of(_large(packed.getvalue()), "a.zip")
    assert good(read_all(sources, slices)) == FILES


def _large(content: bytes) -> bytes:
    start = int.from_bytes(content[-6:-2], "little")
    entries = bytearray()
    for entry in zips._entries(content[start:-22], 0):
        own = content[start + entry.start : start + entry.end]
        field = b"\x01\x00\x08\x00" + entry.at.to_bytes(8, "little")
        name = int.from_bytes(own[28:30], "little")
        entries += own[:30] + len(field).to_bytes(2, "little") + own[32:42] + b"\xff" * 4 + own[46 : 46 + name] + field
    size = len(entries).to_bytes(8, "little")
    end = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes(28) + size + start.to_bytes(8, "little")
    locator = b"PK\x06\x07" + bytes(4) + (start + len(entries)).to_bytes(8, "little") + (1).to_bytes(4, "little")
    return content[:start] + entries + end + locator + b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2)


def test_a_zip_whose_directory_has_another_order_is_split() -> None:
    content = zip_file(FILES)
    start = int.from_bytes(content[-6:-2], "little")
    directory = content[start:-22]
    entries = [directory[entry.start : entry.end] for entry in zips._entries(directory, 0)]
    random.Random(1).shuffle(entries)
    sources, slices = slices_of(content[:start] + b"".join(entries) + content[-22:], "a.zip")
    assert good(read_all(sources, slices)) == FILES
    assert all(part.bytes <= 4_000 + 7 * 100 for part in slices)


def test_a_zip_member_outside_of_the_archive_is_refused_alone() -> None:
    content = bytearray(zip_file({"a.png": b"1", "b.png": b"2", "c.png": b"3"}))
    place = content.rindex(b"b.png") - 46
    content[place + 42 : place + 46] = (10**6).to_bytes(4, "little")
    found = read_all(*slices_of(bytes(content), "a.zip"))
    assert good(found) == {"a.png": b"1", "c.png": b"3"}
    assert "cannot be read" in refusals(found)["b.png"]


@pytest.mark.parametrize("name", PACKED)
def test_a_member_too_large_for_a_picture_is_not_fetched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(tars, "IMAGE_BYTES", 3_000)
    monkeypatch.setattr(zips, "_PACKED_BYTES", 3_000)
    files = {"a": b"1", "video.mp4": random.Random(1).randbytes(9_000), "b": b"2"}
    sources, slices = slices_of(PACKED[name](files), name)
    sources.reads.clear()
    # When
    found = read_all(sources, slices)
    # Then
    assert good(found) == {"a": b"1", "b": b"2"}
    assert "may have up to 64 MiB; this one has 9,0" in refusals(found)["video.mp4"]
    assert sum(size for _, _, size in sources.reads) < 5_000


def test_of_large_members_of_a_tar_the_planner_reads_the_headers() -> None:
    content = tar_file({f"{number}.fits": bytes(3 * 2**20) for number in range(5)}, "w")
    sources, _ = slices_of(content, "a.tar")
    assert sum(size for _, _, size in sources.reads) < len(content) / 100


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_long_and_foreign_names_of_a_tar_stay_with_their_members(form: int) -> None:
    folder = "e" if form == tarfile.USTAR_FORMAT else "é" * 70
    files = {f"{number}/{folder}/{number}.jpg": b"x" for number in range(20)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as file:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    sources, slices = slices_of(packed.getvalue(), "a.tar")
    assert good(read_all(sources, slices)) == files


@pytest.mark.parametrize(("headers", "harmless"), [({"comment": "0123"}, True), ({"path": "same.jpg"}, False)])
def test_a_tar_with_a_header_about_all_members_cannot_be_split(headers: Mapping[str, str], harmless: bool) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", pax_headers=headers) as file:
        file.addfile(tarfile.TarInfo("a.jpg"))
    if harmless:
        assert good(read_all(*slices_of(packed.getvalue(), "a.tar"))) == {"a.jpg": b""}
        return
    with pytest.raises(UnsupportedFormatError, match="a header about all members that follow, with 'path'"):
        slices_of(packed.getvalue(), "a.tar")


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar.gz", "w:gz"), ("a.TGZ", "w:gz"), ("b.tbz2", "w:bz2"), ("c.tar.xz", "w:xz")]
)
def test_a_compressed_tar_is_one_slice(name: str, mode: str) -> None:
    sources, slices = slices_of(tar_file(FILES | JUNK, mode), name)
    assert [part.rows for part in slices] == [None]
    assert good(read_all(sources, slices)) == FILES


@pytest.mark.parametrize("files", [{}, JUNK])
@pytest.mark.parametrize("name", PACKED)
def test_an_archive_without_files_is_refused(name: str, files: Mapping[str, bytes]) -> None:
    with pytest.raises(EmptyInputError, match="contains no files; add pictures"):
        slices_of(PACKED[name](files), name)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.tar", zip_file(FILES), "is named as a tar archive, but it is a zip archive; rename it"),
        ("a.tar.gz", b"\xff\xd8\xff" + bytes(900), "it is no archive"),
        ("a.zip", tar_file(FILES, "w"), "its directory, at the end, is missing"),
        ("a.zip", b"", "the file is empty"),
        ("a.tar", b"", "the file is empty"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        slices_of(content, name)


def test_archives_beyond_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "BULK_TAR_BYTES", 100)
    monkeypatch.setattr(tars, "BULK_UNSPLIT_BYTES", 100)
    monkeypatch.setattr(zips, "BULK_DIRECTORY_BYTES", 100)
    with pytest.raises(LimitExceededError, match=r"all of its headers are read.*pack the pictures into several"):
        slices_of(tar_file(FILES, "w"), "a.tar")
    with pytest.raises(LimitExceededError, match=r"a tar.gz archive cannot be read in pieces.*without compression"):
        slices_of(tar_file(FILES, "w:gz"), "a.tgz")
    with pytest.raises(LimitExceededError, match=r"directory has .*pack the pictures into several archives"):
        slices_of(zip_file(FILES), "a.zip")


@pytest.mark.parametrize("name", [*PACKED, "a.tgz"])
def test_an_archive_that_changed_since_it_was_planned_ends_the_job(name: str) -> None:
    sources, slices = slices_of(PACKED.get(name, tar_file)(FILES), name)
    sources.objects[name] = PACKED.get(name, tar_file)(FILES | {"more": b"x"})
    with pytest.raises(SourceChangedError, match=f"the file {name} changed while it was read; start a new job"):
        read_all(sources, slices)


def test_a_tar_that_ends_inside_a_member_is_refused_as_a_whole() -> None:
    content = tar_file(FILES, "w")
    with pytest.raises(MalformedInputError, match="the tar archive cannot be read: unexpected end"):
        slices_of(content[: len(content) // 2 + 100], "a.tar")


def test_two_archives_are_numbered_each() -> None:
    sources = sources_of({"a.zip": zip_file(FILES), "b.zip": zip_file(FILES)})
    for name in sources.objects:
        assert [part.slice for part in zips.split(sources, sources.stat(name))] == list(range(6))
