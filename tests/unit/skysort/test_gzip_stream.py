"""gzip files of any make, unpacked in linear time and constant memory."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort import gzip_stream
from skysort.errors import LimitExceededError, MalformedInputError, SkysortError
from skysort.gzip_stream import gunzip, resized

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY = gzip.compress(b"", mtime=0)


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.integers(1, 400), st.integers(0, 600))
def test_members_come_out_joined_however_the_bytes_arrive(members: list[bytes], size: int, padding: int) -> None:
    body = b"".join(gzip.compress(member) for member in members) + bytes(padding)
    assert b"".join(gunzip(cut(body, size))) == b"".join(members)


def test_a_long_member_comes_in_pieces_of_two_mebibytes() -> None:
    content = random.Random(1).randbytes(1024) * 5000
    pieces = list(gunzip([gzip.compress(content)]))
    assert b"".join(pieces) == content
    assert {len(piece) for piece in pieces[:-1]} == {2 * 1024 * 1024}


class CountingZlib:
    """zlib that counts the bytes it is handed; those it leaves are handed again."""

    MAX_WBITS = zlib.MAX_WBITS
    error = zlib.error

    def __init__(self) -> None:
        self.handed = 0

    def decompressobj(self, bits: int) -> CountingMember:
        return CountingMember(bits, self)


class CountingMember:
    def __init__(self, bits: int, counts: CountingZlib) -> None:
        self._member = zlib.decompressobj(bits)
        self._counts = counts

    def decompress(self, data: bytes, most: int) -> bytes:
        self._counts.handed += len(data)
        return self._member.decompress(data, most)

    def __getattr__(self, name: str) -> object:
        return getattr(self._member, name)


@pytest.mark.parametrize(
    "body",
    [lambda n: EMPTY * n, lambda n: gzip.compress(b"x") * n, lambda n: EMPTY + bytes(20 * n)],
    ids=["empty members", "members of a byte", "zeros behind"],
)
def test_twice_the_members_cost_twice_the_work(body: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def handed(members: int) -> int:
        counts = CountingZlib()
        monkeypatch.setattr(gzip_stream, "zlib", counts)
        list(gunzip([body(members)]))
        return counts.handed

    assert handed(4_000) <= 2.1 * handed(2_000)


def test_more_members_than_any_table_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_stream, "GZIP_MEMBERS", 100)
    assert b"".join(gunzip([EMPTY * 100])) == b""
    with pytest.raises(LimitExceededError, match="more than 100 members"):
        list(gunzip([EMPTY * 101]))


def test_what_grows_beyond_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given zeros, which deflate packs a thousandfold
    monkeypatch.setattr(gzip_stream, "GZIP_RATIO", 5)
    bomb = gzip.compress(bytes(40 * 1024 * 1024))
    # When they are unpacked, Then it ends before they are all there
    pieces: list[bytes] = []
    with pytest.raises(LimitExceededError, match="expands more than 5-fold"):
        pieces.extend(gunzip([bomb]))
    assert len(pieces) < 5


@pytest.mark.parametrize("size", [1, 10, 30])
def test_a_file_that_ends_too_early_is_told(size: int) -> None:
    with pytest.raises(MalformedInputError, match="truncated"):
        list(gunzip([gzip.compress(b"a table of stars")[:size]]))


@settings(max_examples=150)
@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_never_ends_in_another_error(at: int, value: int) -> None:
    body = bytearray(gzip.compress(bytes(range(256)) * 2))
    body[at % len(body)] = value
    try:
        list(gunzip([bytes(body)]))
    except SkysortError:
        return


@given(st.lists(st.integers(0, 3 * 64), max_size=20))
def test_small_pieces_are_put_together_and_large_ones_cut(sizes: list[int]) -> None:
    pieces = [bytes([at % 251]) * size for at, size in enumerate(sizes)]
    found = list(resized(pieces, 64))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(piece) == 64 for piece in found[:-1])
