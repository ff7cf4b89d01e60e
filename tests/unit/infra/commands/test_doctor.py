"""What the doctor finds in an account, check by check, and what it makes of what it may not read."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from infra.commands import CommandError, doctor
from infra.commands.account_checks import AccountChecks
from infra.commands.checks import Finding, Result, findings, ok, table
from infra.commands.session import Options, Session
from infra.containers import base
from infra.stages.account import Domain
from infra.stages.config import stage as configured
from infra.stages.deployments import dev, prod
from tests.fakes.aws_session import ACCOUNT, REGION, emulated, faked, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stages.stage import AwsStage

LOGS = ("AWS::Logs::LogGroup", "/aws/lambda/skysort-star-dev")
DROP = ("AWS::S3::Bucket", "skysort-drop-dev-123456789012-us-east-1")
QUEUE = ("AWS::SQS::Queue", "skysort-star-dev")
MAILED = configured("prod", {"mail": "sky@example.org"})


class FakeLambda:
    """Lambda's account settings and functions. own: reserved by each of the stage's functions."""

    def __init__(self, limit: int = 1_000, reserved: int = 0, sizes: tuple[int, ...] = (), own: int = 0) -> None:
        self._limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit - reserved}
        self._sizes = sizes
        self._own = own

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": self._limits}

    def get_function_concurrency(self, **_: str) -> dict[str, int]:
        return {"ReservedConcurrentExecutions": self._own}

    def get_paginator(self, _: str) -> FakeLambda:
        return self

    def paginate(self) -> Iterator[dict[str, Any]]:
        yield {"Functions": [{"FunctionName": f"other-{size}", "MemorySize": size} for size in self._sizes]}


class FakeStacks:
    """CloudFormation with the service stack, which has these functions; without any, it does not exist."""

    def __init__(self, *functions: str) -> None:
        self._functions = functions

    def get_paginator(self, _: str) -> FakeStacks:
        return self

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - as boto3 spells it
        for name in self._functions if "service" in StackName else ():
            status = {"ResourceType": "AWS::Lambda::Function", "ResourceStatus": "CREATE_COMPLETE"}
            yield {"StackResourceSummaries": [{"PhysicalResourceId": name, **status}]}


def checks(stage: AwsStage, *functions: str, **more: Any) -> AccountChecks:
    session = faked(**{"lambda": FakeLambda(**more), "cloudformation": FakeStacks(*functions)})
    return AccountChecks(session, stage, [])


@pytest.fixture
def account() -> Iterator[Session]:
    """An emulated account with nothing in it."""
    with mock_aws():
        yield emulated()


def test_an_account_is_bootstrapped_or_told_how(account: Session) -> None:
    check = AccountChecks(account, dev(), []).bootstrap
    assert check() == (
        Result.FAILED,
        f"account {ACCOUNT}, region {REGION} is not bootstrapped with qualifier hnb659fds: make bootstrap",
    )
    for version, result in (("5", Result.FAILED), ("28", Result.OK)):
        ssm = account.boto.client("ssm")
        ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String", Overwrite=True)
        assert check()[0] is result


def test_a_name_that_something_else_has_is_told_with_the_ways_out(account: Session) -> None:
    # Given what an earlier stage kept, and names that are free
    account.boto.client("logs").create_log_group(logGroupName=LOGS[1])
    account.boto.client("s3").create_bucket(Bucket=DROP[1])
    check = AccountChecks(account, dev(), [LOGS, DROP, QUEUE]).names
    # Then
    result, sentence = check()
    assert result is Result.FAILED
    assert sentence == (
        f"2 exist outside of the stage's stacks: {LOGS[1]}, {DROP[1]}. Delete them, or have the stack take them over: "
        "make deploy STAGE=dev ARGS=--import-existing-resources"
    )


def test_what_the_stack_itself_has_is_not_in_its_way(account: Session) -> None:
    template = {
        "Resources": {
            "Logs": {"Type": LOGS[0], "Properties": {"LogGroupName": LOGS[1]}},
            "Queue": {"Type": QUEUE[0], "Properties": {"QueueName": QUEUE[1]}},
        }
    }
    account.boto.client("cloudformation").create_stack(
        StackName="skysort-service-dev", TemplateBody=json.dumps(template)
    )
    assert AccountChecks(account, dev(), doctor.names_of([template])).names()[0] is Result.OK


@pytest.mark.parametrize(
    ("limit", "reserved", "own", "result"),
    [
        (1_000, 0, 0, Result.OK),
        (10, 0, 0, Result.FAILED),
        # Others have reserved nearly all of it
        (1_000, 850, 0, Result.FAILED),
        # It is the stage itself that has
        (1_000, 850, 850, Result.OK),
    ],
)
def test_what_others_have_reserved_is_not_there_for_the_stage(
    limit: int, reserved: int, own: int, result: Result
) -> None:
    found = checks(dev(), "skysort-star-dev", limit=limit, reserved=reserved, own=own).concurrency()
    assert found[0] is result
    if result is Result.FAILED:
        assert found[1].endswith("make deploy STAGE=dev ARGS='-c reserve=no'")


def test_without_reservations_a_new_account_will_do() -> None:
    assert checks(dev().without_reservations(), limit=10).concurrency()[0] is Result.OK


@pytest.mark.parametrize(
    ("limit", "sizes", "result"),
    [(10, (128,), Result.FAILED), (1_000, (128,), Result.UNKNOWN), (10, (10_240,), Result.OK)],
)
def test_whether_functions_may_be_as_large_is_seen_by_those_that_are(
    limit: int, sizes: tuple[int, ...], result: Result
) -> None:
    assert checks(dev(), limit=limit, sizes=sizes).memory()[0] is result
    assert checks(dev().for_small_account(), limit=limit, sizes=sizes).memory()[0] is Result.OK


def test_an_account_without_a_distribution_is_told_of_the_way_without_a_page(account: Session) -> None:
    result, sentence = AccountChecks(account, dev(), []).cloudfront()
    assert result is Result.NOTE
    assert "-c page=no" in sentence
    without = dataclasses.replace(dev(), page=False)
    assert AccountChecks(account, without, []).cloudfront()[0] is Result.OK


def test_alarms_that_reach_nobody_are_told_of(account: Session) -> None:
    assert AccountChecks(account, dev(), []).mail()[0] is Result.OK
    assert AccountChecks(account, prod(), []).mail()[0] is Result.FAILED
    assert AccountChecks(account, MAILED, []).mail() == (
        Result.OK,
        "sky@example.org, who confirm after the first deployment",
    )


def test_a_domain_needs_certificates_that_are_issued(account: Session) -> None:
    # Given a certificate that was requested, and one that is nowhere
    requested = account.boto.client("acm").request_certificate(DomainName="api.sky.example.org")["CertificateArn"]
    missing = requested.rpartition("/")[0] + "/0a1b2c3d"
    for arn, status in ((requested, "PENDING_VALIDATION"), (missing, "not found")):
        stage = dataclasses.replace(dev(), domain=Domain("api.sky.example.org", arn))
        # Then
        assert AccountChecks(account, stage, []).certificates() == (
            Result.FAILED,
            f"{arn} is {status}: API Gateway and CloudFront take issued certificates only",
        )


def test_what_may_not_be_read_is_said_and_fails_nothing() -> None:
    def denied() -> tuple[Result, str]:
        raise refusal("AccessDeniedException", "GetAccountSettings")

    found = findings([("concurrency", denied), ("CDK", lambda: ok("locked"))])
    assert found == [
        Finding("concurrency", Result.UNKNOWN, "these credentials may not call GetAccountSettings"),
        Finding("CDK", Result.OK, "locked"),
    ]
    assert table(found) == (
        "unknown concurrency  these credentials may not call GetAccountSettings\nok      CDK          locked\n"
    )


@pytest.mark.parametrize(("mail", "status"), [({}, 1), ({"mail": "sky@example.org"}, 0)])
def test_the_status_says_whether_a_deployment_would_succeed(
    mail: dict[str, str],
    status: int,
    account: Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given a machine and an account that are ready, and a stage whose alarms have a recipient, or none
    account.boto.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
    monkeypatch.setattr(Session, "open", lambda *_: account)
    monkeypatch.setenv("SKYSORT_BASE_IMAGE", "registry.example/python@sha256:" + "0a" * 32)
    monkeypatch.setattr(doctor, "engine", lambda: ok("/usr/bin/docker"))
    monkeypatch.setattr(doctor, "synthesise", lambda *_: [{"Resources": {}}])
    monkeypatch.setattr(AccountChecks, "concurrency", lambda _: ok("1,000 at once"))
    monkeypatch.setattr(AccountChecks, "memory", lambda _: ok("3,538 MB"))
    monkeypatch.setattr(AccountChecks, "log_role", lambda _: ok("the stage sets it"))
    # When
    arguments = [part for key, value in mail.items() for part in ("-c", f"{key}={value}")]
    assert doctor.main(["--stage", "prod", *arguments]) == status
    # Then
    told = capsys.readouterr().out
    assert f"ok      credentials   account {ACCOUNT}, region {REGION}" in told
    assert ("failed  mail" in told) == bool(status)


@pytest.mark.parametrize(("stage", "result"), [(dev(), Result.NOTE), (prod(), Result.FAILED)])
def test_a_base_that_may_move_fails_only_what_keeps_its_data(
    stage: AwsStage, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SKYSORT_BASE_IMAGE", raising=False)
    monkeypatch.setattr(base, "locked", lambda: "python:3.13-slim")
    (finding,) = findings([("base image", lambda: doctor.base_image(stage))])
    assert finding.result is result


def test_without_credentials_the_rest_is_left_out_and_nothing_can_be_deployed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    monkeypatch.setattr(doctor, "engine", lambda: ok("/usr/bin/docker"))
    monkeypatch.setattr(doctor, "synthesise", lambda *_: [{"Resources": {}}])
    found = {finding.check: finding for finding in doctor.diagnose(Options("dev", None, {}))}
    assert found["credentials"].result is Result.FAILED
    assert "run `aws configure`" in found["credentials"].sentence
    assert "bootstrap" not in found


def test_a_stage_that_the_app_refuses_is_refused_with_its_sentence() -> None:
    # By the app itself, in a process of its own as CDK runs it: seconds
    with pytest.raises(CommandError, match="stage prod has alarms, but they would notify nobody"):
        doctor.synthesise(Options("prod", None, {}), None)
