"""The web page: a private bucket behind CloudFront, at the same origin as the API, with strict headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.api.routes import ROUTES
from infra.api.site_headers import content_security_policy, security_headers
from infra.constructs.common import account_name, acknowledge, removal
from infra.constructs.domain import PageDomain
from infra.constructs.firewall import PageFirewall
from infra.constructs.origin_secret import origin_headers
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigateway as apigateway

    from infra.stages.stage import AwsStage

_TLS: Final = 1.2
# Headers with their own fields in CloudFront's policy; the others are custom headers.
_OWN_FIELDS: Final = frozenset(
    {"content-security-policy", "strict-transport-security", "x-content-type-options", "x-frame-options"}
    | {"referrer-policy"}
)
_PRICE_CLASSES: Final = {
    "100": cloudfront.PriceClass.PRICE_CLASS_100,
    "200": cloudfront.PriceClass.PRICE_CLASS_200,
    "all": cloudfront.PriceClass.PRICE_CLASS_ALL,
}
_TWO_YEARS: Final = Duration.days(730)


class WebPage(Construct):
    """The page's bucket and distribution; `make deploy` uploads functions/site and invalidates the cache.

    api: the origin of the API's paths. buckets: names of the buckets of presigned uploads and results.
    """

    def __init__(
        self, scope: Construct, name: str, *, stage: AwsStage, api: apigateway.IRestApi, buckets: Sequence[str]
    ) -> None:
        super().__init__(scope, name)
        self.bucket = s3.Bucket(
            self,
            "Files",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=_TLS,
            versioned=True,
            lifecycle_rules=[s3.LifecycleRule(id="old-versions", noncurrent_version_expiration=Duration.days(30))],
            removal_policy=removal(stage),
        )
        domain = stage.domain
        host = domain.page if domain else None
        arn = domain.page_certificate if domain else None
        certificate = acm.Certificate.from_certificate_arn(self, "Certificate", arn) if arn else None
        firewall = stage.api.firewall
        acl = PageFirewall(self, "Firewall", stage=stage, settings=firewall).arn if firewall else None
        acknowledge(self.bucket, "S1", "only CloudFront reads it, and its content is public")
        access = cloudfront.S3OriginAccessControl(
            self, "Access", origin_access_control_name=account_name(self, f"skysort-page-{stage.name}")
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"skysort, stage {stage.name}",
            default_root_object="index.html",
            # No error pages of CloudFront: they would also replace the API's problem documents.
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(self.bucket, origin_access_control=access),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                response_headers_policy=_headers(self, stage, buckets),
            ),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=_PRICE_CLASSES[stage.api.price_class],
            web_acl_id=acl,
            domain_names=[host] if host else None,
            certificate=certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if host else None,
        )
        self.url = f"https://{host or self.distribution.distribution_domain_name}/"
        if domain and host:
            PageDomain(self, "Domain", host=host, hosted_zone=domain.hosted_zone, distribution=self.distribution)
        address, path = _api_address(stage, api)
        origin = origins.HttpOrigin(
            address,
            origin_path=path,
            custom_headers=origin_headers(stage) or None,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            read_timeout=Duration.seconds(limits.GATEWAY_TIMEOUT_S + 1),
        )
        for pattern in _api_patterns():
            self.distribution.add_behavior(
                pattern,
                origin,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                # API Gateway identifies the API by its own host name.
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            )
        self._acknowledge_findings(guarded=acl is not None, named=host is not None)

    def _acknowledge_findings(self, *, guarded: bool, named: bool) -> None:
        acknowledge(self.distribution, "CFR1", "the service is for astronomers worldwide")
        if not guarded:
            acknowledge(self.distribution, "CFR2", "no firewall on this stage: static files, and the API requires keys")
        acknowledge(self.distribution, "CFR3", "the API logs every call; access to static files need not be logged")
        if not named:
            acknowledge(self.distribution, "CFR4", "CloudFront's default certificate determines the TLS versions")


def _api_address(stage: AwsStage, api: apigateway.IRestApi) -> tuple[str, str | None]:
    """The host name at which CloudFront reaches the API, and the path before those of the API there."""
    if stage.domain is None:
        return f"{api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}", f"/{stage.name}"
    base = stage.domain.base_path
    return stage.domain.name, f"/{base}" if base else None


def _api_patterns() -> list[str]:
    """The API's paths as CloudFront path patterns: /v1/* and each other path."""
    return sorted({"/v1/*" if route.path.startswith("/v1/") else route.path for route in ROUTES})


def _headers(scope: Construct, stage: AwsStage, buckets: Sequence[str]) -> cloudfront.ResponseHeadersPolicy:
    """The same headers as on the local gateway (infra/api/site_headers.py)."""
    policy = cloudfront.ResponseHeadersPolicy
    uploads = [f"https://{bucket}.s3.{Aws.REGION}.{Aws.URL_SUFFIX}" for bucket in buckets]
    others = {name: value for name, value in security_headers().items() if name not in _OWN_FIELDS}
    return policy(
        scope,
        "Headers",
        response_headers_policy_name=account_name(scope, f"skysort-page-{stage.name}"),
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy=content_security_policy(uploads), override=True
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=_TWO_YEARS, include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=name, value=value, override=True)
                for name, value in others.items()
            ]
        ),
    )
