"""Damaged files of every format: each gives a picture or an error of the caller's, never one of ours."""

from __future__ import annotations

import gzip
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import InputError
from skysort.pictures.decode import decode
from tests.factories_images import GALAXY_INPUT, PHOTOGRAPH_INPUT, every_form, render

FORMS = every_form(render(64, 56))
# What makes decoders stumble: sizes at the end of their range, markers and chunk names in the wrong place.
TOKENS = [
    *(b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0"),
    *(b"\xff\xda", b"\xff\xd9", b"\xff\xc2", b"IDAT", b"IHDR", b"fcTL", b"tRNS", b"eXIf", b"ANMF", b"VP8L", b"VP8X"),
    *(b"NAXIS1  =", b"BSCALE  =", b"END     "),
]
EDITS = st.lists(
    st.tuples(
        st.integers(0),
        st.one_of(
            st.tuples(st.just("write"), st.binary(min_size=1, max_size=8) | st.sampled_from(TOKENS)),
            st.tuples(st.just("insert"), st.binary(min_size=1, max_size=40)),
            st.tuples(st.just("remove"), st.binary(min_size=1, max_size=40)),
        ),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, edits: list[tuple[int, tuple[str, bytes]]], *, head: bool) -> bytes:
    """A file with some bytes overwritten, inserted or removed, in its first bytes or anywhere."""
    changed = bytearray(content)
    for place, (what, data) in edits:
        at = place % max(1, min(len(changed), 300) if head else len(changed))
        if what == "write":
            changed[at : at + len(data)] = data
        elif what == "insert":
            changed[at:at] = data
        else:
            del changed[at : at + len(data)]
    return bytes(changed)


def with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks' checksums are right again, so that damage reaches the decoder behind them."""
    out, at = bytearray(content[:8]), 8
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + size > len(content):
            break
        data = content[at + 4 : at + 8 + size]
        out += content[at : at + 4] + data + struct.pack(">I", zlib.crc32(data))
        at += 12 + size
    return bytes(out + content[at:])


def shown_or_refused(content: bytes) -> None:
    for spec in (GALAXY_INPUT, PHOTOGRAPH_INPUT):
        try:
            found = decode(content, spec)
        except InputError as error:
            assert error.detail  # noqa: PT017 - either outcome is right
        else:
            assert found.shape == (spec.height, spec.width, 3)
            assert found.dtype == np.uint8


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60)
@given(edits=EDITS, head=st.booleans(), cut=st.integers(0, 3))
def test_a_damaged_file_is_shown_or_refused(
    form: str, edits: list[tuple[int, tuple[str, bytes]]], head: bool, cut: int
) -> None:
    content = damaged(FORMS[form], edits, head=head)
    shown_or_refused(content[: len(content) // cut] if cut else content)


@pytest.mark.parametrize("form", [form for form in FORMS if form.startswith("png")])
@settings(max_examples=60)
@given(edits=EDITS)
def test_damage_behind_a_right_checksum_is_shown_or_refused(
    form: str, edits: list[tuple[int, tuple[str, bytes]]]
) -> None:
    shown_or_refused(with_checksums(damaged(FORMS[form], edits, head=True)))


@settings(max_examples=100)
@given(edits=EDITS)
def test_a_damaged_cutout_may_be_gzipped(edits: list[tuple[int, tuple[str, bytes]]]) -> None:
    shown_or_refused(gzip.compress(damaged(FORMS["fits_bands"], edits, head=True), 1))


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"RIFF....WEBP", b"SIMPLE  ="]),
    st.binary(),
)
def test_any_bytes_are_shown_or_refused(magic: bytes, rest: bytes) -> None:
    shown_or_refused(magic + rest)
