"""`skysort doctor`: what is missing on this machine, how to get it, and whether a service works.

Standard library only, so that it works without any package.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import skysort
from skysort.models import MODELS
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import CommandError, Exit, ProblemError
from skysort_cli.local import FOLDER, checkout, model_folder, models_folder
from skysort_cli.terminal import is_terminal, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping

    from skysort_cli.client import Client
    from skysort_cli.endpoint import Endpoint

_LOOPBACK: Final = "127.0.0.1"
_ENGINE_TIMEOUT_S: Final = 10
_MIN_PYTHON: Final = (3, 11)
# A name that no batch has.
_UNKNOWN_BATCH: Final = "skysort-doctor-asks-whether-batches-are-reported"


class State(StrEnum):
    """The result of a check. optional: absent, and needed only for the check's group."""

    OK = "ok"
    MISSING = "missing"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found, and the remedy if it is not as it should be."""

    group: str
    name: str
    state: State
    found: str
    remedy: str = ""


COMMAND_LINE: Final = "command line"
CLASSIFY: Final = "classify on this machine"
SERVE: Final = "serve"
DEVELOP: Final = "develop"
SERVICE: Final = "service"
_INSTALL_MODELS: Final = "pip install '.[models]' in the project's folder, or work with --endpoint URL"
_INSTALL_LOCAL: Final = "`make run` in the project's folder sets it up"
# Distributions and their modules, by group.
_PACKAGES: Final = {
    COMMAND_LINE: (("httpx", "httpx"), ("rich", "rich")),
    CLASSIFY: (
        ("numpy", "numpy"),
        ("pydantic", "pydantic"),
        ("onnxruntime", "onnxruntime"),
        ("pillow", "PIL"),
        ("multipart", "multipart"),
        ("pi-heif", "pi_heif"),
        ("pybase64", "pybase64"),
        ("xgboost-cpu", "xgboost"),
        ("pyarrow", "pyarrow"),
    ),
    SERVE: (
        ("uvicorn", "uvicorn"),
        ("moto", "moto"),
        ("httptools", "httptools"),
        ("aws-lambda-powertools", "aws_lambda_powertools"),
    ),
}
_MARKS: Final = {State.OK: ("✓", "+", "32"), State.MISSING: ("✗", "x", "31"), State.OPTIONAL: ("·", "-", "33")}
_NAME_WIDTH: Final = 24


def run(options: argparse.Namespace) -> int:
    """Run all checks; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ)
    checks = chain(machine(os.environ, in_process=endpoint is None), _service(endpoint, options.timeout))
    if options.format == "json":
        results = list(checks)
        sys.stdout.write(json.dumps([dataclasses.asdict(check) for check in results], indent=2) + "\n")
    else:
        results = _show(checks)
    missing = {check.group for check in results if check.state is State.MISSING}
    return Exit.SERVICE if SERVICE in missing else Exit.MISSING if missing else Exit.OK


def _service(endpoint: Endpoint | None, timeout_s: float) -> Iterator[Check]:
    if endpoint is None:
        return
    try:
        from skysort_cli.client import Client, RetryPolicy  # noqa: PLC0415 - may be missing
    except ImportError as error:
        yield Check(
            SERVICE, "answers", State.MISSING, f"not checked: {error.name} is missing", "pip install rich httpx"
        )
        return
    with Client(endpoint, timeout_s=timeout_s, policy=RetryPolicy(attempts=2)) as client:
        yield from service(client)


