"""The table of routes, and how a request finds its own."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.api.routes import ROUTES, Match, Router, WrongMethod

ROUTER = Router()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_found(route: object) -> None:
    assert isinstance(route, type(ROUTES[0]))
    found = ROUTER.find(route.method, route.path.replace("{name}", "star"))
    assert isinstance(found, Match)
    assert found.route == route


def test_a_literal_segment_wins_over_a_parameter() -> None:
    found = ROUTER.find("GET", "/v1/models/star/ready")
    assert isinstance(found, Match)
    assert (found.route.function, found.path_parameters) == ("star", None)


@given(st.text(min_size=1, max_size=30))
def test_path_parameters_are_decoded(name: str) -> None:
    # Given a name with any characters, percent-encoded as a client does
    path = f"/v1/models/{quote(name, safe='')}"
    # When it is routed
    found = ROUTER.find("GET", path)
    # Then the function gets the name itself
    assert isinstance(found, Match)
    assert found.path_parameters == {"name": name}


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert ROUTER.find("GET", "/v1/classify/star") == WrongMethod(("POST",))
    assert ROUTER.find("PUT", "/v1/models/star") == WrongMethod(("DELETE", "GET"))


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/models/", "/v1/models/a/b", "/v1/health/x", "/v1/classify/comet"])
def test_other_paths_lead_nowhere(path: str) -> None:
    assert ROUTER.find("GET", path) is None
