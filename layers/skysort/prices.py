"""Prices of the services that skysort runs on."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars without the free tier; the defaults are the list prices of us-east-1, x86, first tier, as of 2025.

    Sources: aws.amazon.com/lambda/pricing, and likewise api-gateway, s3, sqs, cloudfront, waf and cloudwatch.
    region, date: of the list that they are from.
    gb_second: of an on-demand invocation. provisioned_gb_second: of a provisioned sandbox, busy or idle.
    busy_provisioned_gb_second: of an invocation in one, in addition. thousand_writes: PUT, COPY, POST and LIST
    requests of S3, including multipart uploads. thousand_reads: GET and all other requests. gb_month: S3 standard
    storage. million_messages: requests to SQS. million_transitions: between states of Step Functions. gb_downloaded:
    from S3, Lambda and API Gateway to the internet. gb_from_cloudfront, ten_thousand_https: of CloudFront, to North
    America and Europe. gb_from_any_edge: of its dearest edge locations, in South East Asia. million_inspected: requests
    inspected by WAF. gb_logged: ingested by CloudWatch Logs.
    """

    region: str = "us-east-1"
    date: str = "2025"
    gb_second: float = 0.0000166667
    provisioned_gb_second: float = 0.0000041667
    busy_provisioned_gb_second: float = 0.0000097222
    million_invocations: float = 0.20
    million_requests: float = 3.50
    thousand_writes: float = 0.005
    thousand_reads: float = 0.0004
    gb_month: float = 0.023
    million_messages: float = 0.40
    million_transitions: float = 25.0
    gb_downloaded: float = 0.09
    gb_from_cloudfront: float = 0.085
    gb_from_any_edge: float = 0.12
    ten_thousand_https: float = 0.01
    million_inspected: float = 0.60
    gb_logged: float = 0.50

    @classmethod
    def read(cls, text: str | None) -> Self:
        """The prices of a setting, the default ones without it; raises ConfigurationError."""
        try:
            document = json.loads(text) if text else {}
        except ValueError as error:
            raise ConfigurationError(f"prices must be a JSON object, got {text!r:.60}: {error}") from None
        if not isinstance(document, dict):
            raise ConfigurationError(f"prices must be a JSON object, got {text!r:.60}")
        return cls.of(document)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """The default prices with those of a document in their place; raises ConfigurationError."""
        known = {each.name: each.default for each in fields(cls)}
        for name, value in document.items():
            default = known.get(name)
            if default is None:
                raise ConfigurationError(f"there is no price {name!r:.60}; the prices are {', '.join(known)}")
            if isinstance(default, str):
                if not isinstance(value, str):
                    raise ConfigurationError(f"the {name} of prices must be text, got {value!r:.60}")
            elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ConfigurationError(f"the price {name} must be a number of dollars, got {value!r:.60}")
        return cls(**document)

    def document(self) -> dict[str, str | float]:
        """As JSON; `of` reads it."""
        return asdict(self)


# The same list for functions on arm64, whose seconds cost four fifths.
ARM64_PRICES: Final = Prices(
    gb_second=0.0000133334, provisioned_gb_second=0.0000033334, busy_provisioned_gb_second=0.0000077778
)
