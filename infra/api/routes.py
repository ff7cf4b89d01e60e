"""The routes of the HTTP API, for the local gateway and CDK."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from skysort.models import CUSTOM, MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a resource; `{name}` in the path matches a segment."""

    method: str
    path: str
    function: str


ROUTES: Final = (
    *(Route("POST", model.classify_path, model.name) for model in MODELS.values()),
    *(Route("GET", model.ready_path, model.name) for model in MODELS.values()),
    Route("POST", f"{CUSTOM.classify_path}/{{name}}", CUSTOM.name),
    Route("GET", CUSTOM.ready_path, CUSTOM.name),
    Route("GET", "/v1/models", "control"),
    Route("GET", "/v1/models/{name}", "control"),
    Route("DELETE", "/v1/models/{name}", "control"),
    Route("GET", "/v1/models/{name}/versions", "control"),
    Route("GET", "/v1/models/{name}/versions/{version}", "control"),
    Route("DELETE", "/v1/models/{name}/versions/{version}", "control"),
    Route("POST", "/v1/models/{name}/promote", "control"),
    Route("POST", "/v1/models/{name}/rollback", "control"),
    Route("GET", "/v1/trained", "control"),
    Route("GET", "/v1/trained/{name}", "control"),
    Route("POST", "/v1/trainings", "control"),
    Route("GET", "/v1/trainings", "control"),
    Route("GET", "/v1/trainings/{id}", "control"),
    Route("POST", "/v1/bulk", "control"),
    Route("GET", "/v1/bulk", "control"),
    Route("GET", "/v1/bulk/{id}", "control"),
    Route("GET", "/v1/bulk/{id}/files", "control"),
    Route("POST", "/v1/bulk/{id}/cancel", "control"),
    Route("POST", "/v1/bulk/{id}/resume", "control"),
    Route("GET", "/v1/health", "control"),
    Route("POST", "/v1/uploads", "control"),
    Route("GET", "/v1/batches/{batch}", "control"),
    Route("GET", "/v1/batches/{batch}/results.csv", "control"),
    Route("GET", "/openapi.json", "control"),
    Route("GET", "/docs", "control"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the values of its path parameters, None if it has none."""

    route: Route
    path_parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """The path exists, but only for other methods."""

    allowed: tuple[str, ...]


class Router:
    """Finds the route of a request; a literal segment takes precedence over a parameter, as in API Gateway."""

    def __init__(self, routes: Iterable[Route] = ROUTES) -> None:
        self._literal: dict[str, dict[str, Match]] = {}
        self._templates: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        for route in routes:
            if "{" not in route.path:
                self._literal.setdefault(route.path, {})[route.method] = Match(route)
                continue
            _, methods = self._templates.setdefault(route.path, (_pattern(route.path), {}))
            methods[route.method] = route

    def find(self, method: str, path: str) -> Match | WrongMethod | None:
        """Find the route of a raw (percent-encoded) path; None for an unknown path."""
        literal = self._literal.get(path)
        if literal is not None:
            return literal.get(method) or WrongMethod(tuple(sorted(literal)))
        for pattern, methods in self._templates.values():
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if method not in methods:
                return WrongMethod(tuple(sorted(methods)))
            return Match(methods[method], {name: unquote(value) for name, value in match.groupdict().items()})
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))
