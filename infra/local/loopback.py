"""Who may speak to a server that listens on this machine: its own programs and its own page, no other website.

A server on the loopback address is not out of reach of the web. Any page may send requests to it from the visitor's
browser, and a page whose name its owner points at 127.0.0.1 (DNS rebinding) even reads the answers. A browser tells of
both: the Host header keeps the name that was asked for, and Origin or Sec-Fetch-Site (Fetch Metadata, W3C) says which
page asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

NAMES: Final = ("127.0.0.1", "localhost")
# Of Sec-Fetch-Site: absent, the own page, and what somebody typed or follows from outside of the web.
_OWN_SITES: Final = frozenset({"", "same-origin", "none"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_FORBIDDEN: Final = "403 Forbidden"
# What a page may do whose origin is let in: post forms, put parts, read their ETags and the results.
_METHODS: Final = "GET, HEAD, POST, PUT, DELETE"
_PREFLIGHT_S: Final = "3600"


@dataclass(frozen=True, slots=True)
class Visitors:
    """Whom a server answers.

    hosts: names by which it may be asked for, with their ports; ``*.name:port`` stands for every name below one.
    origins: pages of other origins whose scripts may use it.
    """

    hosts: frozenset[str]
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, port: int, page_port: int | None = None, more: Iterable[str] = ()) -> Visitors:
        """Those of this machine: a server's own port, and the port of the page that uses it.

        more: other names that lead to the server.
        """
        pages = () if page_port is None else (f"http://{name}:{page_port}" for name in NAMES)
        return cls(frozenset(f"{name}:{port}" for name in (*NAMES, *more)), frozenset(pages))

    def refusal(self, method: str, host: str, origin: str, site: str, mode: str) -> str | None:
        """Why a request is refused, None where it is answered.

        host, origin, site, mode: its headers Host, Origin, Sec-Fetch-Site and Sec-Fetch-Mode, empty where absent.
        """
        if not self._is_own(host.lower()):
            names = " or ".join(sorted(name for name in self.hosts if not name.startswith("*")))
            return f"this server is asked for as {names}, not as {host!r:.80}"
        if origin:
            if origin.lower() not in self.origins:
                return f"pages of {origin!r:.80} may not use this server"
        elif site not in _OWN_SITES and not (method in _SAFE_METHODS and mode == "navigate"):
            # An image or a script names no origin; a link that somebody follows is no page's doing.
            return "pages of other sites may not use this server"
        return None

    def _is_own(self, host: str) -> bool:
        return host in self.hosts or any(f"*.{parent}" in self.hosts for parent in _parents(host))


def _parents(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels))]


class VisitorsOnly:
    """WSGI middleware that answers a server's visitors alone, and tells a page's browser that it may read the answers.

    What the server behind it says of origins itself is left out.
    """

    def __init__(self, app: WSGIApplication, visitors: Visitors) -> None:
        self._app = app
        self._visitors = visitors

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        method, origin = environ["REQUEST_METHOD"], environ.get("HTTP_ORIGIN", "")
        refusal = self._visitors.refusal(
            method,
            environ.get("HTTP_HOST", ""),
            origin,
            environ.get("HTTP_SEC_FETCH_SITE", ""),
            environ.get("HTTP_SEC_FETCH_MODE", ""),
        )
        if refusal is not None:
            body = f"{refusal}\n".encode()
            start_response(_FORBIDDEN, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]
        if not origin:
            return self._app(environ, _without_origins(start_response, {}))
        shared = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "ETag", "Vary": "Origin"}
        if method == "OPTIONS":
            asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
            answer = {
                **shared,
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": asked,
                "Access-Control-Max-Age": _PREFLIGHT_S,
                "Content-Length": "0",
            }
            start_response("200 OK", list(answer.items()))
            return [b""]
        return self._app(environ, _without_origins(start_response, shared))


def _without_origins(start_response: StartResponse, instead: Mapping[str, str]) -> StartResponse:
    """A start_response whose headers say of origins what is given here alone."""

    def start(
        status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start_response(status, [*kept, *instead.items()], error)

    return start
