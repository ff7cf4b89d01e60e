"""The HTTP API: routes, authorisation, throttling, access logs, compression, and gateway responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api.gateway_problems import GATEWAY_RESPONSES, UNSIGNED
from infra.api.routes import ROUTES
from infra.constructs.common import acknowledge, log_group
from infra.constructs.domain import ApiDomain
from infra.constructs.private_api import api_endpoints, endpoint_configuration, only_through, private_url
from infra.stages.api import BINARY_MEDIA_TYPES, COSTLY, PROGRESS, ApiSettings, Cognito, Iam, is_public
from skysort import limits, problems
from skysort.http.headers import EVERY_ANSWER, PREFLIGHT_S, READ_BY_PAGES, SENT_BY_PAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.api.gateway_problems import GatewayResponse
    from infra.api.routes import Route
    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

# The access log has a JSON object per request. API Gateway puts values in as they are, without escaping quotes, so
# there is no user agent, nor the message of an error, which may repeat an Authorization header.
_LOGGED: Final = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "ip": "$context.identity.sourceIp",
    "client": "$context.identity.apiKeyId",
    "principal": "$context.identity.caller",
    "subject": "$context.authorizer.claims.sub",
    "latency_ms": "$context.responseLatency",
    "function_ms": "$context.integration.latency",
    "function_status": "$context.integration.status",
    "response_bytes": "$context.responseLength",
    "gateway_answer": "$context.error.responseType",
    "firewall": "$context.waf.status",
    "trace": "$context.xrayTraceId",
}
# What a page has to send beside the API's own headers where it signs its requests.
_SIGNED: Final = ("X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256")


class HttpApi(Construct):
    """A regional REST API, deployed to a stage of the same name as skysort's.

    functions: by the names in infra/api/routes.py. The API invokes their live aliases.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: AwsStage,
        functions: Mapping[str, ModelFunction],
    ) -> None:
        super().__init__(scope, name)
        self._settings = settings = stage.api
        self._endpoints = api_endpoints(self, stage.network) if stage.network else []
        self.access_log = log_group(self, "AccessLog", f"/skysort/{stage.name}/api-access", stage)
        self.rest = self._rest(stage)
        # CDK's own output of the same URL, under a generated name.
        self.rest.node.try_remove_child("Endpoint")
        add_gateway_responses(self.rest, settings)
        methods = self._add_routes(functions)
        self._limited = {
            calls: [method for route, method in methods.items() if (route.method, route.path) in calls]
            for calls in (COSTLY, PROGRESS)
        }
        self.keys = {client.name: self._add_client(stage, client.name) for client in settings.clients}
        self.url = self._address(stage)
        acknowledge_findings(self.rest, settings)

    def _address(self, stage: AwsStage) -> str:
        """The URL before the paths of the API, with a slash at its end."""
        if stage.domain is not None:
            return ApiDomain(self, "Domain", domain=stage.domain, api=self.rest).url
        if self._endpoints:
            return private_url(self.rest, self._endpoints[0])
        return self.rest.url

    def _rest(self, stage: AwsStage) -> apigateway.RestApi:
        settings = self._settings
        return apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"skysort-{stage.name}",
            description=f"skysort, stage {stage.name}",
            endpoint_configuration=endpoint_configuration(self, self._endpoints),
            policy=only_through(self._endpoints),
            disable_execute_api_endpoint=stage.domain is not None or None,
            binary_media_types=list(BINARY_MEDIA_TYPES),
            min_compression_size=Size.bytes(settings.compress_bytes),
            cloud_watch_role=settings.log_role,
            # Shared by all APIs of the account and region: it must outlive this stack.
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN if settings.log_role else None,
            deploy_options=apigateway.StageOptions(
                stage_name=stage.name,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_LOGGED)),
                tracing_enabled=True,
                metrics_enabled=settings.detailed_metrics,
                throttling_rate_limit=settings.rate_per_s,
                throttling_burst_limit=settings.burst,
                method_options=self._method_limits(),
            ),
        )

    def _method_limits(self) -> dict[str, apigateway.MethodDeploymentOptions]:
        """Lower limits for calls that start S3 requests, for those that look at bulk jobs, and for public paths."""
        settings = self._settings
        limited: dict[str, apigateway.MethodDeploymentOptions] = {}
        for route in ROUTES:
            if (route.method, route.path) in COSTLY:
                rate, burst = settings.uploads_per_s, settings.uploads_burst
            elif (route.method, route.path) in PROGRESS:
                rate, burst = settings.progress_per_s, settings.progress_burst
            elif is_public(route.method, route.path):
                rate, burst = settings.public_per_s, settings.public_burst
            else:
                continue
            limited[f"{route.path}/{route.method}"] = apigateway.MethodDeploymentOptions(
                # Options of a method replace all options of the stage.
                throttling_rate_limit=rate,
                throttling_burst_limit=burst,
                metrics_enabled=settings.detailed_metrics,
                data_trace_enabled=False,
            )
        return limited

    def _add_routes(self, functions: Mapping[str, ModelFunction]) -> dict[Route, apigateway.Method]:
        integrations = {name: self._integration(functions[name].alias) for name in {r.function for r in ROUTES}}
        access = method_access(self, self._settings)
        open_to_all = apigateway.MethodOptions(authorization_type=apigateway.AuthorizationType.NONE)
        methods: dict[Route, apigateway.Method] = {}
        for route in ROUTES:
            resource = self.rest.root.resource_for_path(route.path)
            options = open_to_all if is_public(route.method, route.path) else access
            methods[route] = resource.add_method(
                route.method,
                integrations[route.function],
                api_key_required=options.api_key_required,
                authorization_type=options.authorization_type,
                authorizer=options.authorizer,
                authorization_scopes=options.authorization_scopes,
            )
        if self._settings.page_origin:
            self._allow_origin(self._settings.page_origin)
        return methods

    def _integration(self, alias: lambda_.Alias) -> apigateway.LambdaIntegration:
        """Invoke the live alias, with the gateway's maximum timeout; the function's own is shorter."""
        return apigateway.LambdaIntegration(
            alias,
            timeout=Duration.seconds(limits.GATEWAY_TIMEOUT_S),
            scope_permission_to_method=False,
        )

    def _allow_origin(self, origin: str) -> None:
        paths: dict[str, list[str]] = {}
        for route in ROUTES:
            paths.setdefault(route.path, []).append(route.method)
        for path, methods in paths.items():
            self.rest.root.resource_for_path(path).add_cors_preflight(
                allow_origins=[origin],
                allow_methods=methods,
                allow_headers=[*SENT_BY_PAGES, *(_SIGNED if isinstance(self._settings.authoriser, Iam) else ())],
                max_age=Duration.seconds(PREFLIGHT_S),
            )

    def _add_client(self, stage: AwsStage, name: str) -> apigateway.IApiKey:
        """An API key, whose value AWS generates outside the template, and its usage plan."""
        client = next(client for client in self._settings.clients if client.name == name)
        rates = {
            COSTLY: (client.uploads_per_s, client.uploads_burst),
            PROGRESS: (client.progress_per_s, client.progress_burst),
        }
        key = self.rest.add_api_key(f"Key-{name}", api_key_name=f"skysort-{stage.name}-{name}")
        quota = client.daily_quota
        plan = self.rest.add_usage_plan(
            f"Plan-{name}",
            name=f"skysort-{stage.name}-{name}",
            throttle=apigateway.ThrottleSettings(rate_limit=client.rate_per_s, burst_limit=client.burst),
            quota=apigateway.QuotaSettings(limit=quota, period=apigateway.Period.DAY) if quota else None,
            api_stages=[
                apigateway.UsagePlanPerApiStage(
                    api=self.rest,
                    stage=self.rest.deployment_stage,
                    throttle=[
                        apigateway.ThrottlingPerMethod(
                            method=method,
                            throttle=apigateway.ThrottleSettings(rate_limit=rate, burst_limit=burst),
                        )
                        for calls, (rate, burst) in rates.items()
                        for method in self._limited[calls]
                    ],
                )
            ],
        )
        plan.add_api_key(key)
        return key