def _can_show(signs: str) -> bool:
    """Whether stdout's encoding has these characters."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _show(checks: Iterable[Check]) -> list[Check]:
    """Print each check as soon as it is done, with its remedy, and a summary."""
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    narrow = width <= 2 * _NAME_WIDTH + 20
    indent = 6 if narrow else _NAME_WIDTH + 5
    colour = is_terminal(sys.stdout) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    ascii_only = not _can_show("✓✗·")
    shown: list[Check] = []
    for check in checks:
        if not shown or check.group != shown[-1].group:
            sys.stdout.write(("\n" if shown else "") + check.group + "\n")
        *marks, code = _MARKS[check.state]
        mark = f"\x1b[{code}m{marks[ascii_only]}\x1b[0m" if colour else marks[ascii_only]
        text = printable(check.found) + (f": {printable(check.remedy)}" if check.remedy else "")
        lines = textwrap.wrap(text, width - indent - (0 if narrow else 2)) or [""]
        lines = ["", *lines] if narrow else lines
        sys.stdout.write(f"  {mark} {check.name:<{_NAME_WIDTH}} {lines[0]}".rstrip() + "\n")
        sys.stdout.writelines(f"{' ' * indent}{line}\n" for line in lines[1:])
        sys.stdout.flush()
        shown.append(check)
    absent = sum(check.state is State.MISSING for check in shown)
    optional = sum(check.state is State.OPTIONAL for check in shown)
    parts = f"{absent} required part{'s' * (absent != 1)} missing" if absent else "All required parts found"
    parts += f"; {optional} optional part{'s' * (optional != 1)} missing." if optional else "."
    sys.stdout.write("\n" + "\n".join(textwrap.wrap(parts, width)) + "\n")
    return shown


def machine(environment: Mapping[str, str], *, in_process: bool) -> Iterator[Check]:
    """All checks of this machine. in_process: whether the models are needed here."""
    yield _python()
    yield from _packages(COMMAND_LINE, "pip install rich httpx", State.MISSING)
    yield from _packages(CLASSIFY, _INSTALL_MODELS, State.MISSING if in_process else State.OPTIONAL)
    for model in MODELS:
        yield _model(model, environment, needed=in_process)
    yield from _trained_models(environment)
    root = str(checkout() or "")
    yield _optional(SERVE, "project's folder", root, "installed without it", "clone the project")
    yield from _packages(SERVE, _INSTALL_LOCAL, State.OPTIONAL)
    for name, setting, default in (("API port", "SKYSORT_PORT", 8000), ("S3 port", "SKYSORT_S3_PORT", 9000)):
        yield _port(name, setting, environment.get(setting) or str(default))
    make = shutil.which("make")
    yield _optional(DEVELOP, "make", make, "not found", "apt-get install make, or Apple's command line tools")
    yield _engine()
    yield _chromium(environment)
    yield _data(environment)


def _python() -> Check:
    version = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= _MIN_PYTHON:
        return Check(COMMAND_LINE, "Python", State.OK, version)
    return Check(COMMAND_LINE, "Python", State.MISSING, version, "install Python 3.11 or newer")


def _packages(group: str, remedy: str, state_if_absent: State) -> Iterator[Check]:
    for distribution, module in _PACKAGES[group]:
        if importlib.util.find_spec(module) is None:
            yield Check(group, distribution, state_if_absent, "not installed", remedy)
        else:
            yield Check(group, distribution, State.OK, _version(distribution, module))


def _version(distribution: str, module: str) -> str:
    for name in (distribution, module):  # on macOS xgboost comes under its plain name
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "installed"


def _model(model: str, environment: Mapping[str, str], *, needed: bool) -> Check:
    state_if_absent = State.MISSING if needed else State.OPTIONAL
    name = f"{model} model"
    try:
        folder = model_folder(model, environment)
        card = json.loads((folder / "card.json").read_bytes())
        parts = [*card.get("variants", {"": card}).values(), *card.get("typicality", {}).get("files", {}).values()]
        damaged = [part["file"] for part in parts if _sha256(folder / part["file"]) != part["sha256"]]
    except CommandError as error:
        return Check(CLASSIFY, name, state_if_absent, "not found", str(error))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Check(CLASSIFY, name, state_if_absent, f"cannot be read: {error}", "clone the project again")
    if damaged:
        remedy = "restore it, with Git LFS if it is used: git checkout -- functions"
        return Check(CLASSIFY, name, state_if_absent, f"{damaged[0]} is not the file that its card describes", remedy)
    return Check(CLASSIFY, name, State.OK, f"{card.get('version', '')}, sha256 verified, in {folder}")


def _trained_models(environment: Mapping[str, str]) -> Iterator[Check]:
    """A check of the folder of trained models, only if nothing can be written there."""
    folder = models_folder(environment)
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        remedy = f"set {FOLDER} to another folder; only training on this machine needs it"
        yield Check(CLASSIFY, "folder of trained models", State.OPTIONAL, f"{folder} cannot be written", remedy)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _port(name: str, setting: str, text: str) -> Check:
    if not text.isdecimal() or int(text) > 65_535:  # noqa: PLR2004 - the last port
        return Check(SERVE, name, State.OPTIONAL, f"{setting} is {text!r}", f"set {setting} to a port from 0 to 65535")
    port = int(text)
    try:
        with socket.create_server((_LOOPBACK, port)):
            return Check(SERVE, name, State.OK, f"{port} is free")
    except OSError:
        if _is_skysort(port):
            return Check(SERVE, name, State.OK, f"a running skysort answers on {port}")
        return Check(SERVE, name, State.OPTIONAL, f"{port} is in use", f"set {setting} to another port, or 0 for any")


def _is_skysort(port: int) -> bool:
    try:
        # Without any proxy: it is this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{_LOOPBACK}:{port}/v1/health", timeout=2) as answer:
            return bool(json.loads(answer.read()).get("status") == "ok")
    except (OSError, ValueError, AttributeError):
        return False


def _optional(group: str, name: str, found: str | None, problem: str, remedy: str) -> Check:
    """A check of something that only its group needs."""
    return Check(group, name, State.OK, found) if found else Check(group, name, State.OPTIONAL, problem, remedy)


def _engine() -> Check:
    docker, found, problem = shutil.which("docker"), "", "docker is not on the PATH"
    if docker is not None:
        command = [docker, "version", "--format", "{{.Server.Version}}"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=_ENGINE_TIMEOUT_S, check=True)
            found = f"Docker {answer.stdout.strip()}"
        except (OSError, subprocess.SubprocessError):
            problem = "the Docker daemon does not respond"
    remedy = "install and start Docker; only images, sam local and their tests need it"
    return _optional(DEVELOP, "container engine", found, problem, remedy)


def _chromium(environment: Mapping[str, str]) -> Check:
    path = environment.get("SKYSORT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    remedy = "install Chromium, or set SKYSORT_CHROMIUM to its path; only the page's tests need it"
    problem = f"{path} is not a program" if path else "not found"
    return _optional(DEVELOP, "Chromium", path if path and shutil.which(path) else None, problem, remedy)


def _data(environment: Mapping[str, str]) -> Check:
    root, setting = checkout(), environment.get("SKYSORT_DATA")
    folder = Path(setting) if setting else root.parent / "shared" / "data" if root else None
    remedy = "set SKYSORT_DATA to its directory; only training and its tests need it"
    found = str(folder) if folder is not None and folder.is_dir() else None
    return _optional(DEVELOP, "survey data", found, f"{folder} is not a directory" if folder else "not found", remedy)


def service(client: Client) -> Iterator[Check]:
    """Checks of a service, until one fails that the others depend on."""
    url = client.endpoint.url
    started = time.perf_counter()
    try:
        health = client.get("/v1/health")
    except (CommandError, ProblemError) as error:
        yield Check(SERVICE, "answers", State.MISSING, str(error), "check the address and SKYSORT_API_KEY")
        return
    took = (time.perf_counter() - started) * 1e3
    version = str(health.get("version", "unknown"))
    other = "" if version == skysort.__version__ else f"; this command is {skysort.__version__}"
    yield Check(SERVICE, "answers", State.OK, f"{url}, version {version}{other}, in {took:.0f} ms")
    try:
        names = [str(model["name"]) for model in client.get("/v1/models")["models"]]
    except (CommandError, ProblemError, KeyError, TypeError) as error:
        yield Check(SERVICE, "lists its models", State.MISSING, str(error), "check that the address is skysort's")
        return
    for name in names:
        yield _probe(client, f"{name} ready", f"/v1/models/{name}/ready")
    yield _probe(client, "reports batches", f"/v1/batches/{_UNKNOWN_BATCH}", HTTPStatus.NOT_FOUND)
    for name, path in (("trains models", "/v1/trainings"), ("trained models ready", "/v1/models/custom/ready")):
        check = _probe(client, name, path)
        if check.state is not State.OK:  # a service may do without
            yield dataclasses.replace(check, state=State.OPTIONAL, remedy="only training needs it")


def _probe(client: Client, name: str, path: str, expected: HTTPStatus = HTTPStatus.OK) -> Check:
    started = time.perf_counter()
    remedy = "check the function's log"
    try:
        answer = client.get(path)
    except ProblemError as error:
        problem = error.problem
        if problem.get("status") == expected and str(problem.get("type", "")).startswith("urn:skysort:"):
            return Check(SERVICE, name, State.OK, _took(started))
        return Check(SERVICE, name, State.MISSING, error.detail, remedy)
    except CommandError as error:
        return Check(SERVICE, name, State.MISSING, str(error), remedy)
    model = answer.get("model", {})
    return Check(SERVICE, name, State.OK, f"{model.get('version', '')} {_took(started)}".strip())


def _took(started: float) -> str:
    return f"in {(time.perf_counter() - started) * 1e3:.0f} ms"
