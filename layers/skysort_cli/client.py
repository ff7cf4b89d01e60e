"""HTTP client of the service: retries with backoff, and every failure as a problem with a message."""

from __future__ import annotations

import contextlib
import json
import math
import random
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

import skysort
from skysort import problems
from skysort_cli.exits import ProblemError, ServiceError, StoppedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.answers import PictureAnswer, StarAnswer
    from skysort_cli.endpoint import Endpoint

# The gateway answers within 29 s; the rest is for the network.
TIMEOUT_S: Final = 35.0
CONNECT_TIMEOUT_S: Final = 10.0
# Consecutive inputs that failed at every attempt: the rest would fail too.
FAILING_AFTER: Final = 3
# A longer Retry-After is not waited for.
LONGEST_RETRY_AFTER_S: Final = 60.0
OPTIONS: Final = frozenset({"top_k", "labels", "explain", "prior"})
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
_CERTIFICATE: Final = "certificate"
# Of a trained model that there is not; an unknown path has no problem of skysort's.
_UNKNOWN: Final = "urn:skysort:problem:not-found"
_STORE_MESSAGE: Final = re.compile(rb"<Message>([^<]*)</Message>")
# Of a signature that is in time, by credentials that are not ("Error responses", Amazon S3 API Reference).
_EXPIRED_TOKEN: Final = b"<Code>ExpiredToken</Code>"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter ("Exponential Backoff and Jitter", AWS Architecture Blog, 2015).

    attempts: number of requests, including the first. first_s, max_s: initial and maximum backoff.
    """

    attempts: int = 6
    first_s: float = 0.5
    max_s: float = 20.0

    def wait_s(
        self,
        failures: int,
        retry_after_s: float | None,
        uniform: Callable[[float, float], float] = random.uniform,  # noqa: S311 - spreads retries, no security
    ) -> float | None:
        """Seconds until the next attempt, None to give up; never less than a Retry-After."""
        if failures >= self.attempts or (retry_after_s or 0.0) > LONGEST_RETRY_AFTER_S:
            return None
        backoff = uniform(0.0, min(self.max_s, self.first_s * 2 ** (failures - 1)))
        # With jitter, so that clients do not all return at once.
        return backoff if retry_after_s is None else retry_after_s + min(backoff, self.first_s)


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds of a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3); None without one."""
    text = (header or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


class Client:
    """A thread-safe client of a service.

    stop: set when the command is interrupted, ends every pause at once. transport: for tests.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float = TIMEOUT_S,
        policy: RetryPolicy | None = None,
        stop: threading.Event | None = None,
        connections: int = 10,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._policy = policy or RetryPolicy()
        self._stop = stop or threading.Event()
        self._failing = 0
        headers = {"User-Agent": f"skysort/{skysort.__version__}", "Accept": "application/json"}
        if endpoint.key:
            headers["x-api-key"] = endpoint.key
        self._http = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s), pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # SSL_CERT_FILE always applies; proxies of the environment do not apply to this machine itself.
            verify=httpx.create_ssl_context(trust_env=True),
            trust_env=not endpoint.is_local,
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Use it in a with statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document of a GET; path begins with /v1."""
        return self._json(self.fetch(path, params))

    def fetch(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to a GET, of any type."""
        return self._request("GET", path, params=params or {})

    def post(self, path: str, content: bytes, content_type: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document of a POST's response; path begins with /v1."""
        headers = {"Content-Type": content_type}
        return self._json(self._request("POST", path, params=params or {}, content=content, headers=headers))

    def post_json(self, path: str, document: Mapping[str, object]) -> Any:
        """The JSON document of the response to a posted JSON document; path begins with /v1."""
        return self.post(path, json.dumps(document).encode(), "application/json")

    def pages(self, path: str, member: str, limit: int) -> list[dict[str, Any]]:
        """Up to so many documents of a list that comes in pages, which `member` names."""
        found: list[dict[str, Any]] = []
        query = {"limit": str(limit)}
        while len(found) < limit:
            page = self.get(path, query)
            found += page[member]
            if not page.get("next"):
                break
            query["next"] = str(page["next"])
        return found[:limit]

    def delete(self, path: str) -> None:
        """DELETE a resource; path begins with /v1."""
        self._request("DELETE", path)

    def signed(self, method: str, url: str, *, stream: bool = False, **parts: Any) -> httpx.Response:
        """The response, of any status, to a request presigned for the store, sent without the API key."""
        # Files must not be sent unencrypted, or to a server on this machine.
        if self.endpoint.url.startswith("https:") and not url.lower().startswith("https:"):
            raise ServiceError(f"{self.endpoint.url} sends files to {url!r:.100}, which is not https")

        def make() -> httpx.Request:
            request = self._http.build_request(method, url, **parts)
            request.headers.pop("x-api-key", None)
            return request

        return self._attempts(make, stream=stream)

    def pause(self, failures: int, url: httpx.URL, error: httpx.TransportError) -> None:
        """Wait after a connection error; raises ServiceError to give up, and StoppedError."""
        if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError) or _CERTIFICATE in str(error).lower():
            seconds = None
        elif isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and failures >= 3:  # noqa: PLR2004
            seconds = None  # no server listens: longer pauses rarely help
        else:
            seconds = self._policy.wait_s(failures, None)
        self._pause(seconds, self._unreachable(url, error))

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        response = self._attempts(lambda: self._http.build_request(method, self.endpoint.url + path, **parts))
        if response.is_success:
            return response
        if response.is_redirect:
            target = response.headers.get("Location", "nowhere")
            raise ServiceError(f"{self.endpoint.url} redirects to {target}; use that address")
        problem = problem_of(response)
        if response.status_code not in _REFUSED:
            raise ProblemError(problem)
        if self.endpoint.key:
            raise ServiceError(f"{self.endpoint.url} rejects the key in SKYSORT_API_KEY: {problem['detail']}")
        raise ServiceError(f"{self.endpoint.url} requires a key: set SKYSORT_API_KEY ({problem['detail']})")

    def _attempts(self, make: Callable[[], httpx.Request], *, stream: bool = False) -> httpx.Response:
        """Send until there is a response; raises ProblemError, ServiceError or StoppedError."""
        failures = 0
        while True:
            if self._stop.is_set():
                raise StoppedError
            try:
                request = make()
            except (httpx.InvalidURL, UnicodeEncodeError) as error:
                raise ServiceError(f"{self.endpoint.url} returned an invalid address: {error}") from error
            try:
                response = self._http.send(request, stream=stream)
                if response.is_error:
                    response.read()
            except httpx.TransportError as error:
                failures += 1
                self.pause(failures, request.url, error)
                continue
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS and not response.is_server_error:
                self._failing = 0
                return response
            failures += 1
            retry_after = retry_after_s(response.headers.get("Retry-After"))
            self._pause(self._policy.wait_s(failures, retry_after), ProblemError(problem_of(response), retryable=True))

    def _pause(self, seconds: float | None, error: ProblemError | ServiceError) -> None:
        """Wait before the next attempt, or give up with an error."""
        if seconds is None:
            if isinstance(error, ProblemError):
                self._failing += 1
                if self._failing >= FAILING_AFTER:
                    raise ServiceError(f"the service at {self.endpoint.url} keeps failing: {error.detail}")
            raise error
        if self._stop.wait(seconds):
            raise StoppedError

    def _unreachable(self, url: httpx.URL, error: httpx.TransportError) -> ServiceError:
        address = f"{url.scheme}://{url.netloc.decode('ascii')}"  # the store, for presigned requests
        address = self.endpoint.url if self.endpoint.url.startswith(address) else address
        hint = "; is `make run` or `skysort serve` running?" if self.endpoint.is_local else ""
        return ServiceError(f"cannot reach {address}: {_reason(error)}{hint}")

    def _json(self, response: httpx.Response) -> Any:
        document = _document(response)
        if document is None:
            raise ServiceError(
                f"{self.endpoint.url} did not return skysort's JSON "
                f"({response.headers.get('Content-Type', 'no content type')}); check the address"
            )
        return document


def _document(response: httpx.Response) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError, RecursionError):
        document = response.json()
        return document if isinstance(document, dict) else None
    return None


