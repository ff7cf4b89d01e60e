"""A refusal, in the words in which a stack's events have it."""

from __future__ import annotations

import uuid

from botocore.exceptions import ClientError


class RefusedError(Exception):
    """CloudFormation cannot make, change or delete a resource; the message is its status reason."""


def by_handler(message: str, code: str) -> RefusedError:
    """A refusal of a resource's handler, with one of its error codes ("Handler error codes", CloudFormation CLI)."""
    return RefusedError(
        f'Resource handler returned message: "{message}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})'
    )


def reason(error: Exception) -> str:
    """The status reason of whatever stopped a resource."""
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, ClientError):
        given, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        found = by_handler(
            f"{given['Message']} (Service: {error.operation_name}, Status Code: {status})", given["Code"]
        )
        return str(found)
    return f"{type(error).__name__}: {error}"
