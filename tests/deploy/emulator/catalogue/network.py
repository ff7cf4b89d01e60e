"""EC2's networks: moto's own CloudFormation makes them, and cannot delete its routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

_EC2: Final = "AWS::EC2::"


def _routes(ec2: Any, known: Known) -> Known:
    """A route table without its tags, which the call spells otherwise."""
    return call(ec2, "create_route_table", {"VpcId": known["VpcId"]}, f"{_EC2}RouteTable")


TYPES: Final = (
    ApiBacked(
        f"{_EC2}RouteTable",
        "ec2",
        _routes,
        ref="{RouteTable[RouteTableId]}",
        attributes={"RouteTableId": "{RouteTable[RouteTableId]}"},
        delete="delete_route_table",
        key={"RouteTableId": "{RouteTable[RouteTableId]}"},
    ),
    ApiBacked(
        f"{_EC2}SubnetRouteTableAssociation",
        "ec2",
        "associate_route_table",
        ref="{AssociationId}",
        delete="disassociate_route_table",
        key={"AssociationId": "{AssociationId}"},
    ),
)
