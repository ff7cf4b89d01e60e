"""ECR's repositories in a registry that runs beside the emulator, so that images are really pushed and pulled."""

from __future__ import annotations

import urllib.request
from typing import Any, Final

from moto.ecr.models import Repository
from moto.ecr.responses import ECRResponse

_MANIFESTS: Final = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json"
)


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


def image_digest(uri: str, address: str) -> str:
    """The digest of a template's image, by which Lambda knows a function's code."""
    with _manifest(uri, address) as response:
        found: str = response.headers["Docker-Content-Digest"]
    return found.removeprefix("sha256:")


def tag_again(uri: str, tag: str, address: str) -> None:
    """Give a template's image another tag, as a build does that made the same image again."""
    with _manifest(uri, address) as response:
        manifest, kind = response.read(), response.headers["Content-Type"]
    name = uri.partition("/")[2].rpartition(":")[0]
    put = urllib.request.Request(
        f"http://{address}/v2/{name}/manifests/{tag}", data=manifest, method="PUT", headers={"Content-Type": kind}
    )
    with urllib.request.urlopen(put, timeout=10):
        pass


def _manifest(uri: str, address: str) -> Any:
    name, _, tag = uri.partition("/")[2].rpartition(":")
    request = urllib.request.Request(f"http://{address}/v2/{name}/manifests/{tag}", headers={"Accept": _MANIFESTS})
    return urllib.request.urlopen(request, timeout=10)
