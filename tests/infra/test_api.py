"""The HTTP API: routes, keys and plans, what is logged, and what the gateway answers itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.api.gateway_problems import GATEWAY_RESPONSES
from infra.api.routes import ROUTES
from infra.local import responses
from infra.stages.api import BINARY_MEDIA_TYPES, PUBLIC_PATHS
from tests.infra.synth import flat
from tests.infra.test_functions import alias_of

if TYPE_CHECKING:
    from tests.infra.synth import Resource, Synthesised


def methods(stage: Synthesised) -> dict[tuple[str, str], Resource]:
    """Every method by (HTTP method, path)."""
    resources = {one.logical_id: one.properties for one in stage.resources("AWS::ApiGateway::Resource")}

    def path(reference: dict[str, Any]) -> str:
        if "Ref" not in reference:
            return ""
        resource = resources[reference["Ref"]]
        return f"{path(resource['ParentId'])}/{resource['PathPart']}"

    found = stage.resources("AWS::ApiGateway::Method")
    return {(one.properties["HttpMethod"], path(one.properties["ResourceId"])): one for one in found}


def test_every_route_and_nothing_else_is_deployed(stage: Synthesised) -> None:
    assert methods(stage).keys() == {(route.method, route.path) for route in ROUTES}


def test_every_route_reaches_the_live_alias_of_its_function(stage: Synthesised) -> None:
    deployed = methods(stage)
    for route in ROUTES:
        integration = deployed[route.method, route.path].properties["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert integration["TimeoutInMillis"] == 29_000
        assert f"<{alias_of(stage, route.function).logical_id}>/invocations" in flat(integration["Uri"])


def test_the_gateway_may_invoke_each_alias_and_nothing_else_may(stage: Synthesised) -> None:
    brake = "FloodBrake"  # which alarms invoke
    permissions = [
        one
        for one in stage.resources("AWS::Lambda::Permission")
        if brake not in flat(one.properties["FunctionName"])
        # of the schedules that ask whether functions are ready
        and one.properties["Principal"] != "events.amazonaws.com"
    ]
    assert {flat(one.properties["FunctionName"]) for one in permissions} == {
        f"<{alias_of(stage, name).logical_id}>" for name in {route.function for route in ROUTES}
    }
    assert {one.properties["Principal"] for one in permissions} == {"apigateway.amazonaws.com"}


def test_all_but_the_public_paths_ask_for_a_key(stage: Synthesised) -> None:
    for (verb, path), method in methods(stage).items():
        assert bool(method.properties.get("ApiKeyRequired")) == (verb != "GET" or path not in PUBLIC_PATHS), path


def test_every_client_has_a_key_and_a_plan_with_its_limits(stage: Synthesised) -> None:
    for client in stage.stage.api.clients:
        name = f"skysort-{stage.stage.name}-{client.name}"
        plan = stage.named("AWS::ApiGateway::UsagePlan", "UsagePlanName", name)
        assert plan.properties["Throttle"] == {"RateLimit": client.rate_per_s, "BurstLimit": client.burst}
        assert plan.properties.get("Quota", {}).get("Limit") == client.daily_quota
        # A key's value is never in a template: AWS draws it
        assert "Value" not in stage.named("AWS::ApiGateway::ApiKey", "Name", name).properties


def test_the_api_is_regional_and_compresses_and_takes_pictures(stage: Synthesised) -> None:
    (api,) = stage.resources("AWS::ApiGateway::RestApi")
    assert api.properties["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api.properties["BinaryMediaTypes"] == list(BINARY_MEDIA_TYPES)
    assert "*/*" not in api.properties["BinaryMediaTypes"]
    assert api.properties["MinimumCompressionSize"] == 1_024


def test_every_request_is_traced_throttled_and_logged_as_json(stage: Synthesised) -> None:
    (deployed,) = stage.resources("AWS::ApiGateway::Stage")
    assert deployed.properties["TracingEnabled"] is True
    settings, *others = deployed.properties["MethodSettings"]
    assert settings["ResourcePath"] == "/*"
    assert settings["ThrottlingRateLimit"] == stage.stage.api.rate_per_s
    assert settings["ThrottlingBurstLimit"] == stage.stage.api.burst
    for one in (settings, *others):
        assert one["DataTraceEnabled"] is False  # bodies are nobody's business
        assert one["MetricsEnabled"] is False  # those of the stage cost nothing, and are all that is read
    logged = json.loads(deployed.properties["AccessLogSetting"]["Format"])
    assert {"request_id", "route", "status", "latency_ms", "client", "gateway_answer"} <= logged.keys()
    # Quotes in a value are not escaped: nothing in which callers write what they like
    free = {"$context.identity.userAgent", "$context.error.message", "$context.authorizer.error"}
    assert not free & set(logged.values())


def costly() -> set[tuple[str, str]]:
    """The routes that start S3 requests, a training or a run of a bulk job."""
    wanted = {("POST", f"/v1/{path}") for path in ("uploads", "trainings", "bulk", "bulk/{id}/resume")}
    return wanted & {(route.method, route.path) for route in ROUTES}


def looking() -> set[tuple[str, str]]:
    """The routes that look at bulk jobs."""
    found = {(route.method, route.path) for route in ROUTES if route.path.startswith("/v1/bulk")} - costly()
    assert len(found) == 4
    return found


def test_uploads_and_what_anybody_may_ask_for_have_lower_limits_of_their_own(stage: Synthesised) -> None:
    api = stage.stage.api
    (deployed,) = stage.resources("AWS::ApiGateway::Stage")
    limited = {
        (one["HttpMethod"], one["ResourcePath"].replace("~1", "/").removeprefix("/")): (
            one["ThrottlingRateLimit"],
            one["ThrottlingBurstLimit"],
        )
        for one in deployed.properties["MethodSettings"][1:]
    }
    public = dict.fromkeys((("GET", path) for path in PUBLIC_PATHS), (api.public_per_s, api.public_burst))
    assert limited == {
        **dict.fromkeys(costly(), (api.uploads_per_s, api.uploads_burst)),
        **dict.fromkeys(looking(), (api.progress_per_s, api.progress_burst)),
        **public,
    }


def test_a_keys_uploads_and_looks_at_bulk_jobs_have_rates_of_their_own(stage: Synthesised) -> None:
    for client in stage.stage.api.clients:
        name = f"skysort-{stage.stage.name}-{client.name}"
        (api,) = stage.named("AWS::ApiGateway::UsagePlan", "UsagePlanName", name).properties["ApiStages"]
        assert api["Throttle"] == {
            f"{path}/{verb}": {"RateLimit": rate, "BurstLimit": burst}
            for calls, rate, burst in (
                (costly(), client.uploads_per_s, client.uploads_burst),
                (looking(), client.progress_per_s, client.progress_burst),
            )
            for verb, path in calls
        }


def test_the_role_that_writes_logs_outlives_the_stack(stage: Synthesised) -> None:
    """One serves all APIs of an account and region: without it, others would stop logging."""
    (account,) = stage.resources("AWS::ApiGateway::Account")
    assert account.whole["DeletionPolicy"] == "Retain"


def test_cors_is_off(stage: Synthesised) -> None:
    assert "OPTIONS" not in {method for method, _ in methods(stage)}
    for answer in stage.resources("AWS::ApiGateway::GatewayResponse"):
        assert not [name for name in answer.properties["ResponseParameters"] if "Access-Control" in name]


def test_every_answer_of_the_gateway_is_a_problem_document(stage: Synthesised) -> None:
    answers = {
        one.properties["ResponseType"]: one.properties for one in stage.resources("AWS::ApiGateway::GatewayResponse")
    }
    assert answers.keys() == GATEWAY_RESPONSES.keys()
    for response_type, properties in answers.items():
        document = json.loads(properties["ResponseTemplates"]["application/json"])
        assert document.keys() == {"type", "title", "status", "detail", "request_id"}
        assert str(document["status"]) == properties["StatusCode"], response_type
        assert document["request_id"] == "$context.requestId"
        assert properties["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert properties["ResponseParameters"]["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
        assert properties["ResponseParameters"]["gatewayresponse.header.Cache-Control"] == "'no-store'"


def test_the_gateway_speaks_as_the_local_stack_does(stage: Synthesised) -> None:
    """The same status, type and title for the same trouble, whichever gateway answers."""
    document = json.loads(responses.of_gateway("REQUEST_TOO_LARGE", "an-id", "11 MB").body)
    answers = {
        one.properties["ResponseType"]: one.properties for one in stage.resources("AWS::ApiGateway::GatewayResponse")
    }
    deployed = json.loads(answers["REQUEST_TOO_LARGE"]["ResponseTemplates"]["application/json"])
    assert {**deployed, "request_id": "an-id", "local": "11 MB"} == document


def test_where_waiting_helps_the_gateway_says_how_long(stage: Synthesised) -> None:
    waits = {
        one.properties["ResponseType"]: one.properties["ResponseParameters"].get("gatewayresponse.header.Retry-After")
        for one in stage.resources("AWS::ApiGateway::GatewayResponse")
    }
    assert {name: wait for name, wait in waits.items() if wait} == {
        "THROTTLED": "'1'",
        "QUOTA_EXCEEDED": "'3600'",
        "INTEGRATION_FAILURE": "'1'",
        "AUTHORIZER_FAILURE": "'1'",
    }
