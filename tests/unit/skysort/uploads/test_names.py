"""What may be a batch's and a file's name, and that no key leaves its batch's folder."""

from __future__ import annotations

import posixpath
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skysort.drop import keys
from skysort.errors import InvalidFieldsError
from skysort.limits import BATCH_NAME_CHARACTERS, DROP_KEY_BYTES
from skysort.uploads import names

PREFIX = names.prefix_of("galaxy", "night-1")
NASTY = st.sampled_from(
    ["..", ".", "/", "\\", "\x00", "\n", "%2e", "${filename}", "C:", "a", "ü", "\u202e", ".json", " "]
)
NAMES = st.lists(NASTY | st.text(max_size=5), max_size=8).map("".join)


@given(NAMES)
@example("../../star/night-1/x")
@example("/incoming/star/night-1/x")
@example("a/../../x")
@example("x" * 1_000)
def test_a_key_never_leaves_its_batch(name: str) -> None:
    # When a name is taken
    if names.file_fault(name, PREFIX) is None:
        key = PREFIX + name
        # Then its key stays where it is, however it is resolved, and the drop folder reads it back
        assert posixpath.normpath(key) == key
        found = keys.parse(key)
        assert (found.model, found.batch, found.file) == ("galaxy", "night-1", name)
        # And it can be saved under its name on another machine
        assert not set(name) & set("\\\x00\n\r\u202e")
        assert len(key.encode()) <= DROP_KEY_BYTES


@pytest.mark.parametrize(
    "name", ["m51.jpg", "field 7/m51.jpg", "Nébuleuse/Ω-星.fits", "a+b&c#%.csv", ".hidden", "...", "a..b", "x" * 900]
)
def test_ordinary_names_are_taken(name: str) -> None:
    assert names.file_fault(name, PREFIX) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../m51.jpg", "plain path"),
        ("a/./b", "plain path"),
        ("a//b", "plain path"),
        ("a/", "plain path"),
        ("..", "plain path"),
        ("/etc/passwd", "relative to the batch"),
        ("C:evil.csv", "relative to the batch"),
        ("a\\b", "REVERSE SOLIDUS"),
        ("a\nb", r"U\+000A"),
        ("\ud800", r"U\+D800"),
        ("cod\u202egpj.exe", "RIGHT-TO-LEFT OVERRIDE"),
        ("${filename}", "which S3 would replace"),
        ("m51.jpg.json", "suffix of skysort's own records"),
        ("t.csv.rejected.csv", "suffix of skysort's own records"),
        ("m51.error", "suffix of skysort's own records"),
        ("ü" * 500, "at most 1,000"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(name: str, says: str) -> None:
    fault = names.file_fault(name, PREFIX)
    assert fault is not None
    assert re.search(says, fault)


@given(st.text(max_size=120))
def test_a_batch_is_one_folder(batch: str) -> None:
    if names.batch_fault(batch) is None:
        key = names.prefix_of("star", batch) + "x.csv"
        assert keys.parse(key).batch == batch
        assert posixpath.normpath(key) == key
        # A URL's path gives it back, whether or not the gateway has decoded it
        assert names.batch_of(batch) == batch


@pytest.mark.parametrize(
    "batch", ["", ".", "..", "a/b", "a\\b", "a%2fb", " a", ".a", "a\x7f", "x" * (BATCH_NAME_CHARACTERS + 1)]
)
def test_other_batch_names_are_refused(batch: str) -> None:
    assert names.batch_fault(batch) is not None


def test_a_path_is_decoded_before_it_is_judged() -> None:
    assert names.batch_of("night%201") == "night 1"
    with pytest.raises(InvalidFieldsError, match="must be a single folder name"):
        names.batch_of("%2e%2e")


def test_a_batch_without_a_name_gets_one() -> None:
    made = {names.new_batch() for _ in range(100)}
    assert len(made) == 100
    assert all(names.batch_fault(batch) is None for batch in made)
