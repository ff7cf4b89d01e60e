"""A service that does not keep to the contract, or means harm: a sentence and an exit status, never a traceback."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from skysort_cli.exits import Exit
from skysort_cli.output import Format
from skysort_cli.record_rows import RecordRows
from skysort_cli.terminal import bar, plain
from tests.fakes.service import URL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli

HOSTILE = "\x1b]0;owned\x07\x1b[31m[bold]"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("u,g,r,i,z\n19,18,17,16,16\n")
    return path


def answer(document: Any) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(document), headers={"Content-Type": "application/json"})


RESULT = {"id": "0", "predictions": [{"label": "GALAXY", "class_id": 0, "probability": 0.5}], "prediction_set": [1]}


@pytest.mark.parametrize(
    "document",
    [
        {"results": [7]},
        {"results": [{}]},
        {"results": [{"id": "0"}]},
        {"results": [{"id": "0", "predictions": []}]},
        {"results": [{"id": "0", "predictions": [[]]}]},
        {"results": [RESULT]},
        {"results": [RESULT], "model": "star"},
        {"results": [{"id": "0", "error": 5}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["table", "csv"])
def test_answers_of_another_form_are_told_of(
    cli: Cli, service: FakeService, table: Path, document: Any, form: str
) -> None:
    service.failures = [answer(document)]
    ran = cli("classify", "star", table, "--endpoint", URL, "--format", form)
    assert ran.code == Exit.SERVICE
    assert f"{URL} does not answer as skysort does" in ran.err


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"null", b'"' + b"a" * 9])
@pytest.mark.parametrize("status", [200, 400])
def test_json_that_no_reader_takes_is_no_answer(
    cli: Cli, service: FakeService, table: Path, content: bytes, status: int
) -> None:
    service.failures = [httpx.Response(status, content=content)]
    ran = cli("classify", "star", table, "--endpoint", URL)
    assert ran.code in {Exit.SERVICE, Exit.SOME_FAILED}
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "document",
    [
        {"models": 5},
        {},
        {"models": [{}]},
        {"models": [{"name": "star", "labels": 7}]},
    ],
    ids=str,
)
def test_a_list_of_models_that_is_none_is_told_of(cli: Cli, service: FakeService, document: Any) -> None:
    service.failures = [answer(document)]
    ran = cli("models", "--endpoint", URL, "--format", "text")
    assert ran.code == Exit.SERVICE
    assert "does not answer as skysort does" in ran.err


def test_a_batch_that_is_refused_is_a_sentence(cli: Cli, service: FakeService, table: Path) -> None:
    service.failures = [httpx.Response(422, content=b'{"detail": "no such batch name"}')]
    ran = cli("drop", "star", table, "--endpoint", URL)
    assert ran.code == Exit.SERVICE
    assert f"{URL} rejects the request: no such batch name" in ran.err


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest", "http://127.0.0.1:9000/b", "ftp://store.example/"])
def test_a_service_behind_https_sends_no_file_into_the_clear_or_to_this_machine(
    cli: Cli, service: FakeService, table: Path, where: str
) -> None:
    form = {"url": where, "fields": {"key": "k"}}
    offer = {"name": table.name, "size": table.stat().st_size, "method": "form", "form": form}
    service.failures = [httpx.Response(404, content=b'{"detail": "no file"}'), answer({"files": [offer]})]
    ran = cli("drop", "star", table, "--endpoint", URL)
    assert ran.code == Exit.SERVICE
    assert "not https" in ran.err
    assert {one.url.host for one in service.requests} == {"sky.example"}


class Screen(io.StringIO):
    """A terminal that remembers what it was sent."""

    def isatty(self) -> bool:
        return True


def test_a_csv_on_a_screen_steers_no_terminal_and_one_in_a_file_is_as_it_is() -> None:
    record = {"file": HOSTILE, "error": {"detail": HOSTILE}}
    screen, file = Screen(), io.StringIO()
    for stream in (screen, file):
        RecordRows(Format.CSV, stream, star=False, top_k=1, explain=False).write(record)
    assert "\x1b" not in screen.getvalue()
    assert "\\x1b[31m" in screen.getvalue()
    assert screen.getvalue().count("\n") == 2
    assert HOSTILE in file.getvalue()


def test_a_name_in_a_progress_bar_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with bar(f"fetching {HOSTILE}", 3, quiet=False) as progress:
        progress.say(f"uploading {HOSTILE}")
        progress.advance()
    assert "owned" in screen.getvalue()
    assert "\x1b]0;" not in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


def test_plain_text_keeps_its_lines() -> None:
    screen = Screen()
    plain(screen).write("a,b\nc\td\r\n")
    assert screen.getvalue() == "a,b\nc\\td\\r\n"
