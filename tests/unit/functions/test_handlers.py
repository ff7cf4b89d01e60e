"""The handlers as Lambda calls them: a proxy event in, a proxy response out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.stages.readiness import readiness_request
from skysort.observability import logger
from tests.factories import EXAMPLE_ROW, FakeContext, proxy_event, star_row
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


pytestmark = pytest.mark.usefixtures("own_metrics")


@pytest.fixture
def star(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    return load_function("star")


@pytest.fixture
def control(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_CARDS", str(star_folder.parent.parent))
    return load_function("control")


def call(function: ModuleType, **event: Any) -> tuple[int, dict[str, Any], dict[str, list[str]]]:
    response = function.handler(proxy_event(**event), FakeContext())
    return response["statusCode"], json.loads(response["body"]), response["multiValueHeaders"]


def test_a_row_is_classified(star: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    # When the example row is posted
    status, answer, headers = call(star, body=json.dumps(EXAMPLE_ROW))
    # Then it is answered, and counted in the embedded metric format
    assert (status, headers["Content-Type"]) == (200, ["application/json"])
    assert answer["results"][0]["predictions"][0]["label"] == "GALAXY"
    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert any(line.get("RowsClassified") == [1.0] for line in emitted)
    # with its class, and how sure that was
    counted = next(line for line in emitted if "RowsClassified" in line)
    assert counted["Label: GALAXY"] == [1.0]
    assert counted["Confidence"] == [answer["results"][0]["predictions"][0]["probability"]]


@pytest.mark.parametrize("event", [{"body": "{"}, {"method": "GET", "path": "/v1/nowhere"}])
def test_a_refused_request_is_counted_and_logged_under_the_id_that_its_caller_got(
    star: ModuleType, capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    _, problem, _ = call(star, **event)
    assert counted(capsys) & {"Requests", "RequestsRefused", "RequestsFailed"} == {"Requests", "RequestsRefused"}
    assert logger.get_correlation_id() == problem["request_id"]


def test_a_request_that_fails_by_our_fault_is_not_counted_as_refused(
    star: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(star.classifier, "answer", None)
    status, _, _ = call(star, body=json.dumps(EXAMPLE_ROW))
    assert status == 500
    assert counted(capsys) & {"Requests", "RequestsRefused", "RequestsFailed"} == {"Requests", "RequestsFailed"}


def counted(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The names of all metrics that were emitted."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return {name for line in lines for name in line}


@pytest.mark.parametrize("body", ["u,g,r,i,z\n19,18,17,17,17\n", b"u,g,r,i,z\n19,18,17,17,17\n"])
def test_csv_arrives_as_text_or_as_base64(star: ModuleType, body: str | bytes) -> None:
    status, answer, _ = call(star, body=body, headers={"Content-Type": "text/csv"})
    assert status == 200
    assert answer["results"][0]["variant"] == "photometry_only"


@pytest.mark.parametrize(
    ("event", "status", "says"),
    [
        ({"body": json.dumps(star_row(u=...))}, 422, "u: is missing"),
        ({"body": "{"}, 400, "not JSON"),
        ({"body": None}, 400, "the body is empty"),
        ({"body": "x", "headers": {"Content-Type": "image/png"}}, 415, "image/png"),
        ({"body": json.dumps({"instances": [{}] * 5_001})}, 413, "at most 5000 rows"),
        ({"body": json.dumps(EXAMPLE_ROW), "query": {"top_k": "11"}}, 422, "top_k"),
        ({"body": json.dumps(EXAMPLE_ROW), "query": {"topk": "1"}}, 422, "topk: unknown option"),
        ({"body": json.dumps({**EXAMPLE_ROW, "top_k": 11})}, 422, "top_k"),
        ({"body": json.dumps(EXAMPLE_ROW), "query": {"prior": "QSO:1"}}, 422, "prior: lacks the share of GALAXY, STAR"),
        ({"path": "/v1/nowhere", "method": "GET"}, 404, "/v1/nowhere"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(star: ModuleType, event: dict[str, Any], status: int, says: str) -> None:
    found, problem, headers = call(star, **event)
    assert (found, headers["Content-Type"]) == (status, ["application/problem+json"])
    assert problem["status"] == status
    assert problem["request_id"] == "request-1"
    assert says in problem["detail"]


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        ("u=19&g=18&r=17&i=17&z=17", "application/x-www-form-urlencoded"),
        ("u,g,r,i,z\n19,18,17,17,17\n", "text/csv"),
        ('{"u": 19, "g": 18, "r": 17, "i": 17, "z": 17}', "application/json"),
    ],
)
def test_every_body_takes_class_shares_by_the_query(star: ModuleType, body: str, media_type: str) -> None:
    shares = {"GALAXY": 0.9, "QSO": 0.001, "STAR": 0.099}
    query = {"prior": ",".join(f"{label}:{share}" for label, share in shares.items())}
    status, answer, _ = call(star, body=body, query=query, headers={"Content-Type": media_type})
    assert (status, answer["prior"]) == (200, shares)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [EXAMPLE_ROW], "labels": ["QSO", "STAR"], "prior": {"QSO": 1, "STAR": 1}},
        {**EXAMPLE_ROW, "labels": "QSO,STAR", "prior": "STAR:1,QSO:1"},
        "u=19&g=18&r=17&i=17&z=17&prior=QSO:1,STAR:1&labels=QSO,STAR",
    ],
)
def test_bodies_may_have_class_shares_of_their_own(star: ModuleType, body: dict[str, Any] | str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    event = {"body": body, "headers": form} if isinstance(body, str) else {"body": json.dumps(body)}
    status, answer, _ = call(star, **event)
    assert (status, answer["prior"]) == (200, {"QSO": 0.5, "STAR": 0.5})


def test_broken_base64_is_the_clients_error(star: ModuleType) -> None:
    event = proxy_event(body="%%%") | {"isBase64Encoded": True}
    assert star.handler(event, FakeContext())["statusCode"] == 400


def test_an_unforeseen_error_is_a_problem_that_tells_nothing(star: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(star.classifier, "answer", explode)
    status, problem, _ = call(star, body=json.dumps(EXAMPLE_ROW))
    assert status == 500
    assert "secret" not in str(problem)


def test_ready_means_a_real_prediction_came_out_right(star: ModuleType) -> None:
    status, answer, _ = call(star, method="GET", path="/v1/models/star/ready")
    assert (status, answer["sample"]["label"]) == (200, "GALAXY")


def test_the_schedule_that_keeps_a_functions_utilisation_known_is_answered(
    star: ModuleType, control: ModuleType
) -> None:
    for name, function in (("star", star), ("control", control)):
        assert function.handler(readiness_request(name), FakeContext())["statusCode"] == 200


def test_options_come_in_the_query(star: ModuleType) -> None:
    query = {"top_k": "1", "labels": "qso,star", "explain": "true"}
    _, answer, _ = call(star, body=json.dumps(EXAMPLE_ROW), query=query)
    (result,) = answer["results"]
    assert len(result["predictions"]) == 1
    assert "explanation" in result


def test_control_lists_models_and_shows_cards(control: ModuleType) -> None:
    assert call(control, method="GET", path="/v1/health")[1]["status"] == "ok"
    assert [model["name"] for model in call(control, method="GET", path="/v1/models")[1]["models"]] == ["star"]
    assert "variants" in call(control, method="GET", path="/v1/models/star")[1]
    status, problem, _ = call(control, method="GET", path="/v1/models/moon")
    assert (status, problem["detail"]) == (404, "unknown model 'moon'; choose from star")
