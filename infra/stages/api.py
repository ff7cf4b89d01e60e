"""Settings of a stage's HTTP API: clients, limits, authorisation and firewall.

Settings that API Gateway would reject, or that would accidentally leave the API open to everybody, raise StageError on
construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from infra.api.routes import ROUTES
from infra.stages.functions import in_range, require

# Media types that the gateway passes to a function base64-encoded. Never */*: JSON would be encoded too.
BINARY_MEDIA_TYPES: Final = (
    "image/*",
    # Included in "image/*", but `sam local start-api` compares complete names.
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/tiff",
    "image/gif",
    "image/fits",
    "image/avif",
    "image/heic",
    "image/heif",
    "multipart/form-data",
    "application/octet-stream",
    # S3's default type, and curl's default for request bodies.
    "binary/octet-stream",
    "application/x-www-form-urlencoded",
    "application/fits",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "application/vnd.apache.parquet",
)
# Presigns uploads and starts multipart uploads.
UPLOADS_PATH: Final = "/v1/uploads"
TRAININGS_PATH: Final = "/v1/trainings"
BULK_PATH: Final = "/v1/bulk"
# Calls that start more at the owner's cost than their own function.
COSTLY: Final = frozenset(
    {("POST", UPLOADS_PATH), ("POST", TRAININGS_PATH), ("POST", BULK_PATH), ("POST", f"{BULK_PATH}/{{id}}/resume")}
)
# Calls that look at a bulk job, whose parts they list: up to 20 pages of a listing, and hundreds of documents.
PROGRESS: Final = frozenset(
    {
        ("GET", BULK_PATH),
        ("GET", f"{BULK_PATH}/{{id}}"),
        ("GET", f"{BULK_PATH}/{{id}}/files"),
        ("POST", f"{BULK_PATH}/{{id}}/cancel"),
    }
)
# Public without a key, for GET: cheap, and needed to learn how to call the API.
PUBLIC_PATHS: Final = frozenset({"/v1/health", "/v1/models", "/v1/models/{name}", "/openapi.json", "/docs"})


def is_public(method: str, path: str) -> bool:
    """Whether a route needs no key."""
    return method == "GET" and path in PUBLIC_PATHS


# API Gateway quotas of an account and region ("Quotas for configuring and running a REST API").
RATE_PER_S: Final = (0.01, 10_000)
BURST: Final = (1, 5_000)
# AWS WAF, rate-based rules: requests of one address in five minutes.
RATE_RULE: Final = (10, 2_000_000_000)


@dataclass(frozen=True, slots=True)
class Client:
    """A client with its own API key and usage plan.

    rate_per_s: sustained requests per second, of all calls together. burst: concurrent requests. daily_quota: requests
    per day, None for no limit. uploads_per_s, uploads_burst: limits of each call of COSTLY, which start S3 requests, a
    training or a bulk job at the owner's cost. Usage plans have no quota per method: the daily maximum follows from the
    rate. progress_per_s, progress_burst: limits of each call of PROGRESS.
    """

    name: str
    rate_per_s: float
    burst: int
    daily_quota: int | None = None
    uploads_per_s: float = 1
    uploads_burst: int = 20
    progress_per_s: float = 5
    progress_burst: int = 20

    def __post_init__(self) -> None:
        """Reject what API Gateway would reject."""
        require(
            re.fullmatch(r"[a-z][a-z0-9-]{0,40}", self.name) is not None,
            f"a client's name may have lower-case letters, digits and hyphens only (got {self.name!r})",
        )
        in_range(self.rate_per_s, RATE_PER_S, f"client {self.name}: rate_per_s")
        in_range(self.burst, BURST, f"client {self.name}: burst")
        require(
            self.daily_quota is None or self.daily_quota >= 1,
            f"client {self.name}: daily_quota must be at least 1 (got {self.daily_quota}); None sets no quota",
        )
        in_range(self.uploads_per_s, RATE_PER_S, f"client {self.name}: uploads_per_s")
        in_range(self.uploads_burst, BURST, f"client {self.name}: uploads_burst")
        in_range(self.progress_per_s, RATE_PER_S, f"client {self.name}: progress_per_s")
        in_range(self.progress_burst, BURST, f"client {self.name}: progress_burst")


@dataclass(frozen=True, slots=True)
class Iam:
    """Callers sign with AWS credentials; their IAM policies decide (execute-api:Invoke)."""


@dataclass(frozen=True, slots=True)
class Cognito:
    """Callers send a token of a Cognito user pool, as `Authorization: Bearer ...`.

    user_pool: the pool's ARN. scopes: an access token needs one of them; without scopes an identity token is required.
    """

    user_pool: str
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject anything but the ARN of a user pool."""
        require(
            re.fullmatch(r"arn:aws[\w-]*:cognito-idp:[\w-]+:\d{12}:userpool/[\w-]+", self.user_pool) is not None,
            f"user_pool must be the ARN of a Cognito user pool (got {self.user_pool!r})",
        )


Authoriser = Iam | Cognito
PriceClass = Literal["100", "200", "all"]


