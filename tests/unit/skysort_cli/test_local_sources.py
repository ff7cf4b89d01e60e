"""The files of a job on this machine: named by their paths in a common folder, pinned, and searched for once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort_cli.exits import UsageError
from skysort_cli.local_sources import chosen_files

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".jpg", ".png", ".fits", ".webp")


def test_a_folder_is_searched_and_its_files_have_their_paths_in_it(pictures: Path) -> None:
    files = chosen_files([str(pictures)], SUFFIXES)
    assert files.folder == pictures
    assert [item.source for item in files.list("")] == ["a.jpg", "b.PNG", "c.fits", "more/d.webp"]
    assert [item.source for item in files.list("more/")] == ["more/d.webp"]
    (first, *_) = files.list("")
    assert files.read(first, 0, 100) == b"a.jpg"


def test_files_of_several_folders_have_their_paths_in_the_common_one(pictures: Path) -> None:
    files = chosen_files(
        [str(pictures / "more" / "d.webp"), str(pictures / "a.jpg"), str(pictures / "a.jpg")], SUFFIXES
    )
    assert (files.folder, files.names) == (pictures, ["a.jpg", "more/d.webp"])


def test_one_file_is_named_by_its_name(pictures: Path) -> None:
    files = chosen_files([str(pictures / "notes.txt")], SUFFIXES)
    assert (files.folder, files.names) == (pictures, ["notes.txt"])


def test_the_fingerprint_is_of_the_chosen_files_as_they_are(pictures: Path) -> None:
    first = chosen_files([str(pictures)], SUFFIXES).fingerprint()
    assert chosen_files([str(pictures)], SUFFIXES).fingerprint() == first
    assert chosen_files([str(pictures / "more")], SUFFIXES).fingerprint() != first
    (pictures / "a.jpg").write_bytes(b"another picture")
    assert chosen_files([str(pictures)], SUFFIXES).fingerprint() != first


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [("absent.csv", "absent.csv: there is no such file"), ("-", "- cannot be a source"), ("empty", "has no file")],
)
def test_what_cannot_be_read_is_refused(
    argument: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=sentence):
        chosen_files([argument], SUFFIXES)
