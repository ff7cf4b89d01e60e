"""An API that only a VPC reaches, by interface endpoints for execute-api.

Sources: "Private REST APIs in API Gateway", "Create a private API" (its resource policy), "Invoke a private API" (the
address of an API that is associated with an endpoint needs no private DNS names), "API Gateway resource policies".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Fn, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from infra.stages.account import PrivateNetwork

_HTTPS: Final = 443
# Addresses of VPCs and of networks that are connected to them (RFC 1918 and RFC 6598).
_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
_INVOKE: Final = "execute-api:Invoke"
_EVERY_CALL: Final = "execute-api:/*"


def api_endpoints(scope: Construct, network: PrivateNetwork) -> list[str]:
    """The ids of the endpoints through which callers come: the network's, or one that is created in its subnets."""
    if network.endpoints:
        return list(network.endpoints)
    group = ec2.CfnSecurityGroup(
        scope,
        "EndpointGroup",
        group_description="skysort: HTTPS from private addresses to the API",
        vpc_id=network.vpc_id,
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp", from_port=_HTTPS, to_port=_HTTPS, cidr_ip=addresses, description="callers of the API"
            )
            for addresses in _PRIVATE
        ],
    )
    endpoint = ec2.CfnVPCEndpoint(
        scope,
        "Endpoint",
        vpc_id=network.vpc_id,
        service_name=f"com.amazonaws.{Stack.of(scope).region}.execute-api",
        vpc_endpoint_type="Interface",
        subnet_ids=list(network.subnets),
        security_group_ids=[group.attr_group_id],
        # Private DNS names would hide every public API of the region from the VPC.
        private_dns_enabled=False,
    )
    return [endpoint.ref]


def endpoint_configuration(scope: Construct, endpoints: Sequence[str]) -> apigateway.EndpointConfiguration:
    """Regional without endpoints, private with them."""
    if not endpoints:
        return apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL])
    return apigateway.EndpointConfiguration(
        types=[apigateway.EndpointType.PRIVATE],
        vpc_endpoints=[
            ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
                scope, f"Through{number}", vpc_endpoint_id=endpoint, port=_HTTPS
            )
            for number, endpoint in enumerate(endpoints)
        ],
    )


def only_through(endpoints: Sequence[str]) -> iam.PolicyDocument | None:
    """The resource policy, without which nobody reaches a private API; None without endpoints."""
    if not endpoints:
        return None
    # The denial is for callers who sign: policies of their own would let them come through other endpoints.
    allow, deny = iam.Effect.ALLOW, iam.Effect.DENY
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                effect=effect,
                principals=[iam.AnyPrincipal()],
                actions=[_INVOKE],
                resources=[_EVERY_CALL],
                conditions=conditions,
            )
            for effect, conditions in (
                (allow, None),
                (deny, {"StringNotEquals": {"aws:SourceVpce": list(endpoints)}}),
            )
        ]
    )


def private_url(api: apigateway.RestApi, endpoint: str) -> str:
    """The URL of a private API that is associated with an endpoint, from within its VPC."""
    stack = Stack.of(api)
    host = Fn.join("", [api.rest_api_id, "-", endpoint, f".execute-api.{stack.region}.{stack.url_suffix}"])
    return f"https://{host}/{api.deployment_stage.stage_name}/"
