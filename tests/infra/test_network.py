"""The network of functions that read foreign files: no way in, no way out but to the stage's buckets and queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.infra.synth import flat
from tests.infra.test_functions import LOGICAL_IDS, deployed

if TYPE_CHECKING:
    from tests.infra.synth import Resource, Synthesised

READING = {
    *("galaxy", "image", "custom", "star"),
    *("galaxy-drop", "image-drop", "custom-drop", "star-drop"),
    *("custom-train", "star-train"),
    *("galaxy-bulk", "image-bulk", "custom-bulk", "star-bulk"),
}


def bucket(resource: Any) -> str:
    """The bucket that an ARN is of."""
    return flat(resource).removeprefix("arn:<AWS::Partition>:s3:::").partition("/")[0]


def group_of_functions(prod: Synthesised) -> Resource:
    """The security group of the functions, beside that of the endpoint of SQS."""
    (found,) = [
        one for one in prod.resources("AWS::EC2::SecurityGroup") if "outbound" in one.properties["GroupDescription"]
    ]
    return found


def endpoint(prod: Synthesised, service: str) -> Resource:
    name = f"com.amazonaws.<AWS::Region>.{service}"
    (found,) = [one for one in prod.resources("AWS::EC2::VPCEndpoint") if flat(one.properties["ServiceName"]) == name]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_functions_that_read_foreign_files_are_isolated_in_prod(dev: Synthesised, prod: Synthesised) -> None:
    # Then those that need nothing but S3 are in the network, with both of its subnets and its one group
    group = group_of_functions(prod)
    subnets = [{"Ref": one.logical_id} for one in prod.resources("AWS::EC2::Subnet")]
    for name, logical_id in deployed(prod).items():
        config = prod.one(logical_id).properties.get("VpcConfig")
        assert bool(config) == (name in READING), name
        if config:
            assert config["SubnetIds"] == subnets
            assert config["SecurityGroupIds"] == [{"Fn::GetAtt": [group.logical_id, "GroupId"]}]
    assert {name for name, one in prod.stage.functions.items() if one.isolated} == READING
    assert dev.resources("AWS::EC2::VPC") == []


def test_nothing_leads_into_the_network_or_out_of_it(prod: Synthesised) -> None:
    for way in ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "TransitGatewayAttachment", "Route"):
        assert prod.resources(f"AWS::EC2::{way}") == []
    group = group_of_functions(prod)
    assert "SecurityGroupIngress" not in group.properties
    assert len(prod.resources("AWS::EC2::VPCEndpoint")) == 2
    (out,) = group.properties["SecurityGroupEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)
    assert all(one.properties["MapPublicIpOnLaunch"] is False for one in prod.resources("AWS::EC2::Subnet"))


def test_the_endpoint_lets_through_what_the_roles_may_do_with_the_stages_buckets(prod: Synthesised) -> None:
    found = endpoint(prod, "s3").properties
    assert found["VpcEndpointType"] == "Gateway"
    statements = found["PolicyDocument"]["Statement"]
    through = {
        (action, bucket(resource))
        for one in statements
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
    }
    assert not [action for action, _ in through if "*" in action]
    assert {name for _, name in through} == {
        f"skysort-{kind}-prod-<AWS::AccountId>-<AWS::Region>" for kind in ("drop", "results", "models")
    }
    assert all(
        one["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}} for one in statements
    )
    # Given every call to S3 that a role in the network may make
    roles = {prod.one(LOGICAL_IDS[name]).properties["Role"]["Fn::GetAtt"][0] for name in READING}
    needed = {
        (action, bucket(resource))
        for policy in prod.resources("AWS::IAM::Policy")
        if {role["Ref"] for role in policy.properties["Roles"]} & roles
        for one in policy.properties["PolicyDocument"]["Statement"]
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
        if action.startswith("s3:")
    }
    # Then the endpoint lets those through, and no others
    assert needed == through


def test_what_failed_can_be_shown_again_and_nothing_else_be_done_with_queues(prod: Synthesised) -> None:
    found = endpoint(prod, "sqs").properties
    assert (found["VpcEndpointType"], found["PrivateDnsEnabled"]) == ("Interface", True)
    # The endpoint is reached by the functions' group alone
    (own,) = [one for one in prod.resources("AWS::EC2::SecurityGroup") if one != group_of_functions(prod)]
    (way_in,) = own.properties["SecurityGroupIngress"]
    source = {"Fn::GetAtt": [group_of_functions(prod).logical_id, "GroupId"]}
    assert (way_in["FromPort"], way_in["ToPort"], way_in["SourceSecurityGroupId"]) == (443, 443, source)
    assert found["SecurityGroupIds"] == [{"Fn::GetAtt": [own.logical_id, "GroupId"]}]
    # and lets through one action on the stage's own queues, by roles of its own account
    queues = {queue.queue for queue in prod.stage.drop_queues}
    statements = found["PolicyDocument"]["Statement"]
    allowed = [flat(resource) for one in statements for resource in listed(one["Resource"])]
    assert {resource.rpartition(":")[2] for resource in allowed} == queues
    for one in statements:
        assert one["Action"] == "sqs:ChangeMessageVisibility"
        assert one["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}


def test_the_code_of_a_function_has_no_permissions_of_its_network(prod: Synthesised) -> None:
    for name in READING:
        function = prod.one(LOGICAL_IDS[name])
        policies = [
            one
            for one in prod.resources("AWS::IAM::Policy")
            if one.logical_id in function.whole["DependsOn"] and "ec2:" in str(one.properties["PolicyDocument"])
        ]
        # Lambda makes the interfaces, so it waits for the permission
        (policy,) = policies
        allow, deny = policy.properties["PolicyDocument"]["Statement"]
        assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
        assert allow["Action"] == deny["Action"]
        source = flat(deny["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"])
        assert source.endswith(f":function:skysort-{name}-prod")


def test_what_the_network_refused_is_logged(prod: Synthesised) -> None:
    (log,) = prod.resources("AWS::EC2::FlowLog")
    assert (log.properties["ResourceType"], log.properties["TrafficType"]) == ("VPC", "REJECT")
