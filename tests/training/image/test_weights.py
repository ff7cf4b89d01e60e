"""The second way in: published weights from a server on this machine, in torchvision's form, with random numbers."""

from __future__ import annotations

import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
import torch

from model_export.common.networks import parameters
from model_export.image import cli, weights
from model_export.image.networks import MobileNetV3Large
from skysort.errors import ConfigurationError, InfrastructureError
from tests.training.image.public_files import published_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Server(HTTPServer):
    """Serves one file; answers ranges; breaks off after so many bytes where asked to."""

    content = b""
    break_after: int | None = None
    ranges: list[str | None]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if "missing" in self.path:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        rest = self.server.content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest if self.server.break_after is None else rest[: self.server.break_after])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture(scope="module")
def content() -> bytes:
    torch.manual_seed(11)
    file = io.BytesIO()
    torch.save(published_state(MobileNetV3Large()), file)
    return file.getvalue()


@pytest.fixture
def server(content: bytes) -> Iterator[Server]:
    served = Server(("127.0.0.1", 0), Handler)
    served.content, served.ranges = content, []
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def url_of(server: Server) -> str:
    return f"{server.address}/mobilenet_v3_large-{hashlib.sha256(server.content).hexdigest()[:8]}.pth"


def test_weights_arrive_and_fit(server: Server, tmp_path: Path) -> None:
    # When weights whose name states their checksum are fetched
    held = weights.torchvision("v2", tmp_path, url_of(server))
    # Then they are in the network, and the card knows where they came from
    sent = torch.load(io.BytesIO(server.content), weights_only=True)
    assert torch.equal(held.network.classifier.weight, sent["classifier.3.weight"])
    assert parameters(held.network) == 5_483_032
    assert held.origin["url"] == url_of(server)
    assert held.origin["sha256"] == hashlib.sha256(server.content).hexdigest()


def test_a_download_that_broke_off_is_continued(server: Server, tmp_path: Path) -> None:
    # Given a server that breaks off
    server.break_after = 1_000_000
    with pytest.raises(InfrastructureError, match="run it again"):
        weights.torchvision("v1", tmp_path, url_of(server))
    # When the command runs again
    server.break_after = None
    weights.torchvision("v1", tmp_path, url_of(server))
    # Then only the rest was asked for
    assert server.ranges == [None, "bytes=1000000-"]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        weights.torchvision("v1", tmp_path, url_of(server))
    assert len(server.ranges) == 1


def test_a_wrong_checksum_is_refused_and_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected 00000000"):
        weights.torchvision("v1", tmp_path, f"{server.address}/weights.pth", "00000000")
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_checksum_needs_one() -> None:
    with pytest.raises(ConfigurationError, match="--sha256"):
        weights.digest_in_name("https://example.org/weights.pth")


def test_weights_of_another_network_are_refused(server: Server, tmp_path: Path) -> None:
    file = io.BytesIO()
    torch.save({"layer.weight": torch.zeros(3)}, file)
    server.content = file.getvalue()
    with pytest.raises(ConfigurationError, match="does not contain torchvision's MobileNetV3-Large"):
        weights.torchvision("v1", tmp_path, url_of(server))


def test_a_file_that_is_not_there_is_the_servers_word(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="404"):
        weights.torchvision("v1", tmp_path, f"{server.address}/missing-00000000.pth")


def test_the_command_leaves_a_network_to_tune(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # When the command fetches the weights
    build = tmp_path / "build"
    places = ["--build", str(build), "--results", str(tmp_path)]
    code = cli.main(["weights", "--source", "torchvision", "--url", url_of(server), *places])
    # Then the network lies where the next command looks for it
    assert code == 0
    assert (build / "base.pt").exists()
    assert "5,483,032 parameters" in capsys.readouterr().err