def method_access(scope: Construct, settings: ApiSettings) -> apigateway.MethodOptions:
    """Authorisation of a method: a key if the stage has clients, and the stage's authoriser."""
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


def add_gateway_responses(api: apigateway.RestApi, settings: ApiSettings) -> None:
    """Make every gateway response a problem document, with Retry-After if a retry may succeed."""
    answers = dict(GATEWAY_RESPONSES)
    if isinstance(settings.authoriser, Iam):
        answers["MISSING_AUTHENTICATION_TOKEN"] = UNSIGNED
    for response_type, answer in answers.items():
        api.add_gateway_response(
            "".join(part.capitalize() for part in response_type.split("_")),
            type=apigateway.ResponseType.of(response_type),
            status_code=str(int(answer.problem.status)),
            response_headers=_headers(answer, settings),
            templates={"application/json": _template(answer)},
        )


def _template(answer: GatewayResponse) -> str:
    """The problem document; the gateway substitutes $context.requestId, which needs no escaping."""
    status, kind, title = answer.problem
    return json.dumps(problems.document(status, kind, title, answer.detail, request_id="$context.requestId"))


def _headers(answer: GatewayResponse, settings: ApiSettings) -> dict[str, str]:
    """Static headers, each quoted, as required by the gateway."""
    headers = {"Content-Type": problems.CONTENT_TYPE, **EVERY_ANSWER}
    if answer.retry_after_s is not None:
        headers["Retry-After"] = str(answer.retry_after_s)
    if settings.page_origin:
        headers["Access-Control-Allow-Origin"] = settings.page_origin
        headers["Access-Control-Expose-Headers"] = ",".join(READ_BY_PAGES)
    return {name: f"'{value}'" for name, value in headers.items()}


