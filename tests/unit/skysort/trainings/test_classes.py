"""Classes from folder names, copies, and the least that a class needs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InputError
from skysort.trainings.classes import Refusal, Why, check_classes, copies, labelled


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["pug/1.jpg", "beagle/2.jpg"], {"pug", "beagle"}),
        (["pug/deep/er/1.jpg", "beagle/2.jpg"], {"pug", "beagle"}),
        # An archive of one folder
        (["dogs/pug/1.jpg", "dogs/beagle/2.jpg"], {"pug", "beagle"}),
        (["a/b/pug/1.jpg", "a/b/beagle/2.jpg"], {"pug", "beagle"}),
        # A split
        (["train/pug/1.jpg", "Test/beagle/2.jpg", "val/pug/3.jpg"], {"pug", "beagle"}),
        (["dogs/train/pug/1.jpg", "dogs/test/beagle/2.jpg"], {"pug", "beagle"}),
        # Classes that are named like a split
        (["train/1.jpg", "bus/2.jpg"], {"train", "bus"}),
        (["train/a/1.jpg", "bus/a/2.jpg"], {"train", "bus"}),
        (["one/1.jpg", "one/2.jpg"], {"one"}),
        ([], set()),
    ],
)
def test_a_class_is_the_top_folder_below_what_surrounds_all(names: list[str], classes: set[str]) -> None:
    labels, outside = labelled(names)
    assert set(labels.values()) == classes
    assert outside == []


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (["train/pug/1.jpg", "test/beagle/2.jpg", "README.md"], "README.md"),
        (["dogs/pug/1.jpg", "dogs/beagle/2.jpg", "dogs/LICENSE"], "dogs/LICENSE"),
        (["dogs/pug/1.jpg", "dogs/beagle/2.jpg", "labels.csv"], "labels.csv"),
        (["pug/1.jpg", "beagle/2.jpg", "about/these.txt"], "about/these.txt"),
    ],
)
def test_a_text_beside_the_folders_makes_no_class_of_what_surrounds_them(names: list[str], note: str) -> None:
    labels, outside = labelled(names)
    assert set(labels.values()) == {"pug", "beagle"}
    assert [each.file for each in outside] == [note]


def test_an_accent_apart_from_its_letter_makes_no_other_class() -> None:
    labels, _ = labelled(["ba\u0301rred/1.jpg", "b\u00e1rred/2.jpg", "ring/3.jpg"])
    assert set(labels.values()) == {"b\u00e1rred", "ring"}


def test_a_file_in_no_folder_is_in_no_class() -> None:
    labels, outside = labelled(["pug/1.jpg", "readme.jpg"])
    assert labels == {"pug/1.jpg": "pug"}
    assert outside == [Refusal("readme.jpg", "is in no folder, and so in no class", Why.OUTSIDE)]


@pytest.mark.parametrize("folder", ["x" * 61, "a\x07b", " "])
def test_a_folder_that_cannot_be_a_class_is_named(folder: str) -> None:
    with pytest.raises(InputError, match="cannot be a class"):
        labelled([f"{folder}/1.jpg", "pug/1.jpg"])


@given(st.lists(st.lists(st.sampled_from(["a", "b", "train", "test", "c.jpg"]), min_size=1, max_size=5), max_size=8))
def test_every_file_has_a_class_or_is_named(paths: list[list[str]]) -> None:
    names = sorted({"/".join(path) for path in paths})
    labels, outside = labelled(names)
    assert sorted([*labels, *(each.file for each in outside)]) == names


def test_copies_within_a_class_leave_the_first() -> None:
    out = copies([("pug/1", "pug", "x"), ("pug/2", "pug", "x"), ("pug/3", "pug", "y"), ("pug/4", "pug", "")])
    assert out == {"pug/2": Refusal("pug/2", "is the same file as pug/1", Why.DUPLICATE, "pug")}


def test_a_picture_in_two_classes_leaves_both() -> None:
    out = copies([("pug/1", "pug", "x"), ("pug/2", "pug", "x"), ("beagle/1", "beagle", "x")])
    assert {name: each.why for name, each in out.items()} == dict.fromkeys(out, Why.CONFLICTING)
    assert set(out) == {"pug/1", "pug/2", "beagle/1"}
    assert out["beagle/1"].reason == "is the same picture as pug/1 in class 'pug'; neither is used"


FILES = st.lists(
    st.tuples(st.integers(0, 99).map(str), st.sampled_from("ab"), st.sampled_from("xyz")), unique_by=lambda f: f[0]
)


@given(FILES)
def test_what_is_left_has_no_copies_and_no_conflicts(files: list[tuple[str, str, str]]) -> None:
    out = copies(files)
    kept = [digest for name, _, digest in files if name not in out]
    assert len(kept) == len(set(kept))
    # Of bytes in one class, one picture is left
    for digest in {digest for _, _, digest in files}:
        labels = {label for _, label, own in files if own == digest}
        assert kept.count(digest) == (1 if len(labels) == 1 else 0)


def refusal(file: str, why: Why = Why.UNREADABLE) -> Refusal:
    return Refusal(file, "is not a picture", why, file.partition("/")[0])


def test_two_classes_of_five_are_enough() -> None:
    check_classes({"pug": 5, "beagle": 5}, [refusal("pug/1")])


@pytest.mark.parametrize(
    ("usable", "refused", "message"),
    [
        ({}, [], "At least 2 classes are needed, each a folder of pictures; there is no folder with pictures."),
        ({"pug": 60}, [], "there is one class, 'pug', of 60."),
        (
            {"pug": 3, "beagle": 9},
            [refusal("pug/4.jpg"), refusal("pug/5.jpg", Why.DUPLICATE), refusal("beagle/1.jpg")],
            "class 'pug' has 3 (left out: 1 duplicate, 1 unreadable; pug/4.jpg: is not a picture).",
        ),
        ({"beagle": 9}, [refusal("pug/1.jpg")], "class 'pug' has 0 (left out: 1 unreadable; "),
        (dict.fromkeys("abcdefg", 1), [], "class 'e' has 1; and 2 more classes."),
        ({f"c{number}": 9 for number in range(101)}, [], "up to 100 classes; there are 101 folders."),
    ],
)
def test_too_few_are_refused_with_what_there_is(usable: dict[str, int], refused: list[Refusal], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        check_classes(usable, refused)
