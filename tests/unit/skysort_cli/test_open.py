"""`skysort open`: which address, and what happens without a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import webbrowser
from typing import TYPE_CHECKING

import pytest

from skysort_cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.skysort_cli.conftest import Cli


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    opened: list[str] = []

    def remember(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", remember)
    return opened


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state that a running local stack keeps."""
    monkeypatch.setenv("SKYSORT_STATE", str(tmp_path))
    monkeypatch.delenv("SKYSORT_ENDPOINT", raising=False)
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"http": "http://127.0.0.1:8123", "pids": {"stack": os.getpid()}}))
    return file


def test_the_page_of_the_service_that_runs_here_is_opened(cli: Cli, browser: list[str], state: Path) -> None:
    assert state.exists()
    ran = cli("open")
    assert (ran.code, ran.out, browser) == (Exit.OK, "http://127.0.0.1:8123/\n", ["http://127.0.0.1:8123/"])


def test_a_given_service_comes_first_and_its_docs_may_be_chosen(cli: Cli, browser: list[str], state: Path) -> None:
    assert state.exists()
    assert cli("open", "docs", "--endpoint", "https://sky.example/prod/").code == Exit.OK
    assert browser == ["https://sky.example/prod/docs"]


def test_without_a_screen_the_address_is_printed(
    cli: Cli, browser: list[str], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state.exists()
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    ran = cli("open")
    assert (ran.code, ran.out, browser) == (Exit.OK, "http://127.0.0.1:8123/\n", [])
    assert "no browser can be started here" in ran.err


def test_the_address_alone_may_be_asked_for(cli: Cli, browser: list[str], state: Path) -> None:
    assert state.exists()
    ran = cli("open", "--print")
    assert (ran.out, ran.err, browser) == ("http://127.0.0.1:8123/\n", "", [])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"http": "http://127.0.0.1:1", "pids": {"stack": PID}}'])
def test_where_nothing_runs_the_sentence_says_how_to_start_it(
    cli: Cli, browser: list[str], state: Path, content: str
) -> None:
    # Given a state that cannot be read, or that a killed stack has left
    ended = subprocess.Popen(["true"])
    ended.wait()
    state.write_text(content.replace("PID", str(ended.pid)))
    # When
    ran = cli("open")
    # Then
    assert ran.code == Exit.USAGE
    assert "no service runs here: start one with `skysort serve`, or give --endpoint URL" in ran.err
    assert browser == []
