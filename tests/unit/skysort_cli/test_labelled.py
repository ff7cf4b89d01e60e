"""A labelled folder or zip is checked before anything is uploaded, with a sentence for each way to get it wrong."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort import limits
from skysort_cli.exits import UsageError
from skysort_cli.labelled import class_folders, labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def folder_of(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def zip_of(path: Path, names: Iterable[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def names_of(**classes: int) -> list[str]:
    return [f"{label}/{number}.jpg" for label, count in classes.items() for number in range(count)]


@pytest.mark.parametrize("make", [folder_of, zip_of])
def test_classes_are_counted_and_what_is_no_picture_of_one_is_named(make: object, tmp_path: Path) -> None:
    # Given pictures in folders below a class too, and files that are none
    names = [*names_of(poodle=5, beagle=6), "beagle/puppies/a.PNG", "loose.jpg", "poodle/notes.txt", ".git/x.jpg",
             "poodle/.hidden.jpg"]  # fmt: skip
    # When
    found = labelled(str(make(tmp_path / "breeds", names)))  # type: ignore[operator]
    # Then
    assert found.classes == {"beagle": 7, "poodle": 5}
    assert list(found.ignored) == ["loose.jpg", "poodle/notes.txt"]
    assert found.summary() == (
        "12 pictures of 2 classes: beagle 7, poodle 5; "
        "skipped 2 files that are no pictures in a class folder: loose.jpg, poodle/notes.txt"
    )


def test_a_folders_pictures_are_uploaded_as_class_and_file(tmp_path: Path) -> None:
    found = labelled(str(folder_of(tmp_path, names_of(poodle=5, beagle=5))))
    assert [item.below for item in found.files] == sorted(names_of(poodle=5, beagle=5))
    assert not found.is_archive


def test_a_zip_of_the_folder_itself_and_with_an_archivers_own_files_is_the_same(tmp_path: Path) -> None:
    inside = [f"breeds/{name}" for name in names_of(poodle=5, beagle=5)]
    found = labelled(str(zip_of(tmp_path / "breeds.zip", [*inside, "__MACOSX/breeds/poodle/._1.jpg"])))
    assert found.classes == {"beagle": 5, "poodle": 5}
    assert found.is_archive
    assert not found.files


@pytest.mark.parametrize("above", ["breeds", "some/breeds"])
def test_a_folder_around_the_class_folders_and_those_of_a_split_are_no_classes(above: str, tmp_path: Path) -> None:
    names = [f"{above}/{split}/{name}" for split in ("train", "test") for name in names_of(poodle=3, beagle=4)]
    found = labelled(str(folder_of(tmp_path, names)))
    assert found.classes == {"beagle": 8, "poodle": 6}
    assert {item.below for item in found.files} == set(names)


MANY = {f"class{number}": 5 for number in range(limits.TRAINING_CLASSES + 1)}


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (names_of(poodle=9), "has pictures of one class, poodle; a classifier needs at least 2 classes, a folder each"),
        (["1.jpg", "2.jpg"], "has 2 pictures but no class folders; put the pictures of each class into a folder"),
        (["notes.txt"], "has no pictures in class folders; it needs a folder a class, with pictures in it"),
        (names_of(poodle=5, beagle=4, boxer=1), "each class needs at least 5 pictures; beagle has 4, boxer has 1"),
        (names_of(**MANY), "has 101 classes; at most 100 are allowed"),
        (names_of(poodle=5, beagle=limits.TRAINING_PICTURES), "has 5,005 pictures; at most 5,000 are allowed"),
        (
            [f"{'x' * 61}/{name}.jpg" for name in range(5)] + names_of(beagle=5),
            "cannot be a class: its name has 61 characters",
        ),
    ],
)
def test_what_no_classifier_can_be_made_of_is_told(names: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        class_folders("photos", names)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file or folder"),
        (b"\xff\xd8\xff a picture", "is neither a folder nor a zip"),
        (b"PK\x03\x04 and nothing else", "is a damaged zip"),
        (b"", "is neither a folder nor a zip"),
    ],
)
def test_what_is_no_folder_and_no_zip_is_told(content: bytes | None, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        labelled(str(path))


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(5, 9), min_size=2))
def test_every_picture_in_a_class_folder_counts_once(classes: Mapping[str, int]) -> None:
    found = class_folders("photos", names_of(**classes))
    assert (found.classes, found.ignored) == (dict(sorted(classes.items())), [])
