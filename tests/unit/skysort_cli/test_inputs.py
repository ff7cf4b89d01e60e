"""FILES on the command line: files, folders, patterns, stdin."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.models import MODELS
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.inputs import expand

NAMES = st.text("abc.é -", min_size=1, max_size=6).filter(lambda name: name.strip(".") != "")

PICTURES = tuple(MODELS["galaxy"].input.files)
TABLES = tuple(MODELS["star"].input.files)


def names(*arguments: object, folder: Path) -> list[str]:
    found = expand([str(argument) for argument in arguments], PICTURES)
    return [os.path.relpath(one.name, folder) for one in found]


def test_a_folder_gives_its_pictures_in_order_and_nothing_else(pictures: Path) -> None:
    assert names(pictures, folder=pictures) == ["a.jpg", "b.PNG", "c.fits", "more/d.webp"]
    assert [one.below for one in expand([str(pictures)], PICTURES)][-1] == "more/d.webp"


def test_what_a_folder_leaves_out_is_told_in_one_line(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given what fits, what does not, and what is hidden
    for name in ("m51.fts", "m51.FTS.gz", "tiles.fits.fz", "more/raw.cr2", "README.md", ".DS_Store", ".cache/e.jpg"):
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).write_bytes(b"x")
    # When, with one of them named itself
    found = names(pictures, pictures / "README.md", folder=pictures)
    # Then
    assert found == ["a.jpg", "b.PNG", "c.fits", "m51.FTS.gz", "m51.fts", "tiles.fits.fz", "more/d.webp", "README.md"]
    assert capsys.readouterr().err == (
        f"skysort: skipped 4 files: {pictures}/.hidden.jpg, {pictures}/notes.txt, {pictures}/.cache/e.jpg "
        "and 1 more; a directory is searched for files that end in .jpg .jpeg .jpe "
        ".jfif .png .webp .tif .tiff .gif .heic .heif .hif .avif "
        ".fits .fit .fts .fits.gz .fit.gz .fts.gz .fz and are not hidden; "
        "a file that you name is tried whatever its name\n"
    )


def test_nothing_is_told_where_nothing_is_left_out(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names(pictures / "more", pictures / "notes.txt", pictures / "*.jpg", folder=pictures)
    assert capsys.readouterr().err == ""


def test_linked_folders_are_told_of_too(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.jpg").write_bytes(b"x")
    (tmp_path / "plain" / "night-2").symlink_to(pictures)
    names(tmp_path / "plain", folder=tmp_path)
    assert f"skipped 1 file: {tmp_path}/plain/night-2 (a link to a directory);" in capsys.readouterr().err


def test_a_folder_that_may_not_be_read_is_told_of(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given, as the superuser may read everything
    scan = os.scandir

    def refused(place: str) -> Any:
        if Path(place).name == "more":
            raise PermissionError(13, "Permission denied", place)
        return scan(place)

    monkeypatch.setattr(os, "scandir", refused)
    names(pictures, folder=pictures)
    assert "more (Permission denied)" in capsys.readouterr().err


def test_tables_of_every_spelling_are_found(tmp_path: Path) -> None:
    for name in ("a.fts", "b.FIT", "c.vot", "d.parquet", "e.csv.gz", "f.jpg", "g.ecsv", "h.tbl"):
        (tmp_path / name).write_bytes(b"x")
    assert [one.below for one in expand([str(tmp_path)], TABLES)] == [
        "a.fts",
        "b.FIT",
        "c.vot",
        "d.parquet",
        "e.csv.gz",
        "g.ecsv",
        "h.tbl",
    ]


def test_a_file_that_is_named_itself_is_taken_whatever_it_is_called(pictures: Path) -> None:
    assert names(pictures / "notes.txt", pictures / ".hidden.jpg", folder=pictures) == ["notes.txt", ".hidden.jpg"]


def test_each_file_comes_once_where_it_was_first_named(pictures: Path) -> None:
    found = names(pictures / "c.fits", pictures, pictures / "*.jpg", folder=pictures)
    assert found == ["c.fits", "a.jpg", "b.PNG", "more/d.webp"]


def test_patterns_that_the_shell_left_alone_are_filled_in(pictures: Path) -> None:
    assert names(pictures / "**/*.*p*", folder=pictures) == ["a.jpg", "more/d.webp"]


def test_a_pattern_character_in_a_real_name_is_no_pattern(pictures: Path) -> None:
    (pictures / "m[51].jpg").write_bytes(b"m")
    assert names(pictures / "m[51].jpg", folder=pictures) == ["m[51].jpg"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.jpg", "there is no such file"),
        ("*.tif", "there is no such file"),
        ("empty", "the directory has no file that can be read here"),
    ],
)
def test_what_leads_nowhere_fails_as_one_input_among_others(pictures: Path, name: str, sentence: str) -> None:
    (pictures / "empty").mkdir()
    (one,) = expand([str(pictures / name)], PICTURES)
    with pytest.raises(ProblemError, match=sentence):
        one.read(100, "too large")


def test_no_more_is_read_than_may_be(pictures: Path) -> None:
    (one,) = expand([str(pictures / "a.jpg")], PICTURES)
    assert one.read(5, "too large") == b"a.jpg"
    with pytest.raises(ProblemError, match="too large"):
        one.read(4, "too large")


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"bytes")))
    (one,) = expand(["-"], PICTURES)
    assert one.read(100, "too large") == b"bytes"
    with pytest.raises(UsageError, match="only once"):
        expand(["-", "-"], PICTURES)


def test_a_terminal_is_not_read_as_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skysort_cli.inputs.is_terminal", lambda _: True)
    with pytest.raises(UsageError, match="pipe a file into it"):
        expand(["-"], PICTURES)


def test_an_empty_argument_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="is a shell variable unset"):
        expand([""], PICTURES)


@given(st.sets(NAMES, min_size=1, max_size=8))
def test_any_folder_gives_exactly_its_pictures_once_each_and_in_order(stems: set[str]) -> None:
    with TemporaryDirectory() as folder:
        for number, stem in enumerate(sorted(stems)):
            (Path(folder) / f"{stem}{'.jpg' if number % 2 else '.txt'}").write_bytes(b"x")
        found = [Path(one.name).name for one in expand([folder, folder], PICTURES)]
        expected = sorted(path.name for path in Path(folder).glob("[!.]*.jpg"))
        assert found == expected or (not expected and found == [Path(folder).name])


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "https://sky.example/m51.jpg",
            "is a URL: download it first (curl -LO https://sky.example/m51.jpg), then give",
        ),
        ("http://sky.example/a b.jpg", "(curl -LO 'http://sky.example/a b.jpg')"),
        ("s3://survey/dr9/", "lies in S3: `skysort bulk` with --endpoint URL classifies it there"),
    ],
)
def test_a_url_is_no_file_and_the_sentence_says_what_to_do(url: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        expand([url], PICTURES)
    assert sentence in str(refused.value)
