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
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")
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
        """Those of this machine, by a server's port, its page's port, and further names that lead to it."""
        pages = () if page_port is None else (f"http://{name}:{page_port}" for name in NAMES)
        return cls(frozenset(f"{name}:{port}" for name in (*NAMES, *more)), frozenset(pages))

    def refusal(self, method: str, host: str, origin: str, site: str, mode: str) -> str | None:
        """Why a request with these headers (site, mode: Sec-Fetch-*; empty where absent) is refused, or None."""
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


def visitors_only(app: WSGIApplication, visitors: Visitors) -> WSGIApplication:
    """WSGI middleware that answers visitors alone, and tells a page's browser that it may read the answers."""
    # What the server behind it says of origins itself is left out.

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
