"""What people do with curl, against the started stack."""

from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest

from infra.local.running_stack import ROOT, StartedStack
from skysort.limits import GATEWAY_REQUEST_BYTES, STAR_ROWS_PER_REQUEST
from tests.factories import EXAMPLE_ROW, star_row

pytestmark = pytest.mark.end_to_end
CLASSIFY = "/v1/classify/star"


def test_a_row_is_classified(api: httpx.Client) -> None:
    response = api.post(CLASSIFY, json=EXAMPLE_ROW)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-amzn-requestid"]
    (result,) = response.json()["results"]
    assert result["predictions"][0]["label"] == "GALAXY"
    assert result["variant"] == "with_redshift"


def test_a_table_is_classified_and_its_bad_row_named(api: httpx.Client) -> None:
    table = (ROOT / "events" / "stars.csv").read_bytes()
    results = api.post(CLASSIFY, content=table, headers={"Content-Type": "text/csv"}).json()["results"]
    assert len(results) == 12
    assert [result["id"] for result in results if "error" in result] == ["sdss17-star-4"]


def test_as_many_rows_as_are_allowed_fit_into_one_request(api: httpx.Client) -> None:
    rows = [star_row(redshift=round(0.1 + number * 1e-4, 6)) for number in range(STAR_ROWS_PER_REQUEST)]
    response = api.post(CLASSIFY, json={"instances": rows})
    assert len(response.json()["results"]) == STAR_ROWS_PER_REQUEST


def test_an_explanation_sums_to_the_margin(api: httpx.Client) -> None:
    (result,) = api.post(CLASSIFY, params={"explain": "true"}, json=EXAMPLE_ROW).json()["results"]
    for parts in result["explanation"]["classes"].values():
        assert parts["base"] + sum(parts["contributions"].values()) == pytest.approx(parts["margin"], abs=1e-4)


def test_the_model_says_what_it_is(api: httpx.Client) -> None:
    assert api.get("/v1/health").json()["status"] == "ok"
    assert api.get("/v1/models/star/ready").json()["status"] == "ready"
    assert "star" in [model["name"] for model in api.get("/v1/models").json()["models"]]
    card = api.get("/v1/models/star").json()
    assert card["version"] == api.post(CLASSIFY, json=EXAMPLE_ROW).json()["model"]["version"]
    assert {"with_redshift", "photometry_only"} == card["variants"].keys()


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "status"),
    [
        ("POST", CLASSIFY, b"{", "application/json", 400),
        ("POST", CLASSIFY, b"", "application/json", 400),
        ("POST", CLASSIFY, b"x", "image/jpeg", 415),
        ("POST", CLASSIFY, json.dumps(star_row(u=...)).encode(), "application/json", 422),
        ("POST", f"{CLASSIFY}?top_k=0", json.dumps(EXAMPLE_ROW).encode(), "application/json", 422),
        ("POST", CLASSIFY, b" " * (GATEWAY_REQUEST_BYTES + 1), "application/json", 413),
        ("GET", CLASSIFY, None, "", 405),
        ("GET", "/v1/models/moon", None, "", 404),
        ("GET", "/nowhere", None, "", 404),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    api: httpx.Client, method: str, path: str, body: bytes | None, content_type: str, status: int
) -> None:
    response = api.request(
        method, path, content=body, headers={"Content-Type": content_type} if body is not None else {}
    )
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-amzn-requestid"]


def test_any_bytes_arrive_unharmed(api: httpx.Client) -> None:
    """A binary body is base64 in the event; the function decodes it and finds what was sent."""
    response = api.post(CLASSIFY, content=bytes(range(256)), headers={"Content-Type": "application/octet-stream"})
    assert response.status_code == 415
    assert base64.b64encode(b"x") not in response.content


def test_many_users_at_once_are_all_answered(stack: StartedStack) -> None:
    async def burst() -> list[int]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=stack.api, limits=limits, timeout=30) as client:
            rows = [star_row(redshift=round(number * 1e-3, 6)) for number in range(640)]
            return [
                answer.status_code
                for answer in await asyncio.gather(*(client.post(CLASSIFY, json=row) for row in rows))
            ]

    assert asyncio.run(burst()) == [200] * 640
