"""A network without a way out but to the stage's own buckets, for functions that read what others wrote.

Two subnets without internet gateway and NAT, and a gateway endpoint for S3, which costs nothing. Lambda itself brings
events and answers, sends logs and traces, and pulls images: none of that needs the network of the function. What
escapes a decoder finds no address to send the role's credentials to, and no bucket but these. What is left to it is
the resolver, which asks any name server in the world for a name: a whisper of some bytes a question. Route 53's DNS
Firewall would end that, for $0.60 a million questions and a list of S3's names to be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, CfnTag, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.common import acknowledge, bucket_arn, log_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

_NETWORK: Final = "10.72.0.0/20"
_SUBNETS: Final = ("10.72.0.0/22", "10.72.4.0/22")
_HTTPS: Final = 443
# What Lambda does with the role when it connects a function to a network ("Giving Lambda functions access to
# resources in an Amazon VPC", execution role permissions).
_INTERFACES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
# What the functions do, with keys in the drop and in the results bucket, and with the buckets themselves.
_DROPPED: Final = ("s3:GetObject", "s3:GetObjectVersion")
_RECORDS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
_LISTED: Final = ("s3:ListBucket",)


class IsolatedNetwork(Construct):
    """One stage's network. drop_bucket, results_bucket: names of the only buckets that can be reached from it."""

    def __init__(self, scope: Construct, name: str, stage: AwsStage, drop_bucket: str, results_bucket: str) -> None:
        super().__init__(scope, name)
        self._stage = stage
        named = CfnTag(key="Name", value=f"skysort-{stage.name}")
        # Names are resolved by the network's own resolver: S3's is the only one that leads anywhere.
        self.vpc = ec2.CfnVPC(
            self, "Vpc", cidr_block=_NETWORK, enable_dns_support=True, enable_dns_hostnames=True, tags=[named]
        )
        routes = ec2.CfnRouteTable(self, "Routes", vpc_id=self.vpc.ref, tags=[named])
        self.subnets = [self._subnet(number, cidr, routes) for number, cidr in enumerate(_SUBNETS)]
        self.group = ec2.CfnSecurityGroup(
            self,
            "Group",
            group_description=f"skysort-{stage.name}: HTTPS to where there is a route, S3 alone; nothing comes in",
            vpc_id=self.vpc.ref,
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp",
                    from_port=_HTTPS,
                    to_port=_HTTPS,
                    cidr_ip="0.0.0.0/0",
                    description="S3, by its gateway endpoint",
                )
            ],
        )
        allowed = {
            bucket_arn(self, drop_bucket, "/*"): _DROPPED,
            bucket_arn(self, results_bucket, "/*"): _RECORDS,
            bucket_arn(self, drop_bucket): _LISTED,
            bucket_arn(self, results_bucket): _LISTED,
        }
        self.endpoint = ec2.CfnVPCEndpoint(
            self,
            "S3",
            vpc_id=self.vpc.ref,
            service_name=f"com.amazonaws.{Stack.of(self).region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[routes.ref],
            policy_document=self._own_buckets(allowed),
        )
        self._log()

    def _subnet(self, number: int, cidr: str, routes: ec2.CfnRouteTable) -> ec2.CfnSubnet:
        subnet = ec2.CfnSubnet(
            self,
            f"Subnet{number}",
            vpc_id=self.vpc.ref,
            cidr_block=cidr,
            availability_zone=Fn.select(number, Fn.get_azs()),
            map_public_ip_on_launch=False,
            tags=[CfnTag(key="Name", value=f"skysort-{self._stage.name}-{number}")],
        )
        ec2.CfnSubnetRouteTableAssociation(self, f"Routed{number}", subnet_id=subnet.ref, route_table_id=routes.ref)
        return subnet

    def _own_buckets(self, allowed: Mapping[str, Sequence[str]]) -> iam.PolicyDocument:
        """Credentials of this account, these buckets, these calls: another's bucket cannot be written to from here."""
        ours = {"StringEquals": {"aws:PrincipalAccount": Stack.of(self).account}}
        return iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    principals=[iam.AnyPrincipal()], actions=list(actions), resources=[resource], conditions=ours
                )
                for resource, actions in allowed.items()
            ]
        )

    def _log(self) -> None:
        """Keep what was refused: a function that asks for anything but S3 is news."""
        group = log_group(self, "Refused", f"/skysort/{self._stage.name}/network-refused", self._stage)
        ours = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(
            self, "LogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com", conditions=ours)
        )
        group.grant(role, "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.ref,
            resource_type="VPC",
            traffic_type="REJECT",
            log_destination_type="cloud-watch-logs",
            log_destination=group.log_group_arn,
            deliver_logs_permission_arn=role.role_arn,
        )

    def connect(self, name: str, target: ModelFunction) -> None:
        """Have a function run in this network, and see nothing else of EC2."""
        function = Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=self._stage.function_name(name),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        policy = iam.Policy(
            self,
            f"{name}-interfaces",
            roles=[target.role],
            statements=[
                iam.PolicyStatement(actions=list(_INTERFACES), resources=["*"]),
                # Lambda needs them; the code that runs in the function must not have them.
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=list(_INTERFACES),
                    resources=["*"],
                    conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
                ),
            ],
        )
        acknowledge(policy, "IAM5[Resource::*]", "Lambda makes the interfaces by this role, before they have a name")
        resource = target.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - tells the type checker what it is made of
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=[subnet.ref for subnet in self.subnets], security_group_ids=[self.group.attr_group_id]
        )
        # Lambda refuses a function whose role may not yet make interfaces, and needs the role to take them away again.
        resource.node.add_dependency(policy)
