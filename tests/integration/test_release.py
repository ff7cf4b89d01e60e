"""The release hook and AWS: what it sends, by botocore's own validation, and the answer that CloudFormation gets."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from skysort.release.aws import Deployment, respond
from skysort.release.verifier import VerificationError
from tests.factories import FakeContext
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "arn:aws:lambda:us-east-1:123456789012:function:skysort-star-prod:8"


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


class AnswerBox(BaseHTTPRequestHandler):
    """Where CloudFormation waits for an answer."""

    received: list[tuple[str, str | None, Any]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.fixture
def box() -> Iterator[tuple[str, list[tuple[str, str | None, Any]]]]:
    """Its URL, and what it received."""
    AnswerBox.received = []
    server = HTTPServer(("127.0.0.1", 0), AnswerBox)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer?signature=1", AnswerBox.received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
    }.items():
        monkeypatch.setenv(name, value)
    time = Time()
    return Deployment(time.sleep, lambda: time.now_s)


@pytest.mark.parametrize("error", [None, "Unhandled"])
def test_a_version_is_invoked_by_its_arn(deployment: Deployment, error: str | None) -> None:
    with Stubber(deployment._lambda) as stub:
        reply: dict[str, Any] = {"StatusCode": 200, "Payload": BytesIO(b'{"statusCode": 200}')}
        stub.add_response(
            "invoke",
            reply | ({"FunctionError": error} if error else {}),
            {"FunctionName": VERSION, "Payload": b'{"httpMethod": "GET"}'},
        )
        if error:
            with pytest.raises(VerificationError, match="star-prod:8 failed: "):
                deployment.invoke(VERSION, {"httpMethod": "GET"}, 60)
        else:
            assert deployment.invoke(VERSION, {"httpMethod": "GET"}, 60) == {"statusCode": 200}


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceConflictException"])
def test_what_is_only_not_ready_yet_is_waited_for(deployment: Deployment, code: str) -> None:
    """IAM takes seconds to know a new permission everywhere."""
    with Stubber(deployment._lambda) as stub:
        for _ in range(3):
            stub.add_client_error("invoke", code)
        stub.add_response("invoke", {"StatusCode": 200, "Payload": BytesIO(b"{}")})
        assert deployment.invoke(VERSION, {}, 60) == {}


def test_what_stays_forbidden_ends_in_its_error(deployment: Deployment) -> None:
    with Stubber(deployment._lambda) as stub:
        for _ in range(13):
            stub.add_client_error("invoke", "AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDeniedException"):
            deployment.invoke(VERSION, {}, 60)
        stub.assert_no_pending_responses()


def test_any_other_error_is_not_waited_for(deployment: Deployment) -> None:
    with Stubber(deployment._lambda) as stub:
        stub.add_client_error("invoke", "ResourceNotFoundException")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            deployment.invoke(VERSION, {}, 60)


def test_a_proof_waits_until_a_sandbox_is_free(deployment: Deployment) -> None:
    """The function, or an account with ten sandboxes, may be busy for minutes."""
    with Stubber(deployment._lambda) as stub:
        for _ in range(20):
            stub.add_client_error("invoke", "TooManyRequestsException")
        stub.add_response("invoke", {"StatusCode": 200, "Payload": BytesIO(b"{}")})
        assert deployment.invoke(VERSION, {}, 540) == {}


def test_a_function_that_stays_busy_is_not_proven(deployment: Deployment) -> None:
    with Stubber(deployment._lambda) as stub:
        for _ in range(12):
            stub.add_client_error("invoke", "TooManyRequestsException")
        with pytest.raises(VerificationError, match="star-prod:8 could not be proven: all sandboxes reserved"):
            deployment.invoke(VERSION, {}, 59)
        stub.assert_no_pending_responses()


def test_the_provisioned_sandboxes_of_an_alias_are_read_and_restored(deployment: Deployment) -> None:
    live = {"FunctionName": "skysort-star-prod", "Qualifier": "live"}
    with Stubber(deployment._lambda) as stub:
        stub.add_response("get_provisioned_concurrency_config", {"RequestedProvisionedConcurrentExecutions": 10}, live)
        # An alias that is still being moved has weights
        stub.add_client_error("put_provisioned_concurrency_config", "InvalidParameterValueException")
        stub.add_response("put_provisioned_concurrency_config", {}, live | {"ProvisionedConcurrentExecutions": 10})
        count = deployment.provisioned("skysort-star-prod", "live")
        assert count == 10
        deployment.provision("skysort-star-prod", "live", count)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["ProvisionedConcurrencyConfigNotFoundException", "ResourceNotFoundException"])
def test_what_is_not_kept_warm_has_no_number(deployment: Deployment, code: str) -> None:
    with Stubber(deployment._lambda) as stub:
        stub.add_client_error("get_provisioned_concurrency_config", code)
        assert deployment.provisioned("skysort-star-prod", "live") is None


@pytest.mark.parametrize("alarms", [[], [{"AlarmName": "star-release"}]])
def test_an_alarm_is_raised_when_cloudwatch_says_so(deployment: Deployment, alarms: list[dict[str, str]]) -> None:
    with Stubber(deployment._cloudwatch) as stub:
        stub.add_response(
            "describe_alarms", {"MetricAlarms": alarms}, {"AlarmNames": ["star-release"], "StateValue": "ALARM"}
        )
        assert deployment.raised("star-release") is bool(alarms)


@pytest.mark.parametrize(("succeeded", "status"), [(True, "Succeeded"), (False, "Failed")])
def test_codedeploy_gets_its_own_words(deployment: Deployment, succeeded: bool, status: str) -> None:
    with Stubber(deployment._codedeploy) as stub:
        expected = {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1", "status": status}
        stub.add_response("put_lifecycle_event_hook_execution_status", {}, expected)
        deployment.report("d-1", "e-1", succeeded)
        stub.assert_no_pending_responses()


def test_cloudformation_is_answered_without_a_content_type(box: tuple[str, list[tuple[str, str | None, Any]]]) -> None:
    """Its presigned URL is signed for none: any other, and S3 would refuse the answer."""
    url, received = box
    respond(url, {"Status": "SUCCESS"})
    assert received == [("/answer?signature=1", "", {"Status": "SUCCESS"})]


@pytest.mark.usefixtures("deployment")
def test_the_handler_answers_cloudformation(box: tuple[str, list[tuple[str, str | None, Any]]]) -> None:
    # Given the function as it is deployed
    module = load_function("control", "hook")
    url, received = box
    event = {
        "RequestType": "Delete",
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "StarProof",
        "PhysicalResourceId": "star-prove",
        "ResourceProperties": {"Do": "prove", "Function": "star", "Version": VERSION},
    }
    # When the stack is deleted
    assert module.handler(event, FakeContext())["proven"]
    # Then CloudFormation heard it
    ((_, _, answer),) = received
    assert answer["Status"] == "SUCCESS"
