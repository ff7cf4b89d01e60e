"""What `skysort doctor` asks a service: does it answer, take the key, have its models ready, take files."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import skysort
from skysort_cli.checks import Check, State
from skysort_cli.exits import CommandError, ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort_cli.client import Client

SERVICE: Final = "service"
# Never a batch: the name of none may begin with a dot.
_NO_BATCH: Final = "skysort-doctor-asks-whether-batches-are-told-of"


def service(client: Client) -> Iterator[Check]:
    """Checks of a service, up to the first that nothing can follow."""
    url = client.endpoint.url
    began = time.perf_counter()
    try:
        health = client.get("/v1/health")
    except (CommandError, ProblemError) as error:
        yield Check(SERVICE, "answers", State.MISSING, str(error), "check the address and SKYSORT_API_KEY")
        return
    took = (time.perf_counter() - began) * 1e3
    version = str(health.get("version", "unknown"))
    other = "" if version == skysort.__version__ else f"; this command is {skysort.__version__}"
    yield Check(SERVICE, "answers", State.OK, f"{url}, version {version}{other}, in {took:.0f} ms")
    try:
        names = [str(model["name"]) for model in client.get("/v1/models")["models"]]
    except (CommandError, ProblemError, KeyError, TypeError) as error:
        yield Check(SERVICE, "lists its models", State.MISSING, str(error), "is the address skysort's?")
        return
    for name in names:
        yield _asked(client, f"{name} ready", f"/v1/models/{name}/ready")
    yield _asked(client, "tells of batches", f"/v1/batches/{_NO_BATCH}", HTTPStatus.NOT_FOUND)


def _asked(client: Client, name: str, path: str, expected: HTTPStatus = HTTPStatus.OK) -> Check:
    began = time.perf_counter()
    remedy = "look into the function's log"
    try:
        answer: dict[str, Any] = client.get(path)
    except ProblemError as error:
        problem = error.problem
        if problem.get("status") == expected and str(problem.get("type", "")).startswith("urn:skysort:"):
            return Check(SERVICE, name, State.OK, _took(began))
        return Check(SERVICE, name, State.MISSING, error.detail, remedy)
    except CommandError as error:
        return Check(SERVICE, name, State.MISSING, error.sentence, remedy)
    model = answer.get("model", {})
    return Check(SERVICE, name, State.OK, f"{model.get('version', '')} {_took(began)}".strip())


def _took(began: float) -> str:
    return f"in {(time.perf_counter() - began) * 1e3:.0f} ms"
