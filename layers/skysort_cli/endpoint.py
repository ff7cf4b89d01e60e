"""The service's address and key, from options, then the environment."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from skysort_cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINT: Final = "SKYSORT_ENDPOINT"
KEY: Final = "SKYSORT_API_KEY"
EXAMPLES: Final = "http://127.0.0.1:8000 or https://<id>.execute-api.<region>.amazonaws.com/<stage>"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service: its base URL without /v1 and trailing slash, and the API key if it needs one."""

    url: str
    key: str | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def find_endpoint(option: str | None, environment: Mapping[str, str], *, in_process: bool = False) -> Endpoint | None:
    """The service of --endpoint or SKYSORT_ENDPOINT, None to classify in process; raises UsageError."""
    # The key comes from SKYSORT_API_KEY only: command lines are visible in process lists and shell histories.
    if in_process and option is not None:
        raise UsageError("--in-process and --endpoint contradict each other; give one of them")
    text = (option if option is not None else environment.get(ENDPOINT, "")).strip()
    if in_process or not text:
        return None
    source = "--endpoint" if option is not None else ENDPOINT
    return checked_endpoint(text, environment.get(KEY), source=source)


def checked_endpoint(url: str, key: str | None, *, source: str, key_source: str = KEY) -> Endpoint:
    """A service by its address and key; UsageError names the source of a wrong one."""
    endpoint = Endpoint(_base(url, source), (key or "").strip() or None)
    if endpoint.key and not (endpoint.key.isascii() and endpoint.key.isprintable()):
        raise UsageError(f"{key_source} has characters that no API key has; copy it again, without line breaks")
    if endpoint.key and endpoint.url.startswith("http:") and not endpoint.is_local:
        raise UsageError(f"{endpoint.url} would send the key in {key_source} unencrypted; use https")
    return endpoint


def _base(text: str, source: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise UsageError(f"{source} must be an address such as {EXAMPLES}, got {text!r:.100}")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(f"{source} must be a plain address without user, query or fragment, such as {EXAMPLES}")
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
