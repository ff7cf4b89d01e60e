"""HTTP through the real gateway into real sandboxes."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from infra.stages.deployments import local
from tests.integration.local.conftest import PROJECT, eventually, is_alive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.integration.local.conftest import Local


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["request_id"] == answer.headers["x-amzn-requestid"]
    return document


def star_pids(running: Local, without: Iterable[int] = ()) -> set[int]:
    """Both star sandboxes, once both run and none of the given ones is left."""

    def both() -> set[int] | None:
        pids = set(running.state()["sandboxes"]["star"])
        return pids if len(pids) == 2 and all(map(is_alive, pids)) and pids.isdisjoint(without) else None

    found: set[int] = eventually(both, "two star sandboxes")
    return found


def test_a_function_sees_the_request_as_api_gateway_sends_it(running: Local) -> None:
    # When a request with repeated query parameters comes
    answer = running.http.post("/v1/classify/star?tag=a&tag=b%20c", json={"u": 1})
    seen = answer.json()["event"]
    # Then the function has it in the documented form, and its headers come back
    assert seen["multiValueQueryStringParameters"] == {"tag": ["a", "b c"]}
    assert (seen["httpMethod"], seen["path"], seen["body"]) == ("POST", "/v1/classify/star", '{"u":1}')
    assert seen["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]
    assert answer.headers.get_list("x-seen") == ["a", "b"]


def test_a_sandbox_is_set_up_as_lambda_does(running: Local) -> None:
    seen = running.star().json()
    environment, context = seen["environment"], seen["context"]
    assert seen["cwd"] == str(PROJECT / "functions" / "star")
    assert seen["path"][:2] == [seen["cwd"], str(PROJECT / "layers")]
    assert str(ROOT) not in seen["path"]
    assert seen["layer"] == "from the layer"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == context["function_name"] == "skysort-star-local"
    assert environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    assert environment["AWS_ENDPOINT_URL"] == running.stack.s3
    assert environment["_HANDLER"] == "app.handler"
    assert context["memory_limit_in_mb"] == "1769"
    assert context["invoked_function_arn"].endswith(":function:skysort-star-local")
    assert 0 < context["remaining_ms"] <= 1000


def test_nothing_of_the_callers_environment_reaches_a_sandbox(running: Local) -> None:
    environment = running.star().json()["environment"]
    assert "VIRTUAL_ENV" not in environment
    assert "PYTHONPATH" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "local"


def test_binary_bodies_arrive_as_base64(running: Local) -> None:
    content = bytes(range(256)) * 40
    answer = running.http.post("/v1/classify/star", content=content, headers={"Content-Type": "application/fits"})
    seen = answer.json()["event"]
    assert seen["isBase64Encoded"] is True
    assert base64.b64decode(seen["body"]) == content


def test_a_large_text_body_arrives_whole(running: Local) -> None:
    content = "a,b\n" + "1,2\n" * 400_000
    answer = running.http.post("/v1/classify/star", content=content, headers={"Content-Type": "text/csv"})
    assert answer.json()["event"]["body"] == content


def test_path_parameters_reach_the_function(running: Local) -> None:
    assert running.http.get("/v1/models/star").json() == {"status": "ok"}


def test_an_exception_is_502_and_its_message_stays_inside(running: Local) -> None:
    answer = running.star(do="fail")
    assert "ValueError" in problem(answer, 502)["local"]
    assert "nobody outside" not in answer.text
    log = running.log("star")
    assert f"[ERROR] RequestId: {answer.headers['x-amzn-requestid']}" in log
    assert "nobody outside may read this" in log


@pytest.mark.parametrize("answer", ["[]", '{"statusCode": 1}', '{"statusCode": 200, "body": {}}'])
def test_a_malformed_answer_is_502(running: Local, answer: str) -> None:
    assert "no valid response" in problem(running.star(do="answer", **{"with": answer}), 502)["detail"]


def test_an_answer_above_lambdas_payload_is_502(running: Local) -> None:
    assert "above Lambda's 6 MB" in problem(running.star(do="grow", bytes=7_000_000), 502)["local"]
    assert running.star(do="grow", bytes=5_000_000).content == b"x" * 5_000_000


def test_a_request_above_the_gateways_limit_is_413(running: Local) -> None:
    answer = running.http.post("/v1/classify/star", content=b"x" * (11 * 1024 * 1024))
    assert "10 MB" in problem(answer, 413)["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_everything_first_gets_to_read_413(running: Local, chunked: bool) -> None:
    """As Python's http.client and Node's fetch do."""
    host, port = running.stack.api.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port))
    part = b"x" * 2**20
    body = (part for _ in range(40)) if chunked else part * 40
    connection.request("POST", "/v1/classify/star", body, {"Content-Type": "image/png"}, encode_chunked=chunked)
    answer = connection.getresponse()
    assert answer.status == 413
    assert "10 MB" in json.loads(answer.read())["detail"]
    connection.close()


def test_a_function_that_takes_too_long_is_502_and_replaced(running: Local) -> None:
    before = star_pids(running)
    # When a call passes the function's timeout of 1 s
    answer = running.star(do="sleep", seconds=30)
    # Then the caller and the log are told
    request_id = problem(answer, 502)["request_id"]
    report = eventually(lambda: re.search(rf"REPORT RequestId: {request_id}.*", running.log("star")), "the report")
    assert report[0].endswith("Status: timeout")
    # And a new sandbox takes the place of the killed one
    eventually(lambda: len(star_pids(running) - before) == 1, "a new star sandbox")
    assert running.star().status_code == 200


def test_a_sandbox_that_dies_in_a_call_is_502_and_replaced(running: Local) -> None:
    before = star_pids(running)
    assert "SIGKILL" in problem(running.star(do="die"), 502)["local"]
    eventually(lambda: len(star_pids(running) - before) == 1, "a new star sandbox")
    assert running.star().status_code == 200


def test_an_idle_sandbox_that_is_killed_is_replaced(running: Local) -> None:
    victims = star_pids(running)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    star_pids(running, without=victims)
    assert running.star().status_code == 200


def test_one_sandbox_serves_one_event_at_a_time(running: Local) -> None:
    # When two calls overlap
    with ThreadPoolExecutor(2) as callers:
        pids = list(callers.map(lambda _: running.star(do="sleep", seconds=0.3).json()["pid"], range(2)))
    # Then each has its own sandbox; calls one after the other share the one that was used last
    assert len(set(pids)) == 2
    assert len({running.star().json()["pid"] for _ in range(5)}) == 1


def test_more_callers_than_sandboxes_wait_their_turn(running: Local) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: running.star(do="sleep", seconds=0.05), range(16)))
    assert {answer.status_code for answer in answers} == {200}


def test_every_call_has_a_report_line(running: Local) -> None:
    request_id = running.star().headers["x-amzn-requestid"]
    pattern = rf"REPORT RequestId: {request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t.*"
    report = eventually(lambda: re.search(pattern, running.log("star")), "the report")
    assert "Memory Size: 1769 MB\tMax Memory Used: " in report[0]
    assert "cold" not in report[0]
    assert "echoing" in running.log("star")


def test_unknown_paths_and_methods_are_problems(running: Local) -> None:
    assert "Did you mean /v1/health" in problem(running.http.get("/v1/healthy"), 404)["detail"]
    answer = running.http.request("PATCH", "/v1/health")
    assert problem(answer, 405)["type"] == "urn:skysort:problem:method-not-allowed"
    assert answer.headers["allow"] == "GET"


def test_state_says_where_everything_is(running: Local) -> None:
    state = running.state()
    assert (state["http"], state["s3"]) == (running.stack.api, running.stack.s3)
    assert set(state["sandboxes"]) == set(local().functions)
    assert all(is_alive(pid) for pid in state["pids"].values())
    assert state["buckets"] == {name: f"skysort-{name}-local" for name in ("drop", "results", "models")}
