"""No answer is larger than Lambda passes on, and none names a fault a hundred thousand times: bytes are counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.event_handler import Response

from skysort.http.api import build_api, serve
from skysort.limits import (
    JSON_FIELDS,
    LAMBDA_PAYLOAD_BYTES,
    PROBLEM_FIELDS,
    PROBLEM_NAME_CHARACTERS,
    STAR_EXPLAINED_ROWS_PER_REQUEST,
    STAR_ROWS_PER_REQUEST,
)
from tests.factories import FakeContext, proxy_event, star_row
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

SENTINELS = dict.fromkeys(("u", "g", "r", "i", "z", "redshift"), -9999)


@pytest.fixture
def star(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    return load_function("star")


def answered(function: ModuleType, **event: Any) -> tuple[int, dict[str, Any], int]:
    """Status, document, and bytes as Lambda counts them: the whole answer as JSON."""
    response = function.handler(proxy_event(**event), FakeContext())
    return response["statusCode"], json.loads(response["body"]), len(json.dumps(response))


def test_as_many_rows_as_a_request_takes_may_all_be_wrong_in_every_field(star: ModuleType) -> None:
    # Given rows with sentinels throughout, under names as long as they may be
    rows = [{**SENTINELS, "id": f"{number:0200}"} for number in range(STAR_ROWS_PER_REQUEST)]
    # When they are sent at once
    status, answer, size = answered(star, body=json.dumps({"instances": rows}))
    # Then each is told why, and the answer can be sent
    assert status == 200
    assert size < LAMBDA_PAYLOAD_BYTES
    assert len(answer["results"]) == STAR_ROWS_PER_REQUEST
    problem = answer["results"][-1]["error"]
    assert problem["errors"][0]["field"] == "u"
    assert len(problem["errors"]) + problem["errors_not_listed"] >= 5


def test_the_largest_answers_that_are_no_problems_can_be_sent(star: ModuleType) -> None:
    rows = [star_row(id=f"{number:0200}", r=20 + number / 10_000) for number in range(STAR_ROWS_PER_REQUEST)]
    explained = {"instances": rows[:STAR_EXPLAINED_ROWS_PER_REQUEST], "explain": True}
    for document in ({"instances": rows}, explained):
        status, _, size = answered(star, body=json.dumps(document))
        assert (status, size < LAMBDA_PAYLOAD_BYTES) == (200, True)


def test_names_that_grow_in_the_answer_are_a_problem_and_no_fault_of_ours(star: ModuleType) -> None:
    """An emoji has 4 bytes in the request, and 14 in the answer."""
    rows = [star_row(id="\N{GLOWING STAR}" * 200) for _ in range(3_000)]
    body = json.dumps({"instances": rows}, ensure_ascii=False)
    status, problem, _ = answered(star, body=body)
    assert (status, problem["request_id"]) == (413, "request-1")
    assert "Request fewer items." in problem["detail"]


def test_text_of_other_alphabets_is_counted_as_it_is_sent() -> None:
    # Given pages of a CSV in two-byte letters, below and above what can be sent
    api = build_api()
    letters = "\N{GREEK SMALL LETTER ALPHA}" * (LAMBDA_PAYLOAD_BYTES // 2)

    @api.get("/short")
    def short() -> Response[str]:
        return Response(200, "text/csv", letters[:-500])

    @api.get("/long")
    def long() -> Response[str]:
        return Response(200, "text/csv", letters)

    # Then the first comes whole
    assert serve(api, proxy_event("GET", "/short"), FakeContext())["statusCode"] == 200  # type: ignore[arg-type]
    assert serve(api, proxy_event("GET", "/long"), FakeContext())["statusCode"] == 413  # type: ignore[arg-type]


@pytest.mark.parametrize("beside", [{"instances": []}, {}])
def test_thousands_of_unknown_fields_are_counted(star: ModuleType, beside: dict[str, Any]) -> None:
    unknown = {f"{number:05}" + "x" * 1_000: 1 for number in range(JSON_FIELDS - 1)}
    status, problem, size = answered(star, body=json.dumps({**unknown, **beside}))
    assert status == 422
    assert size < 100_000
    assert len(problem["errors"]) <= PROBLEM_FIELDS
    assert all(len(error["field"]) <= PROBLEM_NAME_CHARACTERS for error in problem["errors"])


def test_a_hundred_thousand_fields_are_too_many_in_json_and_in_a_form(star: ModuleType) -> None:
    names = [f"{number}" for number in range(100_000)]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for event in (
        proxy_event(body=json.dumps(dict.fromkeys(names, 1))),
        proxy_event(body="&".join(f"{name}=1" for name in names), headers=form),
    ):
        response = star.handler(event, FakeContext())
        assert response["statusCode"] == 413
        assert "2,000" in json.loads(response["body"])["detail"]


def test_every_answer_says_that_it_is_what_it_is_and_for_nobody_else(star: ModuleType) -> None:
    events: list[dict[str, Any]] = [
        {"body": json.dumps(star_row())},
        {"body": "{"},
        {"method": "GET", "path": "/v1/nowhere"},
    ]
    for event in events:
        headers = star.handler(proxy_event(**event), FakeContext())["multiValueHeaders"]
        assert headers["X-Content-Type-Options"] == ["nosniff"]
        assert headers["Cache-Control"] == ["no-store"]


def test_an_option_given_twice_is_treated_alike_in_query_and_body(star: ModuleType) -> None:
    row = json.dumps(star_row())
    twice = proxy_event(body=row, query={"top_k": "2"})
    twice["multiValueQueryStringParameters"] = {"top_k": ["1", "2"]}
    in_query = star.handler(twice, FakeContext())
    assert in_query["statusCode"] == 422
    assert json.loads(in_query["body"])["detail"] == "top_k: is given 2 times; give it once"
    # and labels are joined
    twice = proxy_event(body=row, query={"labels": "qso"})
    twice["multiValueQueryStringParameters"] = {"labels": ["star", "qso"]}
    (result,) = json.loads(star.handler(twice, FakeContext())["body"])["results"]
    assert sorted(each["label"] for each in result["predictions"]) == ["QSO", "STAR"]
