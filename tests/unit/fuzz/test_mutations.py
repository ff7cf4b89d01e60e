"""Harm that is done to files is the same for the same number, and comes to where it is meant to."""

from __future__ import annotations

import gzip
import zlib
from random import Random

from tests.factories_images import encode, render
from tests.fuzz import seeds
from tests.fuzz.mutations import mutated


def test_an_input_is_made_of_its_number_alone() -> None:
    for made in (seeds.archives, seeds.pictures, seeds.tables):
        assert made() == made()
        first, again = ([mutated(made(), Random(f"1:{number}")) for number in range(20)] for _ in range(2))
        assert first == again
        assert len(set(first)) > 10


def test_a_harmed_png_has_the_checksums_that_it_should_have_as_often_as_not() -> None:
    picture = encode(render(8, 8))
    sound = 0
    for number in range(200):
        content = mutated([picture], Random(number))
        size = int.from_bytes(content[8:12])
        chunk, told = content[12 : 16 + size], content[16 + size : 20 + size]
        sound += content != picture and zlib.crc32(chunk).to_bytes(4) == told
    assert sound > 50


def test_what_is_gzipped_is_harmed_inside_as_well() -> None:
    text = b"u,g,r,i,z\n20,19,18,17,16\n" * 10
    inside = 0
    for number in range(200):
        try:
            inside += gzip.decompress(mutated([gzip.compress(text, mtime=0)], Random(number))) != text
        except (OSError, EOFError, zlib.error):
            continue
    assert inside > 50
