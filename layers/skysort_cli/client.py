"""The service over HTTP: polite retries, and every refusal as a problem with a sentence."""

from __future__ import annotations

import contextlib
import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

import skysort
from skysort import problems
from skysort_cli.exits import ProblemError, ServiceError
from skysort_cli.retry import RetryPolicy, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from skysort_cli.endpoint import Endpoint

# The gateway answers within 29 s; a little more covers the way there and back.
TIMEOUT_S: Final = 35.0
CONNECT_TIMEOUT_S: Final = 10.0
# Inputs in a row that failed to the last attempt: the rest would fail alike.
FAILING_AFTER: Final = 3
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
_CERTIFICATE: Final = "certificate"


class StoppedError(Exception):
    """The command is being interrupted: no further attempt."""


class Client:
    """A service; safe to use from several threads.

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
            # SSL_CERT_FILE holds everywhere; a proxy of the environment, not between this machine and itself.
            verify=httpx.create_ssl_context(trust_env=True),
            trust_env=not endpoint.is_local,
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Use it in a with statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document of a GET; path begins with /v1."""
        return self._json(self.fetch(path, params))

    def fetch(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to a GET, of any type."""
        return self._request("GET", self.endpoint.url + path, params=params or {})

    def post(self, path: str, content: bytes, content_type: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document that answers a POST; path begins with /v1."""
        headers = {"Content-Type": content_type}
        return self._json(
            self._request("POST", self.endpoint.url + path, params=params or {}, content=content, headers=headers)
        )

    def post_json(self, path: str, document: Mapping[str, Any]) -> Any:
        """The JSON document that answers a JSON document; path begins with /v1."""
        return self.post(path, json.dumps(document).encode(), "application/json")

    def signed(self, method: str, url: str, **parts: Any) -> httpx.Response:
        """The answer, whatever its status, to a request that the service signed for its store: without our key."""
        self._check_store(url)

        def make() -> httpx.Request:
            request = self._http.build_request(method, url, **parts)
            request.headers.pop("x-api-key", None)
            return request

        return self._attempts(make)

    @contextlib.contextmanager
    def streamed(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The answer, whatever its status, to a GET of a URL that the service signed; its bytes are yet to be read."""
        self._check_store(url)

        def make() -> httpx.Request:
            request = self._http.build_request("GET", url, headers={"Accept-Encoding": "identity", **headers})
            request.headers.pop("x-api-key", None)
            return request

        response = self._attempts(make, stream=True)
        try:
            yield response
        finally:
            response.close()

    def pause(self, failures: int, url: httpx.URL, error: httpx.TransportError) -> None:
        """Wait after an answer that broke off; raises ServiceError where it is time to give up, and StoppedError."""
        self._pause(self._wait(failures, error), self._unreachable(url, error))

    def _check_store(self, url: str) -> None:
        """Raise ServiceError where files would leave the encrypted way, or go to what listens on this machine alone."""
        if self.endpoint.url.startswith("https:") and not url.lower().startswith("https:"):
            raise ServiceError(f"{self.endpoint.url} sends files to {url!r:.100}, which is not https")

    def _request(self, method: str, url: str, **parts: Any) -> httpx.Response:
        response = self._attempts(lambda: self._http.build_request(method, url, **parts))
        self._check(response)
        return response

    def _attempts(self, make: Callable[[], httpx.Request], *, stream: bool = False) -> httpx.Response:
        """Send until it is answered; raises ProblemError, ServiceError or StoppedError."""
        failures = 0
        while True:
            if self._stop.is_set():
                raise StoppedError
            try:
                request = make()
            except (httpx.InvalidURL, UnicodeEncodeError) as error:
                raise ServiceError(f"{self.endpoint.url} names an address that is none: {error}") from error
            try:
                response = self._http.send(request, stream=stream)
                if response.is_error:
                    response.read()
            except httpx.TransportError as error:
                failures += 1
                self._pause(self._wait(failures, error), self._unreachable(request.url, error))
                continue
            if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
                failures += 1
                asked = retry_after_s(response.headers.get("Retry-After"))
                self._pause(self._policy.wait_s(failures, asked), self._exhausted(response))
                continue
            self._failing = 0
            return response

    def _wait(self, failures: int, error: httpx.TransportError) -> float | None:
        if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError) or _CERTIFICATE in str(error).lower():
            return None
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and failures >= 3:  # noqa: PLR2004
            return None  # nobody listens: that rarely mends itself within the longer pauses
        return self._policy.wait_s(failures, None)

    def _pause(self, seconds: float | None, otherwise: Exception) -> None:
        """Wait before the next attempt, or give up with an error."""
        if seconds is None:
            if isinstance(otherwise, ProblemError):
                self._failing += 1
                if self._failing >= FAILING_AFTER:
                    raise ServiceError(f"the service at {self.endpoint.url} keeps failing: {otherwise.detail}")
            raise otherwise
        if self._stop.wait(seconds):
            raise StoppedError

    def _unreachable(self, url: httpx.URL, error: httpx.TransportError) -> ServiceError:
        told = self.endpoint.url
        if not told.startswith(f"{url.scheme}://{url.netloc.decode('ascii')}"):
            told = f"{url.scheme}://{url.netloc.decode('ascii')}"  # the store that files are uploaded to
        hint = "; is `make run` or `skysort serve` running?" if self.endpoint.is_local else ""
        return ServiceError(f"cannot reach {told}: {_reason(error)}{hint}")

    def _exhausted(self, response: httpx.Response) -> ProblemError:
        return ProblemError(problem_of(response), again=True)

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.is_redirect:
            where = response.headers.get("Location", "nowhere")
            raise ServiceError(f"{self.endpoint.url} redirects to {where}; give that address as --endpoint")
        problem = problem_of(response)
        if response.status_code in _REFUSED:
            raise ServiceError(self._refusal(problem["detail"]))
        raise ProblemError(problem)

    def _refusal(self, detail: str) -> str:
        if self.endpoint.key:
            return f"{self.endpoint.url} refuses the key in SKYSORT_API_KEY: {detail}"
        return f"{self.endpoint.url} wants a key: set SKYSORT_API_KEY ({detail})"

    def _json(self, response: httpx.Response) -> Any:
        try:
            document = response.json()
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise ServiceError(
                f"{self.endpoint.url} answers something that is not skysort's JSON "
                f"({response.headers.get('Content-Type', 'no content type')}); is the address right?"
            )
        return document


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer that is an error, whoever gave it."""
    document: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(response.content)
    if isinstance(document, dict) and isinstance(document.get("detail"), str):
        return {**document, "status": response.status_code}
    told = document.get("message") if isinstance(document, dict) else None
    reason = told if isinstance(told, str) and told else response.reason_phrase or "no reason given"
    detail = f"the service answered {response.status_code}: {reason}"
    return problems.document(response.status_code, "http-error", "The service refused", detail)


def _reason(error: httpx.TransportError) -> str:
    """Why there was no answer at all."""
    if isinstance(error, httpx.ConnectTimeout):
        return "it does not accept a connection in time"
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time; --timeout gives it more"
    if _CERTIFICATE in str(error).lower():
        return f"its certificate is not trusted ({error}); SSL_CERT_FILE names another authority"
    if isinstance(error, httpx.ConnectError):
        return f"nobody answers there ({_told(error)})"
    return f"the connection broke ({_told(error)})"


def _told(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__
