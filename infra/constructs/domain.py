"""Host names of a stage's own, for the API and the page, and their records in a Route 53 zone.

Sources: "Set up a Regional custom domain name in API Gateway", "Disable the default endpoint for REST APIs", "Use
custom URLs by adding alternate domain names" (CloudFront), "Values specific for simple alias records" (Route 53).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CfnOutput
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_route53 as route53
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_cloudfront as cloudfront

    from infra.stages.account import Domain

# The zone of all distributions, in every region of AWS but those of China.
_CLOUDFRONT_ZONE: Final = "Z2FDTNDATAQYW2"


class ApiDomain(Construct):
    """The API's own host name, below its base path if it has one; the API's default endpoint has to be off.

    url: before the paths of the API.
    """

    def __init__(self, scope: Construct, name: str, *, domain: Domain, api: apigateway.RestApi) -> None:
        super().__init__(scope, name)
        host = apigateway.CfnDomainName(
            self,
            "Name",
            domain_name=domain.name,
            regional_certificate_arn=domain.certificate,
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(types=["REGIONAL"]),
            security_policy="TLS_1_2",
        )
        apigateway.CfnBasePathMapping(
            self,
            "Mapping",
            domain_name=host.ref,
            base_path=domain.base_path,
            rest_api_id=api.rest_api_id,
            stage=api.deployment_stage.stage_name,
        )
        self.url = f"https://{domain.name}/{domain.base_path}/" if domain.base_path else f"https://{domain.name}/"
        target = host.attr_regional_domain_name
        if domain.hosted_zone is None:
            CfnOutput(self, "Target", value=target, description=f"where a CNAME record of {domain.name} has to lead")
        else:
            leads_to = alias(target, host.attr_regional_hosted_zone_id)
            add_record(self, "A", domain.hosted_zone, domain.name, leads_to)


class PageDomain(Construct):
    """The records of the page's own host name, which its distribution has to list."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        host: str,
        hosted_zone: str | None,
        distribution: cloudfront.IDistribution,
    ) -> None:
        super().__init__(scope, name)
        target = distribution.distribution_domain_name
        if hosted_zone is None:
            CfnOutput(self, "Target", value=target, description=f"where a CNAME record of {host} has to lead")
            return
        # CloudFront answers over IPv6 too.
        for kind in ("A", "AAAA"):
            add_record(self, kind, hosted_zone, host, alias(target, _CLOUDFRONT_ZONE))


def alias(target: str, zone: str) -> route53.CfnRecordSet.AliasTargetProperty:
    """Where a record leads: a host name of AWS in its zone."""
    return route53.CfnRecordSet.AliasTargetProperty(dns_name=target, hosted_zone_id=zone)


def add_record(
    scope: Construct, kind: str, hosted_zone: str, host: str, target: route53.CfnRecordSet.AliasTargetProperty
) -> None:
    """Add an alias record of a kind, A or AAAA, to a zone, which may hold others."""
    route53.CfnRecordSet(scope, f"Record{kind}", hosted_zone_id=hosted_zone, name=host, type=kind, alias_target=target)
