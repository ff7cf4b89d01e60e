"""Who may call a method that is not public: the holder of an API key, of AWS credentials, of a Cognito token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito

from infra.stages.api import Cognito, Iam

if TYPE_CHECKING:
    from constructs import Construct

    from infra.stages.api import ApiSettings


def method_access(scope: Construct, settings: ApiSettings) -> apigateway.MethodOptions:
    """What a method asks of its callers: a key where the stage has clients, and what its authoriser asks for."""
    keys = bool(settings.clients)
    if isinstance(settings.authoriser, Iam):
        return apigateway.MethodOptions(api_key_required=keys, authorization_type=apigateway.AuthorizationType.IAM)
    if isinstance(settings.authoriser, Cognito):
        pool = cognito.UserPool.from_user_pool_arn(scope, "UserPool", settings.authoriser.user_pool)
        return apigateway.MethodOptions(
            api_key_required=keys,
            authorization_type=apigateway.AuthorizationType.COGNITO,
            authorizer=apigateway.CognitoUserPoolsAuthorizer(scope, "Cognito", cognito_user_pools=[pool]),
            authorization_scopes=list(settings.authoriser.scopes) or None,
        )
    return apigateway.MethodOptions(api_key_required=keys, authorization_type=apigateway.AuthorizationType.NONE)