def problem_of(response: httpx.Response) -> Mapping[str, Any]:
    """The problem document of an error response, even if the response has none."""
    document = _document(response) or {}
    if isinstance(document.get("detail"), str):
        return {**document, "status": response.status_code}
    message = document.get("message")
    reason = message if isinstance(message, str) and message else response.reason_phrase or "no reason given"
    detail = f"the service answered {response.status_code}: {reason}"
    return {**problems.document(response.status_code, "http-error", "The service refused", detail)}


def may_be_expired(response: httpx.Response) -> bool:
    """Whether the store rejects a presigned request as it rejects an expired one, so that a new one may help."""
    return response.status_code == HTTPStatus.FORBIDDEN or (
        response.status_code == HTTPStatus.BAD_REQUEST and _EXPIRED_TOKEN in response.content
    )


def store_reason(response: httpx.Response) -> str:
    """Why the store rejects a presigned request: S3's message, or the status line."""
    message = _STORE_MESSAGE.search(response.content)
    return message[1].decode("utf-8", "replace") if message else response.reason_phrase


def _reason(error: httpx.TransportError) -> str:
    """Why there was no response."""
    message = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout):
        return "the connection timed out"
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time; raise the timeout"
    if _CERTIFICATE in message.lower():
        return f"its certificate is not trusted ({error}); set SSL_CERT_FILE to trust another authority"
    if isinstance(error, httpx.ConnectError):
        return f"connection refused ({message})"
    return f"the connection was lost ({message})"


class RemoteModel:
    """POST to a model's path with fixed options; `answer` is thread-safe. trained: how a trained model is spelled."""

    def __init__(self, client: Client, path: str, query: Mapping[str, str], *, trained: str = "") -> None:
        self._client = client
        self._path = path
        self._query = query
        self._trained = trained

    def answer(self, body: bytes, content_type: str) -> PictureAnswer | StarAnswer:
        """Send one request; raises ProblemError, or UsageError or ServiceError if every other would fail too."""
        url = self._client.endpoint.url
        try:
            answer: PictureAnswer | StarAnswer = self._client.post(self._path, body, content_type, self._query)
        except ProblemError as error:
            if error.fields and error.fields <= OPTIONS:
                raise UsageError(error.detail) from error
            status = error.problem.get("status")
            if self._trained and status == HTTPStatus.NOT_FOUND and error.problem.get("type") == _UNKNOWN:
                raise UsageError(f"unknown model {self._trained}; `skysort models` lists them") from error
            if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
                message = f"{url} does not answer {self._path}: {error.detail}; check the address"
                raise ServiceError(message) from error
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                detail = f"{error.detail}; `skysort drop` takes larger files"
                raise ProblemError({**error.problem, "detail": detail}) from error
            raise
        if not isinstance(answer.get("results"), list) or not answer["results"]:
            raise ServiceError(f"{url} returned no results; is it skysort?")
        return answer
