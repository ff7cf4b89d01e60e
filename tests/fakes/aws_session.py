"""An operator's session in an emulated account, or with clients of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import boto3
from botocore.exceptions import ClientError

from infra.commands.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
ARN: Final = f"arn:aws:iam::{ACCOUNT}:user/operator"


def emulated(region: str = REGION) -> Session:
    """A session in moto's account; to be used within mock_aws."""
    boto = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
    return Session(boto, ACCOUNT, region, ARN)


class _Clients:
    """In place of a boto3 session."""

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._clients = clients

    def client(self, service: str, **_: Any) -> Any:
        """The client of a service."""
        return self._clients[service]


def faked(**clients: Any) -> Session:
    """A session that has these clients, by service, and no other."""
    return Session(cast("boto3.Session", _Clients(clients)), ACCOUNT, REGION, ARN)


def refusal(code: str, operation: str, message: str = "") -> ClientError:
    """What a client raises when AWS refuses an operation."""
    return ClientError({"Error": {"Code": code, "Message": message or code}}, operation)