_PUSH_LOGS: Final = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def acknowledge_findings(rest: apigateway.RestApi, settings: ApiSettings) -> None:
    """Acknowledge cdk-nag findings, each on its part of the API."""
    acknowledge(
        rest,
        "APIG2",
        "the functions validate requests themselves: a body may be a picture, a form, CSV or JSON, and errors are "
        "reported by field in a problem document",
    )
    stage = rest.deployment_stage
    acknowledge(
        stage,
        "APIG6",
        "every request is in the access log and in its function's log; the gateway's execution log would also contain "
        "request bodies, at additional cost",
    )
    if settings.firewall is None:
        acknowledge(stage, "APIG3", "no firewall on this stage: keys, throttling and quotas limit its few callers")
    if settings.log_role:
        acknowledge(
            rest.node.find_child("CloudWatchRole"),
            f"IAM4[Policy::{_PUSH_LOGS}]",
            "AWS's managed policy for this role, which only API Gateway assumes, to write logs",
        )
    for method in rest.methods:
        _acknowledge_access(method, settings)


def _acknowledge_access(method: apigateway.Method, settings: ApiSettings) -> None:
    if is_public(method.http_method, method.resource.path):
        reason = "health, model cards and the API contract are public"
        acknowledge(method, "APIG4", reason)
        acknowledge(method, "COG4", reason)
    elif settings.authoriser is None:
        reason = "callers need an API key with a usage plan; a stage may additionally require IAM or Cognito"
        acknowledge(method, "APIG4", reason)
        acknowledge(method, "COG4", reason)
    elif not isinstance(settings.authoriser, Cognito):
        acknowledge(method, "COG4", "callers sign with AWS credentials on this stage instead of a user pool's token")
