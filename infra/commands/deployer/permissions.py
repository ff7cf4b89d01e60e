"""The actions that CloudFormation needs for a type of resource, as the type's own schema in its registry says.

Every schema lists the permissions of the handlers that create, read, update and delete a resource ("Resource type
schema", CloudFormation's guide to developing extensions). cfn-lint carries the schemas of all types of AWS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What CloudFormation calls while it deploys a stack; `list` is for imports and scans.
_HANDLERS: Final = ("create", "read", "update", "delete")
_REGION: Final = "us-east-1"
_ACTION: Final = re.compile(r"[a-z0-9-]+:[A-Za-z]+")
# Of a service's actions, those for properties that no template here has: users and groups, objects, code signing ...
_UNUSED: Final = re.compile(
    r"iam:\w*(User|Group)\w*|iam:DescribeOrganization"
    r"|lambda:\w*(CodeSigning|LayerVersion|RecursionConfig|PassCapacityProvider|ScalingConfig|RuntimeAlias)\w*"
    r"|s3:\w*(Object|MetadataTable|Metadata\w*TableConfiguration|Analytics|Inventory|Tiering|Accelerate|Replication"
    r"|Website)\w*"
    r"|ec2:\w*(VerifiedAccess|VpcEncryptionControl|Instances|VpcTenancy|SubnetCidrBlock)\w*"
    r"|kms:(Encrypt|Decrypt|GenerateDataKey)"
    r"|glue:\w*Connection|cloudfront:\w*(ConnectionGroup|VpcOrigin)|codedeploy:\w*OnPremises\w*"
    r"|logs:\w*(BearerToken|DataProtection|IndexPolic)\w*|sns:\w*DataProtection\w*"
)
# What schemas do not say. Images: "Create a Lambda function using a container image", Amazon ECR permissions.
_BESIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS::Lambda::Function": (
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetRepositoryPolicy",
        "ecr:SetRepositoryPolicy",
    ),
}
# CloudFormation invokes the function behind a custom resource with the deployment's permissions.
_CUSTOM: Final = ("Custom::", "AWS::CloudFormation::CustomResource")
# A resource of CloudFormation's own, which needs no permission.
_OWN: Final = ("AWS::CloudFormation::", "AWS::CDK::")


class PolicyError(Exception):
    """No policy can be derived for a template; the message says what is missing where."""


def types(templates: Iterable[Mapping[str, Any]]) -> set[str]:
    """The types of the templates' resources."""
    return {resource["Type"] for template in templates for resource in template.get("Resources", {}).values()}


def actions(type_: str) -> frozenset[str]:
    """The actions that a type of resource needs; raises PolicyError for a type that the registry does not know."""
    if type_.startswith(_CUSTOM):
        return frozenset({"lambda:InvokeFunction"})
    if type_.startswith(_OWN):
        return frozenset()
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, type_).schema
    except Exception as error:
        raise PolicyError(f"CloudFormation's registry in cfn-lint has no schema of {type_}") from error
    handlers = schema.get("handlers", {})
    listed = {action for name in _HANDLERS for action in handlers.get(name, {}).get("permissions", ())}
    named = {action for action in listed if _ACTION.fullmatch(action) and not _UNUSED.fullmatch(action)}
    return frozenset(named) | frozenset(_BESIDES.get(type_, ()))
