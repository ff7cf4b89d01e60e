"""Small harm done to sound files: what damage, carelessness and attackers make of them."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

# Sizes, counts and offsets that readers multiply, add to, or take for signed.
_NUMBERS: Final = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**64 - 1,
)
_WIDTHS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
_DECIMALS: Final = (
    b"0", b"-1", b"1", b"65536", b"999999999", b"2147483647", b"2147483648", b"-2147483648", b"99999999999999999999",
    b"1e308", b"1e999", b"nan", b"-inf", b"''", b"T",
)  # fmt: skip
_TEXTS: Final = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b";", b"\t", b"\r", b"\n", b"\n\n", b"#", b"\\ud800",
    b"\xed\xa0\x80", b"&#0;", b"<!DOCTYPE x>", b"]]>", b"=cmd|' '!A0", b"../", b"%00", b"NaN", b"null", b"[[", b"{",
    b"END", b"\x1f\x8b",
)  # fmt: skip
_NUMBER: Final = re.compile(rb"-?[0-9]+")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_GZIP: Final = b"\x1f\x8b"
_MOST_ADDED: Final = 4_096

Mutation = "Callable[[bytearray, Random], None]"


def mutated(seeds: Sequence[bytes], chance: Random) -> bytes:
    """One of the seeds, harmed in up to a few ways; now and then as it is.

    What is gzipped is harmed inside as often as outside, and a PNG's checksums are put right as often as not, so that
    the harm comes to more than the first check.
    """
    content = chance.choice(seeds)
    if content.startswith(_GZIP) and chance.random() < 0.5:
        return gzip.compress(_harmed(gzip.decompress(content), seeds, chance), 1, mtime=0)
    harmed = _harmed(content, seeds, chance)
    if harmed.startswith(_PNG) and chance.random() < 0.5:
        return _with_checksums(harmed)
    return harmed


def _harmed(content: bytes, seeds: Sequence[bytes], chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5, 8))):
        if not changed:
            break
        way = chance.randrange(len(_WAYS) + 1)
        if way == len(_WAYS):
            _splice(changed, chance.choice(seeds), chance)
        else:
            _WAYS[way](changed, chance)
    return bytes(changed)


def _place(content: bytearray, chance: Random) -> int:
    """Headers are where the numbers are: half of all harm is done to the first quarter."""
    most = len(content) if chance.random() < 0.5 else max(1, len(content) // 4)
    return chance.randrange(most)


def _flip(content: bytearray, chance: Random) -> None:
    content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _set(content: bytearray, chance: Random) -> None:
    content[_place(content, chance)] = chance.choice((0, 1, 0x20, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _number(content: bytearray, chance: Random) -> None:
    """A number of 1 to 8 bytes in either order, as lengths, sizes and offsets are written."""
    width = chance.choice((1, 2, 2, 4, 4, 4, 8))
    at = _place(content, chance)
    value = chance.choice(_NUMBERS) & (1 << 8 * width) - 1
    content[at : at + width] = struct.pack(chance.choice("<>") + _WIDTHS[width], value)


def _decimal(content: bytearray, chance: Random) -> None:
    """A number in text, as headers of FITS, XML and JSON have them."""
    found = list(_NUMBER.finditer(content, 0, 20_000))
    if not found:
        _number(content, chance)
        return
    at = chance.choice(found)
    value = chance.choice(_DECIMALS)
    if chance.random() < 0.5:
        value = value[: at.end() - at.start()].rjust(at.end() - at.start())
    content[at.start() : at.end()] = value


def _text(content: bytearray, chance: Random) -> None:
    at = _place(content, chance)
    text = chance.choice(_TEXTS)
    content[at : at + (len(text) if chance.random() < 0.5 else 0)] = text


def _truncate(content: bytearray, chance: Random) -> None:
    del content[_place(content, chance) :]


def _remove(content: bytearray, chance: Random) -> None:
    at = _place(content, chance)
    del content[at : at + chance.choice((1, 2, 4, 16, 80, 512, 2_880))]


def _repeat(content: bytearray, chance: Random) -> None:
    at = _place(content, chance)
    piece = content[at : at + chance.choice((1, 4, 16, 80, 512, 2_880))]
    content[at:at] = (piece * chance.choice((1, 1, 2, 50)))[:_MOST_ADDED]


def _move(content: bytearray, chance: Random) -> None:
    at, to = _place(content, chance), _place(content, chance)
    size = chance.choice((2, 4, 16, 80, 512))
    piece = content[at : at + size]
    content[to : to + len(piece)] = piece


def _noise(content: bytearray, chance: Random) -> None:
    at = _place(content, chance)
    piece = chance.randbytes(chance.choice((1, 4, 16, 64)))
    content[at : at + len(piece)] = piece


def _splice(content: bytearray, other: bytes, chance: Random) -> None:
    """The beginning of one file and the end of another."""
    if other:
        content[_place(content, chance) :] = other[chance.randrange(len(other)) :]


_WAYS: Final = (_flip, _set, _number, _number, _decimal, _decimal, _text, _truncate, _remove, _repeat, _move, _noise)


def _with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks have the checksums that they should have, as far as the chunks go."""
    fixed = bytearray(content)
    at = len(_PNG)
    while at + 12 <= len(fixed):
        (size,) = struct.unpack_from(">I", fixed, at)
        end = at + 8 + size
        if end + 4 > len(fixed):
            break
        struct.pack_into(">I", fixed, end, zlib.crc32(fixed[at + 4 : end]))
        at = end + 4
    return bytes(fixed)
