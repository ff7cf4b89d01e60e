"""The full public sets over a server on this machine, with files of the same form."""

from __future__ import annotations

import hashlib
import io
import tarfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from model_export.__main__ import main
from model_export.common.fetch import fetch
from model_export.galaxy.public import galaxy10, gz2
from skysort.errors import ConfigurationError, InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Files(BaseHTTPRequestHandler):
    """Serves a folder with ranges; breaks off after `breaks_after` bytes if that is set."""

    breaks_after: int | None = None
    ranges = True

    def __init__(self, *arguments: object, folder: Path) -> None:
        self.folder = folder
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        content, start = path.read_bytes(), 0
        asked = self.headers.get("Range")
        if asked and Files.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : Files.breaks_after])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, folder=folder))
    Thread(target=running.serve_forever, daemon=True).start()
    Files.breaks_after, Files.ranges = None, True
    yield f"http://127.0.0.1:{running.server_address[1]}", folder
    running.shutdown()
    running.server_close()


def galaxy10_file(path: Path, answers: list[int]) -> Path:
    with h5py.File(path, "w") as file:
        file["images"] = np.random.default_rng(1).integers(0, 256, (len(answers), 64, 64, 3), dtype=np.uint8)
        file["ans"] = np.array(answers, dtype=np.uint8)
        for name in ("ra", "dec", "redshift", "pxscale"):
            file[name] = np.zeros(len(answers))
    return path


def test_a_file_is_fetched_and_checked(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    (folder / "a.bin").write_bytes(b"stars" * 1_000)
    digest = hashlib.sha256(b"stars" * 1_000).hexdigest()
    assert fetch(f"{url}/a.bin", tmp_path / "a.bin", digest=digest).read_bytes() == b"stars" * 1_000


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(server: tuple[str, Path], tmp_path: Path, ranges: bool) -> None:
    # Given a server that breaks off half way
    url, folder = server
    content = np.random.default_rng(1).bytes(100_000)
    (folder / "a.bin").write_bytes(content)
    Files.breaks_after = 50_000
    with pytest.raises(InfrastructureError, match="again to continue"):
        fetch(f"{url}/a.bin", tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()
    # When it works again, with ranges or without
    Files.breaks_after, Files.ranges = None, ranges
    digest = hashlib.sha256(content).hexdigest()
    # Then
    assert fetch(f"{url}/a.bin", tmp_path / "a.bin", digest=digest).read_bytes() == content


def test_a_wrong_checksum_is_refused_and_the_file_removed(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    (folder / "a.bin").write_bytes(b"something else")
    with pytest.raises(ConfigurationError, match="expected 000"):
        fetch(f"{url}/a.bin", tmp_path / "a.bin", digest="0" * 64)
    assert not list(tmp_path.glob("a.bin*"))


def test_a_file_that_is_there_is_not_fetched_again(server: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = server
    (tmp_path / "a.bin").write_bytes(b"here")
    digest = hashlib.sha256(b"here").hexdigest()
    assert fetch(f"{url}/missing.bin", tmp_path / "a.bin", digest=digest).read_bytes() == b"here"


def test_a_missing_file_says_what_the_server_said(server: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="404"):
        fetch(f"{server[0]}/missing.bin", tmp_path / "a.bin")


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="http or https"):
        fetch("file:///etc/passwd", tmp_path / "a.bin")


def test_galaxy10_from_the_command_line(
    server: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given
    url, folder = server
    path = galaxy10_file(folder / galaxy10.FILE, [0, 2, 2, 5, 6, 7, 9])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    folders = ["--build", str(tmp_path / "build"), "--results", str(tmp_path / "results")]
    # When
    code = main(["galaxy", "download", "galaxy10", "--url", f"{url}/{path.name}", "--sha256", digest, *folders])
    # Then
    shown = capsys.readouterr().out
    assert code == 0
    assert "Smooth Round: 2" in shown
    assert "Unbarred Spiral: 2" in shown
    assert "other classes: 1" in shown


def test_galaxy10_pictures_come_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galaxy10, "BLOCK", 3)
    found = galaxy10.load(galaxy10_file(tmp_path / "g.h5", [1, 2, 3, 4, 5, 6, 7]))
    assert [len(block) for block in found.pictures()] == [3, 3, 1]
    assert found.label[0] == -1


@pytest.mark.parametrize("answers", [[0, 10], [0, 255]])
def test_galaxy10_answers_beyond_ten_are_refused(tmp_path: Path, answers: list[int]) -> None:
    with pytest.raises(ConfigurationError, match="expected 0 to 9"):
        galaxy10.load(galaxy10_file(tmp_path / "g.h5", answers))


def test_a_file_that_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g.h5").write_bytes(b"no hdf5")
    with pytest.raises(ConfigurationError, match="Galaxy10"):
        galaxy10.load(tmp_path / "g.h5")


def test_galaxy_zoo_2_is_fetched_unpacked_and_read(server: tuple[str, Path], tmp_path: Path) -> None:
    # Given the three files of galaxy-datasets, small
    url, folder = server
    picture = io.BytesIO()
    Image.new("RGB", (424, 424)).save(picture, "JPEG")
    with tarfile.open(folder / gz2.IMAGES[0], "w:gz") as packed:
        for place, name in enumerate(gz2.CATALOGUES):
            row = {"subfolder": [f"{place}"], "filename": [f"{place}.jpg"], "summary": ["smooth_round"]}
            pq.write_table(pa.table(row), folder / name)
            member = tarfile.TarInfo(f"{place}/{place}.jpg")
            member.size = len(picture.getvalue())
            packed.addfile(member, io.BytesIO(picture.getvalue()))
    # When
    found = gz2.download(tmp_path / "gz2", url=url)
    # Then
    assert len(found) == 2
    assert all(file.is_file() for file in found.files)
