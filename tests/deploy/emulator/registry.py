"""ECR's repositories in a registry that runs beside the emulator, so that images are really pushed and pulled."""

from __future__ import annotations

from typing import Any

from moto.ecr.models import Repository
from moto.ecr.responses import ECRResponse


def use_registry(address: str) -> None:
    """Have ECR name this registry, host:port, wherever AWS names <account>.dkr.ecr.<region>.amazonaws.com.

    Templates still name images by the account's ECR host name; `local_image` translates.
    """
    make = Repository.__init__

    def make_in_registry(self: Repository, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        self.uri = f"{address}/{self.name}"

    Repository.__init__ = make_in_registry  # type: ignore[method-assign]
    authorize = ECRResponse.get_authorization_token

    def authorize_there(self: ECRResponse) -> Any:
        answer = authorize(self)
        result: Any = answer.result
        for data in result["authorizationData"]:
            data["proxyEndpoint"] = f"http://{address}"
        return answer

    ECRResponse.get_authorization_token = authorize_there  # type: ignore[method-assign]


def local_image(uri: str, address: str) -> str:
    """The image of a template's URI, where docker can pull it from."""
    return f"{address}/{uri.partition('/')[2]}"