@dataclass(frozen=True, slots=True)
class Firewall:
    """AWS WAF for the API and the page.

    requests_in_5_minutes: limit per caller, by address as far as it is known. page_web_acl: the ARN of a web ACL in
    us-east-1 for the page of a stage in another region; None to create one (constructs/firewall.py). origin_secret: a
    label, such as 2026-11, of the secret by which CloudFront proves itself to the API's firewall ($0.40 a month);
    another label makes another secret. None for none: then callers are told apart by what X-Forwarded-For says.
    """

    requests_in_5_minutes: int = 10_000
    page_web_acl: str | None = None
    origin_secret: str | None = None

    def __post_init__(self) -> None:
        """Reject what WAF would reject."""
        in_range(self.requests_in_5_minutes, RATE_RULE, "requests_in_5_minutes")
        label = self.origin_secret
        require(
            label is None or re.fullmatch(r"[A-Za-z0-9-]{1,20}", label) is not None,
            f"origin_secret must be a label of letters, digits and hyphens, such as 2026-11 (got {label!r})",
        )
        acl = self.page_web_acl
        require(
            acl is None
            or re.fullmatch(r"arn:aws:wafv2:us-east-1:\d{12}:global/webacl/[\w-]+/[0-9a-f-]+", acl) is not None,
            f"page_web_acl must be the ARN of a web ACL for CloudFront, in us-east-1 (got {acl!r})",
        )


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The HTTP API of a stage.

    clients: each gets an API key; with clients, all paths but PUBLIC_PATHS require a key. authoriser: required in
    addition. rate_per_s, burst: of each call, for all callers together; API Gateway has no limit of a whole stage
    ("Throttle requests to your REST APIs for better throughput in API Gateway": per-stage limits are applied at the
    method level), so most_per_s follows from those of the clients. uploads_per_s, uploads_burst: of each call of
    COSTLY. progress_per_s, progress_burst: of each call of PROGRESS. public_per_s, public_burst: of each public path.
    page_origin: of a web page at another origin, e.g. https://sky.example.org, which may then call the API; None
    switches CORS off. price_class: the edge locations of CloudFront that serve the page: 100 are those of North America
    and Europe, 200 all but those of South America, Australia and New Zealand ("Choose the price class for a CloudFront
    distribution"). compress_bytes: minimum size of compressed responses. detailed_metrics: whether CloudWatch gets
    metrics of each method, $0.30 a month each, beside those of the stage, which are all that dashboard and alarms read.
    log_role: whether this stage creates API Gateway's role for logs, of which there is one per account and region;
    False if it exists already.
    """

    clients: tuple[Client, ...] = ()
    authoriser: Authoriser | None = None
    rate_per_s: float = 1_000
    burst: int = 2_000
    uploads_per_s: float = 2
    uploads_burst: int = 50
    progress_per_s: float = 20
    progress_burst: int = 50
    public_per_s: float = 50
    public_burst: int = 200
    firewall: Firewall | None = None
    page_origin: str | None = None
    price_class: PriceClass = "all"
    compress_bytes: int = 1_024
    detailed_metrics: bool = False
    log_role: bool = True

    def __post_init__(self) -> None:
        """Reject an API open to everybody, and what API Gateway would reject."""
        require(
            bool(self.clients) or self.authoriser is not None,
            "an API needs clients (each gets a key) or an authoriser: otherwise anybody could call it at your cost",
        )
        names = [client.name for client in self.clients]
        require(len(names) == len(set(names)), f"client names must be unique (got {', '.join(sorted(names))})")
        in_range(self.rate_per_s, RATE_PER_S, "the API's rate_per_s")
        in_range(self.burst, BURST, "the API's burst")
        in_range(self.uploads_per_s, RATE_PER_S, "the API's uploads_per_s")
        in_range(self.uploads_burst, BURST, "the API's uploads_burst")
        in_range(self.progress_per_s, RATE_PER_S, "the API's progress_per_s")
        in_range(self.progress_burst, BURST, "the API's progress_burst")
        in_range(self.public_per_s, RATE_PER_S, "the API's public_per_s")
        in_range(self.public_burst, BURST, "the API's public_burst")
        for client in self.clients:
            require(
                client.rate_per_s <= self.rate_per_s,
                f"client {client.name} may send {client.rate_per_s:g} requests a second, and all clients together only "
                f"{self.rate_per_s:g} to one call; raise the API's rate_per_s",
            )
        in_range(self.compress_bytes, (0, 10 * 1024 * 1024), "compress_bytes")
        require(
            self.page_origin is None or re.fullmatch(r"https://[\w.-]+(:\d+)?", self.page_origin) is not None,
            f"page_origin must read like https://sky.example.org, without a path (got {self.page_origin!r})",
        )

    @property
    def most_per_s(self) -> float:
        """Requests a second that reach functions at most, all callers and calls together."""
        public = sum(is_public(route.method, route.path) for route in ROUTES)
        # Without keys, each of the other calls has the stage's rate or its own, for all callers together.
        own = {COSTLY: self.uploads_per_s, PROGRESS: self.progress_per_s}
        limited = sum(len(calls) * rate for calls, rate in own.items())
        others = len(ROUTES) - public - sum(map(len, own))
        by_call = others * self.rate_per_s + limited
        by_key = sum(client.rate_per_s for client in self.clients)
        return public * self.public_per_s + (min(by_key, by_call) if self.clients else by_call)
