"""Where an object or a bucket answers: AWS's own address, or an endpoint such as the local stack's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Location:
    """One addressable thing: scheme and host with port, the percent-encoded path, the bucket that it is in."""

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

    endpoint: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, None for AWS's own of the region.
    """

    region: str
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Addressing:
        """Read the settings that every AWS SDK reads."""
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None
        return cls(environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1", endpoint)

    def locate(self, bucket: str, key: str = "") -> Location:
        """The address of an object; of its bucket, without a key."""
        path = "/" + quote(key, safe="/-_.~")
        if self.endpoint is None:
            return Location("https", f"{bucket}.s3.{self.region}.amazonaws.com", path, bucket)
        parts = urlsplit(self.endpoint)
        return Location(parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{bucket}{path if key else ''}", bucket)
