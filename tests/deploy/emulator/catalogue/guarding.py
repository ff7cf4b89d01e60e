"""What guards and brakes prod: web ACLs, a key, policies, a brake on the budget, and CodeDeploy's part of a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, Stub, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

_ACL: Final = "AWS::WAFv2::WebACL"
_ACL_NAME: Final = {"Name": "{Name}", "Scope": "{Scope}", "Id": "{Summary[Id]}"}
_DEPLOY: Final = "AWS::CodeDeploy::"


def _update_acl(waf: Any, known: Known, properties: Known) -> None:
    name = {part: text.format_map(known) for part, text in _ACL_NAME.items()}
    token = {"LockToken": waf.get_web_acl(**name)["LockToken"]}
    given = {key: value for key, value in properties.items() if key not in {"Name", "Scope", "Tags"}}
    call(waf, "update_web_acl", given | name | token, _ACL)


def _logging(waf: Any, known: Known) -> Known:
    parts = ("ResourceArn", "LogDestinationConfigs", "RedactedFields")
    given = {"LoggingConfiguration": {key: known[key] for key in parts if key in known}}
    return call(waf, "put_logging_configuration", given, "AWS::WAFv2::LoggingConfiguration")


def _key(kms: Any, known: Known) -> Known:
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in known.get("Tags", ())]
    given = {"Policy": known["KeyPolicy"], "Description": known.get("Description", ""), "Tags": tags}
    return call(kms, "create_key", given, "AWS::KMS::Key")


def _group(deploy: Any, known: Known) -> Known:
    """A deployment group without its alarms, of which moto knows none."""
    names = {"applicationName": known["ApplicationName"], "deploymentGroupName": known["DeploymentGroupName"]}
    return dict(deploy.create_deployment_group(**names, serviceRoleArn=known["ServiceRoleArn"])) | {
        "Name": known["DeploymentGroupName"]
    }


TYPES: Final = (
    ApiBacked(
        _ACL,
        "wafv2",
        "create_web_acl",
        ref="{Name}|{Summary[Id]}|{Scope}",
        attributes={"Arn": "{Summary[ARN]}", "Id": "{Summary[Id]}"},
        delete="delete_web_acl",
        key={**_ACL_NAME, "LockToken": "{Summary[LockToken]}"},
        name="Name",
        update=_update_acl,
    ),
    ApiBacked(
        "AWS::WAFv2::WebACLAssociation",
        "wafv2",
        "associate_web_acl",
        ref="{ResourceArn}|{WebACLArn}",
        delete="disassociate_web_acl",
        key={"ResourceArn": "{ResourceArn}"},
    ),
    ApiBacked(
        "AWS::WAFv2::LoggingConfiguration",
        "wafv2",
        _logging,
        ref="{ResourceArn}",
        delete="delete_logging_configuration",
        key={"ResourceArn": "{ResourceArn}"},
    ),
    ApiBacked(
        "AWS::IAM::ManagedPolicy",
        "iam",
        "create_policy",
        ref="{Policy[Arn]}",
        attributes={"PolicyArn": "{Policy[Arn]}"},
        delete="delete_policy",
        key={"PolicyArn": "{Policy[Arn]}"},
        name="ManagedPolicyName",
        renames={"ManagedPolicyName": "PolicyName"},
    ),
    ApiBacked(
        "AWS::KMS::Key",
        "kms",
        _key,
        ref="{KeyMetadata[KeyId]}",
        attributes={"Arn": "{KeyMetadata[Arn]}", "KeyId": "{KeyMetadata[KeyId]}"},
        delete="schedule_key_deletion",
        key={"KeyId": "{KeyMetadata[KeyId]}"},
    ),
    ApiBacked(
        f"{_DEPLOY}Application",
        "codedeploy",
        "create_application",
        ref="{ApplicationName}",
        delete="delete_application",
        key={"applicationName": "{ApplicationName}"},
        name="ApplicationName",
    ),
    ApiBacked(
        f"{_DEPLOY}DeploymentGroup", "codedeploy", _group, ref="{DeploymentGroupName}", name="DeploymentGroupName"
    ),
    Stub(f"{_DEPLOY}DeploymentConfig", ref="{DeploymentConfigName}", name="DeploymentConfigName"),
    Stub("AWS::Budgets::BudgetsAction", ref="{LogicalId}", attributes={"ActionId": "{LogicalId}"}),
)
