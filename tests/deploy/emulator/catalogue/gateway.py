"""API Gateway and who may call it: moto's own CloudFormation stops at resources, methods and deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, Stub, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

_API: Final = {"restApiId": "{RestApiId}"}
_TYPE: Final = "AWS::ApiGateway::"
# A stage's MethodSettings as paths of the patch that sets them ("UpdateStage").
_METHOD_SETTINGS: Final = {
    "MetricsEnabled": "metrics/enabled",
    "LoggingLevel": "logging/loglevel",
    "DataTraceEnabled": "logging/dataTrace",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}


def _patch(gateway: Any, known: Known, changes: dict[str, Any]) -> None:
    operations = [{"op": "replace", "path": path, "value": str(value)} for path, value in changes.items()]
    gateway.update_stage(restApiId=known["RestApiId"], stageName=known["StageName"], patchOperations=operations)


def _access_log(gateway: Any, known: Known, value: Known) -> None:
    where = {"/accessLogSettings/destinationArn": value["DestinationArn"], "/accessLogSettings/format": value["Format"]}
    _patch(gateway, known, where)


def _method_settings(gateway: Any, known: Known, settings: list[Known]) -> None:
    for setting in settings:
        resource = setting["ResourcePath"].strip("/").replace("/", "~1") or "*"
        prefix = "/*/*" if setting["ResourcePath"] == "/*" else f"/{resource}/{setting['HttpMethod']}"
        _patch(
            gateway,
            known,
            {f"{prefix}/{_METHOD_SETTINGS[key]}": setting[key] for key in setting if key in _METHOD_SETTINGS},
        )


def _update_stage(gateway: Any, known: Known, properties: Known) -> None:
    _patch(gateway, known, {"/deploymentId": properties["DeploymentId"]})
    if "MethodSettings" in properties:
        _method_settings(gateway, known, properties["MethodSettings"])


def _method(known: Known) -> dict[str, str]:
    """The parameters that name a method."""
    return {"restApiId": known["RestApiId"], "resourceId": known["ResourceId"], "httpMethod": known["HttpMethod"]}


def _integration(gateway: Any, known: Known, value: Known) -> None:
    """A method's integration, and the responses of one that answers by itself, such as CORS preflight."""
    given = {key: part for key, part in value.items() if key != "IntegrationResponses"}
    call(gateway, "put_integration", given | _method(known), f"{_TYPE}Method Integration")
    for response in value.get("IntegrationResponses", ()):
        call(gateway, "put_integration_response", response | _method(known), f"{_TYPE}Method IntegrationResponses")


def _method_responses(gateway: Any, known: Known, responses: list[Known]) -> None:
    for response in responses:
        call(gateway, "put_method_response", response | _method(known), f"{_TYPE}Method MethodResponses")


TYPES: Final = (
    ApiBacked(
        f"{_TYPE}RestApi",
        "apigateway",
        "create_rest_api",
        ref="{id}",
        attributes={"RootResourceId": "{rootResourceId}", "RestApiId": "{id}"},
        delete="delete_rest_api",
        key={"restApiId": "{id}"},
        name="Name",
    ),
    ApiBacked(
        f"{_TYPE}Resource",
        "apigateway",
        "create_resource",
        ref="{id}",
        attributes={"ResourceId": "{id}"},
        delete="delete_resource",
        key={**_API, "resourceId": "{id}"},
    ),
    ApiBacked(
        f"{_TYPE}Method",
        "apigateway",
        "put_method",
        ref="{LogicalId}",
        delete="delete_method",
        key={**_API, "resourceId": "{ResourceId}", "httpMethod": "{HttpMethod}"},
        then={"MethodResponses": _method_responses, "Integration": _integration},
    ),
    ApiBacked(
        f"{_TYPE}Deployment",
        "apigateway",
        "create_deployment",
        ref="{id}",
        attributes={"DeploymentId": "{id}"},
        delete="delete_deployment",
        key={**_API, "deploymentId": "{id}"},
    ),
    ApiBacked(
        f"{_TYPE}Stage",
        "apigateway",
        "create_stage",
        ref="{StageName}",
        delete="delete_stage",
        key={**_API, "stageName": "{StageName}"},
        then={"AccessLogSetting": _access_log, "MethodSettings": _method_settings},
        update=_update_stage,
    ),
    ApiBacked(
        f"{_TYPE}GatewayResponse",
        "apigateway",
        "put_gateway_response",
        ref="{RestApiId}:{ResponseType}",
        delete="delete_gateway_response",
        key={**_API, "responseType": "{ResponseType}"},
    ),
    ApiBacked(
        f"{_TYPE}Authorizer",
        "apigateway",
        "create_authorizer",
        ref="{id}",
        attributes={"AuthorizerId": "{id}"},
        delete="delete_authorizer",
        key={**_API, "authorizerId": "{id}"},
    ),
    ApiBacked(
        f"{_TYPE}RequestValidator",
        "apigateway",
        "create_request_validator",
        ref="{id}",
        attributes={"RequestValidatorId": "{id}"},
        delete="delete_request_validator",
        key={**_API, "requestValidatorId": "{id}"},
    ),
    ApiBacked(
        f"{_TYPE}ApiKey",
        "apigateway",
        "create_api_key",
        ref="{id}",
        attributes={"APIKeyId": "{id}"},
        delete="delete_api_key",
        key={"apiKey": "{id}"},
        name="Name",
    ),
    ApiBacked(
        f"{_TYPE}UsagePlan",
        "apigateway",
        "create_usage_plan",
        ref="{id}",
        attributes={"Id": "{id}"},
        delete="delete_usage_plan",
        key={"usagePlanId": "{id}"},
        name="UsagePlanName",
        renames={"UsagePlanName": "name"},
    ),
    ApiBacked(
        f"{_TYPE}UsagePlanKey",
        "apigateway",
        "create_usage_plan_key",
        ref="{KeyId}:{UsagePlanId}",
        delete="delete_usage_plan_key",
        key={"usagePlanId": "{UsagePlanId}", "keyId": "{KeyId}"},
    ),
    # moto keeps the account's settings, and takes none of them from a template.
    Stub(f"{_TYPE}Account"),
    ApiBacked(
        "AWS::Cognito::UserPool",
        "cognito-idp",
        "create_user_pool",
        ref="{UserPool[Id]}",
        attributes={
            "Arn": "{UserPool[Arn]}",
            "UserPoolId": "{UserPool[Id]}",
            "ProviderName": "cognito-idp.{Region}.amazonaws.com/{UserPool[Id]}",
            "ProviderURL": "https://cognito-idp.{Region}.amazonaws.com/{UserPool[Id]}",
        },
        delete="delete_user_pool",
        key={"UserPoolId": "{UserPool[Id]}"},
        name="UserPoolName",
        renames={"UserPoolName": "PoolName"},
    ),
    ApiBacked(
        "AWS::Cognito::UserPoolClient",
        "cognito-idp",
        "create_user_pool_client",
        ref="{UserPoolClient[ClientId]}",
        attributes={"ClientId": "{UserPoolClient[ClientId]}"},
        delete="delete_user_pool_client",
        key={"UserPoolId": "{UserPoolId}", "ClientId": "{UserPoolClient[ClientId]}"},
        name="ClientName",
    ),
)
