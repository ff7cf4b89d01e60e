"""`skysort models`, `doctor` and `serve`."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from skysort.models import MODELS
from skysort_cli import local
from skysort_cli.commands import doctor as checks
from skysort_cli.commands import serve
from skysort_cli.exits import Exit, MissingError
from skysort_cli.parser import build
from tests.conftest import ROOT
from tests.fakes.service import URL, problem

if TYPE_CHECKING:
    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli


def test_the_models_here_are_listed_and_shown(cli: Cli) -> None:
    assert [model["name"] for model in json.loads(cli("models").out)] == list(MODELS)
    assert json.loads(cli("models", "star").out)["labels"] == ["GALAXY", "QSO", "STAR"]


@pytest.mark.parametrize("model", MODELS)
def test_every_card_that_ships_is_readable_at_every_width(
    cli: Cli, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = json.loads((ROOT / "functions" / model / "model" / "card.json").read_text())
    for width in (40, 80, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        shown = cli("models", model, "--format", "text").out
        assert all(len(line) <= width for line in shown.splitlines())
        together = "".join(shown.split())
        assert card["version"] in together
        assert "".join(card["licence"].split()) in together


def test_the_models_of_a_service_are_listed_and_shown(cli: Cli, service: FakeService) -> None:
    assert json.loads(cli("models", "--endpoint", URL).out)[0]["version"] == "9.9"
    shown = cli("models", "galaxy", "--endpoint", URL, "--format", "text").out
    assert "0.750 (0.600 to 0.900)" in shown
    assert "- It knows nothing." in shown
    assert "\x1b[31m" not in shown  # what a service says does not steer the terminal
    assert [request.url.path for request in service.requests] == ["/v1/models", "/v1/trained", "/v1/models/galaxy"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["comet"], f"unknown model 'comet'; choose from {', '.join(MODELS)}"),
        (["comet", "--endpoint", URL], "there is no GET /v1/trained/comet here"),
        (["../health", "--endpoint", URL], "the name '../health' must begin with a lower-case letter"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_model_that_there_is_not_is_told(cli: Cli, arguments: list[str], sentence: str) -> None:
    ran = cli("models", *arguments)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err


def doctor(cli: Cli, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = cli("doctor", "--format", "json", *arguments)
    return ran.code, {check["name"]: check for check in json.loads(ran.out)}


@pytest.fixture
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports and the engine belong to the machine, not to this test."""
    monkeypatch.setattr(checks, "_port", lambda name, *_: checks.Check(checks.SERVE, name, checks.State.OK, "free"))
    monkeypatch.setattr(checks, "_engine", lambda: checks.Check(checks.DEVELOP, "e", checks.State.OPTIONAL, "none"))


@pytest.mark.usefixtures("_quiet_machine")
def test_a_whole_machine_is_found_whole(cli: Cli) -> None:
    code, found = doctor(cli)
    assert code == Exit.OK
    assert all(found[name]["state"] == "ok" for name in ("Python", "rich", "onnxruntime", "star model", "image model"))
    assert "sha256 verified" in found["galaxy model"]["found"]


@pytest.mark.usefixtures("_quiet_machine")
def test_what_is_missing_is_named_with_how_to_get_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else real(name))
    code, found = doctor(cli)
    assert code == Exit.MISSING
    assert found["onnxruntime"]["state"] == "missing"
    assert "pip install '.[models]' in the project's folder" in found["onnxruntime"]["remedy"]
    shown = cli("doctor")
    assert shown.code == Exit.MISSING
    assert "1 required part missing" in shown.out


@pytest.mark.usefixtures("_quiet_machine")
def test_a_model_file_that_is_not_the_cards_is_found(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (ROOT / "functions" / "star" / "model").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes() + (b"x" if path.name == "with_redshift.ubj" else b""))
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(tmp_path))
    code, found = doctor(cli)
    assert code == Exit.MISSING
    assert found["star model"]["found"] == "with_redshift.ubj is not the file that its card describes"


