"""Custom resources: a function that CloudFormation asks, and that answers into a bucket of CloudFormation's."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tests.deploy.emulator.refusals.errors import RefusedError
from tests.deploy.emulator.resources import client

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

# Where the bucket of answers is, for all regions.
_HOME: Final = "us-east-1"
ANSWERS: Final = "cloudformation-custom-resource-response"


class CustomResource:
    """A resource of a type Custom::..., made when its function has said so.

    moto asks the function too, and goes on without its answer.
    address: the emulated AWS's, as containers reach it; set once, when the emulator starts.
    """

    address = ""

    def __init__(self, region: str, kind: str, logical_id: str, stack: str, properties: Known) -> None:
        self._region = region
        self._about = {"ResourceType": kind, "LogicalResourceId": logical_id, "StackId": stack}
        self._properties = properties
        self.physical_resource_id = logical_id
        self._data: Known = {}

    @staticmethod
    def cloudformation_type() -> str:
        """Not one type: the emulated CloudFormation takes it for all of Custom::..."""
        return "AWS::CloudFormation::CustomResource"

    @staticmethod
    def cloudformation_name_type() -> str:
        """None: custom resources have no names."""
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003 - moto's signature
        """Only the function knows."""
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Known, account_id: str, region_name: str, **more: Any
    ) -> CustomResource:
        """Ask the function to make it; raises RefusedError."""
        del resource_name, account_id
        properties = cloudformation_json["Properties"]
        made = cls(region_name, more["ResourceType"], more["LogicalId"], more["StackId"], properties)
        made._ask("Create", {})
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: CustomResource, new_resource_name: str, cloudformation_json: Known, *_: Any, **__: Any
    ) -> CustomResource:
        """Ask the function to change it; raises RefusedError."""
        del new_resource_name
        before, original_resource._properties = original_resource._properties, cloudformation_json["Properties"]
        original_resource._ask("Update", {"OldResourceProperties": before})
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any) -> None:
        """Not used: `delete` does it."""

    def delete(self, account_id: str, region: str) -> None:  # noqa: ARG002 - moto's signature
        """Ask the function to delete it; raises RefusedError."""
        self._ask("Delete", {})

    def is_created(self) -> bool:
        """It was, or making it would have failed."""
        return True

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """What the function answered."""
        return self._data[attribute_name]

    def _ask(self, request: str, more: Known) -> None:
        key = f"{self._about['LogicalResourceId']}-{uuid.uuid4()}"
        s3, lambda_ = client("s3", _HOME), client("lambda", self._region)
        s3.create_bucket(Bucket=ANSWERS)
        event = {
            **self._about,
            **more,
            "RequestType": request,
            "RequestId": key,
            "ResponseURL": f"{self.address}/{ANSWERS}/{quote(key)}",
            "ServiceToken": self._properties["ServiceToken"],
            "ResourceProperties": self._properties,
        } | ({} if request == "Create" else {"PhysicalResourceId": self.physical_resource_id})
        reply = lambda_.invoke(FunctionName=self._properties["ServiceToken"], Payload=json.dumps(event))
        if "FunctionError" in reply:
            raise RefusedError(_failed(reply["Payload"].read().decode()))
        answer = json.loads(s3.get_object(Bucket=ANSWERS, Key=key)["Body"].read())
        if answer["Status"] != "SUCCESS":
            raise RefusedError(_failed(answer.get("Reason")))
        self.physical_resource_id = answer["PhysicalResourceId"]
        self._data = answer.get("Data") or {}


def _failed(message: str) -> str:
    said = f"Received response status [FAILED] from custom resource. Message returned: {message}"
    return f"{said} (RequestId: {uuid.uuid4()})"
