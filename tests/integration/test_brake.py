"""The flood brake against IAM, and its owner's way to let a stage go on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from infra.commands import brake
from tests.factories import FakeContext
from tests.fakes.aws_session import emulated
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = ["skysort-control", "skysort-star-drop"]
DENIES = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]}
ALARM = {"alarmData": {"alarmName": "skysort-prod-uploads-flood", "state": {"value": "ALARM"}}}


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An account with a stage's roles and its stop policy, attached to none of them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        iam = boto3.client("iam")
        for role in ROLES:
            iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        made = iam.create_policy(PolicyName="skysort-stop-prod-us-east-1", PolicyDocument=json.dumps(DENIES))
        arn: str = made["Policy"]["Arn"]
        monkeypatch.setenv("SKYSORT_STOP_POLICY", arn)
        monkeypatch.setenv("SKYSORT_STOP_ROLES", json.dumps(ROLES))
        # What the loader sets leads to no IAM here.
        monkeypatch.setattr("tests.unit.functions.loading.STAGE", {})
        yield arn


def test_an_alarm_stops_a_stage_until_its_owner_releases_it(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a stage that runs
    assert brake.main(["--stage", "prod"]) == 0
    assert capsys.readouterr().out == "stage prod is not stopped\n"

    # When its alarm is raised, twice
    handler = load_function("control", "brake").handler
    for _ in range(2):
        assert handler(ALARM, FakeContext()) == {"stopped": ROLES}
    capsys.readouterr()

    # Then both roles are stopped, which is a status that a script can read
    assert brake.stopped(emulated(), policy) == ROLES
    assert brake.main(["--stage", "prod"]) == 1
    assert "stopped: skysort-control, skysort-star-drop\n" in capsys.readouterr().out

    # And its owner lets it go on
    assert brake.main(["--stage", "prod", "--release"]) == 0
    assert "released: skysort-control, skysort-star-drop\n" in capsys.readouterr().out
    assert brake.stopped(emulated(), policy) == []
