"""The emulated AWS's server: moto with all its services, for this machine's programs and sandboxes and no website."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from infra.local.loopback import Visitors, visitors_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# moto's own switches and its recorder, which writes files where it is told to.
_OF_MOTO: Final = ("/moto-api", "/favicon.ico")


class AwsOnly:
    """WSGI middleware: AWS's services are answered, moto's own are not there."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        if environ.get("PATH_INFO", "").startswith(_OF_MOTO):
            start_response("404 Not Found", [("Content-Length", "0")])
            return [b""]
        return self._app(environ, start_response)


class AwsServer:
    """Serves on one address in a thread of its own.

    names: under which sandboxes reach it beside localhost; S3 puts a bucket's name before each.
    """

    def __init__(self, address: str, port: int, names: Sequence[str]) -> None:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        visitors = Visitors.of(port, more=[*names, "*.localhost", *(f"*.{name}" for name in names)])
        app = visitors_only(AwsOnly(DomainDispatcherApplication(create_backend_app)), visitors)
        self._server = make_server(address, port, app, threaded=True, request_handler=MotoRequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
