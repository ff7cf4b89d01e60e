"""S3 endpoints, and AWS Signature Version 4 for them: presigned URLs, presigned POST forms, signed requests.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html. A test compares every
signature with botocore's.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Location:
    """The address of an object or a bucket: scheme, host with port, percent-encoded path, and bucket."""

    scheme: str
    host: str
    path: str
    bucket: str

    @property
    def url(self) -> str:
        """The URL without a query."""
        return f"{self.scheme}://{self.host}{self.path}"


@dataclass(frozen=True, slots=True)
class Addressing:
    """How buckets are addressed: by host name at AWS, by path at any other endpoint.

    endpoint: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, None for AWS's own in the region.
    """

    region: str
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Addressing:
        """Read the same settings as every AWS SDK."""
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None
        return cls(environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1", endpoint)

    def locate(self, bucket: str, key: str = "") -> Location:
        """The address of an object, or without a key of the bucket."""
        path = "/" + quote(key, safe="/-_.~")
        if self.endpoint is None:
            return Location("https", f"{bucket}.s3.{self.region}.amazonaws.com", path, bucket)
        parts = urlsplit(self.endpoint)
        return Location(parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{bucket}{path if key else ''}", bucket)


ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED: Final = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS credentials, as Lambda sets them in the environment; those of a role have a token."""

    access_key: str
    secret_key: str
    token: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Credentials:
        """Read them; raises ConfigurationError."""
        access, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
        if not access or not secret:
            raise ConfigurationError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set, as Lambda sets them")
        return cls(access, secret, environment.get("AWS_SESSION_TOKEN") or None)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one region with one set of credentials. clock: the time of a signature, UTC."""

    credentials: Credentials
    region: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def url(
        self,
        method: str,
        location: Location,
        expires_s: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A presigned URL for this request, with exactly these lower-case headers."""
        now = self.clock()
        signed = {"host": location.host, **(headers or {})}
        parameters = {
            **(query or {}),
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key}/{self._scope(now)}",
            "X-Amz-Date": _stamp(now),
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": ";".join(sorted(signed)),
        }
        if self.credentials.token:
            parameters["X-Amz-Security-Token"] = self.credentials.token
        signature = self._request_signature(now, method, location.path, parameters, signed, payload=UNSIGNED)
        return f"{location.url}?{query_string(parameters)}&X-Amz-Signature={signature}"

    def form(self, location: Location, key: str, content_type: str, size: int, expires: datetime) -> dict[str, str]:
        """The fields of a presigned POST form for one object with this key, type and size."""
        # Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
        now = self.clock()
        fields = {
            "key": key,
            "Content-Type": content_type,
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": f"{self.credentials.access_key}/{self._scope(now)}",
            "x-amz-date": _stamp(now),
        }
        if self.credentials.token:
            fields["x-amz-security-token"] = self.credentials.token
        conditions: list[Any] = [{"bucket": location.bucket}, *({name: value} for name, value in fields.items())]
        conditions.append(["content-length-range", size, size])
        policy = {"expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": conditions}
        encoded = base64.b64encode(json.dumps(policy, separators=(",", ":")).encode()).decode("ascii")
        return {**fields, "policy": encoded, "x-amz-signature": self._sign(now, encoded)}

    def headers(
        self,
        method: str,
        location: Location,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, str]:
        """The headers of a signed request with these lower-case headers and this body."""
        now = self.clock()
        payload = hashlib.sha256(body).hexdigest()
        signed = {"host": location.host, "x-amz-content-sha256": payload, "x-amz-date": _stamp(now), **(headers or {})}
        if self.credentials.token:
            signed["x-amz-security-token"] = self.credentials.token
        signature = self._request_signature(now, method, location.path, query, signed, payload=payload)
        credential = f"Credential={self.credentials.access_key}/{self._scope(now)}"
        names = ";".join(sorted(signed))
        signed["authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return signed

    def _request_signature(
        self,
        now: datetime,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        payload: str,
    ) -> str:
        names = sorted(headers)
        lines = [f"{name}:{' '.join(headers[name].split())}" for name in names]
        canonical = "\n".join((method, path, query_string(query), *lines, "", ";".join(names), payload))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        return self._sign(now, "\n".join((ALGORITHM, _stamp(now), self._scope(now), digest)))

    def _scope(self, now: datetime) -> str:
        return f"{now:%Y%m%d}/{self.region}/s3/aws4_request"

    def _sign(self, now: datetime, text: str) -> str:
        key = _signing_key(self.credentials.secret_key, f"{now:%Y%m%d}", self.region)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@functools.lru_cache(maxsize=4)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"


def query_string(parameters: Mapping[str, str]) -> str:
    """The query of a request, encoded exactly as it is signed."""
    encoded = [(quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters.items()]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
