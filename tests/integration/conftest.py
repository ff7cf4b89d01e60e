"""moto's server for whatever speaks to S3 and SQS: one for all integration tests, emptied behind each module."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The address of a server that lasts as long as the tests."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def aws(moto_server: str) -> Iterator[Callable[[Mapping[str, str]], str]]:
    """An empty account for a module's tests: called with settings it sets them beside AWS's own; the address back."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_ENDPOINT_URL", moto_server)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")

        def with_settings(settings: Mapping[str, str]) -> str:
            for name, value in settings.items():
                patch.setenv(name, value)
            return moto_server

        yield with_settings
    reset(moto_server)


def reset(endpoint: str) -> None:
    """Empty the server."""
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()
