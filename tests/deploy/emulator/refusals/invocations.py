"""Invocations that Lambda does not start: of a version or alias that is not there, or above the function's concurrency.

"If your function reaches its reserved concurrency, Lambda throttles it": 429, TooManyRequestsException, "Rate
Exceeded.", with the reason ReservedFunctionConcurrentInvocationLimitExceeded or, where the account's own limit is
reached, ConcurrentInvocationLimitExceeded (Invoke, AWS Lambda API Reference).
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse

if TYPE_CHECKING:
    import pytest
    from moto.awslambda.models import LambdaFunction

    from tests.deploy.emulator.account import Account


class ThrottledError(Exception):
    """No execution is free; the message is Lambda's Reason."""


def refuse(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Start no more executions than are free, and find versions and aliases by the parameter Qualifier too."""
    invoke, respond = LambdaBackend.invoke, LambdaResponse.invoke

    def invoke_where_free(
        self: LambdaBackend, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
    ) -> Any:
        function = self.get_function(function_name, qualifier)
        latest = self.get_function(function.function_name)
        _check(account, latest)
        with account.working(latest.function_name, 1):
            return invoke(self, function_name, qualifier, body, headers, response_headers)

    def respond_or_throttle(self: LambdaResponse) -> Any:
        # moto looks for the parameter under another name than Lambda's.
        if "Qualifier" in self.querystring:
            self.querystring["qualifier"] = self.querystring["Qualifier"]
        try:
            return respond(self)
        except ThrottledError as error:
            body = {"Reason": str(error), "Type": "User", "message": "Rate Exceeded."}
            status = HTTPStatus.TOO_MANY_REQUESTS
            return status, {"status": status, "x-amzn-ErrorType": "TooManyRequestsException"}, json.dumps(body)

    patch.setattr(LambdaBackend, "invoke", invoke_where_free)
    patch.setattr(LambdaResponse, "invoke", respond_or_throttle)


def _check(account: Account, function: LambdaFunction) -> None:
    reserved = function.reserved_concurrency
    if reserved is not None and account.busy[function.function_name] >= int(reserved):
        raise ThrottledError("ReservedFunctionConcurrentInvocationLimitExceeded")
    if reserved is None and account.busy.total() >= account.profile.concurrency:
        raise ThrottledError("ConcurrentInvocationLimitExceeded")
