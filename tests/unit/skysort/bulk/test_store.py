"""Sources: listed in the order of S3, read in the state that was planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.bulk.store import FolderSources, S3Sources, SourceChangedError, SourceObject, blocks
from skysort.errors import NotFoundError
from skysort.s3.client import Answer, NoSuchBucketError, S3Client
from skysort.s3.signature import Addressing, Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysort.s3.signature import Location

LISTING = (
    "<ListBucketResult><Contents><Key>{key}</Key><Size>12</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;e1&quot;</ETag></Contents></ListBucketResult>"
)


class ScriptedS3(S3Client):
    """Gives one answer after the other, and keeps what was asked."""

    def __init__(self, *script: Answer) -> None:
        super().__init__(Addressing("eu-central-1"), Signer(Credentials("id", "secret"), "eu-central-1"))
        self._script = list(script)
        self.sent: list[tuple[str, str, dict[str, str], dict[str, str]]] = []

    def _exchange(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None, body: bytes
    ) -> Answer:
        assert not body
        self.sent.append((method, location.bucket + location.path, dict(query), dict(headers or {})))
        return self._script.pop(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b/stars.csv", "a.csv", "a/z.csv", "b/deeper/t.fits", ".hidden", "b/.hidden/x.csv", "c.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0123456789")
    return tmp_path


def test_files_are_listed_by_prefix_in_the_order_of_s3(folder: Path) -> None:
    sources = FolderSources(folder)
    assert [item.source for item in sources.list("")] == ["a.csv", "a/z.csv", "b/deeper/t.fits", "b/stars.csv", "c.csv"]
    assert [item.source for item in sources.list("b/")] == ["b/deeper/t.fits", "b/stars.csv"]
    assert [item.source for item in sources.list("b/st")] == ["b/stars.csv"]
    assert list(sources.list("nothing/here/")) == []


def test_a_file_is_read_in_ranges(folder: Path) -> None:
    sources = FolderSources(folder)
    found = sources.stat("a.csv")
    assert (found.size, sources.read(found, 2, 3), sources.read(found, 8, 30)) == (10, b"234", b"89")
    assert sources.requests.get == 2


@pytest.mark.parametrize("change", ["written", "removed"])
def test_a_file_that_changed_is_refused(folder: Path, change: str) -> None:
    # Given
    sources = FolderSources(folder)
    found = sources.stat("a.csv")
    # When
    if change == "written":
        (folder / "a.csv").write_bytes(b"01234567890")
    else:
        (folder / "a.csv").unlink()
    # Then
    with pytest.raises(SourceChangedError, match=r"a\.csv changed while it was read"):
        sources.read(found, 0, 3)


@pytest.mark.parametrize("name", ["", "../a.csv", "/etc/hostname", "b/../a.csv", "b", "none.csv"])
def test_what_is_no_file_of_the_folder_is_not_found(folder: Path, name: str) -> None:
    with pytest.raises(NotFoundError):
        FolderSources(folder).stat(name)


@pytest.mark.parametrize(("start", "end", "size"), [(0, 10, 3), (2, 9, 100), (4, 4, 2), (1, 7, 6), (0, 10, 5)])
def test_blocks_are_the_bytes_in_order(folder: Path, start: int, end: int, size: int) -> None:
    sources = FolderSources(folder)
    found = sources.stat("a.csv")
    assert b"".join(blocks(sources, found, start, end, size)) == b"0123456789"[start:end]


def test_a_file_that_ends_early_has_changed(folder: Path) -> None:
    sources = FolderSources(folder)
    with pytest.raises(SourceChangedError):
        list(blocks(sources, sources.stat("a.csv"), 0, 11, 4))


@pytest.mark.parametrize(
    ("prefix", "place", "source"),
    [
        ("incoming/bulk/b/", "drop/", "incoming/bulk/b/x.csv"),
        ("s3://archive/incoming/bulk/b/", "archive/", "s3://archive/incoming/bulk/b/x.csv"),
        ("s3://archive/", "archive/", "s3://archive/incoming/bulk/b/x.csv"),
    ],
)
def test_objects_are_listed_of_the_bucket_that_is_named(prefix: str, place: str, source: str) -> None:
    client = ScriptedS3(Answer(200, LISTING.format(key="incoming/bulk/b/x.csv").encode()))
    assert list(S3Sources(client, "drop").list(prefix)) == [SourceObject(source, 12, "e1")]
    assert client.sent[0][1] == place


def test_an_object_is_read_in_its_version_and_state() -> None:
    client = ScriptedS3(Answer(200, b"", "e1", length=9, version="v7"), Answer(206, b"abc"))
    sources = S3Sources(client, "drop")
    found = sources.stat("incoming/bulk/b/x.csv")
    assert (found, sources.read(found, 5, 3)) == (SourceObject("incoming/bulk/b/x.csv", 9, "e1", "v7"), b"abc")
    assert client.sent[1] == (
        "GET",
        "drop/incoming/bulk/b/x.csv",
        {"versionId": "v7"},
        {"range": "bytes=5-7", "if-match": '"e1"'},
    )
    assert sources.requests.get == 2


@pytest.mark.parametrize("status", [412, 404])
def test_an_object_that_changed_is_refused(status: int) -> None:
    sources = S3Sources(ScriptedS3(Answer(status, b"")), "drop")
    with pytest.raises(SourceChangedError, match=r"s3://archive/x\.csv changed"):
        sources.read(SourceObject("s3://archive/x.csv", 9, "e1"), 0, 9)


def test_a_missing_bucket_is_named() -> None:
    sources = S3Sources(ScriptedS3(Answer(404, b"<Code>NoSuchBucket</Code>")), "drop")
    with pytest.raises(NotFoundError, match="there is no bucket archive"):
        list(sources.list("s3://archive/x/"))


def test_a_missing_bucket_is_a_fault_of_the_stage_elsewhere() -> None:
    with pytest.raises(NoSuchBucketError, match="no bucket models"):
        ScriptedS3(Answer(404, b"<Code>NoSuchBucket</Code>")).get("models", "x")
