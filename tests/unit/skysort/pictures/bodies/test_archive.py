"""Archives taken apart: members in order, bad ones with their error, bombs and escapes held."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import DROP_KEY_BYTES
from skysort.pictures.bodies import archive
from skysort.pictures.bodies.archive import Kind, Member
from tests.factories_images import encode, fits_file, plain, sky, tar_file, zip_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PICTURES = {"a.png": b"one", "deep/er/b.jpg": b"two" * 1000, "c.webp": b""}
MODES = {Kind.TAR: "w", Kind.TAR_GZIP: "w:gz", Kind.TAR_BZIP2: "w:bz2", Kind.TAR_XZ: "w:xz"}


def taken_apart(content: bytes, folder: Path) -> list[Member]:
    path = folder / "archive"
    path.write_bytes(content)
    kind = archive.detect(content[:4096])
    assert kind is not None
    return list(archive.members(path, kind))


def refusals(members: list[Member]) -> dict[str, str]:
    return {member.name: member.content.detail for member in members if isinstance(member.content, InputError)}


@pytest.mark.parametrize("kind", Kind)
def test_members_come_in_order_with_their_bytes(kind: Kind, tmp_path: Path) -> None:
    content = zip_file(PICTURES) if kind is Kind.ZIP else tar_file(PICTURES, MODES[kind])
    assert archive.detect(content) is kind
    assert {member.name: member.content for member in taken_apart(content, tmp_path)} == PICTURES


@pytest.mark.parametrize("content", [b"", b"x", encode(plain((1, 2, 3))), fits_file(sky()), b"\x1f\x8b\x08\0broken"])
def test_what_is_no_archive_is_none(content: bytes) -> None:
    assert archive.detect(content) is None


def oldest_tar(members: Mapping[str, bytes]) -> bytes:
    """A tar of Unix V7, whose headers have no magic."""
    content = b""
    for name, data in members.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        head = bytearray(entry.tobuf(tarfile.USTAR_FORMAT)[:257].ljust(512, b"\0"))
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        content += head + data + bytes(-len(data) % 512)
    return content + bytes(1024)


@pytest.mark.parametrize(("pack", "kind"), [(bytes, Kind.TAR), (gzip.compress, Kind.TAR_GZIP)])
def test_a_tar_of_the_oldest_kind_is_taken_apart(pack: Any, kind: Kind, tmp_path: Path) -> None:
    content = pack(oldest_tar(PICTURES))
    assert archive.detect(content) is kind
    assert {member.name: member.content for member in taken_apart(content, tmp_path)} == PICTURES


def test_a_tar_that_was_gzipped_in_pieces_is_taken_apart(tmp_path: Path) -> None:
    content = tar_file(PICTURES, "w")
    pieces = b"".join(gzip.compress(content[at : at + 300]) for at in range(0, len(content), 300))
    assert {member.name: member.content for member in taken_apart(pieces, tmp_path)} == PICTURES


@pytest.mark.parametrize("mark", [b"PK\x07\x08", b"PK00"])
def test_a_zip_that_was_to_be_split_is_taken_apart(mark: bytes, tmp_path: Path) -> None:
    members = taken_apart(mark + zip_file(PICTURES), tmp_path)
    assert {member.name: member.content for member in members} == PICTURES


@pytest.mark.parametrize(("pack", "packed"), [(bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_a_single_packed_file_is_no_damaged_archive(pack: Any, packed: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"compressed with {packed} and is not a tar.*decompress it first"):
        taken_apart(pack(fits_file(sky())), tmp_path)


def test_a_gzipped_cutout_is_no_archive() -> None:
    assert archive.detect(gzip.compress(fits_file(sky()))) is None


@pytest.mark.parametrize("pack", [zip_file, tar_file])
@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/../../b.png", "..\\b.png", "C:\\b.png", "\\\\host\\b"]
)
def test_a_name_that_leads_out_is_refused_and_made_harmless(pack: Any, name: str, tmp_path: Path) -> None:
    members = taken_apart(pack({name: b"x", "good.png": b"y"}), tmp_path)
    ((bad, says),) = refusals(members).items()
    assert "points outside" in says
    assert not bad.startswith("/")
    assert ".." not in bad.split("/")
    assert members[1] == Member("good.png", b"y")


def test_links_and_devices_are_not_opened(tmp_path: Path) -> None:
    # Given a tar with a symbolic link, a hard link, a device and a pipe
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(f"{number}.png")
            entry.type, entry.linkname = kind, "/etc/passwd"
            packed.addfile(entry)
    # and a zip with a link, as zip --symlinks writes it
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as packed_zip:
        packed_zip.writestr(link, "/etc/passwd")
    # Then each is refused
    assert len(refusals(taken_apart(file.getvalue(), tmp_path))) == 4
    assert "only files" in refusals(taken_apart(zipped.getvalue(), tmp_path))["link.png"]


def test_what_systems_add_is_passed_over(tmp_path: Path) -> None:
    names = ["__MACOSX/._a.png", ".DS_Store", "x/Thumbs.db", "._b.png"]
    for content in (zip_file(dict.fromkeys(names, b"x")), tar_file(dict.fromkeys(names, b"x"))):
        assert [member.content for member in taken_apart(content, tmp_path)] == [None] * 4


def test_members_of_one_name_are_told_apart(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for _ in range(3):
            packed.addfile(tarfile.TarInfo("a.png"))
    assert [member.name for member in taken_apart(file.getvalue(), tmp_path)] == ["a.png", "a.png~2", "a.png~3"]


def test_thousands_of_members_of_one_name_are_told_apart_without_trying_every_name_again() -> None:
    # Given names that count how often they are looked for
    class Counting(dict[str, int]):
        looked = 0

        def __contains__(self, name: object) -> bool:
            Counting.looked += 1
            return super().__contains__(name)

    names = archive._Names()
    names._next = Counting()
    # When thousands have one name, or the name that another gets
    given = ["a"] * 3_000 + [f"b~{number}" for number in range(2, 3_000)] + ["b"] * 3_000 + ["c.error"] * 1_000
    own = [names.unique(name) for name in given]
    # Then all are told apart, by a few looks each
    assert len(set(own)) == len(given)
    assert Counting.looked < 4 * len(given)


# U+00E9 and a CJK name as UTF-8, as macOS's Finder packs them; what the same flag means to DOS.
NAMED = [
    ("Ga\u0301la\u0301xia \u9280\u6cb3.png".encode(), "Ga\u0301la\u0301xia \u9280\u6cb3.png"),
    ("\u00e9t\u00e9.png".encode("cp437"), "\u00e9t\u00e9.png"),
    (b"plain.png", "plain.png"),
]


@pytest.mark.parametrize(("stored", "name"), NAMED)
def test_a_zips_names_are_what_its_maker_meant_whatever_its_flag_says(stored: bytes, name: str, tmp_path: Path) -> None:
    # Given a zip whose flag for UTF-8 is unset
    content = zip_file({"n" * len(stored): b"x"}).replace(b"n" * len(stored), stored)
    # Then the name is read as the bytes are
    assert [member.name for member in taken_apart(content, tmp_path)] == [name]


def test_a_name_that_is_flagged_as_utf8_and_is_none_costs_no_other_member(tmp_path: Path) -> None:
    content = zip_file({"\u00e9\u00e9.png": b"x", "\u9280.png": b"y", "c.png": b"z"})
    content = content.replace("\u00e9\u00e9".encode(), b"\x82\xff\x82\x82")
    members = taken_apart(content, tmp_path)
    assert [(member.name, member.content) for member in members] == [
        (b"\x82\xff\x82\x82.png".decode("cp437"), b"x"),
        ("\u9280.png", b"y"),
        ("c.png", b"z"),
    ]


def test_a_member_that_begins_like_a_directory_comes_as_it_is(tmp_path: Path) -> None:
    content = b"PK\x01\x02" + b"\xff" * 60
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("a.bin", content)
    assert taken_apart(file.getvalue(), tmp_path)[0].content == content


def test_a_name_in_infozips_unicode_field_is_read(tmp_path: Path) -> None:
    stored, shown = "\u00e9t\u00e9.png".encode("cp437"), "\u00e9t\u00e9 \u2609.png".encode()
    field = b"\x01" + struct.pack("<I", zlib.crc32(stored)) + shown
    entry = zipfile.ZipInfo("n" * len(stored))
    entry.extra = struct.pack("<HH", 0x5455, 1) + b"\0" + struct.pack("<HH", 0x7075, len(field)) + field
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(entry, b"x")
    content = file.getvalue().replace(b"n" * len(stored), stored)
    assert [member.name for member in taken_apart(content, tmp_path)] == ["\u00e9t\u00e9 \u2609.png"]


def test_a_tars_names_are_utf8_or_windows_latin(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as packed:
        packed.addfile(tarfile.TarInfo("\u00e9t\u00e9.png"))
    assert [member.name for member in taken_apart(file.getvalue(), tmp_path)] == ["\u00e9t\u00e9.png"]
    assert taken_apart(tar_file({"\u9280\u6cb3.png": b""}), tmp_path)[0].name == "\u9280\u6cb3.png"


@pytest.mark.parametrize("kind", [Kind.TAR, Kind.ZIP])
def test_endless_names_are_cut_and_stay_apart(kind: Kind, tmp_path: Path) -> None:
    # Given names of tens of kilobytes that differ at their ends; a tar's may have megabytes
    long = "\u00e4" * 20_000
    files = {f"pug/{long}{end}.jpg": end.encode() for end in "ab"}
    # When
    members = taken_apart(zip_file(files) if kind is Kind.ZIP else tar_file(files, "w"), tmp_path)
    # Then
    assert [member.content for member in members] == [b"a", b"b"]
    assert len({member.name for member in members}) == 2
    assert all(len(member.name.encode()) <= DROP_KEY_BYTES for member in members)
    assert all(member.name.startswith("pug/\u00e4") for member in members)


def test_a_bomb_in_a_zip_is_one_bad_member(tmp_path: Path) -> None:
    members = taken_apart(zip_file({"bomb": bytes(20_000_000), "good.png": b"y"}), tmp_path)
    assert "expands more than 100-fold" in refusals(members)["bomb"]
    assert members[1].content == b"y"


@pytest.mark.parametrize("kind", [Kind.TAR_GZIP, Kind.TAR_BZIP2, Kind.TAR_XZ])
def test_a_bomb_in_a_tar_stops_it(kind: Kind, tmp_path: Path) -> None:
    """A tar is packed as a whole, so it can only be refused as a whole."""
    with pytest.raises(LimitExceededError, match="expands to more than"):
        taken_apart(tar_file({"bomb": bytes(20_000_000)}, MODES[kind]), tmp_path)


def test_a_member_that_lies_about_its_size_is_held_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "IMAGE_BYTES", 1_000)
    content = bytearray(zip_file({"a": bytes(range(256)) * 8}))
    for at in (content.index(b"PK\3\4") + 22, content.index(b"PK\1\2") + 24):
        content[at : at + 4] = struct.pack("<I", 10)
    assert len(refusals(taken_apart(bytes(content), tmp_path))) == 1
    assert "more" in refusals(taken_apart(zip_file({"a": bytes(range(256)) * 8}), tmp_path))["a"]
    assert "more" in refusals(taken_apart(tar_file({"a": bytes(2_000)}), tmp_path))["a"]


@pytest.mark.parametrize("pack", [zip_file, tar_file])
def test_entries_and_bytes_are_limited(pack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack({str(number): b"12345678" for number in range(10)})
    monkeypatch.setattr(archive, "ARCHIVE_EXPANDED_BYTES", 5_000_000)
    monkeypatch.setattr(archive, "ARCHIVE_MEMBERS", 9)
    with pytest.raises(LimitExceededError, match="9 entries"):
        taken_apart(content, tmp_path)
    monkeypatch.setattr(archive, "ARCHIVE_MEMBERS", 10)
    monkeypatch.setattr(archive, "_RATIO_FROM", 10**9)
    monkeypatch.setattr(archive, "ARCHIVE_EXPANDED_BYTES", 79)
    with pytest.raises(LimitExceededError, match="expand"):
        taken_apart(content, tmp_path)


def test_a_directory_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ARCHIVE_DIRECTORY_BYTES", 2_000)
    with pytest.raises(LimitExceededError, match="directory"):
        taken_apart(zip_file({"n" * 500 + str(number): b"" for number in range(10)}), tmp_path)


def test_a_tar_header_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ARCHIVE_DIRECTORY_BYTES", 20_000)
    with pytest.raises(LimitExceededError):
        taken_apart(tar_file({"n" * 30_000: b"x"}), tmp_path)


def test_encrypted_and_oddly_packed_members_say_so(tmp_path: Path) -> None:
    content = bytearray(zip_file({"a.png": b"x", "b.png": b"y"}))
    for at in (content.index(b"PK\3\4") + 6, content.index(b"PK\1\2") + 8):
        content[at] |= 1
    members = taken_apart(bytes(content), tmp_path)
    assert "encrypted" in refusals(members)["a.png"]
    assert members[1].content == b"y"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("c.png", b"z" * 100)
    assert "deflate" in refusals(taken_apart(file.getvalue(), tmp_path))["c.png"]


def test_a_damaged_member_does_not_cost_the_others(tmp_path: Path) -> None:
    content = bytearray(zip_file({"a.png": bytes(range(200)), "b.png": b"y"}))
    content[60] ^= 0xFF
    members = taken_apart(bytes(content), tmp_path)
    assert "the member cannot be read: Bad CRC-32" in refusals(members)["a.png"]
    assert members[1].content == b"y"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_archive_is_refused(kind: Kind, share: float, tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(30_000)
    members = {"a": noise, "b": noise[::-1]}
    content = zip_file(members) if kind is Kind.ZIP else tar_file(members, MODES[kind])
    with pytest.raises(MalformedInputError):
        taken_apart(content[: int(60_000 * share)], tmp_path)


def test_a_tar_damaged_in_the_middle_does_not_end_there_unnoticed(tmp_path: Path) -> None:
    content = bytearray(tar_file({"a": b"x" * 512, "b": b"y"}, "w"))
    content[1024:1100] = b"\x99" * 76
    with pytest.raises(MalformedInputError, match="header is missing"):
        taken_apart(bytes(content), tmp_path)


SOUND = [zip_file(PICTURES), *(tar_file(PICTURES, mode) for mode in MODES.values())]


@settings(max_examples=300)
@given(st.sampled_from(SOUND), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=8), st.integers(0))
def test_any_damage_is_an_answer_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    damaged = damaged[: max(1, len(damaged) - cut % 40)]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged)
    kind = archive.detect(bytes(damaged[:4096]))
    try:
        members = [] if kind is None else list(archive.members(path, kind))
    except InputError:
        return
    assert len({member.name for member in members if member.content is not None}) <= 3
