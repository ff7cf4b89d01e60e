"""Provisioned concurrency, which moto's Lambda does not have: the number is kept, no sandbox is started for it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account

_PATH: Final = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$"


def provision(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Have moto's Lambda keep how many sandboxes an alias is to have."""

    def of(self: LambdaResponse) -> tuple[str, str, str]:
        name, qualifier = unquote(self.path.rstrip("/").rsplit("/", 2)[-2]), str(self._get_param("Qualifier"))
        return self.region, self.backend.get_function(name, qualifier).function_name, qualifier

    def put_provisioned_concurrency_config(self: LambdaResponse) -> Any:
        account.provisioned[of(self)] = int(self._get_param("ProvisionedConcurrentExecutions"))
        return HTTPStatus.ACCEPTED, {"status": HTTPStatus.ACCEPTED}, _config(account.provisioned[of(self)])

    def get_provisioned_concurrency_config(self: LambdaResponse) -> Any:
        count = account.provisioned.get(of(self))
        if count is not None:
            return HTTPStatus.OK, {}, _config(count)
        body = {"Type": "User", "Message": "No Provisioned Concurrency Config found for this function"}
        error = {"status": HTTPStatus.NOT_FOUND, "x-amzn-ErrorType": "ProvisionedConcurrencyConfigNotFoundException"}
        return HTTPStatus.NOT_FOUND, error, json.dumps(body)

    patch.setitem(urls.url_paths, _PATH, LambdaResponse.dispatch)
    for call in (put_provisioned_concurrency_config, get_provisioned_concurrency_config):
        patch.setattr(LambdaResponse, call.__name__, call, raising=False)


def _config(count: int) -> str:
    parts = ("Requested", "Available", "Allocated")
    counts = {f"{part}ProvisionedConcurrentExecutions": count for part in parts}
    return json.dumps({**counts, "Status": "READY"})
