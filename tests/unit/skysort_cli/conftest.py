"""The command line in this process, with a fake service behind it."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from skysort_cli.client import Client, RetryPolicy
from skysort_cli.main import main
from tests.fakes.service import FakeService

if TYPE_CHECKING:
    from pathlib import Path

FAST = RetryPolicy(attempts=4, first_s=0.001, max_s=0.002)


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Runs the command line with arguments and bytes on stdin."""

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ran: ...


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # as argparse leaves
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return run


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> FakeService:
    """A service that every client of this test reaches at any address; nothing is waited for."""
    fake = FakeService()
    original = Client.__init__

    def connected(self: Client, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **{**named, "transport": fake.transport, "policy": FAST})

    monkeypatch.setattr(Client, "__init__", connected)
    monkeypatch.setattr("skysort_cli.batches._FIRST_PAUSE_S", 0.001)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    return fake


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five pictures of a fake kind, one of them in a folder below, and one that is none."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for name in ("a.jpg", "b.PNG", "c.fits", "more/d.webp"):
        (folder / name).write_bytes(name.encode())
    (folder / "notes.txt").write_text("seeing 0.9")
    (folder / ".hidden.jpg").write_bytes(b"hidden")
    return folder
