"""Access control of servers on the loopback address: only this machine's programs and the stack's own page.

A server on the loopback address is reachable from the web: any page can send requests to it from the user's browser,
and with DNS rebinding (a domain that resolves to 127.0.0.1) even read the responses. Both are detected by headers of
the browser: Host has the requested name, and Origin or Sec-Fetch-Site (Fetch Metadata, W3C) the requesting page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")
# Allowed values of Sec-Fetch-Site: absent, the own page, and navigation by the user.
_OWN_SITES: Final = frozenset({"", "same-origin", "none"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_FORBIDDEN: Final = "403 Forbidden"
# For allowed origins: post forms, put parts, read their ETags and the results.
_METHODS: Final = "GET, HEAD, POST, PUT, DELETE"
_PREFLIGHT_S: Final = "3600"


@dataclass(frozen=True, slots=True)
class Visitors:
    """The allowed hosts and origins of a server.

    hosts: allowed Host headers, with their ports; ``*.name:port`` allows all subdomains.
    origins: of other pages whose scripts may use it.
    """

    hosts: frozenset[str]
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, port: int, page_port: int | None = None, more: Iterable[str] = ()) -> Visitors:
        """Those of this machine, by the ports of the server and of its page, and further names of the server."""
        pages = () if page_port is None else (f"http://{name}:{page_port}" for name in NAMES)
        return cls(frozenset(f"{name}:{port}" for name in (*NAMES, *more)), frozenset(pages))

    def refusal(self, method: str, host: str, origin: str, site: str, mode: str) -> str | None:
        """Why a request with these headers (site, mode: Sec-Fetch-*; empty if absent) is forbidden, or None."""
        if not self._is_own(host.lower()):
            names = " or ".join(sorted(name for name in self.hosts if not name.startswith("*")))
            return f"use the host name {names}, not {host!r:.80}"
        if origin:
            if origin.lower() not in self.origins:
                return f"pages of {origin!r:.80} may not use this server"
        elif site not in _OWN_SITES and not (method in _SAFE_METHODS and mode == "navigate"):
            # Images and scripts have no Origin; navigation by the user is allowed.
            return "pages of other sites may not use this server"
        return None

    def _is_own(self, host: str) -> bool:
        return host in self.hosts or any(f"*.{parent}" in self.hosts for parent in _parents(host))


def _parents(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


def visitors_only(app: WSGIApplication, visitors: Visitors) -> WSGIApplication:
    """WSGI middleware that serves only allowed visitors, and sets CORS headers for allowed origins."""
    # CORS headers of the wrapped server are dropped.

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, origin = environ["REQUEST_METHOD"], environ.get("HTTP_ORIGIN", "")
        host, site, mode = (environ.get(f"HTTP_{name}", "") for name in ("HOST", "SEC_FETCH_SITE", "SEC_FETCH_MODE"))
        refusal = visitors.refusal(method, host, origin, site, mode)
        if refusal is not None:
            body = f"{refusal}\n".encode()
            start_response(_FORBIDDEN, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]
        shared = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "ETag", "Vary": "Origin"}
        if origin and method == "OPTIONS":
            answer = {
                **shared,
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""),
                "Access-Control-Max-Age": _PREFLIGHT_S,
                "Content-Length": "0",
            }
            start_response("200 OK", list(answer.items()))
            return [b""]

        def start(
            status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, [*kept, *(shared.items() if origin else ())], error)

        return app(environ, start)

    return serve
