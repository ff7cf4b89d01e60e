"""A network that reaches only the stage's own buckets and queues, for functions that decode untrusted files.

Two subnets without internet gateway and NAT, and a gateway endpoint for S3, which is free of charge. An interface
endpoint for SQS lets drop functions say when a message that failed is visible again, and nothing else; it is in one
subnet, at $0.01 an hour: without it a message waits for its queue's visibility timeout. Lambda itself
transfers events and responses, sends logs and traces, and pulls images, without the network of the function. Code that
escapes a decoder can send the role's credentials nowhere, and reaches no other bucket. The remaining channel is DNS
resolution, with a few bytes per query; Route 53's DNS Firewall would close it, for $0.60 per million queries and a list
of S3's names to maintain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, CfnTag, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.bulk import source_permissions
from infra.constructs.common import acknowledge, bucket_arn, log_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

_NETWORK: Final = "10.72.0.0/20"
_SUBNETS: Final = ("10.72.0.0/22", "10.72.4.0/22")
_HTTPS: Final = 443
# Permissions that Lambda needs to connect a function to a network ("Giving Lambda functions access to resources in an
# Amazon VPC", execution role permissions).
_INTERFACES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
# Actions of the functions on keys of the drop bucket, of the results bucket and of the models bucket, and the buckets.
_DROPPED: Final = ("s3:GetObject", "s3:GetObjectVersion")
_RECORDS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
_TRAINED: Final = ("s3:GetObject", "s3:PutObject")
_LISTED: Final = ("s3:ListBucket",)
_SHOWN: Final = ("sqs:ChangeMessageVisibility",)


class IsolatedNetwork(Construct):
    """The network of a stage.

    dropped, results, models: names of the only reachable buckets, beside those that the stage names for bulk jobs.
    """

    def __init__(
        self, scope: Construct, name: str, stage: AwsStage, *, dropped: str, results: str, models: str
    ) -> None:
        super().__init__(scope, name)
        self._stage = stage
        name_tag = CfnTag(key="Name", value=f"skysort-{stage.name}")
        # Names are resolved by the VPC's resolver; only S3's addresses are reachable.
        self.vpc = ec2.CfnVPC(
            self, "Vpc", cidr_block=_NETWORK, enable_dns_support=True, enable_dns_hostnames=True, tags=[name_tag]
        )
        routes = ec2.CfnRouteTable(self, "Routes", vpc_id=self.vpc.ref, tags=[name_tag])
        self.subnets = [self._subnet(number, cidr, routes) for number, cidr in enumerate(_SUBNETS)]
        self.group = ec2.CfnSecurityGroup(
            self,
            "Group",
            group_description=f"skysort-{stage.name}: outbound HTTPS, routed to S3 and SQS only; no inbound traffic",
            vpc_id=self.vpc.ref,
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp",
                    from_port=_HTTPS,
                    to_port=_HTTPS,
                    cidr_ip="0.0.0.0/0",
                    description="S3 and SQS, by their endpoints",
                )
            ],
        )
        allowed = {
            bucket_arn(self, dropped, "/*"): _DROPPED,
            bucket_arn(self, results, "/*"): _RECORDS,
            bucket_arn(self, models, "/*"): _TRAINED,
            **{bucket_arn(self, bucket): _LISTED for bucket in (dropped, results, models)},
            **source_permissions(self, stage.bulk_sources),
        }
        self.endpoint = ec2.CfnVPCEndpoint(
            self,
            "S3",
            vpc_id=self.vpc.ref,
            service_name=f"com.amazonaws.{Stack.of(self).region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[routes.ref],
            policy_document=self._own_account(allowed),
        )
        self._reach_queues()
        self._log()

    def _reach_queues(self) -> None:
        """Reach the drop queues, by the host name that SQS has everywhere."""
        group = ec2.CfnSecurityGroup(
            self,
            "SqsGroup",
            group_description=f"skysort-{self._stage.name}: HTTPS to SQS from the functions of this network",
            vpc_id=self.vpc.ref,
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=_HTTPS,
                    to_port=_HTTPS,
                    source_security_group_id=self.group.attr_group_id,
                    description="The functions",
                )
            ],
        )
        stack = Stack.of(self)
        queues = [
            stack.format_arn(service="sqs", resource=queue.queue, arn_format=ArnFormat.NO_RESOURCE_NAME)
            for queue in self._stage.drop_queues
        ]
        ec2.CfnVPCEndpoint(
            self,
            "Sqs",
            vpc_id=self.vpc.ref,
            service_name=f"com.amazonaws.{stack.region}.sqs",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[self.subnets[0].ref],
            security_group_ids=[group.attr_group_id],
            policy_document=self._own_account(dict.fromkeys(queues, _SHOWN)),
        )

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

    def _own_account(self, allowed: Mapping[str, Sequence[str]]) -> iam.PolicyDocument:
        """Allow only credentials of this account, these resources and these actions, against exfiltration."""
        same_account = {"StringEquals": {"aws:PrincipalAccount": Stack.of(self).account}}
        return iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    principals=[iam.AnyPrincipal()],
                    actions=list(actions),
                    resources=[resource],
                    conditions=same_account,
                )
                for resource, actions in allowed.items()
            ]
        )

    def _log(self) -> None:
        """Log rejected traffic: a function that connects to anything but S3 is suspicious."""
        group = log_group(self, "Refused", f"/skysort/{self._stage.name}/network-refused", self._stage)
        same_account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(
            self, "LogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com", conditions=same_account)
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
        """Connect a function to this network."""
        subnets = [subnet.ref for subnet in self.subnets]
        connect(self, self._stage.function_name(name), target, subnets, [self.group.attr_group_id])


def connect(
    scope: Construct, deployed: str, target: ModelFunction, subnets: Sequence[str], groups: Sequence[str]
) -> None:
    """Connect a function to subnets, without further access to EC2. deployed: its name in AWS."""
    function = Stack.of(scope).format_arn(
        service="lambda",
        resource="function",
        resource_name=deployed,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    policy = iam.Policy(
        scope,
        f"{target.name}-interfaces",
        roles=[target.role],
        statements=[
            iam.PolicyStatement(actions=list(_INTERFACES), resources=["*"]),
            # Needed by Lambda, but denied to the function's own code.
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(_INTERFACES),
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
            ),
        ],
    )
    acknowledge(policy, "IAM5[Resource::*]", "Lambda creates the interfaces with this role; they have no ARN yet")
    resource = target.function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - tells the type checker what it is made of
    resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
        subnet_ids=list(subnets), security_group_ids=list(groups)
    )
    # Lambda rejects a function whose role may not create interfaces yet, and needs the role to delete them.
    resource.node.add_dependency(policy)