@pytest.mark.usefixtures("_quiet_machine")
def test_training_is_mentioned_only_where_something_is_missing(
    cli: Cli, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine and a service that can train
    monkeypatch.setenv("SKYSORT_MODELS_FOLDER", str(tmp_path / "models" / "mine"))
    code, found = doctor(cli, "--endpoint", URL)
    assert (code, "trains models" in found, "folder of trained models" in found) == (Exit.OK, False, False)

    # When the folder cannot be, and the service knows no trainings
    (tmp_path / "models").write_text("a file")
    monkeypatch.setattr(service.trainings, "answer", lambda _: None)
    # Then both are told, with what needs them, and nothing required is missing
    code, found = doctor(cli, "--endpoint", URL)
    assert code == Exit.OK
    assert found["trains models"]["state"] == found["folder of trained models"]["state"] == "optional"
    assert "set SKYSORT_MODELS_FOLDER to another folder" in found["folder of trained models"]["remedy"]


@pytest.mark.usefixtures("_quiet_machine")
def test_a_service_is_asked_too(cli: Cli, service: FakeService) -> None:
    code, found = doctor(cli, "--endpoint", URL)
    assert code == Exit.OK
    assert found["answers"]["found"].startswith(f"{URL}, version 0.1.0")
    assert found["galaxy ready"]["state"] == found["reports batches"]["state"] == "ok"
    service.failures = [problem(403, "no key") for _ in range(2)]
    code, found = doctor(cli, "--endpoint", URL)
    assert code == Exit.SERVICE
    assert "requires a key" in found["answers"]["found"]


@pytest.mark.usefixtures("_quiet_machine")
def test_a_model_that_is_not_ready_is_found(cli: Cli, service: FakeService) -> None:
    def failing(request: httpx.Request) -> None:
        if request.url.path.endswith("/ready"):
            raise httpx.ReadTimeout("slow")

    service.hook = failing
    code, found = doctor(cli, "--endpoint", URL)
    assert code == Exit.SERVICE
    assert "did not answer in time" in found["galaxy ready"]["found"]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.usefixtures("_quiet_machine")
def test_the_doctor_keeps_to_the_screen(cli: Cli, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    remedy = "set SKYSORT_DATA to its directory; only training and its tests need it"
    absent = checks.Check(checks.DEVELOP, "survey data", checks.State.OPTIONAL, "not found", remedy)
    monkeypatch.setattr(checks, "_data", lambda _: absent)
    shown = cli("doctor").out
    words = [line for line in shown.splitlines() if "/" not in line]  # a path is not broken
    assert all(len(line) <= width for line in words)


@pytest.mark.parametrize("text", ["x", "99999", "-1"])
def test_a_port_that_is_none_is_told(text: str) -> None:
    found = checks._port("API port", "SKYSORT_PORT", text)
    assert found.state is checks.State.OPTIONAL
    assert "set SKYSORT_PORT to a port" in found.remedy


def test_a_port_in_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object) -> socket.socket:
        raise OSError

    monkeypatch.setattr(socket, "create_server", taken)
    monkeypatch.setattr(checks, "_is_skysort", lambda _: False)
    found = checks._port("API port", "SKYSORT_PORT", "8000")
    assert (found.found, found.state) == ("8000 is in use", checks.State.OPTIONAL)


def test_serve_becomes_the_stack_without_the_clients_settings(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[Any] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKYSORT_API_KEY", "secret")
    monkeypatch.setenv("SKYSORT_THREADS", "2")
    monkeypatch.setattr("os.execve", lambda *arguments: called.append(arguments))
    cli("serve", "--port", "0", "--stage", "prod", "--verbose", "--no-drop")
    ((python, arguments, environment),) = called
    assert (python, arguments[1:]) == (
        sys.executable,
        ["-m", "infra.local", "--port", "0", "--stage", "prod", "--no-drop", "--verbose"],
    )
    assert Path.cwd() == ROOT
    assert environment["SKYSORT_THREADS"] == "2"
    assert "SKYSORT_API_KEY" not in environment


def test_serve_takes_the_environment_of_make_run_or_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingError, match=r"serve needs uvicorn, .*`make run` in"):
        serve.interpreter(tmp_path)
    ready = tmp_path / ".venv" / "run" / ".ready"
    ready.parent.mkdir(parents=True)
    ready.touch()
    assert serve.interpreter(tmp_path) == str(tmp_path / ".venv" / "run" / "bin" / "python")


def test_serve_without_the_projects_folder_says_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "checkout", lambda: None)
    with pytest.raises(MissingError, match="run it in a clone"):
        serve.run(build().parse_args(["serve"]))


def test_a_model_is_found_where_it_was_installed_and_its_absence_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "site-packages" / "skysort_cli"
    monkeypatch.setattr(local, "_PACKAGE", package)
    with pytest.raises(MissingError, match="the star model is not on this machine"):
        local.model_folder("star", {})
    (package / "models" / "star").mkdir(parents=True)
    (package / "models" / "star" / "card.json").write_text("{}")
    assert local.model_folder("star", {}) == package / "models" / "star"
